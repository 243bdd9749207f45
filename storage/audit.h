/* The log of looks: records that are durable before an answer leaves, the tree over them, and its
 * signed heads. */
#ifndef LANEWARD_STORAGE_AUDIT_H
#define LANEWARD_STORAGE_AUDIT_H

#include "evidence/entry.h"
#include "evidence/head.h"
#include "storage/keyring.h"
#include "storage/store.h"

enum {
    AUDIT_HEAD_MS = 60000,    /* a head is due so long after the first record that it lacks */
    AUDIT_HEAD_RECORDS = 256, /* or after so many */
    AUDIT_MAX_READ = 64,      /* records of one audit_read */
};

/* Appends one record: fills entry->index, epoch and, when at_ms is 0, the time; seals `detail` (may
 * be NULL) to the auditor's key (without one it is kept as it is, in the encrypted file); `plate`
 * (may be NULL or "") gives the mac. Durable on ERR_OK. ERR_IO: not recorded, so nothing may be
 * answered. */
enum err audit_append(struct store *store, struct entry *entry, const struct entry_detail *detail,
                      const char *plate, struct fault *why) MUST_USE;

/* The keys by which it is signed, and of which host. */
struct keyring_state audit_keys(const struct store *store);

/* Whether a head is due at this moment. */
bool audit_is_due(const struct store *store, int64_t now_ms);

/* Signs a head over all records and stores it. `posture` (32 bytes) or NULL: the one of the head
 * before. ERR_IO. */
enum err audit_sign(struct store *store, int64_t now_ms, const uint8_t *posture, struct head *out,
                    struct fault *why) MUST_USE;

/* The newest stored head. ERR_NOT_FOUND: none was signed yet. */
enum err audit_head(struct store *store, struct head *out, struct fault *why) MUST_USE;

/* Records from `first` on, at most `room` (<= AUDIT_MAX_READ), packed one after the other in `out`
 * as a length of two bytes (little-endian) and the record; *size: bytes used of `out_size`; *n: how
 * many fitted. */
struct audit_page {
    uint64_t first;
    uint32_t room, n;
    uint8_t *out;
    size_t out_size, size;
};
enum err audit_read(struct store *store, struct audit_page *page, struct fault *why) MUST_USE;

/* That the newest stored head's tree begins with that of `old` records. ERR_INPUT: old is 0 or
 * larger than it: then the store is older than what the asker has seen. */
enum err audit_prove_growth(struct store *store, uint64_t old, struct merkle_proof *out,
                            struct fault *why) MUST_USE;
/* That record `index` is in the newest stored head's tree. ERR_INPUT. */
enum err audit_prove_record(struct store *store, uint64_t index, struct merkle_proof *out,
                            struct fault *why) MUST_USE;

#endif
