/* Incremental parser of multipart streams as IP cameras write them. */
#include "daemon/multipart.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* What stands before the boundary's own text at most: a line's end and dashes. */
enum { MAX_BEFORE = 16 };

enum state { SEEK, HEADERS, BODY_COUNTED, BODY_SCANNED, BOUNDARY_REST, ENDED };

static const char *find_parameter(const char *type, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(type, ';'); at != NULL; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
    }
    return NULL;
}

enum err multipart_begin(struct multipart *parser, const char *content_type, struct fault *why)
{
    if (strncasecmp(content_type, "multipart/", 10) != 0)
        return fault_set(why, ERR_INPUT, "the camera's answer is no multipart stream");
    const char *value = find_parameter(content_type, "boundary");
    if (value == NULL)
        return fault_set(why, ERR_INPUT, "the camera names no boundary between its pictures");
    bool is_quoted = *value == '"';
    value += is_quoted;
    value += strspn(value, "-");
    size_t length = strcspn(value, is_quoted ? "\"" : "; \t\r\n");
    if (length == 0 || length > MULTIPART_MAX_BOUNDARY)
        return fault_set(why, ERR_INPUT,
                         "the camera's boundary has %zu characters instead of 1..%d", length,
                         MULTIPART_MAX_BOUNDARY);
    *parser = (struct multipart){.boundary_size = length, .state = SEEK};
    memcpy(parser->boundary, value, length);
    return ERR_OK;
}

/* Collects a line; true: it is complete (without its end) in parser->line. */
static bool take_line(struct multipart *parser, const uint8_t *bytes, size_t size, size_t *used)
{
    const uint8_t *end = memchr(bytes, '\n', size);
    size_t length = end != NULL ? (size_t)(end - bytes) : size;
    size_t room = sizeof parser->line - 1 - parser->line_size;
    size_t kept = length < room ? length : room;
    memcpy(parser->line + parser->line_size, bytes, kept);
    parser->line_size += kept;
    parser->header_size += length;
    *used = length + (end != NULL);
    if (end == NULL)
        return false;
    if (parser->line_size > 0 && parser->line[parser->line_size - 1] == '\r')
        parser->line_size--;
    parser->line[parser->line_size] = '\0';
    parser->line_size = 0;
    return true;
}

/* What follows the boundary in a line that begins with it; NULL: another line. */
static const char *after_boundary(const struct multipart *parser)
{
    const char *at = parser->line + strspn(parser->line, "-");
    return strncmp(at, parser->boundary, parser->boundary_size) == 0 ? at + parser->boundary_size
                                                                     : NULL;
}

static void begin_headers(struct multipart *parser)
{
    parser->state = HEADERS;
    parser->line_size = parser->header_size = 0;
    parser->has_length = false;
    parser->length = 0;
    parser->type[0] = '\0';
}

static void begin_body(struct multipart *parser)
{
    parser->state = parser->has_length ? BODY_COUNTED : BODY_SCANNED;
    parser->part_size = parser->matched = 0;
    parser->is_dropping = false;
}

static void take_length(struct multipart *parser, const char *value)
{
    size_t length = 0, digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 12 || value[digits + strspn(value + digits, " \t")] != '\0')
        return; /* then the boundary is looked for */
    for (size_t i = 0; i < digits; i++)
        length = length * 10 + (size_t)(value[i] - '0');
    parser->length = length;
    parser->has_length = true;
}

static void take_type(struct multipart *parser, const char *value)
{
    size_t length = strcspn(value, "; \t");
    if (length >= sizeof parser->type)
        length = sizeof parser->type - 1;
    for (size_t i = 0; i < length; i++)
        parser->type[i] =
            (char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] - 'A' + 'a' : value[i]);
    parser->type[length] = '\0';
}

static void take_header(struct multipart *parser)
{
    static const char length[] = "content-length:", type[] = "content-type:";
    if (parser->line[0] == '\0')
        begin_body(parser);
    else if (strncasecmp(parser->line, length, sizeof length - 1) == 0)
        take_length(parser, parser->line + sizeof length - 1 +
                                strspn(parser->line + sizeof length - 1, " \t"));
    else if (strncasecmp(parser->line, type, sizeof type - 1) == 0)
        take_type(parser,
                  parser->line + sizeof type - 1 + strspn(parser->line + sizeof type - 1, " \t"));
}

/* A part whose length is known. */
static enum multipart_event feed_counted(struct multipart *parser, const uint8_t *bytes,
                                         size_t size, uint8_t *part, size_t room, size_t *used)
{
    size_t left = parser->length - parser->part_size;
    *used = size < left ? size : left;
    parser->is_dropping = parser->length > room;
    if (!parser->is_dropping)
        memcpy(part + parser->part_size, bytes, *used);
    parser->part_size += *used;
    if (parser->part_size < parser->length)
        return MULTIPART_NOTHING;
    parser->state = SEEK;
    parser->line_size = 0;
    return parser->is_dropping ? MULTIPART_BAD : MULTIPART_PART;
}

/* Is the boundary's text at `at` of the part a boundary, so after dashes at a line's begin? Then
 * *end is where the part's own bytes end. */
static bool is_delimiter(const uint8_t *part, size_t at, size_t *end)
{
    size_t before = at;
    while (before > 0 && part[before - 1] == '-' && at - before < MAX_BEFORE - 2)
        before--;
    if (before > 0 && part[before - 1] != '\n')
        return false;
    if (before > 0)
        before--;
    if (before > 0 && part[before - 1] == '\r')
        before--;
    *end = before;
    return true;
}

/* Looks for the boundary in part[matched, part_size). true: *at is where its text begins, *end
 * where the part ends. */
static bool find_delimiter(struct multipart *parser, const uint8_t *part, size_t *at, size_t *end)
{
    for (size_t from = parser->matched; from < parser->part_size;) {
        const uint8_t *hit =
            memmem(part + from, parser->part_size - from, parser->boundary, parser->boundary_size);
        if (hit == NULL)
            break;
        *at = (size_t)(hit - part);
        if (is_delimiter(part, *at, end))
            return true;
        from = *at + 1;
    }
    size_t tail = parser->boundary_size - 1;
    parser->matched = parser->part_size > tail ? parser->part_size - tail : 0;
    return false;
}

/* No room: all but what may be the begin of a boundary is thrown away, and the part with it. */
static void drop_part(struct multipart *parser, uint8_t *part)
{
    size_t keep = parser->boundary_size + MAX_BEFORE;
    memmove(part, part + parser->part_size - keep, keep);
    parser->part_size = keep;
    parser->matched = MAX_BEFORE + 1;
    parser->is_dropping = true;
}

/* A part that ends where the boundary begins. */
static enum multipart_event feed_scanned(struct multipart *parser, const uint8_t *bytes,
                                         size_t size, uint8_t *part, size_t room, size_t *used)
{
    if (parser->part_size == room)
        drop_part(parser, part);
    size_t taken = room - parser->part_size < size ? room - parser->part_size : size;
    memcpy(part + parser->part_size, bytes, taken);
    parser->part_size += taken;
    size_t at, end;
    if (!find_delimiter(parser, part, &at, &end)) {
        *used = taken;
        return MULTIPART_NOTHING;
    }
    *used = taken - (parser->part_size - at - parser->boundary_size);
    parser->part_size = end;
    parser->state = BOUNDARY_REST;
    parser->line_size = 0;
    return parser->is_dropping ? MULTIPART_BAD : MULTIPART_PART;
}

/* A line outside a part. */
static enum multipart_event feed_line(struct multipart *parser, const uint8_t *bytes, size_t size,
                                      size_t *used)
{
    if (!take_line(parser, bytes, size, used))
        return MULTIPART_NOTHING;
    if (parser->state == HEADERS) {
        take_header(parser);
        return MULTIPART_NOTHING;
    }
    const char *rest = parser->state == BOUNDARY_REST ? parser->line : after_boundary(parser);
    if (rest == NULL)
        return MULTIPART_NOTHING;
    if (strncmp(rest, "--", 2) == 0) {
        parser->state = ENDED;
        return MULTIPART_END;
    }
    begin_headers(parser);
    return MULTIPART_NOTHING;
}

enum err multipart_feed(struct multipart *parser, const uint8_t *bytes, size_t size, size_t *used,
                        enum multipart_event *event, struct fault *why)
{
    uint8_t *part = parser->part;
    size_t room = parser->room;
    assert(part != NULL && room >= 1024);
    size_t done = 0, step = 0;
    enum multipart_event happened = MULTIPART_NOTHING;
    while (done < size && happened == MULTIPART_NOTHING) {
        if (parser->state == BODY_COUNTED)
            happened = feed_counted(parser, bytes + done, size - done, part, room, &step);
        else if (parser->state == BODY_SCANNED)
            happened = feed_scanned(parser, bytes + done, size - done, part, room, &step);
        else if (parser->state == ENDED)
            step = size - done;
        else
            happened = feed_line(parser, bytes + done, size - done, &step);
        done += step;
        if (parser->state == HEADERS && parser->header_size > MULTIPART_MAX_HEADER)
            return fault_set(why, ERR_LIMIT, "the headers of a picture have no end");
    }
    *used = done;
    *event = happened;
    return ERR_OK;
}
