/* The roles' names. */
#include "daemon/role.h"

#include <assert.h>

static const char *const names[ROLE_COUNT] = {
    [ROLE_PARENT] = "parent", [ROLE_CAPTURE] = "capture", [ROLE_RECOGNIZER] = "recognizer",
    [ROLE_KEEPER] = "keeper", [ROLE_DESK] = "desk",
};

const char *role_name(enum role role)
{
    assert(role < ROLE_COUNT);
    return names[role];
}
