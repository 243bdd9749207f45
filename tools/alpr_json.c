/* Writes a picture's result as OpenALPR v2's `alpr_results`, plus the name of the file. */
#include "tools/alpr_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_int_t epoch_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A file's name need not be UTF-8; JSON must. */
static json_t *name_json(const char *name)
{
    json_t *text = json_string(name);
    char *plain = text ? NULL : strdup(name);
    if (plain == NULL)
        return text;
    for (char *at = plain; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    text = json_string(plain);
    free(plain);
    return text;
}

/* Percent with three decimals: more is noise. */
static double percent(float part)
{
    return rint((double)part * 100000) / 1000;
}

static json_t *coordinates_json(const struct region *where)
{
    json_t *list = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:I}", "x", (json_int_t)lrintf(where->corner[i].x),
                                        "y", (json_int_t)lrintf(where->corner[i].y)));
    return list;
}

static json_t *candidates_json(const struct reading *reading)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < reading->n_candidates; i++) {
        const struct candidate *c = &reading->candidates[i];
        json_array_append_new(list, json_pack("{s:s, s:f, s:i}", "plate", c->text, "confidence",
                                              percent(c->confidence), "matches_template",
                                              (int)c->matches_pattern));
    }
    return list;
}

static json_t *plate_json(const struct reading *reading, int index, double milliseconds,
                          unsigned topn)
{
    const struct candidate *best = &reading->candidates[0];
    return json_pack("{s:s, s:f, s:i, s:i, s:s, s:f, s:f, s:i, s:o, s:o}", "plate", best->text,
                     "confidence", percent(best->confidence), "matches_template",
                     (int)best->matches_pattern, "plate_index", index, "region", best->region,
                     "region_confidence", percent(best->region_share), "processing_time_ms",
                     milliseconds, "requested_topn", (int)topn, "coordinates",
                     coordinates_json(&reading->where), "candidates", candidates_json(reading));
}

json_t *alpr_json(const struct ocr_result *result, const char *file, double milliseconds,
                  unsigned topn)
{
    json_t *plates = json_array();
    double each = (double)(result->times.rectify + result->times.read) / 1000;
    each = result->n_readings ? rint(each / result->n_readings * 1000) / 1000 : 0;
    int index = 0;
    for (unsigned i = 0; i < result->n_readings; i++)
        if (result->readings[i].n_candidates > 0)
            json_array_append_new(plates, plate_json(&result->readings[i], index++, each, topn));
    return json_pack("{s:i, s:s, s:I, s:I, s:I, s:f, s:[{s:i, s:i, s:I, s:I}], s:o, s:o}",
                     "version", 2, "data_type", "alpr_results", "epoch_time", epoch_ms(),
                     "img_width", (json_int_t)result->width, "img_height",
                     (json_int_t)result->height, "processing_time_ms",
                     rint(milliseconds * 1000) / 1000, "regions_of_interest", "x", 0, "y", 0,
                     "width", (json_int_t)result->width, "height", (json_int_t)result->height,
                     "results", plates, "file", name_json(file));
}
