/* Collecting complaints, none of which shows a credential or a camera's address. */
#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

/* Cuts at a character's border, not inside one. */
static void copy_shown(char *out, size_t size, const char *text)
{
    size_t used = 0;
    for (; *text != '\0' && used + 1 < size; text++)
        out[used++] = *text >= ' ' && *text != 0x7f ? *text : *text < 0 ? *text : '?';
    if (*text != '\0') {
        used = size - 4;
        while (used > 0 && ((unsigned char)out[used] & 0xc0) == 0x80)
            used--;
        memcpy(out + used, "...", 3);
        used += 3;
    }
    out[used] = '\0';
}

void place_name(struct place *place, const char *section, const char *key, const char *value)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s%s", section, *section != '\0' && key != NULL ? "." : "",
             key != NULL ? key : "");
    copy_shown(place->key, sizeof place->key, value_is_public("", whole) ? whole : "(not shown)");
    if (value == NULL)
        value = "";
    else if (!value_is_public(key != NULL ? key : "", value))
        value = "(not shown)";
    copy_shown(place->value, sizeof place->value, value);
}

void report_add(struct config_report *report, const struct place *place, const char *format, ...)
{
    uint32_t at = report->n_complaints++;
    if (at >= CONFIG_MAX_COMPLAINTS)
        return;
    struct config_complaint *complaint = &report->complaints[at];
    *complaint = (struct config_complaint){.line = place->line};
    copy_shown(complaint->file, sizeof complaint->file, place->file);
    memcpy(complaint->key, place->key, sizeof complaint->key);
    memcpy(complaint->value, place->value, sizeof complaint->value);
    char reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    copy_shown(complaint->reason, sizeof complaint->reason, reason);
}

void report_sort(struct config_report *report)
{
    struct config_complaint *list = report->complaints;
    uint32_t kept = report->n_complaints;
    kept = kept < CONFIG_MAX_COMPLAINTS ? kept : CONFIG_MAX_COMPLAINTS;
    for (uint32_t i = 1; i < kept; i++) {
        struct config_complaint moved = list[i];
        uint32_t at = i;
        for (; at > 0 && list[at - 1].line > moved.line; at--)
            list[at] = list[at - 1];
        list[at] = moved;
    }
}
