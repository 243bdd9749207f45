/* What an intruder in a role would try: twenty actions, each in one form or several. */
#ifndef LANEWARD_DAEMON_ATTEMPT_H
#define LANEWARD_DAEMON_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/role.h"

enum { ATTEMPT_ACTIONS = 20 };

/* What is there to be reached. All of it is this host's own: no attempt makes a packet for another.
 */
struct attempt_scene {
    int32_t parent;          /* the process that has started the role */
    uint64_t parent_address; /* of a byte in its memory */
    uint16_t own_port;       /* served on loopback by the parent, as the camera's or witness's */
    uint16_t other_port;     /* served on loopback by the parent, TCP and UDP: somebody else's */
    char state_dir[CONFIG_PATH_SIZE];
};

struct attempt_result {
    int32_t has_succeeded;
    int32_t errnum; /* why not */
};

/* One form of an action: "connect", "udp". */
struct attempt {
    const char *action, *form;
    bool (*make)(const struct attempt_scene *scene); /* errno tells why not */
};

/* The n-th form; NULL behind the last. The forms of one action follow each other. */
const struct attempt *attempt_at(size_t n);

/* Whether the role that `env` describes has a right to it. */
bool attempt_is_right(const struct attempt *attempt, const struct role_env *env);

/* Makes it. May end the process: by a signal, or by becoming another program. */
struct attempt_result attempt_make(const struct attempt *attempt,
                                   const struct attempt_scene *scene);

#endif
