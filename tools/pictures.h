/* The pictures that a command line names: files, and the JPEGs of folders. */
#ifndef LANEWARD_TOOLS_PICTURES_H
#define LANEWARD_TOOLS_PICTURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Paths in the order of the arguments; all zero to begin with. */
struct pictures {
    char **paths;
    size_t n;
};

/* Appends a file, or a folder's .jpg and .jpeg files sorted by name. ERR_IO, ERR_MEMORY. */
enum err pictures_add(struct pictures *pictures, const char *path, struct fault *why) MUST_USE;
void pictures_release(struct pictures *pictures);

/* A whole file, malloc'ed. ERR_IO, ERR_LIMIT (over 256 MiB), ERR_MEMORY. */
enum err pictures_load(const char *path, uint8_t **bytes, size_t *size, struct fault *why) MUST_USE;

#endif
