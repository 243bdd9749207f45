/* A passage as a JSON object: OpenALPR's alpr_group with Laneward's own members. Pure. */
#ifndef LANEWARD_DAEMON_GROUP_H
#define LANEWARD_DAEMON_GROUP_H

#include <jansson.h>

#include "storage/row.h"

/* Confidence 0..100, epoch milliseconds. A new reference; NULL: no memory. */
json_t *group_json(const struct row *row);

/* An id as 32 hexadecimal digits. */
json_t *group_id(const uint8_t id[ROW_ID_SIZE]);

#endif
