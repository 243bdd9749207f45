/* A multipart answer in any cut: the first byte tells the cut, the first line is the Content-Type.
 * Whatever the cut, the parts must be the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { ROOM = 1024 };

/* A sum over all events and parts. */
static uint64_t run(const char *type, const uint8_t *bytes, size_t size, size_t step)
{
    struct multipart parser;
    struct fault why;
    uint8_t *part = malloc(ROOM);
    uint64_t sum = 1;
    if (multipart_begin(&parser, type, &why) != ERR_OK)
        size = 0;
    parser.part = part;
    parser.room = ROOM;
    for (size_t at = 0; at < size;) {
        size_t used = 0, piece = size - at < step ? size - at : step;
        enum multipart_event event;
        if (multipart_feed(&parser, bytes + at, piece, &used, &event, &why) != ERR_OK)
            break;
        assert(used <= piece && (used == piece || event != MULTIPART_NOTHING));
        at += used;
        if (event == MULTIPART_PART) {
            assert(parser.part_size <= ROOM);
            for (size_t i = 0; i < parser.part_size; i++)
                sum = sum * 31 + part[i];
        }
        if (event != MULTIPART_NOTHING)
            sum = sum * 37 + (uint64_t)event + 5;
    }
    free(part);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char type[256];
    if (size < 2)
        return 0;
    size_t step = bytes[0] % 97 + 1;
    const uint8_t *line = bytes + 1, *end = memchr(line, '\n', size - 1);
    if (end == NULL || (size_t)(end - line) >= sizeof type ||
        memchr(line, 0, (size_t)(end - line)) != NULL)
        return 0;
    memcpy(type, line, (size_t)(end - line));
    type[end - line] = '\0';
    const uint8_t *body = end + 1;
    size_t left = size - (size_t)(body - bytes);
    assert(run(type, body, left, step) == run(type, body, left, 1));
    return 0;
}
