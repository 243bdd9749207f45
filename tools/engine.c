/* Opens the recognition engine for the command line, with its data beside the program. */
#include "tools/engine.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void engine_beside(const char *name, char *out, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    snprintf(out, size, "%s/../share/laneward/%s", dirname(self), name);
}

struct ocr *engine_open(const struct engine *engine, const char *command)
{
    char models[PATH_MAX + 64], regions[PATH_MAX + 64];
    struct ocr *ocr = NULL;
    struct fault why;
    engine_beside("models", models, sizeof models);
    engine_beside("regions", regions, sizeof regions);
    const struct ocr_options options = {
        .models_dir = engine->models ? engine->models : models,
        .regions_dir = engine->regions ? engine->regions : regions,
        .regions = engine->country,
        .topn = engine->topn,
        .plate_only = engine->plate_only,
        .reader = engine->reader,
    };
    if (ocr_open(&ocr, &options, &why) != ERR_OK) {
        fprintf(stderr, "laneward %s: %s\n", command, why.text);
        return NULL;
    }
    return ocr;
}

bool engine_reader(const char *command, const char *text, enum ocr_reader *out)
{
    static const char *const words[] = {[OCR_READER_NETWORK] = "network",
                                        [OCR_READER_TESSERACT] = "tesseract",
                                        [OCR_READER_BOTH] = "both"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], text) == 0) {
            *out = (enum ocr_reader)i;
            return true;
        }
    fprintf(stderr, "laneward %s: --reader: '%s' is not network, tesseract or both\n", command,
            text);
    return false;
}

bool engine_number(const char *command, const char *option, const char *text, unsigned low,
                   unsigned high, unsigned *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || text[0] == '-' || value < low || value > high) {
        fprintf(stderr, "laneward %s: %s: '%s' is not a number in %u..%u\n", command, option, text,
                low, high);
        return false;
    }
    *out = (unsigned)value;
    return true;
}
