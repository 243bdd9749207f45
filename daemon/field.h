/* Fields of messages between processes that need a check beyond their length; what is wrong sets
 * the wire's `bad`. Pure. */
#ifndef LANEWARD_DAEMON_FIELD_H
#define LANEWARD_DAEMON_FIELD_H

#include "base/err.h"
#include "base/wire.h"
#include "storage/row.h"

void field_put_fault(struct wire *w, const struct fault *fault);
void field_get_fault(struct wire *w, struct fault *fault);

/* Unix milliseconds, 1970 to 2500. */
void field_get_time(struct wire *w, int64_t *out);

bool field_get_bool(struct wire *w);

/* 0 to 1. */
float field_get_share(struct wire *w);

/* Text of plates: capital letters and digits; in a question also so many '?', in place of one
 * character each. */
void field_get_plate(struct wire *w, char out[ROW_PLATE_SIZE], unsigned wildcards);

/* Names of lanes, cameras and regions: printing ASCII only. */
void field_get_name(struct wire *w, char *out, size_t size);

/* Words of people, and their names: nothing that moves or hides what stands beside it. */
void field_get_words(struct wire *w, char *out, size_t size);

#endif
