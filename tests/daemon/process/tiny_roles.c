/* Roles that do nothing but what a test of the parent wants to see; told by the name of a camera's
 * lane or by files. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/role.h"

static bool wait_for_stop(const struct role_env *env, int timeout_ms)
{
    struct pollfd wait = {.fd = env->stop_fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) > 0;
}

static enum err idle(const struct role_env *env)
{
    do {
        if (write(env->alive_fd, "", 1) < 0 && wait_for_stop(env, 0))
            break;
    } while (!wait_for_stop(env, 500));
    return ERR_OK;
}

static _Noreturn void stand_still(void)
{
    for (;;)
        pause();
}

enum err capture_run(const struct role_env *env, struct fault *why)
{
    const char *lane = env->config->cameras[env->camera].lane;
    if (strcmp(lane, "crash") == 0) {
        (void)wait_for_stop(env, 20);
        abort();
    }
    if (strcmp(lane, "fail") == 0)
        return fault_set(why, ERR_IO, "as the test wants it");
    if (strcmp(lane, "stuck") == 0) {
        ssize_t ignored = write(env->alive_fd, "", 1);
        (void)ignored;
        stand_still();
    }
    return idle(env);
}

enum err recognizer_run(const struct role_env *env, struct fault *why)
{
    (void)why;
    return idle(env);
}

/* Refuses a state folder that holds "foreign"; takes its time to close the store. */
enum err keeper_run(const struct role_env *env, struct fault *why)
{
    char path[CONFIG_PATH_SIZE + 16];
    struct stat info;
    snprintf(path, sizeof path, "%s/foreign", env->config->state_dir);
    if (stat(path, &info) == 0)
        return fault_set(why, ERR_IDENTITY, "the store is another host's");
    enum err err = idle(env);
    usleep(200000);
    return err;
}

enum err desk_run(const struct role_env *env, struct fault *why)
{
    (void)why;
    return idle(env);
}

enum err herald_run(const struct role_env *env, struct fault *why)
{
    (void)why;
    return idle(env);
}
