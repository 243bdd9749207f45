/* The made-up camera of vote's tests. */
#include "scene.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

void scene_open(struct scene *scene, uint32_t min_frames)
{
    memset(scene, 0, sizeof *scene);
    struct vote_options options = {.lane = "north",
                                   .camera = "north-1",
                                   .gap_ms = 3000,
                                   .parked_s = 60,
                                   .min_frames = min_frames};
    struct fault why;
    scene->now_ms = INT64_C(1800000000000);
    assert_int_equal(vote_new(&scene->vote, &options, &why), ERR_OK);
}

void scene_close(struct scene *scene)
{
    vote_free(&scene->vote);
    assert_null(scene->vote);
}

void scene_candidate(struct reading *reading, const char *text, float confidence)
{
    struct candidate *c = &reading->candidates[reading->n_candidates++];
    snprintf(c->text, sizeof c->text, "%s", text);
    c->confidence = confidence;
    c->matches_pattern = true;
}

struct reading *scene_plate(struct scene *scene, float x, float y, float width, const char *text,
                            float confidence)
{
    assert_true(scene->picture.n_readings < READING_MAX_PLATES);
    struct reading *r = &scene->picture.readings[scene->picture.n_readings++];
    memset(r, 0, sizeof *r);
    float w = width / 2, h = width / 8;
    struct point corners[4] = {{x - w, y - h}, {x + w, y - h}, {x + w, y + h}, {x - w, y + h}};
    memcpy(r->where.corner, corners, sizeof corners);
    r->where.score = 0.9f;
    r->needs_review = confidence < 0.5f;
    if (text[0] == '\0')
        return r;
    scene_candidate(r, text, confidence);
    r->n_positions = (uint8_t)strlen(text);
    for (int i = 0; i < r->n_positions; i++) {
        char c = text[i];
        float sure = powf(confidence, 1.0f / (float)r->n_positions), rest = (1 - sure) / 36;
        for (int k = 0; k < 37; k++)
            r->position[i][k] = rest;
        r->position[i][c <= '9' ? c - '0' + 1 : c - 'A' + 11] = sure;
    }
    return r;
}

static void record(struct scene *scene)
{
    uint64_t first = 0;
    const struct passage *p;
    while ((p = vote_next(scene->vote, &first)) != NULL) {
        assert_true(scene->n_told < SCENE_MAX_TOLD);
        scene->told[scene->n_told] = p->row;
        scene->first_number[scene->n_told++] = first;
    }
}

void scene_shoot(struct scene *scene, int64_t ms)
{
    scene->now_ms += ms;
    scene->number++;
    scene->picture.width = 1280;
    scene->picture.height = 720;
    char name[32];
    snprintf(name, sizeof name, "picture %llu", (unsigned long long)scene->number);
    struct vote_shot shot = {.number = scene->number,
                             .seen_ms = scene->now_ms,
                             .clock_synchronised = true,
                             .name = name};
    vote_add(scene->vote, &shot, &scene->picture);
    struct region where;
    while (scene->cut_crops && vote_wants_crop(scene->vote, &where)) {
        uint8_t jpeg[64];
        memset(jpeg, (int)scene->number, sizeof jpeg);
        vote_crop(scene->vote, jpeg, sizeof jpeg);
    }
    record(scene);
    scene->picture.n_readings = 0;
}

void scene_end(struct scene *scene)
{
    vote_tick(scene->vote, scene->now_ms, true);
    record(scene);
    assert_true(vote_oldest(scene->vote) == VOTE_NONE);
}

unsigned scene_count(const struct scene *scene, enum row_state state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < scene->n_told; i++)
        n += scene->told[i].state == state;
    return n;
}

unsigned scene_passages(const struct scene *scene)
{
    return scene_count(scene, ROW_NEW);
}

const struct row *scene_passage(const struct scene *scene, unsigned n)
{
    const struct row *last = NULL;
    for (unsigned i = 0; i < scene->n_told; i++)
        if (scene->told[i].state == ROW_NEW && n-- == 0)
            last = &scene->told[i];
    if (last == NULL)
        return NULL;
    for (unsigned i = 0; i < scene->n_told; i++)
        if (memcmp(scene->told[i].id, last->id, ROW_ID_SIZE) == 0)
            last = &scene->told[i];
    return last;
}
