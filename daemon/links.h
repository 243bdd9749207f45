/* What connects the roles, and what the parent opens for them: all descriptors of a running daemon.
 */
#ifndef LANEWARD_DAEMON_LINKS_H
#define LANEWARD_DAEMON_LINKS_H

#include <stdbool.h>

#include "daemon/role.h"

/* Of one camera. All close-on-exec; -1: not used. */
struct links_camera {
    int mailbox, shot_event, taken_event, source, secret;
};

struct links {
    struct links_camera cameras[CONFIG_MAX_CAMERAS];
    int recognizer_side[CONFIG_MAX_CAMERAS]; /* the two ends of each conversation with the keeper */
    int keeper_side[CONFIG_MAX_CAMERAS];
    int desk_side, keeper_desk_side;
    int herald_side, keeper_herald_side, herald_secret; /* where there is a witness's server */
    int listen, maintenance;
};

/* All -1. */
void links_clear(struct links *links);

/* Opens mailboxes, folders and credentials of every camera. ERR_DENIED: a credentials file that
 * others may read or that belongs to someone else. ERR_IO, ERR_LIMIT. On failure nothing stays
 * open. */
enum err links_open_cameras(struct links *links, const struct config *config,
                            struct fault *why) MUST_USE;

/* Opens the keeper's conversations, and the herald's key. ERR_DENIED: a key file that others may
 * read or that belongs to someone else. On failure nothing stays open. */
enum err links_open_keeper(struct links *links, const struct config *config,
                           struct fault *why) MUST_USE;

/* Opens the officers' socket and the maintenance's, taking away ones that nobody listens on any
 * more. ERR_DENIED: another daemon listens there, or something else than a socket stands there. On
 * failure neither stays. */
enum err links_listen(struct links *links, const struct config *config, struct fault *why) MUST_USE;

/* Moves the keeper's conversations, the sockets, or both from a set that ends to the one that
 * follows it. */
void links_move(struct links *to, struct links *from, bool keeper, bool sockets);

/* Takes the sockets' names away. */
void links_unlink(const struct config *config);

/* What a role is given of them. */
void links_give(const struct links *links, struct role_env *env);

void links_close(struct links *links);

#endif
