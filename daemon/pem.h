/* Keys and certificates that stand in files of the host: small texts that somebody else may have
 * written wrongly. */
#ifndef LANEWARD_DAEMON_PEM_H
#define LANEWARD_DAEMON_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "evidence/signature.h"

enum { PEM_MAX = 16384 };

/* Whether `name` can be a file's in a list NAME.pem: letters, digits, '.', '_', '-', not beginning
 * with a dot. */
bool pem_is_name(const char *name);

/* The file's text in `out` of PEM_MAX bytes. ERR_NOT_FOUND; ERR_IO; ERR_LIMIT: it is no ordinary
 * file, or longer. */
enum err pem_read(const char *path, char *out, size_t *size, struct fault *why) MUST_USE;

/* NAME.pem of a folder. ERR_INPUT: it is no name. */
enum err pem_read_named(const char *dir, const char *name, char *out, size_t *size,
                        struct fault *why) MUST_USE;

/* A P-256 key from a file. ERR_INPUT: none is in it. */
enum err pem_key(const char *path, struct signature_key **out, struct fault *why) MUST_USE;

#endif
