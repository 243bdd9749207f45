/* The last step of every answer: a JSON object becomes a line of text. Pure. */
#ifndef LANEWARD_DAEMON_FINISH_H
#define LANEWARD_DAEMON_FINISH_H

#include <jansson.h>

#include "daemon/message.h"

/* Takes the object; puts in what is said of the log (NULL: nothing) and the version. To be freed by
 * the caller; NULL: no memory. */
char *finish_line(json_t *object, const struct message_evidence *log);

/* New references. */
json_t *finish_base64(const uint8_t *bytes, size_t size);
json_t *finish_hex(const uint8_t *bytes, size_t size);
json_t *finish_proof(const struct merkle_proof *proof);

#endif
