/* laneward bench: accuracy and time on labelled pictures. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ocr/ocr.h"
#include "ocr/show.h"
#include "tools/command.h"
#include "tools/engine.h"
#include "tools/labels.h"
#include "tools/pictures.h"
#include "tools/plot.h"
#include "tools/report.h"

static const char help[] =
    "usage: laneward bench [OPTION]... FOLDER...\n"
    "\n"
    "Reads labelled pictures and tells how many plates were found and read, what the confidence is "
    "worth, and how long\n"
    "each stage took. A folder holds NAME.txt files (picture, x, y, w, h, text, with tabs between; "
    "plates without a\n"
    "label in ignore.tsv there or above) or a manifest.jsonl.\n"
    "\n"
    "  -j, --json         one JSON object instead of tables\n"
    "      --show OUT     write the pictures with what was found, to look at: 0 missed, 1 wrong, 2 "
    "false, 3 right;\n"
    "                     and error against yield as error-yield.svg\n"
    "      --split NAME   of a manifest only \"train\" or \"test\"\n"
    "      --true-places  read at the labelled places: the reader alone\n"
    "      --repeat N     read each picture N times and keep the shortest times, 1..100 (1)\n"
    "  -c, --country CC   as for `laneward read`; also --reader WHO, --models DIR, "
    "--regions DIR\n"
    "  -h, --help         this text\n";

struct bench {
    struct engine engine;
    const char *show, *split;
    bool json, true_places;
    unsigned repeat;
    struct ocr *ocr;
};

/* A JPEG in memory. */
struct file_bytes {
    uint8_t *at;
    size_t size;
};

static enum err read_once(const struct bench *bench, const struct labelled *truth,
                          const struct file_bytes *bytes, struct ocr_result *out, struct fault *why)
{
    struct region where[READING_MAX_PLATES] = {0};
    struct ocr_places places = {where, 0};
    if (!truth->is_crop && !bench->true_places)
        return ocr_read(bench->ocr, bytes->at, bytes->size, out, why);
    for (unsigned i = 0; !truth->is_crop && i < truth->n && i < READING_MAX_PLATES;
         i++, places.n++) {
        memcpy(where[i].corner, truth->label[i].corner, sizeof where[i].corner);
        where[i].score = 1;
    }
    return ocr_read_at(bench->ocr, bytes->at, bytes->size, &places, out, why);
}

static void keep_shortest(float ms[REPORT_STAGES], const struct ocr_times *times)
{
    const float now[REPORT_STAGES] = {
        (float)times->decode / 1000,
        (float)times->locate / 1000,
        (float)times->rectify / 1000,
        (float)times->read / 1000,
        (float)times->second / 1000,
        (float)(times->decode + times->locate + times->rectify + times->read + times->second) /
            1000};
    for (int i = 0; i < REPORT_STAGES; i++)
        if (ms[i] < 0 || now[i] < ms[i])
            ms[i] = now[i];
}

static enum err write_file(const char *path, const uint8_t *bytes, size_t size, struct fault *why)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    bool whole = fwrite(bytes, 1, size, file) == size;
    if (fclose(file) != 0 || !whole)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    return ERR_OK;
}

/* What was found in yellow, the labels in green. */
static enum err show(const struct bench *bench, const struct labelled *truth,
                     const struct ocr_result *result, enum score_verdict verdict, struct fault *why)
{
    struct show_mark marks[LABELS_MAX_PLATES + READING_MAX_PLATES];
    char texts[READING_MAX_PLATES][48], path[4096];
    size_t n = 0, size;
    uint8_t *bytes;
    for (unsigned i = 0; i < truth->n && !truth->is_crop; i++, n++) {
        marks[n] = (struct show_mark){.rgb = 0x00ff00};
        memcpy(marks[n].corner, truth->label[i].corner, sizeof marks[n].corner);
    }
    for (unsigned i = 0; i < result->n_readings; i++, n++) {
        const struct reading *reading = &result->readings[i];
        snprintf(texts[i], sizeof texts[i], "%s %.3f/%.2f",
                 reading->n_candidates ? reading->candidates[0].text : "-",
                 reading->n_candidates ? (double)reading->candidates[0].confidence : 0.0,
                 (double)reading->where.score);
        marks[n] = (struct show_mark){.text = texts[i], .rgb = 0xffd000};
        memcpy(marks[n].corner, reading->where.corner, sizeof marks[n].corner);
    }
    enum err err = show_picture(bench->ocr, marks, n, &bytes, &size, why);
    if (err)
        return err;
    const char *slash = strrchr(truth->path, '/');
    static const char order[] = {
        [SCORE_MISSED] = '0', [SCORE_WRONG] = '1', [SCORE_STRAY] = '2', [SCORE_RIGHT] = '3'};
    snprintf(path, sizeof path, "%s/%c_%s", bench->show, order[verdict],
             slash ? slash + 1 : truth->path);
    err = write_file(path, bytes, size, why);
    free(bytes);
    return err;
}

/* A picture that cannot be read is told, and counts as one in which nothing was found. */
static enum err measure(const struct bench *bench, const struct labelled *truth,
                        struct report_set *set, struct fault *why)
{
    static struct ocr_result result;
    struct file_bytes bytes = {0};
    float ms[REPORT_STAGES] = {-1, -1, -1, -1, -1, -1};
    enum score_verdict verdict;
    memset(&result, 0, sizeof result);
    enum err bad = pictures_load(truth->path, &bytes.at, &bytes.size, why);
    for (unsigned i = 0; i < bench->repeat && !bad; i++) {
        bad = read_once(bench, truth, &bytes, &result, why);
        if (bad)
            fault_context(why, "%s", truth->path);
        else
            keep_shortest(ms, &result.times);
    }
    free(bytes.at);
    if (bad) {
        fprintf(stderr, "laneward bench: %s\n", why->text);
        set->unread++;
    }
    enum err err = score_add(&set->score, truth, &result, &verdict, why);
    if (!err && !bad)
        err = report_add_times(set, ms, why);
    if (!err && !bad && bench->show != NULL)
        err = show(bench, truth, &result, verdict, why);
    return err;
}

static void name_set(struct report_set *set, const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    const char *start = folder;
    for (size_t i = 0; i + 1 < n; i++)
        if (folder[i] == '/')
            start = folder + i + 1;
    size_t length = n - (size_t)(start - folder);
    snprintf(set->name, sizeof set->name, "%.*s",
             (int)(length < sizeof set->name ? length : sizeof set->name - 1), start);
}

static enum err measure_folder(const struct bench *bench, const char *folder,
                               struct report_set *set, struct fault *why)
{
    struct labels labels = {0};
    enum err err = labels_load(&labels, folder, bench->split, why);
    name_set(set, folder);
    for (size_t i = 0; i < labels.n && !err; i++)
        err = measure(bench, &labels.pictures[i], set, why);
    labels_release(&labels);
    return err;
}

static enum err measure_all(const struct bench *bench, char **folders, size_t n, struct fault *why)
{
    struct report_set sets[REPORT_MAX_SETS + 1] = {0};
    struct report_set *sum = &sets[n];
    enum err err = ERR_OK;
    for (size_t i = 0; i < n && !err; i++)
        err = measure_folder(bench, folders[i], &sets[i], why);
    snprintf(sum->name, sizeof sum->name, "all");
    for (size_t i = 0; i < n && !err; i++)
        err = report_merge(sum, &sets[i], why);
    size_t n_shown = n == 1 ? 1 : n + 1; /* one folder needs no sum beside it */
    if (!err && bench->json) {
        json_t *object = report_json(sets, n_shown);
        json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(object);
    } else if (!err) {
        report_print(sets, n_shown);
    }
    if (!err && bench->show != NULL) {
        char path[4096];
        snprintf(path, sizeof path, "%s/error-yield.svg", bench->show);
        err = plot_write(path, &sum->score, why);
    }
    for (size_t i = 0; i <= n; i++)
        report_release(&sets[i]);
    return err;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct bench *bench)
{
    enum { SHOW = 256, SPLIT, TRUE_PLACES, REPEAT, READER, MODELS, REGIONS };
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"show", required_argument, NULL, SHOW},
                                            {"split", required_argument, NULL, SPLIT},
                                            {"true-places", no_argument, NULL, TRUE_PLACES},
                                            {"repeat", required_argument, NULL, REPEAT},
                                            {"country", required_argument, NULL, 'c'},
                                            {"reader", required_argument, NULL, READER},
                                            {"models", required_argument, NULL, MODELS},
                                            {"regions", required_argument, NULL, REGIONS},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "jc:h", options, NULL)) != -1;)
        switch (c) {
        case 'j':
            bench->json = true;
            break;
        case 'c':
            bench->engine.country = optarg;
            break;
        case SHOW:
            bench->show = optarg;
            break;
        case SPLIT:
            bench->split = optarg;
            break;
        case TRUE_PLACES:
            bench->true_places = true;
            break;
        case REPEAT:
            if (!engine_number("bench", "--repeat", optarg, 1, 100, &bench->repeat))
                return 2;
            break;
        case READER:
            if (!engine_reader("bench", optarg, &bench->engine.reader))
                return 2;
            break;
        case MODELS:
            bench->engine.models = optarg;
            break;
        case REGIONS:
            bench->engine.regions = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            fputs("Try `laneward bench --help`.\n", stderr);
            return 2;
        }
    if (optind < argc && argc - optind <= REPORT_MAX_SETS)
        return -1;
    fprintf(stderr, "laneward bench: name 1 to %d folders. Try `laneward bench --help`.\n",
            REPORT_MAX_SETS);
    return 2;
}

int command_bench(int argc, char **argv)
{
    struct bench bench = {.engine = {.topn = READING_MAX_CANDIDATES}, .repeat = 1};
    struct fault why;
    int status = parse_options(argc, argv, &bench);
    if (status >= 0)
        return status;
    if (bench.show != NULL && mkdir(bench.show, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "laneward bench: %s: %s\n", bench.show, strerror(errno));
        return 1;
    }
    bench.ocr = engine_open(&bench.engine, "bench");
    if (bench.ocr == NULL)
        return 1;
    enum err err = measure_all(&bench, argv + optind, (size_t)(argc - optind), &why);
    if (err)
        fprintf(stderr, "laneward bench: %s\n", why.text);
    ocr_close(&bench.ocr);
    return err ? 1 : 0;
}
