/* Following vehicles from picture to picture, and telling their passages. */
#include "daemon/vote.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/fuse.h"
#include "daemon/likeness.h"

/* Those that go on, and room for every plate of the next picture. */
enum { N_TRACKS = VOTE_MAX_TRACKS + READING_MAX_PLATES };
enum { UPDATE_MS = 1000, STANDING_UPDATE_MS = 60 * 1000, PARKED_GAPS = 10, COMPARED = 3 };

static const float worse_crop = 1.15f;      /* a new crop must be so much better to be cut */
static const float much_better_crop = 1.3f; /* and so much to be told */
static const float told_confidence = 0.05f;
static const float same_box =
    0.5f; /* two readings of one picture that overlap so much are one plate */

struct track {
    bool used, told, tell_new, tell_update, tell_lost;
    uint64_t first_number;
    int64_t told_ms;
    struct likeness_place place;
    float vx, vy; /* pixels a second */
    float crop_score, told_crop_score;
    bool wants_crop;
    struct region where; /* of the picture just added */
    float where_score;
    struct row told_row; /* as last told, for "has it improved" */
    struct fuse fuse;
    struct passage passage;
};

struct vote {
    struct vote_options options;
    struct track *wanting; /* whose crop the caller is cutting */
    struct track *leaving; /* told as lost by the last vote_next */
    struct track tracks[N_TRACKS];
};

enum err vote_new(struct vote **out, const struct vote_options *options, struct fault *why)
{
    assert(options->min_frames >= 1);
    struct vote *vote = calloc(1, sizeof *vote);
    if (vote == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the vehicles in view");
    vote->options = *options;
    *out = vote;
    return ERR_OK;
}

void vote_free(struct vote **vote)
{
    free(*vote);
    *vote = NULL;
}

static void let_leave(struct vote *vote)
{
    if (vote->leaving != NULL)
        vote->leaving->used = false;
    vote->leaving = NULL;
}

static int64_t age_ms(const struct track *t, int64_t now_ms)
{
    int64_t age = now_ms - t->passage.row.last_ms;
    return age < 0 ? -age : age;
}

static bool is_parked(const struct vote *vote, const struct track *t)
{
    const struct row *row = &t->passage.row;
    return row->last_ms - row->first_ms >= (int64_t)vote->options.parked_s * 1000;
}

static bool is_open(const struct track *t)
{
    return t->used && !t->tell_lost;
}

/* The vehicle is gone. What was never seen often enough was never there. */
static void end_track(struct vote *vote, struct track *t)
{
    if (!t->told && t->passage.row.n_frames < vote->options.min_frames)
        t->used = false;
    else
        t->tell_lost = true;
}

void vote_tick(struct vote *vote, int64_t now_ms, bool all)
{
    let_leave(vote);
    for (int i = 0; i < N_TRACKS; i++) {
        struct track *t = &vote->tracks[i];
        int64_t gap = (int64_t)vote->options.gap_ms * (is_parked(vote, t) ? PARKED_GAPS : 1);
        if (is_open(t) && (all || age_ms(t, now_ms) > gap))
            end_track(vote, t);
    }
}

/* Seconds from a track's last picture to this one, for motion: at least a frame, so that a step
 * back does no harm. */
static float seconds_since(const struct track *t, int64_t seen_ms)
{
    return fmaxf((float)age_ms(t, seen_ms) / 1000.0f, 0.02f);
}

static float text_likeness(const struct track *t, const struct reading *reading)
{
    float most = 0;
    bool any = false;
    const struct row *row = &t->passage.row;
    for (uint8_t i = 0; i < row->n_candidates && i < COMPARED; i++)
        for (uint8_t j = 0; j < reading->n_candidates && j < COMPARED; j++) {
            const struct row_candidate *a = &row->candidates[i];
            const struct candidate *b = &reading->candidates[j];
            /* A second choice counts for less, by how much less likely it was. */
            float less =
                logf(fmaxf(a->confidence, 1e-3f) / fmaxf(row->confidence, 1e-3f)) +
                logf(fmaxf(b->confidence, 1e-3f) / fmaxf(reading->candidates[0].confidence, 1e-3f));
            float value = fminf(less, 0) + likeness_text(a->plate, row->confidence, b->text,
                                                         reading->candidates[0].confidence);
            most = any ? fmaxf(most, value) : value;
            any = true;
        }
    return most;
}

static float place_likeness(const struct track *t, const struct likeness_place *seen, float dt)
{
    struct likeness_place predicted = t->place;
    float ahead = fminf(dt, 1);
    predicted.x += t->vx * ahead;
    predicted.y += t->vy * ahead;
    /* How far from the prediction it may be grows with time: slowly where it has been seen to stand
     * still. */
    float speed = hypotf(t->vx, t->vy) / t->place.width, rate = 4;
    if (t->passage.row.n_frames >= 2)
        rate = fminf(0.5f + speed, 4);
    return likeness_of_places(&predicted, seen, 0.5f + rate * dt, dt);
}

/* How surely a reading is of this track's vehicle, in nats; above 0: rather so than not. */
static float likeness(const struct track *t, const struct reading *reading, int64_t seen_ms)
{
    struct likeness_place seen = likeness_place(&reading->where);
    return text_likeness(t, reading) + place_likeness(t, &seen, seconds_since(t, seen_ms));
}

static void move_track(struct track *t, const struct likeness_place *seen, int64_t seen_ms)
{
    float dt = seconds_since(t, seen_ms);
    /* Half of the old belief and half of the new one smooths the corners' jitter. */
    t->vx = (t->vx + (seen->x - t->place.x) / dt) / 2;
    t->vy = (t->vy + (seen->y - t->place.y) / dt) / 2;
    t->place = *seen;
}

/* Large and surely read; what touches the picture's edge is cut off. */
static float crop_score(const struct reading *reading, const struct ocr_result *result)
{
    struct likeness_place place = likeness_place(&reading->where);
    float sure = reading->n_candidates > 0 ? reading->candidates[0].confidence : 0;
    float score = sqrtf(place.width * place.height) * (0.1f + sure);
    for (int i = 0; i < 4; i++) {
        const struct point *c = &reading->where.corner[i];
        if (c->x < 1 || c->y < 1 || c->x > (float)result->width - 1 ||
            c->y > (float)result->height - 1)
            return score / 4;
    }
    return score;
}

static void choose_picture(struct track *t, const struct reading *reading,
                           const struct ocr_result *result)
{
    float score = crop_score(reading, result);
    struct row *row = &t->passage.row;
    if (row->n_frames > 1 && score < t->crop_score * worse_crop)
        return;
    t->wants_crop = true;
    t->where = reading->where;
    t->where_score = score;
}

/* The chosen picture stands in the row, whether its crop can be cut or not. */
static void take_picture(struct track *t, const struct ocr_result *result)
{
    struct row *row = &t->passage.row;
    t->crop_score = t->where_score;
    row->frame_width = result->width;
    row->frame_height = result->height;
    for (int i = 0; i < 4; i++) {
        row->corner[2 * i] = t->where.corner[i].x;
        row->corner[2 * i + 1] = t->where.corner[i].y;
    }
}

static void add_to_track(const struct vote *vote, struct track *t, const struct vote_shot *shot,
                         const struct reading *reading, const struct ocr_result *result)
{
    struct row *row = &t->passage.row;
    struct likeness_place seen = likeness_place(&reading->where);
    if (row->n_frames > 0)
        move_track(t, &seen, shot->seen_ms);
    t->place = seen;
    row->n_frames++;
    if (shot->seen_ms < row->first_ms)
        row->first_ms = shot->seen_ms;
    if (shot->seen_ms > row->last_ms)
        row->last_ms = shot->seen_ms;
    row->clock_synchronised &= shot->clock_synchronised;
    if (!result->unchanged) /* the same reading again says nothing new */
        fuse_add(&t->fuse, reading, seen.width);
    fuse_result(&t->fuse, row);
    if (row->confidence < vote->options.min_confidence) {
        memset(row->plate, 0, sizeof row->plate);
        memset(row->region, 0, sizeof row->region);
    }
    choose_picture(t, reading, result);
    if (t->wants_crop)
        take_picture(t, result);
}

/* There is one: make_room has seen to it, and the caller has fetched all that was told. */
static struct track *free_track(struct vote *vote)
{
    for (int i = 0; i < N_TRACKS; i++)
        if (!vote->tracks[i].used)
            return &vote->tracks[i];
    return NULL;
}

/* End those unseen for longest until at most VOTE_MAX_TRACKS go on. */
static void make_room(struct vote *vote, int64_t now_ms)
{
    for (;;) {
        struct track *oldest = NULL;
        int n_open = 0;
        for (int i = 0; i < N_TRACKS; i++) {
            struct track *t = &vote->tracks[i];
            if (!is_open(t))
                continue;
            n_open++;
            if (oldest == NULL || age_ms(t, now_ms) > age_ms(oldest, now_ms))
                oldest = t;
        }
        if (n_open <= VOTE_MAX_TRACKS)
            return;
        end_track(vote, oldest);
    }
}

static struct track *start_track(struct vote *vote, const struct vote_shot *shot, uint32_t born)
{
    struct track *t = free_track(vote);
    if (t == NULL)
        return NULL;
    memset(t, 0, sizeof *t);
    struct row *row = &t->passage.row;
    t->used = true;
    t->first_number = shot->number;
    row->first_ms = row->last_ms = shot->seen_ms;
    row->clock_synchronised = shot->clock_synchronised;
    memcpy(row->lane, vote->options.lane, sizeof row->lane);
    memcpy(row->camera, vote->options.camera, sizeof row->camera);
    passage_id(vote->options.camera, shot->name, shot->seen_ms, born, row->id);
    return t;
}

/* The locator may frame one plate twice: the better frame came first. */
static bool is_repeated(const struct ocr_result *result, int r)
{
    struct likeness_place own = likeness_place(&result->readings[r].where);
    for (int i = 0; i < r; i++) {
        struct likeness_place other = likeness_place(&result->readings[i].where);
        if (likeness_overlap(&own, &other) > same_box)
            return true;
    }
    return false;
}

/* Which track each reading belongs to: the surest pair first; NULL: a vehicle not seen before. */
static void assign(struct vote *vote, int64_t seen_ms, const struct ocr_result *result,
                   struct track *owner[READING_MAX_PLATES])
{
    float value[READING_MAX_PLATES][N_TRACKS];
    bool taken[N_TRACKS];
    for (int r = 0; r < result->n_readings; r++) {
        bool repeated = is_repeated(result, r);
        for (int t = 0; t < N_TRACKS; t++) {
            taken[t] = !is_open(&vote->tracks[t]);
            value[r][t] = 0;
            if (!taken[t] && !repeated)
                value[r][t] = likeness(&vote->tracks[t], &result->readings[r], seen_ms);
        }
    }
    for (;;) {
        int best_r = -1, best_t = -1;
        for (int r = 0; r < result->n_readings; r++)
            for (int t = 0; t < N_TRACKS; t++)
                if (owner[r] == NULL && !taken[t] && value[r][t] > 0 &&
                    (best_r < 0 || value[r][t] > value[best_r][best_t])) {
                    best_r = r;
                    best_t = t;
                }
        if (best_r < 0)
            return;
        owner[best_r] = &vote->tracks[best_t];
        taken[best_t] = true;
    }
}

static bool has_improved(const struct track *t)
{
    const struct row *row = &t->passage.row, *told = &t->told_row;
    return strcmp(row->plate, told->plate) != 0 || strcmp(row->region, told->region) != 0 ||
           fabsf(row->confidence - told->confidence) >= told_confidence ||
           t->crop_score > t->told_crop_score * much_better_crop;
}

static void note_news(const struct vote *vote, struct track *t, int64_t seen_ms)
{
    if (!t->told) {
        t->tell_new |= t->passage.row.n_frames >= vote->options.min_frames;
        return;
    }
    int64_t since = seen_ms - t->told_ms;
    if (since < 0)
        since = -since;
    bool improved = has_improved(t) && since >= UPDATE_MS && !is_parked(vote, t);
    if (improved || since >= STANDING_UPDATE_MS)
        t->tell_update = true;
}

void vote_add(struct vote *vote, const struct vote_shot *shot, const struct ocr_result *result)
{
    assert(result->n_readings <= READING_MAX_PLATES);
    vote_tick(vote, shot->seen_ms, false);
    for (int t = 0; t < N_TRACKS; t++)
        vote->tracks[t].wants_crop = false;
    vote->wanting = NULL;
    struct track *owner[READING_MAX_PLATES] = {NULL};
    assign(vote, shot->seen_ms, result, owner);
    uint32_t born = 0;
    for (int r = 0; r < result->n_readings; r++) {
        if (is_repeated(result, r))
            continue;
        if (owner[r] == NULL)
            owner[r] = start_track(vote, shot, born++);
        if (owner[r] == NULL)
            continue;
        add_to_track(vote, owner[r], shot, &result->readings[r], result);
        note_news(vote, owner[r], shot->seen_ms);
    }
    make_room(vote, shot->seen_ms);
}

bool vote_wants_crop(struct vote *vote, struct region *where)
{
    let_leave(vote);
    vote->wanting = NULL;
    for (int t = 0; t < N_TRACKS && vote->wanting == NULL; t++)
        if (vote->tracks[t].wants_crop && is_open(&vote->tracks[t]))
            vote->wanting = &vote->tracks[t];
    if (vote->wanting == NULL)
        return false;
    vote->wanting->wants_crop = false;
    *where = vote->wanting->where;
    return true;
}

void vote_crop(struct vote *vote, const uint8_t *jpeg, size_t size)
{
    assert(vote->wanting != NULL);
    struct passage *passage = &vote->wanting->passage;
    vote->wanting = NULL;
    if (size == 0 || size > sizeof passage->crop)
        return;
    memcpy(passage->crop, jpeg, size);
    passage->row.crop_size = (uint32_t)size;
}

static const struct passage *tell(struct track *t, enum row_state state)
{
    t->told = true;
    t->tell_new = t->tell_update = false;
    t->passage.row.state = state;
    t->told_row = t->passage.row;
    t->told_ms = t->passage.row.last_ms;
    t->told_crop_score = t->crop_score;
    return &t->passage;
}

const struct passage *vote_next(struct vote *vote, uint64_t *first_number)
{
    let_leave(vote);
    for (int i = 0; i < N_TRACKS; i++) {
        struct track *t = &vote->tracks[i];
        if (!t->used || !(t->tell_new || t->tell_update || t->tell_lost))
            continue;
        if (first_number != NULL)
            *first_number = t->first_number;
        if (t->tell_new)
            return tell(t, ROW_NEW);
        if (!t->tell_lost)
            return tell(t, ROW_UPDATE);
        vote->leaving = t;
        return tell(t, ROW_LOST);
    }
    return NULL;
}

uint64_t vote_oldest(const struct vote *vote)
{
    uint64_t oldest = VOTE_NONE;
    for (int i = 0; i < N_TRACKS; i++)
        if (vote->tracks[i].used && &vote->tracks[i] != vote->leaving &&
            vote->tracks[i].first_number < oldest)
            oldest = vote->tracks[i].first_number;
    return oldest;
}
