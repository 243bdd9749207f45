/* Bytes to hexadecimal text and back; the strict way, small letters only. */
#include "base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

void hex_encode(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static uint8_t value_of(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool hex_decode(const char *text, uint8_t *out, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, digits) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
    return true;
}
