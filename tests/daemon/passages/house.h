/* A keeper and a desk as real processes around a real store in a temporary folder, for the tests of
 * the roles. */
#ifndef LANEWARD_TESTS_HOUSE_H
#define LANEWARD_TESTS_HOUSE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <sys/types.h>

#include "daemon/message.h"
#include "daemon/role.h"

struct house {
    char root[64], state_dir[96], socket_path[96], maintenance_path[96];
    struct config config;
    struct counters *counters;              /* shared with the roles */
    int recognizer_side[2], keeper_side[2]; /* of two cameras, north-1 and south-1 */
    int desk_side, keeper_desk_side, listen_fd, maintenance_fd;
    int mailbox_fd, shot_event_fd, taken_event_fd; /* of north-1 */
    pid_t keeper, desk, recognizer;                /* 0: not running */
    int keeper_stop, desk_stop, recognizer_stop;   /* closing them ends the role */
    struct message in, out;
    uint8_t scratch[MESSAGE_MAX];
    struct fault why;
};

int house_setup(void **state);
int house_teardown(void **state);

void house_start_keeper(struct house *house);
void house_start_desk(struct house *house);
void house_start_recognizer(struct house *house); /* of north-1 */
/* Asked to stop, it must end well and soon; or killed at once. */
void house_stop(pid_t *role, int *stop);
void house_kill(pid_t *role, int *stop);

/* Receive the next message on `fd` into house->in; fails the test after 5 s. */
void house_receive(struct house *house, int fd);

/* When passage 0 was seen: an hour before the test began. */
int64_t house_begin_ms(void);
/* Passage n of camera "north-1": everything follows from n. */
void house_passage(uint32_t n, struct passage *out);

/* Opens the store in the test's own process (no keeper may run); close with house_close_store. */
struct store *house_open_store(struct house *house);
void house_close_store(struct store **store);
/* Looks of this kind that are recorded there. */
int house_count_looks(struct store *store, const char *kind);
/* The newest record of the kind. */
bool house_last_look(struct store *store, const char *kind, struct entry *entry,
                     struct entry_detail *detail);
/* Looks by this user, in the kernel's and in the host's words, for this reason. */
int house_count_looks_by(struct store *store, uid_t uid, const char *user, const char *reason);

#endif
