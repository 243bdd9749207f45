/* Passages that the keeper has not made durable yet: a fixed ring, resent until acknowledged. Pure;
 * no clock. */
#ifndef LANEWARD_DAEMON_OUTBOX_H
#define LANEWARD_DAEMON_OUTBOX_H

#include "base/err.h"
#include "daemon/passage.h"

struct outbox;

enum {
    OUTBOX_ROOM = 64,  /* passages */
    OUTBOX_WINDOW = 8, /* sent and not yet answered */
    OUTBOX_TIMEOUT_MS =
        5000, /* no answer for so long: the keeper has died with it, send it again */
    OUTBOX_FIRST_BACKOFF_MS = 500,
    OUTBOX_LAST_BACKOFF_MS = 15000,
};

/* `first_seq`: sequence numbers start here; what an earlier life was answered must not fit (take a
 * clock). */
enum err outbox_new(struct outbox **out, uint64_t first_seq, struct fault *why) MUST_USE;
void outbox_free(struct outbox **outbox);

/* Keeps a copy. A passage of the same id takes the older one's place. When there is no room the
 * oldest is given up: true, and `given_up` is its row. `first_number`: of the first picture in
 * which it was seen. */
bool outbox_put(struct outbox *outbox, const struct passage *passage, uint64_t first_number,
                struct row *given_up);

/* The next passage to send at `now_ms` (of any steady clock), or NULL. After it has gone out:
 * outbox_sent. */
const struct passage *outbox_due(const struct outbox *outbox, int64_t now_ms, uint64_t *seq);
void outbox_sent(struct outbox *outbox, uint64_t seq, int64_t now_ms);

/* The keeper's word: stored, or not. Numbers that are not in the ring (older versions, an earlier
 * life) are ignored. A refusal makes all wait with growing pauses; the first success ends the
 * waiting. */
void outbox_answer(struct outbox *outbox, uint64_t seq, bool stored, int64_t now_ms);

struct outbox_state {
    size_t count;
    uint64_t oldest; /* smallest first_number, UINT64_MAX when empty */
    int64_t wait_ms; /* until something falls due, 0 = now; -1 = nothing will */
};
struct outbox_state outbox_state(const struct outbox *outbox, int64_t now_ms);

#endif
