/* The roles' names, and their sign of life. */
#include "daemon/role.h"

#include <assert.h>
#include <unistd.h>

static const char *const names[ROLE_COUNT] = {
    [ROLE_PARENT] = "parent", [ROLE_CAPTURE] = "capture", [ROLE_RECOGNIZER] = "recognizer",
    [ROLE_KEEPER] = "keeper", [ROLE_DESK] = "desk",       [ROLE_HERALD] = "herald",
};

const char *role_name(enum role role)
{
    assert(role < ROLE_COUNT);
    return names[role];
}

void role_show_alive(const struct role_env *env)
{
    ssize_t ignored = env->alive_fd >= 0 ? write(env->alive_fd, "", 1) : 0;
    (void)ignored;
}
