/* Passages as they are shown to who asked for them. */
#ifndef LANEWARD_TOOLS_LISTING_H
#define LANEWARD_TOOLS_LISTING_H

#include <jansson.h>

enum listing_form { LISTING_TABLE, LISTING_JSON, LISTING_CSV };

/* Prints the passages of an answer on standard output, with what has to be known beside them. */
void listing_print(const json_t *answer, enum listing_form form);

#endif
