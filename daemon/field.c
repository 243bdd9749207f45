/* Getters that check what they read, and the text of a fault. */
#include "daemon/field.h"

#include <string.h>

#include "base/words.h"

/* Times between 1970 and the year 2500, in milliseconds. */
static const int64_t latest_ms = INT64_C(16725225600000);

void field_put_fault(struct wire *w, const struct fault *fault)
{
    char text[256];
    size_t size = strnlen(fault->text, sizeof text - 1);
    for (size_t i = 0; i < size; i++)
        text[i] =
            (unsigned char)fault->text[i] < ' ' || fault->text[i] == 0x7f ? ' ' : fault->text[i];
    text[size] = '\0';
    wire_put(w, fault->code, 1);
    wire_put_text(w, text);
}

void field_get_fault(struct wire *w, struct fault *fault)
{
    uint64_t code = wire_get(w, 1);
    w->bad |= code == ERR_OK || code >= ERR_COUNT;
    fault->code = w->bad ? ERR_INPUT : (enum err)code;
    wire_get_text(w, fault->text, sizeof fault->text);
    for (const char *c = fault->text; *c != '\0'; c++)
        w->bad |= (unsigned char)*c < ' ' || *c == 0x7f;
}

void field_get_time(struct wire *w, int64_t *out)
{
    *out = (int64_t)wire_get(w, 8);
    w->bad |= *out < 0 || *out > latest_ms;
}

bool field_get_bool(struct wire *w)
{
    uint64_t value = wire_get(w, 1);
    w->bad |= value > 1;
    return value == 1;
}

float field_get_share(struct wire *w)
{
    float value = wire_get_float(w);
    w->bad |= value < 0 || value > 1;
    return value;
}

/* Text of plates: capital letters and digits; in a question also up to two '?', in place of one
 * character each. */
void field_get_plate(struct wire *w, char out[ROW_PLATE_SIZE], unsigned wildcards)
{
    wire_get_text(w, out, ROW_PLATE_SIZE);
    unsigned used = 0;
    for (const char *c = out; *c != '\0'; c++) {
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        used += *c == '?';
        w->bad |= !plain && *c != '?';
    }
    w->bad |= used > wildcards;
}

void field_get_name(struct wire *w, char *out, size_t size)
{
    wire_get_text(w, out, size);
    for (const char *c = out; *c != '\0'; c++)
        w->bad |= *c < ' ' || *c > '~';
}

void field_get_words(struct wire *w, char *out, size_t size)
{
    wire_get_text(w, out, size);
    w->bad |= !words_are_plain(out);
}
