/* Honey plates: passages of vehicles that never came, by an auditor's list. Whoever is answered one
 * raises an alarm. Pure. */
#ifndef LANEWARD_DAEMON_HONEY_H
#define LANEWARD_DAEMON_HONEY_H

#include "config/config.h"
#include "storage/row.h"

enum { HONEY_MAX = 2048, HONEY_MAX_BYTES = 128 * 1024 };

struct honey_entry {
    int64_t at_ms;   /* Unix; the beginning of its minute */
    uint32_t camera; /* the first one of its lane */
    char plate[ROW_PLATE_SIZE];
    char region[ROW_REGION_SIZE];
};

struct honey {
    uint32_t n;
    struct honey_entry entry[HONEY_MAX];
};

/* A text of lines "YYYY-MM-DD HH:MM LANE PLATE" or "... PLATE REGION", UTC; empty lines and such
 * that begin with '#' are passed over. Lines that are right are taken; what is wrong with the
 * others, a lane that the configuration does not have among them, goes to the report, which is
 * emptied first. No plate stands in it. */
void honey_parse(const char *text, size_t size, const char *name, const struct config *config,
                 struct honey *out, struct config_report *report);

/* The same from a file. ERR_NOT_FOUND, ERR_IO. ERR_DENIED: everyone may read it. ERR_LIMIT: it is
 * longer than HONEY_MAX_BYTES. */
enum err honey_load(const char *path, const struct config *config, struct honey *out,
                    struct config_report *report, struct fault *why) MUST_USE;

/* When within its minute the vehicle of an entry is gone. */
int64_t honey_time(const struct honey_entry *entry);

/* The passage of an entry, the same each time. `like` is a passage of that camera after which it
 * takes its picture's size and place; NULL: none is known. */
void honey_row(const struct honey_entry *entry, const struct config *config, const struct row *like,
               struct row *out);

#endif
