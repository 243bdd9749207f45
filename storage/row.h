/* The noun that is kept: one passage of a vehicle, as the store holds it. */
#ifndef LANEWARD_STORAGE_ROW_H
#define LANEWARD_STORAGE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROW_ID_SIZE = 16,    /* bytes */
    ROW_PLATE_SIZE = 13, /* 12 characters and the closing zero */
    ROW_NAME_SIZE = 32,  /* lane or camera, with the closing zero */
    ROW_REGION_SIZE = 12,
    ROW_MAX_CANDIDATES = 10,
    ROW_MAX_CROP = 48 * 1024, /* bytes of a plate's JPEG */
};

/* Where a passage stands in its life, by the words of camera vendors. */
enum row_state { ROW_NEW = 1, ROW_UPDATE = 2, ROW_LOST = 3 };

struct row_candidate {
    char plate[ROW_PLATE_SIZE]; /* A-Z 0-9 */
    float confidence;           /* 0..1 */
    bool matches_pattern;
};

struct row {
    uint8_t
        id[ROW_ID_SIZE]; /* made once by the recognizer; a resend or an update carries the same */
    enum row_state state;
    int64_t first_ms, last_ms; /* Unix time in milliseconds of the first and the last frame */
    bool clock_synchronised;   /* the host's clock was disciplined when it was seen */
    bool needs_review;
    bool is_hit; /* a hotlist names it: kept in other files, under other keys, for another term */
    char lane[ROW_NAME_SIZE];
    char camera[ROW_NAME_SIZE];
    char plate[ROW_PLATE_SIZE]; /* "" : a plate was seen, and could not be read */
    char region[ROW_REGION_SIZE];
    float confidence; /* 0..1 */
    uint32_t n_frames;
    uint32_t frame_width, frame_height;
    float corner[8]; /* x, y of the best frame's four corners, clockwise from top left, pixels */
    uint8_t n_candidates;
    struct row_candidate
        candidates[ROW_MAX_CANDIDATES]; /* best first; [0] is plate, where it has one */
    uint32_t crop_size;                 /* bytes of the plate's JPEG kept beside the row; 0: none */
};

#endif
