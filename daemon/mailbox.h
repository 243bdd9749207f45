/* One encoded picture from the capture to the recognizer through shared memory: the newest wins,
 * drops are counted. */
#ifndef LANEWARD_DAEMON_MAILBOX_H
#define LANEWARD_DAEMON_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mailbox;

enum { MAILBOX_CURSOR_SIZE = 300 };

/* What travels with the bytes of a picture. */
struct shot {
    uint64_t number;    /* 1, 2, ... of this camera since the daemon started */
    int64_t seen_ms;    /* Unix milliseconds when its last byte arrived (a dropped-off file: when it
                           was made) */
    int64_t arrived_ns; /* CLOCK_MONOTONIC of the last byte, for latency */
    bool clock_synchronised;
    char cursor[MAILBOX_CURSOR_SIZE]; /* watched folder: position after this picture; else "" */
};

/* The parent makes the memory: three slots of `max_bytes`. Returns the memfd (sealed against
 * resizing), or -1 with errno. */
int mailbox_create(size_t max_bytes) MUST_USE;

/* Maps it. The layout is checked against max_bytes; ERR_INPUT when it does not fit. Both sides
 * survive the other's death at any instruction: which slot is whose is one atomic word. */
enum err mailbox_open(struct mailbox **out, int fd, size_t max_bytes, struct fault *why) MUST_USE;
void mailbox_close(struct mailbox **mailbox);

/* Where the capture stands; it outlives the capture's process. */
struct mailbox_state {
    uint64_t last_number; /* of the last picture put, 0 before the first */
    bool is_waiting;      /* that picture has not been taken */
};

/* Capture: the slot to write the next picture into (max_bytes of room), then put it. mailbox_put
 * returns true when it has overwritten a picture that nobody took. The caller signals the eventfd.
 * `state` may be NULL. */
uint8_t *mailbox_slot(struct mailbox *mailbox, struct mailbox_state *state);
bool mailbox_put(struct mailbox *mailbox, const struct shot *shot, size_t size);

/* Recognizer: copies the newest picture out. false: nothing new. A size or a text that is out of
 * bounds (a captured capture) is dropped and counts as nothing new. */
bool mailbox_take(struct mailbox *mailbox, struct shot *shot, uint8_t *out, size_t *size);

/* Watched folders: whenever it starts, before its first take, the recognizer tells from where to go
 * on ("" = from the beginning). What the capture puts before it has followed is not taken: it will
 * be put again, in its turn. */
void mailbox_set_resume(struct mailbox *mailbox, const char cursor[MAILBOX_CURSOR_SIZE]);

/* Capture: true when there is a position to go to: at the first call on this handle the
 * recognizer's, or where a capture that died has stopped; later only when a recognizer has started
 * anew. Before the first is told: false. */
bool mailbox_resume(struct mailbox *mailbox, char cursor[MAILBOX_CURSOR_SIZE]);

#endif
