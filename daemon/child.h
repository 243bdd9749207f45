/* One role's process as the parent sees it: started, heard of, ended, and started again with a
 * growing pause. */
#ifndef LANEWARD_DAEMON_CHILD_H
#define LANEWARD_DAEMON_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "daemon/role.h"

enum {
    CHILD_FIRST_PAUSE_MS = 100, /* before the first restart; doubles up to the last */
    CHILD_LAST_PAUSE_MS = 10000,
    CHILD_HEALTHY_MS = 30000, /* one that lived so long begins with the first pause again */
    CHILD_SILENT_MS = 10000,  /* a role unheard of for so long is killed */
    CHILD_START_MS = 60000,   /* until the first word: models are loaded, the store is checked */
};

/* Times are CLOCK_MONOTONIC milliseconds. */
struct child {
    enum role role;
    unsigned camera;
    char name[48];
    pid_t pid;   /* 0: not running */
    int stop_fd; /* the parent's ends; -1 when not running */
    int alive_fd;
    bool is_ready; /* has been heard of */
    unsigned pause_ms;
    unsigned starts;
    int64_t started_ms, heard_ms, start_at_ms;
};

void child_init(struct child *child, enum role role, unsigned camera, const char *camera_name);

/* `env` has all but stop_fd and alive_fd, which are made here. */
enum err child_start(struct child *child, struct role_env *env, int counters_fd, int64_t now_ms,
                     struct fault *why) MUST_USE;

/* Takes the alive bytes that have come; kills a role that has been silent too long. */
void child_hear(struct child *child, int64_t now_ms);

/* Asks it to end by closing its pipe. */
void child_stop(struct child *child);

/* The process has ended with `status` (of waitpid): logs how, and sets when to start it again.
 * Returns the error with which the role has ended; ERR_OK when it was asked to stop. */
enum err child_ended(struct child *child, int status, bool was_asked, int64_t now_ms);

#endif
