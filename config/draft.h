/* A configuration while it is being read, with the places that its values came from. */
#ifndef LANEWARD_CONFIG_DRAFT_H
#define LANEWARD_CONFIG_DRAFT_H

#include "config/option.h"
#include "config/report.h"

/* Places of one section's values, by row of the option table; line 0: the value is the default. */
struct draft_marks {
    uint32_t section_line;
    struct place place[OPTION_MAX];
};

struct draft {
    struct config config;
    struct draft_marks marks; /* of all sections but cameras */
    struct draft_marks camera_marks[CONFIG_MAX_CAMERAS];
};

/* Pure. Every complaint goes to the report; the draft is complete only if there is none. */
void draft_read(struct draft *draft, const char *text, size_t size, const char *name,
                struct config_report *report);

/* The place of a row's value; `camera` < 0: not of a camera. */
const struct place *draft_place(const struct draft *draft, int camera, const char *section,
                                const char *key);

#endif
