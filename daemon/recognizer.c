/* The recognizer: one camera's pictures into passages, and passages to the keeper. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/courier.h"
#include "daemon/mailbox.h"
#include "daemon/progress.h"
#include "daemon/role.h"
#include "daemon/vote.h"

enum {
    ALIVE_MS = 500,     /* the parent wants a sign every 2 s; a picture may take part of that */
    LEAST_WAIT_MS = 20, /* when the keeper's socket is full */
    FLUSH_MS =
        700, /* at the end: for the keeper's acknowledgements; the parent stops it after 1.1 s */
    ROOM_KEPT =
        24, /* unacknowledged passages from which on a folder's pictures wait where they are */
};
static const int64_t latest_ms = INT64_C(16725225600000); /* the year 2500 */

struct recognizer {
    const struct role_env *env;
    const struct config_camera *camera;
    struct counters_camera *counters;
    struct ocr *ocr;
    struct vote *vote;
    struct mailbox *mailbox;
    struct courier *courier;
    struct progress *progress; /* of a watched folder, else NULL */
    uint64_t n_pictures;
    bool has_resumed;
    /* The pictures' clock: what it showed at the last one, and when that was by the steady clock.
     */
    int64_t seen_ms, seen_at_ms;
    bool said[ERR_COUNT];
    struct shot shot;
    struct ocr_result result;
    uint8_t crop[ROW_MAX_CROP];
    uint8_t *picture; /* max_frame_bytes */
};

static int64_t steady_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum err open_engine(struct recognizer *r, struct fault *why)
{
    const struct config *config = r->env->config;
    char models[CONFIG_PATH_SIZE + 16], regions[CONFIG_PATH_SIZE + 16];
    snprintf(models, sizeof models, "%s%s",
             config->models_dir[0] ? config->models_dir : r->env->data_dir,
             config->models_dir[0] ? "" : "/models");
    snprintf(regions, sizeof regions, "%s%s",
             config->regions_dir[0] ? config->regions_dir : r->env->data_dir,
             config->regions_dir[0] ? "" : "/regions");
    const char *mask = r->camera->detection_mask_image;
    struct ocr_options options = {
        .models_dir = models,
        .regions_dir = regions,
        .regions = config->regions,
        .mask_file = mask[0] != '\0' ? mask : NULL,
        .topn = config->topn,
        .detection_threshold = config->detection_threshold,
        .must_match_pattern = config->must_match_pattern,
        .reader = (enum ocr_reader)config->reader,
        .motion_detection = config->motion_detection,
    };
    return ocr_open(&r->ocr, &options, why);
}

static enum err open_vote(struct recognizer *r, struct fault *why)
{
    const struct config *config = r->env->config;
    struct vote_options options = {.gap_ms = config->passage_gap_ms,
                                   .parked_s = config->passage_parked_s,
                                   .min_frames = config->passage_min_frames,
                                   .min_confidence = config->passage_min_confidence};
    snprintf(options.lane, sizeof options.lane, "%s", r->camera->lane);
    snprintf(options.camera, sizeof options.camera, "%s", r->camera->name);
    return vote_new(&r->vote, &options, why);
}

static void close_all(struct recognizer **recognizer)
{
    struct recognizer *r = *recognizer;
    if (r->courier != NULL)
        courier_free(&r->courier);
    if (r->progress != NULL)
        progress_free(&r->progress);
    if (r->mailbox != NULL)
        mailbox_close(&r->mailbox);
    if (r->vote != NULL)
        vote_free(&r->vote);
    if (r->ocr != NULL)
        ocr_close(&r->ocr);
    free(r->picture);
    free(r);
    *recognizer = NULL;
}

static enum err open_all(struct recognizer **out, const struct role_env *env, struct fault *why)
{
    struct recognizer *r = calloc(1, sizeof *r);
    if (r == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a recognizer");
    r->env = env;
    r->camera = &env->config->cameras[env->camera];
    r->counters = &env->counters->cameras[env->camera];
    r->picture = malloc(env->config->max_frame_bytes);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t first_seq = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    enum err err =
        r->picture == NULL ? fault_set(why, ERR_MEMORY, "no memory for a picture") : ERR_OK;
    if (err == ERR_OK)
        err = open_engine(r, why);
    if (err == ERR_OK)
        err = open_vote(r, why);
    if (err == ERR_OK)
        err = mailbox_open(&r->mailbox, env->mailbox_fd, env->config->max_frame_bytes, why);
    if (err == ERR_OK && r->camera->kind == CONFIG_DIR_WATCH)
        err = progress_new(&r->progress, why);
    if (err == ERR_OK)
        err = courier_new(&r->courier, env->keeper_fd, first_seq, r->camera->lane, why);
    if (err != ERR_OK)
        close_all(&r);
    else
        *out = r;
    return err;
}

/* A vehicle has gone: how well was it read? */
static void count_quality(struct recognizer *r, const struct row *row)
{
    if (row->plate[0] == '\0') {
        atomic_fetch_add(&r->counters->unread, 1);
        return;
    }
    int bin = (int)(row->confidence * COUNTERS_CONFIDENCE_BINS);
    bin = bin < 0 ? 0 : bin < COUNTERS_CONFIDENCE_BINS ? bin : COUNTERS_CONFIDENCE_BINS - 1;
    atomic_fetch_add(&r->counters->read, 1);
    atomic_fetch_add(&r->counters->confidence[bin], 1);
    if (row->n_candidates > 0 && row->candidates[0].matches_pattern)
        atomic_fetch_add(&r->counters->matched, 1);
}

/* Fetch what vote has to tell, count it and hand it on. */
static void send_passages(struct recognizer *r)
{
    const struct passage *passage;
    uint64_t first_number;
    while ((passage = vote_next(r->vote, &first_number)) != NULL) {
        if (passage->row.state == ROW_NEW)
            atomic_fetch_add(&r->counters->passages, 1);
        if (passage->row.state == ROW_LOST)
            count_quality(r, &passage->row);
        if (courier_put(r->courier, passage, first_number))
            continue;
        if (atomic_fetch_add(&r->counters->lost_passages, 1) == 0)
            log_write(LOG_LEVEL_ERROR,
                      "the store has taken nothing for too long: passages are being lost");
    }
}

static void cut_crops(struct recognizer *r)
{
    struct region where;
    struct fault ignored;
    while (vote_wants_crop(r->vote, &where)) {
        size_t size = 0;
        if (ocr_crop(r->ocr, &where, r->crop, sizeof r->crop, &size, &ignored) != ERR_OK)
            size = 0; /* the passage stays, with the crop that it had */
        vote_crop(r->vote, r->crop, size);
    }
}

static void count_reading(struct recognizer *r)
{
    int64_t latency_ns = steady_ns() - r->shot.arrived_ns;
    counters_latency(r->counters, latency_ns > 0 ? (uint64_t)latency_ns / 1000 : 0);
    atomic_fetch_add(&r->counters->recognized, 1);
    atomic_fetch_add(&r->counters->plates, r->result.n_readings);
    for (int i = 0; i < r->result.n_readings; i++) {
        const struct reading *reading = &r->result.readings[i];
        if (reading->n_candidates > 0)
            atomic_store(&r->counters->last_read_ms, counters_now_ms());
        if (r->result.unchanged) /* an earlier picture's readings, counted then */
            continue;
        atomic_fetch_add(&r->counters->compared, reading->was_compared);
        atomic_fetch_add(&r->counters->agreed, reading->was_compared && reading->was_same);
    }
}

static void vote_on(struct recognizer *r)
{
    /* What names the picture for ever: its place in a watched folder; else its number and its time.
     */
    char name[MAILBOX_CURSOR_SIZE];
    memcpy(name, r->shot.cursor, sizeof name);
    if (name[0] == '\0')
        snprintf(name, sizeof name, "#%llu", (unsigned long long)r->shot.number);
    struct vote_shot shot = {.number = r->n_pictures,
                             .seen_ms = r->seen_ms,
                             .clock_synchronised = r->shot.clock_synchronised,
                             .name = name};
    vote_add(r->vote, &shot, &r->result);
    if (r->env->config->store_crops)
        cut_crops(r);
}

static void read_picture(struct recognizer *r, size_t size)
{
    struct fault why;
    r->n_pictures++;
    r->seen_ms = r->shot.seen_ms < 1           ? 1
                 : r->shot.seen_ms > latest_ms ? latest_ms
                                               : r->shot.seen_ms;
    r->seen_at_ms = counters_steady_ms();
    enum err err = ocr_read(r->ocr, r->picture, size, &r->result, &why);
    if (err == ERR_OK) {
        count_reading(r);
        vote_on(r);
    } else {
        atomic_fetch_add(&r->counters->bad_frames, 1);
        if (!r->said[err])
            log_write(LOG_LEVEL_WARNING,
                      "a picture cannot be read, and is counted as bad: %s (%s); more of the "
                      "kind are only counted",
                      why.text, err_name(err));
        r->said[err] = true;
    }
    send_passages(r);
    if (r->progress != NULL && r->shot.cursor[0] != '\0')
        progress_note(r->progress, r->n_pictures, r->shot.cursor);
}

/* false: there was no new picture. */
static bool take_picture(struct recognizer *r)
{
    size_t size;
    if (!mailbox_take(r->mailbox, &r->shot, r->picture, &size))
        return false;
    uint64_t one = 1;
    ssize_t ignored = write(r->env->taken_event_fd, &one, sizeof one);
    (void)ignored;
    read_picture(r, size);
    return true;
}

/* The pictures' clock goes on between pictures, so that the last vehicle ends too. */
static void pass_time(struct recognizer *r, bool all)
{
    vote_tick(r->vote, r->seen_ms + (counters_steady_ms() - r->seen_at_ms), all);
    send_passages(r);
}

static void settle(struct recognizer *r)
{
    if (r->progress == NULL)
        return;
    uint64_t open = vote_oldest(r->vote), unacknowledged = courier_state(r->courier, 0).oldest;
    const char *cursor =
        progress_settled(r->progress, open < unacknowledged ? open : unacknowledged);
    if (cursor != NULL)
        courier_settle(r->courier, cursor);
}

static enum err speak_with_keeper(struct recognizer *r, struct fault *why)
{
    enum err err = courier_work(r->courier, counters_steady_ms(), why);
    settle(r); /* after what was acknowledged just now */
    struct courier_state state = courier_state(r->courier, counters_steady_ms());
    atomic_store(&r->counters->unacknowledged, state.unacknowledged);
    if (state.welcomed && !r->has_resumed && r->progress != NULL) {
        char cursor[MAILBOX_CURSOR_SIZE];
        snprintf(cursor, sizeof cursor, "%.*s", MAILBOX_CURSOR_SIZE - 1, state.resume);
        mailbox_set_resume(r->mailbox, cursor);
        r->has_resumed = true;
    }
    return err;
}

/* A folder keeps its pictures: they can wait until the store takes passages again, and until the
 * keeper has told where to go on. A camera's cannot. */
static bool may_take(const struct recognizer *r)
{
    if (r->camera->kind == CONFIG_MJPEG)
        return true;
    return (r->progress == NULL || r->has_resumed) &&
           courier_state(r->courier, 0).unacknowledged < ROOM_KEPT;
}

static int wait_time(const struct recognizer *r)
{
    int64_t wait = courier_state(r->courier, counters_steady_ms()).wait_ms;
    if (wait < 0 || wait > ALIVE_MS)
        return ALIVE_MS;
    return wait < LEAST_WAIT_MS ? LEAST_WAIT_MS : (int)wait;
}

/* One turn of the loop. *ends: the stop pipe was closed. */
static enum err turn(struct recognizer *r, bool *ends, struct fault *why)
{
    bool takes = may_take(r);
    struct pollfd fds[] = {
        {.fd = r->env->stop_fd, .events = POLLIN},
        {.fd = r->env->keeper_fd, .events = POLLIN},
        {.fd = takes ? r->env->shot_event_fd : -1, .events = POLLIN},
    };
    if (poll(fds, 3, wait_time(r)) < 0 && errno != EINTR)
        return fault_errno(why, ERR_IO, errno, "a recognizer cannot wait");
    role_show_alive(r->env);
    if (fds[0].revents != 0) {
        *ends = true;
        return ERR_OK;
    }
    if (fds[2].revents & POLLIN) {
        uint64_t count;
        ssize_t ignored = read(r->env->shot_event_fd, &count, sizeof count);
        (void)ignored;
    }
    /* Looked at in every turn: a predecessor may have taken the event and died before it took the
     * picture. */
    if (!takes || !take_picture(r))
        pass_time(r, false);
    return speak_with_keeper(r, why);
}

/* The end: every vehicle's passage is closed and given to the keeper. */
static enum err flush(struct recognizer *r, struct fault *why)
{
    int64_t until = counters_steady_ms() + FLUSH_MS;
    pass_time(r, true);
    for (;;) {
        courier_hurry(r->courier);
        enum err err = speak_with_keeper(r, why);
        struct courier_state state = courier_state(r->courier, counters_steady_ms());
        if (err != ERR_OK)
            return err;
        if (state.idle)
            return ERR_OK;
        int64_t left = until - counters_steady_ms();
        if (left <= 0) {
            if (state.unacknowledged > 0)
                log_write(LOG_LEVEL_WARNING, "%zu passages were not acknowledged at the end",
                          state.unacknowledged);
            return ERR_OK;
        }
        struct pollfd fd = {.fd = r->env->keeper_fd, .events = POLLIN};
        (void)poll(&fd, 1, left < LEAST_WAIT_MS ? (int)left : LEAST_WAIT_MS);
    }
}

enum err recognizer_run(const struct role_env *env, struct fault *why)
{
    struct recognizer *r = NULL;
    enum err err = open_all(&r, env, why);
    if (err != ERR_OK)
        return err;
    role_show_alive(env); /* the first says that it is ready */
    bool ends = false;
    while (err == ERR_OK && !ends)
        err = turn(r, &ends, why);
    if (err == ERR_OK)
        err = flush(r, why);
    close_all(&r);
    return err;
}
