/* Bytes as hexadecimal digits, 0-9 a-f, and back. */
#ifndef LANEWARD_BASE_HEX_H
#define LANEWARD_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `out` has room for 2 * size + 1. */
void hex_encode(const uint8_t *bytes, size_t size, char *out);

/* Exactly `size` bytes, small letters only; false: it is not that, and `out` is untouched. */
bool hex_decode(const char *text, uint8_t *out, size_t size);

#endif
