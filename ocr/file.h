/* A whole file in memory. */
#ifndef LANEWARD_OCR_FILE_H
#define LANEWARD_OCR_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct file {
    uint8_t *bytes; /* malloc'ed; one zero byte follows the last */
    size_t size;
};

/* ERR_IO, ERR_LIMIT (longer than `most`), ERR_MEMORY. Every text names the path. */
enum err file_read(const char *path, size_t most, struct file *out, struct fault *why) MUST_USE;
void file_release(struct file *file);

#endif
