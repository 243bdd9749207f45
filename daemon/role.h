/* The roles of the daemon: what each is given, and its run function. */
#ifndef LANEWARD_DAEMON_ROLE_H
#define LANEWARD_DAEMON_ROLE_H

#include "base/err.h"
#include "config/config.h"
#include "daemon/counters.h"

enum role {
    ROLE_PARENT,
    ROLE_CAPTURE,
    ROLE_RECOGNIZER,
    ROLE_KEEPER,
    ROLE_DESK,
    ROLE_HERALD,
    ROLE_COUNT
};

/* What a role finds when its run function begins: already re-executed, without the rights it does
 * not need. Descriptors that a role has no use for are -1. All sockets are SOCK_SEQPACKET; the
 * parent keeps both ends open, so that a role that is restarted finds the conversation where it
 * was. */
struct role_env {
    enum role role;
    unsigned camera; /* index in config->cameras: capture and recognizer */
    const struct config
        *config; /* private copy: only what this role needs, other cameras' sources are wiped */
    struct counters *counters; /* shared by all roles; written by capture, recognizer and keeper */
    const char *data_dir;      /* holds models/ and regions/ */
    int stop_fd;               /* readable (end of file) when the role has to end */
    int alive_fd; /* one byte written here at least every 2 s proves that the role is not stuck; the
                   * first says that it is ready: store open, models loaded, listening */
    int mailbox_fd;     /* capture, recognizer: the shared memory */
    int shot_event_fd;  /* eventfd: capture has put a shot */
    int taken_event_fd; /* eventfd: the recognizer has taken one */
    int source_fd;      /* capture of a folder: the folder, opened by the parent */
    int secret_fd;      /* capture: the credentials' text in a sealed memfd; herald: its key's;
                         * keeper: the host's credential, the service manager's own file */
    int keeper_fd;      /* recognizer, desk, herald: towards the keeper */
    int recognizer_fd[CONFIG_MAX_CAMERAS]; /* keeper: from the recognizers */
    int desk_fd;                           /* keeper: from the desk */
    int herald_fd;                         /* keeper: towards the herald */
    int listen_fd;                         /* desk: the officers' Unix socket, listening */
    int maintenance_fd;                    /* desk: the maintenance's, listening */
    int probe_fd; /* `lanewardd --probe`: instead of running, the role tries what is asked here */
};

/* Run a role's whole life. ERR_OK: asked to stop. Anything else: the process ends and the parent
 * starts it again. */
enum err capture_run(const struct role_env *env, struct fault *why) MUST_USE;
enum err recognizer_run(const struct role_env *env, struct fault *why) MUST_USE;
enum err keeper_run(const struct role_env *env, struct fault *why) MUST_USE;
enum err desk_run(const struct role_env *env, struct fault *why) MUST_USE;
enum err herald_run(const struct role_env *env, struct fault *why) MUST_USE;

/* One byte to the parent: this role is not stuck. A full pipe means that it has signs enough. */
void role_show_alive(const struct role_env *env);

/* "parent", "capture", ... */
const char *role_name(enum role role);

/* The exit status of a role's process: 0 asked to stop, else this + the error's code. */
enum { ROLE_EXIT_FAULT = 10 };

#endif
