/* A folder that a camera or an FTP server drops files into: each complete one once, in order of
 * arrival. The folder is the queue: the next file is read when the last was taken, so none is lost.
 * Files are left where they are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/capture.h"
#include "daemon/folder.h"
#include "daemon/queue.h"

enum {
    RETRY_MS = 200,    /* an incomplete file is looked at again */
    GIVE_UP_MS = 2000, /* one that has not changed for so long stays incomplete */
    MAX_STRIKES = 2,   /* a picture in work at so many ends of the recognizer is left out */
};

struct watch {
    struct capture *capture;
    int notify_fd;
    bool has_position; /* the recognizer has told where to begin */
    bool must_list;
    struct queue_place done;    /* all up to here were handed over, or left out for good */
    struct queue_place handed;  /* the last put */
    struct queue_place in_work; /* the last that was taken */
    struct queue_place suspect; /* what was in work when a recognizer ended, */
    int strikes;                /* and how often in a row */
    struct queue queue;
};

static void close_watch(void **source)
{
    struct watch *watch = *source;
    close(watch->notify_fd);
    free(watch);
    *source = NULL;
}

static enum err open_watch(struct capture *capture, void **source, struct fault *why)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a watched folder");
    watch->capture = capture;
    watch->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    /* By ".", because the folder's own path need not be reachable from here. */
    if (watch->notify_fd < 0 || fchdir(capture->env->source_fd) != 0 ||
        inotify_add_watch(watch->notify_fd, ".", IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        enum err err = fault_errno(why, ERR_IO, errno, "cannot watch the camera's folder");
        if (watch->notify_fd >= 0)
            close(watch->notify_fd);
        free(watch);
        return err;
    }
    atomic_store(&capture->counters->connected, 1);
    *source = watch;
    return ERR_OK;
}

/* The clock that the kernel dates files by. A file changed from now on gets this time or a later
 * one. */
static int64_t file_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_done(const struct watch *watch, const struct queue_place *place)
{
    /* A clock that was set back dates new files before old ones: then all that is told of is new.
     */
    if (file_clock_ns() < watch->done.changed_ns && !watch->must_list)
        return false;
    return queue_compare(place, &watch->done) <= 0;
}

static void consider(struct watch *watch, const char *name)
{
    struct folder_file file;
    struct queue_place place;
    size_t length = strlen(name);
    if (!folder_is_picture(name) || length >= sizeof place.name ||
        folder_look(watch->capture->env->source_fd, name, &file, NULL) != ERR_OK)
        return;
    memset(&place, 0, sizeof place);
    place.changed_ns = file.changed_ns;
    memcpy(place.name, name, length);
    if (!is_done(watch, &place))
        queue_add(&watch->queue, &place);
}

/* All that is there and not done; of more than the queue holds, the first. */
static enum err list_folder(struct watch *watch, struct fault *why)
{
    int fd = openat(watch->capture->env->source_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        enum err err = fault_errno(why, ERR_IO, errno, "cannot list the camera's folder");
        if (fd >= 0)
            close(fd);
        return err;
    }
    watch->queue.n = 0;
    watch->queue.has_more = false;
    unsigned seen = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        consider(watch, entry->d_name);
        if (++seen % 256 == 0)
            capture_tick(watch->capture);
    }
    closedir(folder);
    watch->must_list = false;
    return ERR_OK;
}

static void read_events(struct watch *watch)
{
    _Alignas(struct inotify_event) char bytes[16384];
    for (ssize_t n; (n = read(watch->notify_fd, bytes, sizeof bytes)) > 0;)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            if (event->mask & IN_Q_OVERFLOW)
                watch->must_list = true;
            else if (event->len > 0 && !watch->queue.has_more)
                consider(watch, event->name);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

/* A recognizer has started: from where it says. What its predecessor had in work may have ended it.
 */
static void go_to(struct watch *watch, const char *cursor)
{
    if (watch->has_position && watch->in_work.name[0] != '\0') {
        watch->strikes =
            queue_compare(&watch->in_work, &watch->suspect) == 0 ? watch->strikes + 1 : 1;
        watch->suspect = watch->in_work;
    }
    memset(&watch->done, 0, sizeof watch->done);
    if (cursor[0] != '\0' && !queue_parse(cursor, &watch->done))
        log_write(LOG_LEVEL_WARNING,
                  "the stored position is not one of a watched folder; all of it is read");
    memset(&watch->handed, 0, sizeof watch->handed);
    memset(&watch->in_work, 0, sizeof watch->in_work);
    watch->has_position = true;
    watch->must_list = true;
}

/* Whether the last picture was taken; waits a little when not. */
static bool is_taken(struct watch *watch)
{
    struct mailbox_state state;
    uint64_t count;
    (void)mailbox_slot(watch->capture->mailbox, &state);
    if (!state.is_waiting) {
        watch->in_work = watch->handed;
        return true;
    }
    (void)capture_wait(watch->capture, watch->capture->env->taken_event_fd, 100);
    ssize_t ignored = read(watch->capture->env->taken_event_fd, &count, sizeof count);
    (void)ignored;
    return false;
}

static void leave_out(struct watch *watch, const char *what)
{
    capture_bad(watch->capture, what);
    watch->done = watch->queue.places[0];
    queue_drop_first(&watch->queue);
}

/* The first file is not whole. Its writer may be at it: then its close will tell. Otherwise it is
 * waited for a little. */
static void wait_for_rest(struct watch *watch, const struct folder_file *file)
{
    if (file_clock_ns() - file->changed_ns >= (int64_t)GIVE_UP_MS * 1000000)
        leave_out(watch, "is truncated");
    else
        (void)capture_wait(watch->capture, -1, RETRY_MS);
}

/* It was written on, renamed or given other rights since it was seen: it has a later place now. */
static void place_again(struct watch *watch)
{
    struct queue_place first = watch->queue.places[0];
    queue_drop_first(&watch->queue);
    consider(watch, first.name);
}

static void hand_over(struct watch *watch, const struct folder_file *file)
{
    char cursor[MAILBOX_CURSOR_SIZE];
    watch->done = watch->handed = watch->queue.places[0];
    queue_drop_first(&watch->queue);
    queue_text(&watch->done, cursor, sizeof cursor);
    capture_deliver(watch->capture, file->size, 0, file->made_ms, cursor);
}

/* The first of the queue, as it is now. */
static void try_first(struct watch *watch)
{
    struct capture *capture = watch->capture;
    const struct queue_place *first = &watch->queue.places[0];
    struct folder_file file;
    struct fault why;
    uint8_t *slot = mailbox_slot(capture->mailbox, NULL);
    if (watch->strikes >= MAX_STRIKES && queue_compare(first, &watch->suspect) == 0) {
        leave_out(watch, "ended the recognizer twice and is left out");
        return;
    }
    enum err err = folder_read(capture->env->source_fd, first->name, slot,
                               capture->env->config->max_frame_bytes, &file, &why);
    if (err == ERR_NOT_FOUND)
        queue_drop_first(&watch->queue); /* taken away by whoever keeps the folder */
    else if (err == ERR_LIMIT)
        leave_out(watch, "is larger than max_frame_bytes");
    else if (err != ERR_OK)
        leave_out(watch, "cannot be read");
    else if (file.changed_ns != first->changed_ns)
        place_again(watch);
    else if (file.size == 0 || folder_judge(slot, file.size) == FOLDER_TRUNCATED)
        wait_for_rest(watch, &file);
    else if (folder_judge(slot, file.size) == FOLDER_NO_JPEG)
        leave_out(watch, "is no JPEG");
    else
        hand_over(watch, &file);
}

static enum err next_of_watch(void *source, struct fault *why)
{
    struct watch *watch = source;
    char cursor[MAILBOX_CURSOR_SIZE];
    if (mailbox_resume(watch->capture->mailbox, cursor))
        go_to(watch, cursor);
    if (!watch->has_position) {
        (void)capture_wait(watch->capture, -1, 50);
        return ERR_OK;
    }
    read_events(watch);
    if (watch->queue.n == 0 && watch->queue.has_more)
        watch->must_list = true;
    if (watch->must_list) {
        enum err err = list_folder(watch, why);
        if (err != ERR_OK)
            return err;
    }
    if (!is_taken(watch))
        return ERR_OK;
    if (watch->queue.n == 0)
        (void)capture_wait(watch->capture, watch->notify_fd, 100);
    else if (watch->queue.places[0].changed_ns >= file_clock_ns())
        (void)capture_wait(watch->capture, -1,
                           5); /* another file may still get the same time and a lesser name */
    else
        try_first(watch);
    return ERR_OK;
}

const struct capture_source capture_watch = {open_watch, next_of_watch, close_watch};
