/* Small files of the state folder that hold keys: read with care for who may see them, written
 * whole or not at all. */
#ifndef LANEWARD_STORAGE_SAFEFILE_H
#define LANEWARD_STORAGE_SAFEFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Reads dir/name, at most `room` bytes. ERR_NOT_FOUND. ERR_DENIED: not a plain file, not this
 * user's, or others may read it. ERR_CORRUPT: longer than `room`. ERR_IO. */
enum err safefile_read(const char *dir, const char *name, uint8_t *out, size_t room, size_t *size,
                       struct fault *why) MUST_USE;

/* Writes dir/name whole, mode 0600, durable on return: NAME.new, fsync, rename, fsync of the
 * folder. safefile_write replaces nothing: ERR_IO when it is there. ERR_IO of the last step: the
 * new file is there, and a power cut may bring the old state back. */
enum err safefile_write(const char *dir, const char *name, const uint8_t *bytes, size_t size,
                        struct fault *why) MUST_USE;
enum err safefile_replace(const char *dir, const char *name, const uint8_t *bytes, size_t size,
                          struct fault *why) MUST_USE;

/* Removes dir/name if it is there; safefile_sync makes that durable. ERR_IO. */
enum err safefile_remove(const char *dir, const char *name, struct fault *why) MUST_USE;
enum err safefile_sync(const char *dir, struct fault *why) MUST_USE;

#endif
