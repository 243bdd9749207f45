/* Packing and unpacking little-endian fields of messages between processes, with bounds. */
#ifndef LANEWARD_BASE_WIRE_H
#define LANEWARD_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over bytes that the caller owns. Once a step would pass `end`, `bad` is set, nothing is
 * written or read any more, and getters give 0: check `bad` once at the end. */
struct wire {
    uint8_t *at;
    uint8_t *end;
    bool bad;
};

/* Writers: an unsigned integer of `width` 1..8 bytes; a float as its IEEE 754 bits; raw bytes. */
void wire_put(struct wire *w, uint64_t value, unsigned width);
void wire_put_float(struct wire *w, float value);
void wire_put_bytes(struct wire *w, const void *bytes, size_t size);

/* Readers of the same. A float that is not finite sets `bad`. */
uint64_t wire_get(struct wire *w, unsigned width);
float wire_get_float(struct wire *w);
void wire_get_bytes(struct wire *w, void *bytes, size_t size);

/* Text as one length byte and its bytes (at most 255). The reader's `size` counts the closing zero;
 * longer text, or text with a zero inside, sets `bad`. */
void wire_put_text(struct wire *w, const char *text);
void wire_get_text(struct wire *w, char *text, size_t size);

#endif
