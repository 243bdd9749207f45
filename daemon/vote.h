/* Readings of one vehicle become one passage: which readings belong together, and what they say
 * together. Pure: no clock, no files; memory is fixed at vote_new. */
#ifndef LANEWARD_DAEMON_VOTE_H
#define LANEWARD_DAEMON_VOTE_H

#include "base/err.h"
#include "daemon/passage.h"
#include "ocr/ocr.h"

struct vote;

struct vote_options {
    char lane[ROW_NAME_SIZE], camera[ROW_NAME_SIZE];
    uint32_t gap_ms;     /* a plate unseen for so long is a vehicle gone; a parked one: ten times */
    uint32_t parked_s;   /* one standing longer is parked: updates at most once a minute */
    uint32_t min_frames; /* frames before it is told as new (1 = at once) */
    float min_confidence; /* 0..1: a less certain text is none: seen, not read */
};

struct vote_shot {
    uint64_t number; /* rises from picture to picture */
    int64_t seen_ms; /* Unix milliseconds; may step back */
    bool clock_synchronised;
    /* What names this picture for ever, so that reading it again makes the same ids: a watched
     * folder's cursor, or text made of the picture's number. */
    const char *name;
};

/* At most so many vehicles are followed from one picture to the next; with more, those unseen for
 * longest end. */
enum { VOTE_MAX_TRACKS = 16 };
/* vote_oldest with nothing open. */
#define VOTE_NONE UINT64_MAX

enum err vote_new(struct vote **out, const struct vote_options *options,
                  struct fault *why) MUST_USE;
void vote_free(struct vote **vote);

/* Feed one picture's readings (n_readings may be 0). Call vote_next until NULL before the next
 * picture. */
void vote_add(struct vote *vote, const struct vote_shot *shot, const struct ocr_result *result);

/* After vote_add: the next region of that picture whose crop would be the best of its passage;
 * false: no more. The caller answers with vote_crop (size 0: it could not be cut). */
bool vote_wants_crop(struct vote *vote, struct region *where);
void vote_crop(struct vote *vote, const uint8_t *jpeg, size_t size);

/* Time passes (also without pictures): passages unseen for gap_ms end. `now_ms` is on the pictures'
 * time scale. `all`: the camera ends, so do they all. */
void vote_tick(struct vote *vote, int64_t now_ms, bool all);

/* The next passage to send on, NULL: none. Each passage is told as new exactly once, then as
 * update, at last once as lost. Good until the next call on `vote`. `first_number` (may be NULL) is
 * its first picture's number. */
const struct passage *vote_next(struct vote *vote, uint64_t *first_number);

/* The smallest first number of the passages that have not been told as lost yet, or VOTE_NONE. */
uint64_t vote_oldest(const struct vote *vote);

#endif
