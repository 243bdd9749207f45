/* Complaints about a configuration, and the places that they are about. */
#ifndef LANEWARD_CONFIG_REPORT_H
#define LANEWARD_CONFIG_REPORT_H

#include "config/config.h"

/* What a complaint is about: a place in the file, and the value there as it may be shown. */
struct place {
    const char *file;
    uint32_t line; /* 0: the file as a whole */
    char key[64];  /* "section.key" */
    char value[64];
};

/* Fill key and value: what could hold a login or a camera's address becomes "(not shown)", what is
 * not printable becomes '?', and what is too long ends in "...". `key` and `value` may be NULL. */
void place_name(struct place *place, const char *section, const char *key, const char *value);

/* One complaint more. As many as fit are kept, all are counted. */
void report_add(struct config_report *report, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* By line, otherwise in the order in which they were found; those about the whole file first. */
void report_sort(struct config_report *report);

#endif
