/* Supervision of one role. */
#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/spawn.h"

void child_init(struct child *child, enum role role, unsigned camera, const char *camera_name)
{
    *child = (struct child){.role = role,
                            .camera = camera,
                            .stop_fd = -1,
                            .alive_fd = -1,
                            .pause_ms = CHILD_FIRST_PAUSE_MS};
    snprintf(child->name, sizeof child->name, "%s%s%s", role_name(role), camera_name[0] ? " " : "",
             camera_name);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

enum err child_start(struct child *child, struct role_env *env, int counters_fd, int64_t now_ms,
                     struct fault *why)
{
    int stop[2] = {-1, -1}, alive[2] = {-1, -1};
    if (pipe2(stop, O_CLOEXEC) != 0 || pipe2(alive, O_CLOEXEC | O_NONBLOCK) != 0) {
        enum err err = fault_errno(why, ERR_IO, errno, "no pipe for %s", child->name);
        close_fd(&stop[0]);
        close_fd(&stop[1]);
        return err;
    }
    env->stop_fd = stop[0];
    env->alive_fd = alive[1];
    enum err err = spawn_role(env, counters_fd, &child->pid, why);
    close(stop[0]);
    close(alive[1]);
    if (err != ERR_OK) {
        close(stop[1]);
        close(alive[0]);
        return err;
    }
    child->stop_fd = stop[1];
    child->alive_fd = alive[0];
    child->is_ready = false;
    child->starts++;
    child->started_ms = child->heard_ms = now_ms;
    log_write(LOG_LEVEL_INFO, "%s started, process %d", child->name, (int)child->pid);
    return ERR_OK;
}

void child_hear(struct child *child, int64_t now_ms)
{
    char bytes[64];
    if (child->pid == 0)
        return;
    while (read(child->alive_fd, bytes, sizeof bytes) > 0) {
        child->heard_ms = now_ms;
        child->is_ready = true;
    }
    int64_t patience = child->is_ready ? CHILD_SILENT_MS : CHILD_START_MS;
    if (now_ms - child->heard_ms <= patience)
        return;
    log_write(LOG_LEVEL_ERROR, "%s has been silent for %d s and is ended", child->name,
              (int)(patience / 1000));
    kill(child->pid, SIGKILL);
    child->heard_ms = now_ms; /* once is enough, until waitpid tells */
}

void child_stop(struct child *child)
{
    close_fd(&child->stop_fd);
}

static enum err judge(const struct child *child, int status, bool was_asked)
{
    if (WIFSIGNALED(status)) {
        const char *hint =
            WTERMSIG(status) == SIGSYS ? ": it made a system call that no role has a right to" : "";
        log_write(was_asked ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s ended by signal %d (%s)%s",
                  child->name, WTERMSIG(status), strsignal(WTERMSIG(status)), hint);
        return ERR_IO;
    }
    int code = WEXITSTATUS(status);
    if (code == 0 && was_asked) {
        log_write(LOG_LEVEL_INFO, "%s stopped", child->name);
        return ERR_OK;
    }
    enum err err = code > ROLE_EXIT_FAULT && code < ROLE_EXIT_FAULT + ERR_COUNT
                       ? (enum err)(code - ROLE_EXIT_FAULT)
                       : ERR_IO;
    log_write(LOG_LEVEL_ERROR, "%s ended by itself, status %d (%s)", child->name, code,
              err_name(err));
    return err;
}

enum err child_ended(struct child *child, int status, bool was_asked, int64_t now_ms)
{
    enum err err = judge(child, status, was_asked);
    close_fd(&child->stop_fd);
    close_fd(&child->alive_fd);
    child->pid = 0;
    child->is_ready = false;
    if (now_ms - child->started_ms >= CHILD_HEALTHY_MS)
        child->pause_ms = CHILD_FIRST_PAUSE_MS;
    child->start_at_ms = now_ms + child->pause_ms;
    child->pause_ms =
        2 * child->pause_ms < CHILD_LAST_PAUSE_MS ? 2 * child->pause_ms : CHILD_LAST_PAUSE_MS;
    return err;
}
