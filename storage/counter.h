/* A counter of the store's own in the TPM: it goes up by one and never down, whatever is done to
 * the disk. */
#ifndef LANEWARD_STORAGE_COUNTER_H
#define LANEWARD_STORAGE_COUNTER_H

#include "storage/tpm.h"

struct counter {
    uint32_t index;                /* of the TPM's memory that keeps its state: 0x01800000 and on */
    uint8_t auth[TPM_SECRET_SIZE]; /* without it nobody reads or steps it; no lockout by guesses */
};

/* Defines it if this TPM does not have it, and gives it its first value. Of one that was removed
 * and defined again the TPM goes on above the highest count that it ever had. ERR_IDENTITY: it is
 * another store's. ERR_IO, ERR_LIMIT: the TPM's memory is full. */
enum err counter_define(struct tpm *tpm, const struct counter *counter, uint64_t *value,
                        struct fault *why) MUST_USE;

/* ERR_NOT_FOUND: there is none. ERR_IDENTITY: it is another store's. ERR_IO. */
enum err counter_read(struct tpm *tpm, const struct counter *counter, uint64_t *value,
                      struct fault *why) MUST_USE;

/* From `from` to the next; nothing happens when it is there already. ERR_IO: whether it was done,
 * counter_read tells. ERR_IDENTITY: it stands elsewhere. */
enum err counter_step(struct tpm *tpm, const struct counter *counter, uint64_t from,
                      struct fault *why) MUST_USE;

#endif
