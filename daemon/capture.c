/* The capture role: one camera of any kind, its complete pictures into the mailbox. */
#include "daemon/capture.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { TICK_MS = 1000, COMPLAIN_MS = 60000 };

int64_t capture_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void signal_event(int fd)
{
    uint64_t one = 1;
    /* A full counter, the only failure there is, says the same. */
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

void capture_deliver(struct capture *capture, size_t size, uint64_t number, int64_t seen_ms,
                     const char *cursor)
{
    struct mailbox_state state;
    (void)mailbox_slot(capture->mailbox, &state);
    struct shot shot = {.number = number ? number : state.last_number + 1,
                        .seen_ms = seen_ms,
                        .arrived_ns = now_ns(),
                        .clock_synchronised = capture->is_synchronised};
    snprintf(shot.cursor, sizeof shot.cursor, "%s", cursor);
    atomic_fetch_add(&capture->counters->frames, 1);
    atomic_store(&capture->counters->last_frame_ms, counters_now_ms());
    if (mailbox_put(capture->mailbox, &shot, size))
        atomic_fetch_add(&capture->counters->dropped, 1);
    signal_event(capture->env->shot_event_fd);
}

void capture_bad(struct capture *capture, const char *what)
{
    uint64_t bad = atomic_fetch_add(&capture->counters->bad_frames, 1) + 1;
    int64_t now = capture_now_ms();
    if (capture->complained_ms != 0 && now - capture->complained_ms < COMPLAIN_MS)
        return;
    capture->complained_ms = now;
    log_write(LOG_LEVEL_WARNING, "a picture %s; %llu bad ones so far", what,
              (unsigned long long)bad);
}

static void count_rate(struct capture *capture)
{
    uint64_t frames = atomic_load(&capture->counters->frames), sum = 0;
    capture->rate_frames[capture->rate_at] = frames - capture->rate_before;
    capture->rate_before = frames;
    capture->rate_at = (capture->rate_at + 1) % CAPTURE_RATE_WINDOW;
    for (int i = 0; i < CAPTURE_RATE_WINDOW; i++)
        sum += capture->rate_frames[i];
    atomic_store(&capture->counters->millifps, (uint32_t)(sum * 1000 / CAPTURE_RATE_WINDOW));
}

void capture_tick(struct capture *capture)
{
    int64_t now = capture_now_ms();
    if (now - capture->ticked_ms < TICK_MS)
        return;
    capture->ticked_ms = now;
    ssize_t ignored = write(capture->env->alive_fd, "", 1);
    (void)ignored;
    capture->is_synchronised = counters_clock_synchronised();
    count_rate(capture);
}

bool capture_wait(struct capture *capture, int fd, int timeout_ms)
{
    struct pollfd waits[2] = {{.fd = capture->env->stop_fd, .events = POLLIN},
                              {.fd = fd, .events = POLLIN}};
    capture_tick(capture);
    (void)poll(waits, 2, timeout_ms < TICK_MS ? timeout_ms : TICK_MS);
    return waits[0].revents != 0;
}

static const struct capture_source *source_of(const struct config_camera *camera)
{
    switch (camera->kind) {
    case CONFIG_DIR_ONCE:
        return &capture_replay;
    case CONFIG_DIR_WATCH:
        return &capture_watch;
    case CONFIG_MJPEG:
        return &capture_mjpeg;
    }
    assert(!"a kind of camera without a source");
    return NULL;
}

/* Until asked to end. */
static enum err run_source(struct capture *capture, const struct capture_source *source,
                           struct fault *why)
{
    void *handle = NULL;
    bool has_ended = false;
    enum err err = source->open(capture, &handle, why);
    while (err == ERR_OK && !capture_wait(capture, -1, has_ended ? TICK_MS : 0)) {
        if (has_ended)
            continue;
        err = source->next(handle, why);
        if (err == ERR_CLOSED) {
            has_ended = true;
            err = ERR_OK;
        }
    }
    if (handle != NULL)
        source->close(&handle);
    return err;
}

enum err capture_run(const struct role_env *env, struct fault *why)
{
    struct capture capture = {.env = env,
                              .camera = &env->config->cameras[env->camera],
                              .counters = &env->counters->cameras[env->camera]};
    enum err err =
        mailbox_open(&capture.mailbox, env->mailbox_fd, env->config->max_frame_bytes, why);
    if (err != ERR_OK)
        return err;
    capture.rate_before = atomic_load(&capture.counters->frames);
    capture.is_synchronised = counters_clock_synchronised();
    err = run_source(&capture, source_of(capture.camera), why);
    atomic_store(&capture.counters->connected, 0);
    atomic_store(&capture.counters->millifps, 0);
    mailbox_close(&capture.mailbox);
    return err;
}
