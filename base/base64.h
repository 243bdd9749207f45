/* Bytes as base64 (RFC 4648, section 4) and back. */
#ifndef LANEWARD_BASE_BASE64_H
#define LANEWARD_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of `size` bytes, without the closing zero. */
#define BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

/* `out` has room for BASE64_LENGTH(size) + 1; returns the length. */
size_t base64_encode(const uint8_t *bytes, size_t size, char *out);

/* Strict: no other characters, full padding, no bits beside the bytes. false: it is none, or has
 * more than `room` bytes; *size is then untouched. */
bool base64_decode(const char *text, size_t length, uint8_t *out, size_t room, size_t *size);

#endif
