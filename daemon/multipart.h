/* multipart/x-mixed-replace: bytes in, parts out, in any cut. Pure. */
#ifndef LANEWARD_DAEMON_MULTIPART_H
#define LANEWARD_DAEMON_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { MULTIPART_MAX_BOUNDARY = 70, MULTIPART_MAX_HEADER = 8192 };

enum multipart_event {
    MULTIPART_NOTHING, /* all bytes are used up */
    MULTIPART_PART,    /* a part is complete: part_size bytes at the place given */
    MULTIPART_BAD,     /* a part was too large, or shorter than it said, and is thrown away */
    MULTIPART_END,     /* the closing boundary */
};

/* Made empty by multipart_begin; the caller sets part and room, and looks at part_size and type. */
struct multipart {
    uint8_t *part; /* where the part goes, of `room` bytes (at least 1024); the caller's */
    size_t room;
    char boundary[MULTIPART_MAX_BOUNDARY + 1]; /* without leading dashes */
    size_t boundary_size;
    int state;
    size_t line_size, header_size; /* of the header being read */
    char line[256];                /* its line; what is longer is cut */
    bool has_length;
    size_t length;  /* Content-Length of the part */
    size_t matched; /* bytes of the part that are known to hold no boundary */
    bool is_dropping;
    size_t part_size;
    char type[64]; /* Content-Type of the part, lower case; "" = none given */
};

/* Takes the boundary from the answer's Content-Type; quotes and leading dashes, which some cameras
 * add, do not matter. ERR_INPUT: no multipart type, no boundary, or one that is too long. */
enum err multipart_begin(struct multipart *parser, const char *content_type,
                         struct fault *why) MUST_USE;

/* Uses up bytes until something has happened; `used` tells how many. The part is put at
 * parser->part, which the caller sets before each call: the same place until there is an event.
 * ERR_LIMIT: headers without end. */
enum err multipart_feed(struct multipart *parser, const uint8_t *bytes, size_t size, size_t *used,
                        enum multipart_event *event, struct fault *why) MUST_USE;

#endif
