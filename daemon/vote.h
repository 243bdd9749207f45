/* Readings of one vehicle become one passage: which readings belong together, and what they say together. Pure: no
 * clock, no files; memory is fixed at vote_new. */
#ifndef LANEWARD_DAEMON_VOTE_H
#define LANEWARD_DAEMON_VOTE_H

#include "base/err.h"
#include "daemon/passage.h"
#include "ocr/ocr.h"

struct vote;

struct vote_options {
    char lane[ROW_NAME_SIZE], camera[ROW_NAME_SIZE];
    uint32_t gap_ms;      /* a plate unseen for so long is a vehicle gone */
    uint32_t parked_s;    /* one standing longer is parked: updates at most once a minute */
    uint32_t min_frames;  /* frames before it is told as new (1 = at once) */
};

struct vote_shot {
    int64_t seen_ms;
    bool clock_synchronised;
};

/* What is told of a passage. `event` points into the vote and is good until the next call on it. `wants_crop` is the region
 * of this picture that shows the plate best so far: the caller cuts it and hands it over with vote_crop. */
enum { VOTE_MAX_EVENTS = 2 * READING_MAX_PLATES };

enum err vote_new(struct vote **out, const struct vote_options *options, struct fault *why) MUST_USE;
void vote_free(struct vote **vote);

/* Feed one picture's readings (n_readings may be 0). Regions for which a crop is wanted are handed out with
 * vote_wants_crop directly after. */
void vote_add(struct vote *vote, const struct vote_shot *shot, const struct ocr_result *result);

/* After vote_add: the next region of that picture whose crop would be the best of its passage; false: no more. The
 * caller answers with vote_crop (size 0: it could not be cut). */
bool vote_wants_crop(struct vote *vote, struct region *where);
void vote_crop(struct vote *vote, const uint8_t *jpeg, size_t size);

/* Time passes (also without pictures): passages unseen for gap_ms end. `all`: the camera ends, so do they all. */
void vote_tick(struct vote *vote, int64_t now_ms, bool all);

/* The next passage to send on (row.state new, update or lost); NULL: none. Good until the next call on `vote`. */
const struct passage *vote_next(struct vote *vote);

#endif
