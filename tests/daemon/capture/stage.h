/* A stage for one capture: its role runs in a child with its real rights, the test plays the
 * recognizer and the parent. */
#ifndef LANEWARD_TESTS_STAGE_H
#define LANEWARD_TESTS_STAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/mailbox.h"
#include "daemon/role.h"

enum { STAGE_FRAME_BYTES = 262144 };

struct stage {
    struct role_env env;
    struct config config;
    struct counters_camera *counters;
    struct mailbox *mailbox;
    struct shot shot; /* the last taken */
    uint8_t bytes[STAGE_FRAME_BYTES];
    size_t size;
    int stop_end; /* the test's end of the stop pipe */
    int alive_end;
    pid_t pid;
};

/* A camera of this kind; `source` a folder or an address; `secret` user:password or NULL. */
struct stage *stage_new(enum config_source kind, const char *source, const char *secret);

/* Starts the capture's process; again after stage_kill. */
void stage_start(struct stage *stage);

/* A recognizer that (re)starts: where to go on from. */
void stage_resume(struct stage *stage, const char *cursor);

/* Waits for a picture, takes it, and says so. false: none within `timeout_ms`. */
bool stage_take(struct stage *stage, int timeout_ms);

/* SIGKILL, as the system would. */
void stage_kill(struct stage *stage);

/* Closes the pipe; asserts that the capture ends well within a second. */
void stage_stop(struct stage *stage);
void stage_free(struct stage **stage);

/* Waits until `value` is at least `wanted`; false after `timeout_ms`. */
bool stage_reaches(const _Atomic uint64_t *value, uint64_t wanted, int timeout_ms);

/* A folder of the test's own, removed with all in it by stage_remove_folder. */
void stage_make_folder(char *path, size_t size);
void stage_remove_folder(const char *path);

/* Writes what begins and ends like a JPEG of `size` bytes with `mark` in the middle; not by
 * renaming. */
void stage_write(const char *folder, const char *name, const char *mark, size_t size);

#endif
