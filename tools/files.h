/* Files that the commands read and write whole. */
#ifndef LANEWARD_TOOLS_FILES_H
#define LANEWARD_TOOLS_FILES_H

#include "evidence/signature.h"

/* Reads at most `most` bytes and gives them with a closing zero; to be freed by the caller. "-" is
 * standard input. ERR_IO, ERR_LIMIT, ERR_MEMORY. */
enum err files_read(const char *path, size_t most, uint8_t **out, size_t *size,
                    struct fault *why) MUST_USE;

/* Writes for the user alone (mode 0600); "-" is standard output. ERR_IO. */
enum err files_write(const char *path, const void *bytes, size_t size, struct fault *why) MUST_USE;

/* A key in PEM form. ERR_INPUT, or as files_read. */
enum err files_read_key(const char *path, struct signature_key **out, struct fault *why) MUST_USE;

#endif
