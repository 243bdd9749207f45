/* The file that is a witness: each signed head of the log as one line, which this host only ever
 * appends to. One a process. */
#ifndef LANEWARD_DAEMON_WITNESS_H
#define LANEWARD_DAEMON_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Before rights are given up: opens the file, or makes it (mode 0640). `path` "" = there is none.
 * What fails here is told by witness_write. */
void witness_prepare(const char *path);

/* One line of base64, on disk when it returns. A line that a full disk has torn is left behind as
 * it is, and the next begins on its own. Without a file: ERR_OK. ERR_IO. */
enum err witness_write(const uint8_t *head, size_t size, struct fault *why) MUST_USE;

/* The last head could not be written. */
bool witness_is_failing(void);

#endif
