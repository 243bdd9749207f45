/* Little-endian packing with one sticky error flag. */
#include "base/wire.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static bool has_room(struct wire *w, size_t size)
{
    if (!w->bad && (size_t)(w->end - w->at) < size)
        w->bad = true;
    return !w->bad;
}

void wire_put(struct wire *w, uint64_t value, unsigned width)
{
    assert(width >= 1 && width <= 8);
    if (!has_room(w, width))
        return;
    for (unsigned i = 0; i < width; i++)
        *w->at++ = (uint8_t)(value >> (8 * i));
}

void wire_put_float(struct wire *w, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    wire_put(w, bits, 4);
}

void wire_put_bytes(struct wire *w, const void *bytes, size_t size)
{
    if (size == 0 || !has_room(w, size))
        return;
    memcpy(w->at, bytes, size);
    w->at += size;
}

uint64_t wire_get(struct wire *w, unsigned width)
{
    assert(width >= 1 && width <= 8);
    if (!has_room(w, width))
        return 0;
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)*w->at++ << (8 * i);
    return value;
}

float wire_get_float(struct wire *w)
{
    uint32_t bits = (uint32_t)wire_get(w, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) {
        w->bad = true;
        return 0;
    }
    return value;
}

void wire_get_bytes(struct wire *w, void *bytes, size_t size)
{
    if (size == 0)
        return;
    if (!has_room(w, size)) {
        memset(bytes, 0, size);
        return;
    }
    memcpy(bytes, w->at, size);
    w->at += size;
}

void wire_put_text(struct wire *w, const char *text)
{
    size_t size = strlen(text);
    assert(size <= 255);
    wire_put(w, size, 1);
    wire_put_bytes(w, text, size);
}

void wire_get_text(struct wire *w, char *text, size_t size)
{
    assert(size >= 1);
    size_t length = (size_t)wire_get(w, 1);
    if (length >= size || !has_room(w, length)) {
        w->bad = true;
        text[0] = '\0';
        return;
    }
    wire_get_bytes(w, text, length);
    text[length] = '\0';
    if (strlen(text) != length) {
        w->bad = true;
        text[0] = '\0';
    }
}
