/* laneward selftest: do the models read on this machine as they did where they were made? */
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/command.h"
#include "tools/engine.h"
#include "tools/pictures.h"
#include "tools/program.h"

static const char usage[] =
    "usage: laneward selftest [--json] [--pictures DIR]\n\n"
    "Reads the pictures that come with the program, which show no real vehicle, with the models "
    "that come with\n"
    "it, and tells whether they were read rightly and how fast. Needs no daemon, and no right.\n\n"
    "      --json          one JSON object\n"
    "      --pictures DIR  other pictures: NAME.jpg with NAME.txt, a plate a line, its text first\n"
    "  -h, --help\n\n"
    "Exit status: 0 all were read rightly, 1 one was not, 2 wrong use.\n";

/* The plates that are on a picture, or were read on it, in any order. */
struct texts {
    unsigned n;
    char text[READING_MAX_PLATES][READING_MAX_CHARS + 1];
};

static bool load_texts(const char *picture, struct texts *out)
{
    char path[PATH_MAX], line[256];
    snprintf(path, sizeof path, "%s", picture);
    char *dot = strrchr(path, '.');
    if (dot == NULL)
        return false;
    snprintf(dot, (size_t)(path + sizeof path - dot), ".txt");
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    out->n = 0;
    while (out->n < READING_MAX_PLATES && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "%12s", out->text[out->n]) == 1)
            out->n++;
    return fclose(file) == 0;
}

static void take_texts(const struct ocr_result *result, struct texts *out)
{
    out->n = 0;
    for (unsigned i = 0; i < result->n_readings; i++)
        snprintf(out->text[out->n++], sizeof out->text[0], "%s",
                 result->readings[i].n_candidates > 0 ? result->readings[i].candidates[0].text
                                                      : "-");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool are_same(struct texts *a, struct texts *b)
{
    qsort(a->text, a->n, sizeof a->text[0], by_text);
    qsort(b->text, b->n, sizeof b->text[0], by_text);
    bool same = a->n == b->n;
    for (unsigned i = 0; same && i < a->n; i++)
        same = strcmp(a->text[i], b->text[i]) == 0;
    return same;
}

/* Milliseconds; < 0: it could not be read. */
static double read_one(struct ocr *ocr, const char *path, struct texts *out)
{
    static struct ocr_result result;
    struct timespec begin, end;
    struct fault why;
    uint8_t *bytes;
    size_t size;
    if (pictures_load(path, &bytes, &size, &why) != ERR_OK)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    enum err err = ocr_read(ocr, bytes, size, &result, &why);
    clock_gettime(CLOCK_MONOTONIC, &end);
    free(bytes);
    if (err != ERR_OK)
        return -1;
    take_texts(&result, out);
    return (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int test_all(const struct pictures *pictures, bool as_json)
{
    struct engine engine = {.topn = 1};
    struct ocr *ocr = engine_open(&engine, "selftest");
    unsigned n_right = 0;
    double sum = 0;
    if (ocr == NULL)
        return 1;
    json_t *list = json_array();
    for (size_t i = 0; i < pictures->n; i++) {
        static struct texts wanted, found;
        const char *path = pictures->paths[i];
        bool is_labelled = load_texts(path, &wanted);
        double ms = read_one(ocr, path, &found);
        bool is_right = is_labelled && ms >= 0 && are_same(&wanted, &found);
        n_right += is_right;
        sum += ms > 0 ? ms : 0;
        json_array_append_new(list, json_pack("{s:s, s:b, s:f}", "picture", name_of(path), "right",
                                              is_right, "ms", ms));
        if (!as_json)
            printf("%-5s  %8.1f ms  %s\n", is_right ? "right" : "WRONG", ms, name_of(path));
    }
    ocr_close(&ocr);
    if (as_json) {
        json_t *all = json_pack("{s:i, s:O, s:i, s:f}", "version", 1, "pictures", list, "right",
                                (int)n_right, "ms", sum);
        json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(all);
    } else {
        printf("\n%u of %zu pictures were read rightly, %.1f ms each\n", n_right, pictures->n,
               sum / (double)pictures->n);
    }
    json_decref(list);
    return fflush(stdout) == 0 && n_right == pictures->n ? 0 : 1;
}

int command_selftest(int argc, char **argv)
{
    enum { JSON = 256, PICTURES };
    static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                            {"pictures", required_argument, NULL, PICTURES},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    char folder[PATH_MAX];
    bool as_json = false;
    program_beside("../share/laneward/selftest", folder, sizeof folder);
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?' || option == ':')
            return 2;
        as_json |= option == JSON;
        if (option == PICTURES)
            snprintf(folder, sizeof folder, "%s", optarg);
    }
    if (optind < argc) {
        fprintf(stderr, "laneward selftest: only options are understood; see --help\n");
        return 2;
    }
    struct pictures pictures = {0};
    struct fault why;
    int status = 1;
    if (pictures_add(&pictures, folder, &why) != ERR_OK)
        fprintf(stderr, "laneward selftest: %s\n", why.text);
    else if (pictures.n == 0)
        fprintf(stderr, "laneward selftest: there is no picture in %s\n", folder);
    else
        status = test_all(&pictures, as_json);
    pictures_release(&pictures);
    return status;
}
