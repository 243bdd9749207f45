/* A folder played once, in the order of names: for shows, tests and measurements. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/capture.h"
#include "daemon/folder.h"

struct replay {
    struct capture *capture;
    struct dirent **names;
    size_t n_names, next;
    double due_ms; /* of the next picture, when there is a rate */
};

static int is_picture(const struct dirent *entry)
{
    return folder_is_picture(entry->d_name);
}

/* Plain bytes, so that the order is the same on every host. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void close_replay(void **source)
{
    struct replay *replay = *source;
    for (size_t i = 0; i < replay->n_names; i++)
        free(replay->names[i]);
    free(replay->names);
    free(replay);
    *source = NULL;
}

static enum err open_replay(struct capture *capture, void **source, struct fault *why)
{
    struct replay *replay = calloc(1, sizeof *replay);
    struct mailbox_state state;
    if (replay == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a replay");
    int count = scandirat(capture->env->source_fd, ".", &replay->names, is_picture, compare_names);
    if (count < 0) {
        free(replay);
        return fault_errno(why, ERR_IO, errno, "cannot list the camera's folder");
    }
    (void)mailbox_slot(capture->mailbox, &state);
    replay->capture = capture;
    replay->n_names = (size_t)count;
    /* A picture's number is its place: a capture that died is followed by one that goes on. */
    replay->next = state.last_number < (uint64_t)count ? (size_t)state.last_number : (size_t)count;
    replay->due_ms = (double)capture_now_ms();
    atomic_store(&capture->counters->connected, 1);
    log_write(LOG_LEVEL_INFO, "replay of %zu pictures", replay->n_names);
    *source = replay;
    return ERR_OK;
}

/* Whether the next may be put now; waits a little when not. */
static bool is_due(struct replay *replay)
{
    struct capture *capture = replay->capture;
    struct mailbox_state state;
    if (capture->camera->rate > 0) {
        int64_t left = (int64_t)replay->due_ms - capture_now_ms();
        if (left > 0)
            (void)capture_wait(capture, -1, (int)(left < 250 ? left : 250));
        return left <= 250;
    }
    (void)mailbox_slot(capture->mailbox, &state);
    if (!state.is_waiting)
        return true;
    uint64_t count;
    (void)capture_wait(capture, capture->env->taken_event_fd, 100);
    ssize_t ignored = read(capture->env->taken_event_fd, &count, sizeof count);
    (void)ignored;
    return false;
}

static void put_file(struct replay *replay, const char *name)
{
    struct capture *capture = replay->capture;
    struct folder_file file;
    struct fault why;
    uint8_t *slot = mailbox_slot(capture->mailbox, NULL);
    enum err err = folder_read(capture->env->source_fd, name, slot,
                               capture->env->config->max_frame_bytes, &file, &why);
    if (err != ERR_OK)
        capture_bad(capture,
                    err == ERR_LIMIT ? "is larger than max_frame_bytes" : "cannot be read");
    else if (folder_judge(slot, file.size) == FOLDER_NO_JPEG)
        capture_bad(capture, "is no JPEG");
    else
        capture_deliver(capture, file.size, replay->next + 1, counters_now_ms(), "");
}

static enum err next_of_replay(void *source, struct fault *why)
{
    struct replay *replay = source;
    struct capture *capture = replay->capture;
    if (replay->next == replay->n_names) {
        atomic_store(&capture->counters->connected, 0);
        log_write(LOG_LEVEL_INFO, "replay finished");
        return fault_set(why, ERR_CLOSED, "replay finished");
    }
    if (!is_due(replay))
        return ERR_OK;
    put_file(replay, replay->names[replay->next]->d_name);
    replay->next++;
    if (capture->camera->rate > 0) {
        double now = (double)capture_now_ms();
        replay->due_ms += 1000.0 / (double)capture->camera->rate;
        if (replay->due_ms < now - 1000) /* the host was held up: do not hurry after */
            replay->due_ms = now;
    }
    return ERR_OK;
}

const struct capture_source capture_replay = {open_replay, next_of_replay, close_replay};
