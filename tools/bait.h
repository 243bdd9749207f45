/* Honey plates by an auditor's secret: the same plan from the same secret, and nobody else can tell
 * it from real traffic. Pure. */
#ifndef LANEWARD_TOOLS_BAIT_H
#define LANEWARD_TOOLS_BAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ocr/pattern.h"

enum { BAIT_MAX = 24, BAIT_MIN_SECRET = 16 };

struct bait_source {
    const uint8_t *secret;
    size_t secret_size;
    const char *lane;
    const struct pattern_list *patterns;
    const char *country; /* only plates of these regions: "us" or "us-tx"; NULL: of all */
};

struct bait {
    int minute; /* of the day, UTC */
    char plate[READING_MAX_CHARS + 1];
    char region[READING_REGION_SIZE];
};

/* The plan of one day ("2026-11-22"): n baits (<= BAIT_MAX) in the order of their minutes. false:
 * no region of that country has a pattern. */
bool bait_day(const struct bait_source *source, const char *day, unsigned n, struct bait *out);

#endif
