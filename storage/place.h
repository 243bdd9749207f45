/* Where a passage stands, by its id: in one segment, or in two while it moves. */
#ifndef LANEWARD_STORAGE_PLACE_H
#define LANEWARD_STORAGE_PLACE_H

#include "storage/shelf.h"

enum { PLACE_MAX = 6 }; /* three days, two kinds */

struct place {
    struct segment *segment; /* NULL: nowhere */
    int64_t number, first_ms, last_ms;
    enum row_state state;
    uint32_t crop_size;
};

/* All of them in segments of the day, the one before and the one after: the newest state of the
 * passage first; of equal ones, hits and the day itself. */
enum err place_find(struct shelf *shelf, const uint8_t id[ROW_ID_SIZE], uint32_t day,
                    struct place out[PLACE_MAX], size_t *n, struct fault *why) MUST_USE;

/* The one that counts, wherever it is. ERR_NOT_FOUND. */
enum err place_anywhere(struct shelf *shelf, const uint8_t id[ROW_ID_SIZE], struct place *out,
                        struct fault *why) MUST_USE;

/* Takes the passage and its crop out; within an open transaction of the segment. */
enum err place_drop(const struct place *place, struct fault *why) MUST_USE;

#endif
