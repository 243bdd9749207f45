/* The recognizer's conversation with the keeper: passages, the folder's position and gaps until
 * they are acknowledged. */
#ifndef LANEWARD_DAEMON_COURIER_H
#define LANEWARD_DAEMON_COURIER_H

#include "daemon/message.h"

struct courier;

/* `fd` is borrowed. `first_seq` as in outbox_new. */
enum err courier_new(struct courier **out, int fd, uint64_t first_seq, const char *lane,
                     struct fault *why) MUST_USE;
void courier_free(struct courier **courier);

/* Keep a passage until it is durable. false: there was no room, and the oldest was given up; a gap
 * tells of it. */
bool courier_put(struct courier *courier, const struct passage *passage, uint64_t first_number);

/* All before this position of the watched folder is settled. Kept and sent at most once a second.
 */
void courier_settle(struct courier *courier, const char *cursor);

/* The end: what was to wait for its second goes out at once. */
void courier_hurry(struct courier *courier);

/* Receive what is there and send what is due; `now_ms` of a steady clock. ERR_CLOSED, ERR_IO: the
 * keeper's end is gone. */
enum err courier_work(struct courier *courier, int64_t now_ms, struct fault *why) MUST_USE;

struct courier_state {
    bool welcomed; /* the keeper has told the folder's position: `resume` */
    const char *resume;
    size_t unacknowledged; /* passages */
    bool idle;             /* nothing waits for an answer: passages, position, gaps */
    uint64_t oldest;       /* first picture of the unacknowledged passages, UINT64_MAX: none */
    int64_t wait_ms;       /* until courier_work has something to send; -1: nothing */
};
struct courier_state courier_state(const struct courier *courier, int64_t now_ms);

#endif
