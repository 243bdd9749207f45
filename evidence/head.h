/* A head of the log: its size and root at one moment, signed. Whoever holds an older one can see
 * that nothing before it was changed or cut. Pure. */
#ifndef LANEWARD_EVIDENCE_HEAD_H
#define LANEWARD_EVIDENCE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/merkle.h"
#include "evidence/signature.h"

enum { HEAD_MAX_BYTES = 512, HEAD_ID_SIZE = 16 };

struct head {
    uint64_t size; /* records */
    struct merkle_hash root;
    uint64_t epoch;              /* the key epoch, within the signed bytes */
    uint8_t binding;             /* enum binding_kind: 1 software, 2 TPM */
    uint8_t host[HEAD_ID_SIZE];  /* of this store, drawn when it was enrolled */
    uint8_t boot[HEAD_ID_SIZE];  /* the kernel's boot id */
    int64_t at_ms;               /* Unix */
    struct merkle_hash previous; /* SHA-256 of the packed head before; zero for the first */
    uint8_t posture[32];         /* digest of the last `laneward doctor`; zero: none yet */
    struct signature signature;  /* over head_message */
};

/* What is signed: a domain tag and all fields but the signature; returns its length, at most
 * HEAD_MAX_BYTES. */
size_t head_message(const struct head *head, uint8_t *out);

size_t head_pack(const struct head *head, uint8_t *out);
/* ERR_INPUT. */
enum err head_parse(const uint8_t *bytes, size_t size, struct head *out,
                    struct fault *why) MUST_USE;

/* Whether `key` has signed it. */
bool head_is_signed(const struct head *head, const struct signature_key *key);

/* Of the packed head: the next one's `previous`. */
struct merkle_hash head_digest(const struct head *head);

#endif
