/* Sealing bytes to somebody's public key, so that whoever seals cannot open them again: ephemeral
 * ECDH over P-256, HKDF-SHA256, AES-256-GCM (the scheme ECIES of SEC 1, 5.1, with an AEAD). Pure
 * but for the random numbers. */
#ifndef LANEWARD_EVIDENCE_ENVELOPE_H
#define LANEWARD_EVIDENCE_ENVELOPE_H

#include "evidence/signature.h"

enum { ENVELOPE_OVERHEAD = 1 + SIGNATURE_PUBLIC_SIZE + 12 + 16 }; /* version, point, nonce, tag */

/* `label` names the purpose ("laneward crop 1"); `bound` (bound_size bytes, may be 0) must be the
 * same when it is opened. `out` has room for size + ENVELOPE_OVERHEAD. ERR_MEMORY when OpenSSL
 * fails. */
struct envelope_purpose {
    const char *label;
    const void *bound;
    size_t bound_size;
};

enum err envelope_seal(const struct signature_key *to, const struct envelope_purpose *purpose,
                       const void *plain, size_t size, uint8_t *out, struct fault *why) MUST_USE;

/* `out` has room for size - ENVELOPE_OVERHEAD bytes, which is what it holds on ERR_OK. ERR_INPUT:
 * not an envelope. ERR_IDENTITY: sealed to another key or bound to something else, or changed
 * since. */
enum err envelope_open(const struct signature_key *key, const struct envelope_purpose *purpose,
                       const uint8_t *sealed, size_t size, uint8_t *out,
                       struct fault *why) MUST_USE;

#endif
