/* laneward read: pictures to text, without a daemon. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ocr/ocr.h"
#include "tools/alpr_json.h"
#include "tools/command.h"
#include "tools/engine.h"
#include "tools/pictures.h"

static const char help[] =
    "usage: laneward read [OPTION]... FILE|FOLDER...\n"
    "\n"
    "Reads the number plates in JPEG pictures. A folder stands for its .jpg and .jpeg files, "
    "sorted by name.\n"
    "\n"
    "  -j, --json         one object a picture and line, as OpenALPR's alpr_results, with "
    "\"file\"\n"
    "  -c, --country CC   expect plates of this country or region alone: us, us-ny, 'eu', 'us mx', "
    "'us-n*';\n"
    "                     without it, of all that there are pattern files for\n"
    "  -n, --topn N       at most N candidates a plate, 1..10 (10)\n"
    "      --plate-only   the picture is a plate: do not look for one\n"
    "      --reader WHO   network, tesseract, or both: tesseract where the network is unsure "
    "(network)\n"
    "      --models DIR   folder of the models (beside the program: ../share/laneward/models)\n"
    "      --regions DIR  folder of the pattern files (../share/laneward/regions)\n"
    "  -h, --help         this text\n"
    "\n"
    "A picture that cannot be read is told on stderr with its name, the others are read; the exit "
    "status is then 1.\n";

struct reading_job {
    struct engine engine;
    bool json, several;
};

static void print_text(const struct ocr_result *result, const char *path, bool several)
{
    unsigned shown = 0;
    if (several)
        printf("%s\n", path);
    for (unsigned i = 0; i < result->n_readings; i++) {
        const struct reading *reading = &result->readings[i];
        if (reading->n_candidates == 0)
            continue;
        printf("plate%u: %u results\n", shown++, reading->n_candidates);
        for (unsigned k = 0; k < reading->n_candidates; k++)
            printf("    - %s\t confidence: %.4g\n", reading->candidates[k].text,
                   (double)reading->candidates[k].confidence * 100);
    }
    if (shown == 0)
        printf("No license plates found.\n");
}

static void print_json(const struct ocr_result *result, const char *path, double milliseconds,
                       unsigned topn)
{
    json_t *object = alpr_json(result, path, milliseconds, topn);
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
}

/* From JPEG bytes in memory to text. */
static enum err read_timed(struct ocr *ocr, const char *path, struct ocr_result *out,
                           double *milliseconds, struct fault *why)
{
    uint8_t *bytes;
    size_t size;
    struct timespec start, end;
    enum err err = pictures_load(path, &bytes, &size, why);
    if (err)
        return err;
    clock_gettime(CLOCK_MONOTONIC, &start);
    err = ocr_read(ocr, bytes, size, out, why);
    clock_gettime(CLOCK_MONOTONIC, &end);
    free(bytes);
    if (err) {
        fault_context(why, "%s", path);
        return err;
    }
    *milliseconds =
        (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
    return ERR_OK;
}

static int read_all(const struct reading_job *job, const struct pictures *pictures)
{
    struct ocr *ocr = engine_open(&job->engine, "read");
    int status = 0;
    if (ocr == NULL)
        return 1;
    for (size_t i = 0; i < pictures->n; i++) {
        static struct ocr_result result;
        double milliseconds = 0;
        struct fault why;
        if (read_timed(ocr, pictures->paths[i], &result, &milliseconds, &why) != ERR_OK) {
            fprintf(stderr, "laneward read: %s\n", why.text);
            status = 1;
        } else if (job->json) {
            print_json(&result, pictures->paths[i], milliseconds, job->engine.topn);
        } else {
            print_text(&result, pictures->paths[i], job->several);
        }
    }
    ocr_close(&ocr);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "laneward read: the output cannot be written\n");
        status = 1;
    }
    return status;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct reading_job *job)
{
    enum { PLATE_ONLY = 256, READER, MODELS, REGIONS };
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"country", required_argument, NULL, 'c'},
                                            {"topn", required_argument, NULL, 'n'},
                                            {"plate-only", no_argument, NULL, PLATE_ONLY},
                                            {"reader", required_argument, NULL, READER},
                                            {"models", required_argument, NULL, MODELS},
                                            {"regions", required_argument, NULL, REGIONS},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "jc:n:h", options, NULL)) != -1;)
        switch (c) {
        case 'j':
            job->json = true;
            break;
        case 'c':
            job->engine.country = optarg;
            break;
        case 'n':
            if (!engine_number("read", "--topn", optarg, 1, READING_MAX_CANDIDATES,
                               &job->engine.topn))
                return 2;
            break;
        case PLATE_ONLY:
            job->engine.plate_only = true;
            break;
        case READER:
            if (!engine_reader("read", optarg, &job->engine.reader))
                return 2;
            break;
        case MODELS:
            job->engine.models = optarg;
            break;
        case REGIONS:
            job->engine.regions = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            fputs("Try `laneward read --help`.\n", stderr);
            return 2;
        }
    if (optind < argc)
        return -1;
    fputs("laneward read: name a picture or a folder. Try `laneward read --help`.\n", stderr);
    return 2;
}

int command_read(int argc, char **argv)
{
    struct reading_job job = {.engine = {.topn = READING_MAX_CANDIDATES}};
    struct pictures pictures = {0};
    struct fault why;
    int status = parse_options(argc, argv, &job);
    if (status >= 0)
        return status;
    status = 0;
    for (int i = optind; i < argc; i++)
        if (pictures_add(&pictures, argv[i], &why) != ERR_OK) {
            fprintf(stderr, "laneward read: %s\n", why.text);
            status = 1;
        }
    job.several = pictures.n > 1;
    if (pictures.n > 0 && read_all(&job, &pictures) != 0)
        status = 1;
    pictures_release(&pictures);
    return status;
}
