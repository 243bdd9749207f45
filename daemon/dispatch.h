/* The keeper's side of the herald: hands it the newest signed head, and knows whether the witness
 * behind it keeps up. Never blocks. */
#ifndef LANEWARD_DAEMON_DISPATCH_H
#define LANEWARD_DAEMON_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/head.h"

/* A head that is not kept for so long: the witness is failing. A slow answer and a try after it
 * have room within. */
enum { DISPATCH_LATE_MS = 15000 };

/* Packets to the herald are packed heads. From it: a head that the witness has kept, or one byte: a
 * herald that has begun and knows of none. */
struct dispatch {
    int fd;      /* -1: there is no herald */
    size_t size; /* of the newest head; 0: none was signed yet */
    uint8_t head[HEAD_MAX_BYTES];
    bool is_sent, is_kept;
    int64_t since_ms; /* steady: so long the witness has kept nothing that it was to keep */
    bool is_failing;  /* it is late; as of the last dispatch_work */
};

/* A head was signed: all before it need not be kept any more. */
void dispatch_head(struct dispatch *dispatch, const uint8_t *head, size_t size, int64_t steady_ms);

/* What the herald has to say. */
void dispatch_hear(struct dispatch *dispatch, int64_t steady_ms);

/* Sends what could not be sent before, and says when the witness begins to fail, and when it is
 * back. To be called a few times a second. */
void dispatch_work(struct dispatch *dispatch, int64_t steady_ms);

#endif
