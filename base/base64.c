/* Base64 both ways, without tables of 256 entries. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const uint8_t *bytes, size_t size, char *out)
{
    char *at = out;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= left > 2 ? bytes[i + 2] : 0;
        *at++ = digits[three >> 18];
        *at++ = digits[three >> 12 & 63];
        *at++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[three & 63] : '=';
    }
    *at = '\0';
    return (size_t)(at - out);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t length, uint8_t *out, size_t room, size_t *size)
{
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length % 4 != 0 || length / 4 * 3 - padding > room)
        return false;
    size_t used = 0, wanted = length / 4 * 3 - padding;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t three = 0;
        for (size_t k = 0; k < 4; k++) {
            bool is_padding = i + k >= length - padding;
            int value = is_padding ? 0 : value_of(text[i + k]);
            if (value < 0)
                return false;
            three = three << 6 | (uint32_t)value;
        }
        for (int shift = 16; shift >= 0; shift -= 8) {
            uint8_t byte = (uint8_t)(three >> shift);
            if (used < wanted)
                out[used++] = byte;
            else if (byte != 0)
                return false; /* the same bytes would have another text, too */
        }
    }
    *size = wanted;
    return true;
}
