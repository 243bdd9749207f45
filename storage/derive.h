/* One key out of another: HKDF-SHA256 (RFC 5869) through OpenSSL, so that a FIPS provider can stand
 * behind it. */
#ifndef LANEWARD_STORAGE_DERIVE_H
#define LANEWARD_STORAGE_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* `out` gets `size` bytes (at most 255 * 32) for the purpose that `label` names. ERR_MEMORY when
 * OpenSSL fails. */
enum err derive_key(const uint8_t *secret, size_t secret_size, const char *label, uint8_t *out,
                    size_t size, struct fault *why) MUST_USE;

#endif
