/* Pictures that a lane has sealed to its port's key: the file that keeps one, and opening it. */
#ifndef LANEWARD_TOOLS_SEALED_H
#define LANEWARD_TOOLS_SEALED_H

#include <jansson.h>

#include "evidence/signature.h"
#include "storage/row.h"

/* The JPEG inside a base64 envelope of the passage `uuid` (32 digits). `out` has room for
 * ROW_MAX_CROP. ERR_INPUT: it is none. ERR_IDENTITY: sealed to another key, or of another passage.
 */
enum err sealed_open(const char *uuid, const char *base64, const struct signature_key *key,
                     uint8_t *out, size_t *size, struct fault *why) MUST_USE;

/* The text of a file that keeps one until it is opened, to be freed by the caller; NULL: no memory.
 */
char *sealed_file(const char *uuid, const char *base64);

/* Whether a JSON object is such a file. */
bool sealed_is_file(const json_t *object);

#endif
