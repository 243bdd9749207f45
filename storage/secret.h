/* Memory for keys: locked, left out of core files, wiped when it is given back. */
#ifndef LANEWARD_STORAGE_SECRET_H
#define LANEWARD_STORAGE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Zeroed, on pages of its own. ERR_MEMORY; ERR_LIMIT: the process may not lock memory. */
enum err secret_new(void **out, size_t size, struct fault *why) MUST_USE;
void secret_free(void **secret, size_t size);

/* Random bytes that stay private. ERR_IO. */
enum err secret_draw(uint8_t *out, size_t size, struct fault *why) MUST_USE;

#endif
