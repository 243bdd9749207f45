/* ECDSA over P-256 with SHA-256 (FIPS 186-4) through OpenSSL: heads of the log, a second person's
 * consent. */
#ifndef LANEWARD_EVIDENCE_SIGNATURE_H
#define LANEWARD_EVIDENCE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SIGNATURE_MAX = 80, SIGNATURE_PUBLIC_SIZE = 65 };

struct signature {
    uint8_t size;
    uint8_t der[SIGNATURE_MAX]; /* ECDSA-Sig-Value */
};

/* A P-256 key, public or with its private half. Opaque; freeing wipes it. */
struct signature_key;

/* From PEM text: "PUBLIC KEY", "CERTIFICATE" or "PRIVATE KEY" (without a passphrase). ERR_INPUT: it
 * is none of these, or not P-256. */
enum err signature_key_parse(struct signature_key **out, const char *pem, size_t size,
                             struct fault *why) MUST_USE;
/* From an uncompressed point, 0x04 || x || y; or from a private scalar. ERR_INPUT. */
enum err signature_key_from_point(struct signature_key **out,
                                  const uint8_t point[SIGNATURE_PUBLIC_SIZE],
                                  struct fault *why) MUST_USE;
enum err signature_key_from_scalar(struct signature_key **out, const uint8_t scalar[32],
                                   struct fault *why) MUST_USE;
void signature_key_free(struct signature_key **key);

/* The uncompressed point. */
void signature_key_point(const struct signature_key *key, uint8_t out[SIGNATURE_PUBLIC_SIZE]);

/* ERR_INPUT: the key has no private half. */
enum err signature_make(const struct signature_key *key, const void *message, size_t size,
                        struct signature *out, struct fault *why) MUST_USE;
bool signature_holds(const struct signature_key *key, const void *message, size_t size,
                     const struct signature *signature);

#endif
