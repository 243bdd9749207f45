/* A made-up camera for the tests of vote: pictures with plates at places, and a record of what was
 * told. */
#ifndef LANEWARD_TESTS_SCENE_H
#define LANEWARD_TESTS_SCENE_H

#include "daemon/vote.h"

enum { SCENE_MAX_TOLD = 512 };

struct scene {
    struct vote *vote;
    uint64_t number;
    int64_t now_ms;
    bool cut_crops; /* answer vote_wants_crop */
    struct ocr_result picture;
    unsigned n_told;
    struct row told[SCENE_MAX_TOLD];
    uint64_t first_number[SCENE_MAX_TOLD];
};

/* gap 3 s, parked after 60 s. */
void scene_open(struct scene *scene, uint32_t min_frames);
void scene_close(struct scene *scene);

/* Put a plate into the next picture: centre, width (height is a quarter of it), text ("" = unread)
 * and confidence. Returns it, for tests that add candidates. */
struct reading *scene_plate(struct scene *scene, float x, float y, float width, const char *text,
                            float confidence);
void scene_candidate(struct reading *reading, const char *text, float confidence);

/* The picture is taken `ms` after the one before, and all that is told is recorded. */
void scene_shoot(struct scene *scene, int64_t ms);
/* The camera ends. */
void scene_end(struct scene *scene);

/* Passages told as new; and the last state told of the n-th of them, NULL if there are fewer. */
unsigned scene_passages(const struct scene *scene);
const struct row *scene_passage(const struct scene *scene, unsigned n);
unsigned scene_count(const struct scene *scene, enum row_state state);

#endif
