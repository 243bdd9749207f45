/* A plate's picture as it lies in a segment: AES-256-GCM under a key of its hour and passage; below
 * that, where there is a port key, an envelope to it. Pure but for the random numbers. */
#ifndef LANEWARD_STORAGE_CROP_H
#define LANEWARD_STORAGE_CROP_H

#include "evidence/envelope.h"
#include "storage/keyring.h"
#include "storage/row.h"

enum {
    CROP_MAX_SIZE = ROW_MAX_CROP + ENVELOPE_OVERHEAD,
    CROP_MAX_BYTES = 12 + 1 + CROP_MAX_SIZE + 16, /* nonce, kind, content, tag */
};

/* What is below the hour's key. */
struct crop {
    bool is_sealed; /* an envelope to the port; else a JPEG */
    size_t size;
    uint8_t bytes[CROP_MAX_SIZE];
};

/* Sealed to `port`, or as it is with NULL. `size` is at most ROW_MAX_CROP. ERR_MEMORY. */
enum err crop_make(const struct signature_key *port, const uint8_t id[ROW_ID_SIZE],
                   const uint8_t *jpeg, size_t size, struct crop *out, struct fault *why) MUST_USE;

/* `out` has room for CROP_MAX_BYTES. ERR_MEMORY. */
enum err crop_lock(const uint8_t hour_key[KEYRING_KEY_SIZE], const uint8_t id[ROW_ID_SIZE],
                   const struct crop *crop, uint8_t *out, size_t *size, struct fault *why) MUST_USE;
/* ERR_CORRUPT. */
enum err crop_unlock(const uint8_t hour_key[KEYRING_KEY_SIZE], const uint8_t id[ROW_ID_SIZE],
                     const uint8_t *locked, size_t size, struct crop *out,
                     struct fault *why) MUST_USE;

#endif
