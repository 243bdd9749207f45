/* The bench's figures of one folder or of all, as a table or as JSON. */
#ifndef LANEWARD_TOOLS_REPORT_H
#define LANEWARD_TOOLS_REPORT_H

#include <jansson.h>

#include "tools/score.h"

/* Stages of the way from JPEG bytes to text, and the whole. */
enum report_stage {
    REPORT_DECODE,
    REPORT_LOCATE,
    REPORT_RECTIFY,
    REPORT_READ,
    REPORT_SECOND,
    REPORT_ALL,
    REPORT_STAGES
};

enum { REPORT_NAME_SIZE = 12, REPORT_MAX_SETS = 16 };

/* All zero to begin with. */
struct report_set {
    char name[REPORT_NAME_SIZE];
    struct score score;
    float *times; /* ms; REPORT_STAGES a picture */
    size_t n_times, room;
    unsigned unread; /* pictures that could not be read */
};

/* ERR_MEMORY */
enum err report_add_times(struct report_set *set, const float ms[REPORT_STAGES],
                          struct fault *why) MUST_USE;

/* Adds `part` to `whole`. ERR_MEMORY. */
enum err report_merge(struct report_set *whole, const struct report_set *part,
                      struct fault *why) MUST_USE;
void report_release(struct report_set *set);

/* The last set is the sum, whose calibration and error are shown. */
void report_print(struct report_set *sets, size_t n);

/* NULL: no memory. */
json_t *report_json(struct report_set *sets, size_t n);

#endif
