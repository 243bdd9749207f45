/* The key's file in the state folder (host.key or tpm.blob): its format, and reading and writing it
 * with care. */
#ifndef LANEWARD_STORAGE_KEYFILE_H
#define LANEWARD_STORAGE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { KEYFILE_SECRET_SIZE = 32, KEYFILE_MAX_SEALED = 1024, KEYFILE_MAX_BYTES = 2048 };

/* What stands in the file. A file that is damaged fails its SHA-256; a whole one on another host
 * fails `check`. */
struct keyfile {
    bool with_serial;                    /* the DMI serial was mixed in */
    uint8_t random[KEYFILE_SECRET_SIZE]; /* of this folder alone */
    uint8_t check[KEYFILE_SECRET_SIZE];  /* derived from random and the host's identity */
    uint32_t pcr_mask;                   /* bit n: PCR n; 0 in host.key */
    uint16_t sealed_size;                /* 0 in host.key */
    uint8_t sealed[KEYFILE_MAX_SEALED];  /* the TPM's own form */
};

/* Pure. `out` has room for KEYFILE_MAX_BYTES; returns the bytes used. */
size_t keyfile_pack(const struct keyfile *file, uint8_t *out);
/* Pure. ERR_CORRUPT. */
enum err keyfile_parse(const uint8_t *bytes, size_t size, struct keyfile *out,
                       struct fault *why) MUST_USE;

/* Reads and parses dir/name. ERR_NOT_FOUND. ERR_DENIED: not this user's, or others may read it.
 * ERR_CORRUPT. ERR_IO. */
enum err keyfile_read(const char *dir, const char *name, struct keyfile *out,
                      struct fault *why) MUST_USE;

/* Writes dir/name whole, mode 0600, durable on return. ERR_IO, also when it is there and may not be
 * replaced. */
enum err keyfile_write(const char *dir, const char *name, const struct keyfile *file,
                       bool may_replace, struct fault *why) MUST_USE;

#endif
