/* Handing heads to the herald. */
#include "daemon/dispatch.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

enum { TURN_PACKETS = 16 }; /* heard at once: who sends more without end has his turn again */

static void send_newest(struct dispatch *dispatch)
{
    if (dispatch->fd < 0 || dispatch->size == 0 || dispatch->is_sent)
        return;
    dispatch->is_sent = send(dispatch->fd, dispatch->head, dispatch->size,
                             MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)dispatch->size;
}

void dispatch_head(struct dispatch *dispatch, const uint8_t *head, size_t size, int64_t steady_ms)
{
    assert(size > 1 && size <= sizeof dispatch->head);
    if (dispatch->size == 0 || dispatch->is_kept)
        dispatch->since_ms = steady_ms;
    memcpy(dispatch->head, head, size);
    dispatch->size = size;
    dispatch->is_sent = dispatch->is_kept = false;
    send_newest(dispatch);
}

void dispatch_hear(struct dispatch *dispatch, int64_t steady_ms)
{
    uint8_t packet[HEAD_MAX_BYTES];
    for (int i = 0; i < TURN_PACKETS; i++) {
        ssize_t n = recv(dispatch->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
        if (n <= 0)
            return;
        if (n == 1) {
            dispatch->is_sent = dispatch->is_kept;
            continue;
        }
        dispatch->since_ms = steady_ms; /* an older one, too, shows that the witness keeps up */
        dispatch->is_kept |=
            (size_t)n == dispatch->size && memcmp(packet, dispatch->head, dispatch->size) == 0;
    }
}

void dispatch_work(struct dispatch *dispatch, int64_t steady_ms)
{
    if (dispatch->fd < 0 || dispatch->size == 0)
        return;
    send_newest(dispatch);
    bool is_late = !dispatch->is_kept && steady_ms - dispatch->since_ms > DISPATCH_LATE_MS;
    if (is_late && !dispatch->is_failing)
        log_write(LOG_LEVEL_ERROR, "ALARM witness: the server of witness_url keeps no heads");
    else if (!is_late && dispatch->is_failing)
        log_write(LOG_LEVEL_NOTICE, "the server of witness_url keeps heads again");
    dispatch->is_failing = is_late;
}
