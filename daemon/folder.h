/* A folder of JPEG files: its names, and reading one file whole. */
#ifndef LANEWARD_DAEMON_FOLDER_H
#define LANEWARD_DAEMON_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Pure: "x.jpg" or "x.jpeg", any case; not a name that begins with a dot, which is one in the
 * making. */
bool folder_is_picture(const char *name);

/* What the bytes of a file look like. Pure. */
enum folder_jpeg { FOLDER_NO_JPEG, FOLDER_TRUNCATED, FOLDER_COMPLETE };
enum folder_jpeg folder_judge(const uint8_t *bytes, size_t size);

struct folder_file {
    int64_t changed_ns; /* ctime */
    int64_t made_ms;    /* mtime */
    size_t size;
};

/* Looks at a file. ERR_NOT_FOUND: it is gone. ERR_INPUT: no plain file (a link, a pipe, a folder).
 */
enum err folder_look(int folder_fd, const char *name, struct folder_file *out,
                     struct fault *why) MUST_USE;

/* Reads it whole into `bytes` of `room`. ERR_NOT_FOUND, ERR_INPUT, ERR_IO; ERR_LIMIT: it is larger
 * than `room`. Faults do not carry its name, which may be a plate. */
enum err folder_read(int folder_fd, const char *name, uint8_t *bytes, size_t room,
                     struct folder_file *out, struct fault *why) MUST_USE;

#endif
