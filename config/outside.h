/* What only the system can tell about a configuration: do the files that it names exist? */
#ifndef LANEWARD_CONFIG_OUTSIDE_H
#define LANEWARD_CONFIG_OUTSIDE_H

#include "config/draft.h"

/* Adds its complaints to the report, with the places of the values in `file`. Opens nothing but
 * pattern files. */
void outside_check(const struct draft *draft, const char *file, struct config_report *report);

#endif
