/* The wire form of messages between processes: a version byte, a type byte, a sequence number, then
 * the type's fields. */
#include "daemon/message.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"

enum { WIRE_VERSION = 1 };

/* Times between 1970 and the year 2500, in milliseconds. */
static const int64_t latest_ms = INT64_C(16725225600000);

static void put_fault(struct wire *w, const struct fault *fault)
{
    char text[256];
    size_t size = strnlen(fault->text, sizeof text - 1);
    for (size_t i = 0; i < size; i++)
        text[i] =
            (unsigned char)fault->text[i] < ' ' || fault->text[i] == 0x7f ? ' ' : fault->text[i];
    text[size] = '\0';
    wire_put(w, fault->code, 1);
    wire_put_text(w, text);
}

static void get_fault(struct wire *w, struct fault *fault)
{
    uint64_t code = wire_get(w, 1);
    w->bad |= code == ERR_OK || code >= ERR_COUNT;
    fault->code = w->bad ? ERR_INPUT : (enum err)code;
    wire_get_text(w, fault->text, sizeof fault->text);
    for (const char *c = fault->text; *c != '\0'; c++)
        w->bad |= (unsigned char)*c < ' ' || *c == 0x7f;
}

static void get_time(struct wire *w, int64_t *out)
{
    *out = (int64_t)wire_get(w, 8);
    w->bad |= *out < 0 || *out > latest_ms;
}

static bool get_bool(struct wire *w)
{
    uint64_t value = wire_get(w, 1);
    w->bad |= value > 1;
    return value == 1;
}

static float get_share(struct wire *w)
{
    float value = wire_get_float(w);
    w->bad |= value < 0 || value > 1;
    return value;
}

/* Text of plates: capital letters and digits; in a question also up to two '?', in place of one
 * character each. */
static void get_plate(struct wire *w, char out[ROW_PLATE_SIZE], unsigned wildcards)
{
    wire_get_text(w, out, ROW_PLATE_SIZE);
    unsigned used = 0;
    for (const char *c = out; *c != '\0'; c++) {
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        used += *c == '?';
        w->bad |= !plain && *c != '?';
    }
    w->bad |= used > wildcards;
}

/* Names of lanes, cameras, regions and users: printing characters only. */
static void get_name(struct wire *w, char *out, size_t size)
{
    wire_get_text(w, out, size);
    for (const char *c = out; *c != '\0'; c++)
        w->bad |= *c < ' ' || *c > '~';
}

/* Words of people: anything that is not a control character. */
static void get_words(struct wire *w, char *out, size_t size)
{
    wire_get_text(w, out, size);
    for (const char *c = out; *c != '\0'; c++)
        w->bad |= (unsigned char)*c < ' ' || *c == 0x7f;
}

static void put_row(struct wire *w, const struct row *row)
{
    wire_put_bytes(w, row->id, sizeof row->id);
    wire_put(w, row->state, 1);
    wire_put(w, (uint64_t)row->first_ms, 8);
    wire_put(w, (uint64_t)row->last_ms, 8);
    wire_put(w, row->clock_synchronised, 1);
    wire_put(w, row->needs_review, 1);
    wire_put_text(w, row->lane);
    wire_put_text(w, row->camera);
    wire_put_text(w, row->plate);
    wire_put_text(w, row->region);
    wire_put_float(w, row->confidence);
    wire_put(w, row->n_frames, 4);
    wire_put(w, row->frame_width, 4);
    wire_put(w, row->frame_height, 4);
    for (int i = 0; i < 8; i++)
        wire_put_float(w, row->corner[i]);
    wire_put(w, row->n_candidates, 1);
    for (int i = 0; i < row->n_candidates; i++) {
        wire_put_text(w, row->candidates[i].plate);
        wire_put_float(w, row->candidates[i].confidence);
        wire_put(w, row->candidates[i].matches_pattern, 1);
    }
    wire_put(w, row->crop_size, 4);
}

static void get_candidates(struct wire *w, struct row *row)
{
    row->n_candidates = (uint8_t)wire_get(w, 1);
    if (row->n_candidates > ROW_MAX_CANDIDATES) {
        row->n_candidates = 0;
        w->bad = true;
    }
    for (int i = 0; i < row->n_candidates; i++) {
        struct row_candidate *c = &row->candidates[i];
        get_plate(w, c->plate, 0);
        c->confidence = get_share(w);
        c->matches_pattern = get_bool(w);
        w->bad |= c->plate[0] == '\0';
    }
    /* The plate is the first candidate, or none when that was too uncertain. */
    w->bad |= row->plate[0] != '\0' &&
              (row->n_candidates == 0 || strcmp(row->plate, row->candidates[0].plate) != 0);
}

static void get_row(struct wire *w, struct row *row)
{
    wire_get_bytes(w, row->id, sizeof row->id);
    uint64_t state = wire_get(w, 1);
    w->bad |= state < ROW_NEW || state > ROW_LOST;
    row->state = w->bad ? ROW_NEW : (enum row_state)state;
    get_time(w, &row->first_ms);
    get_time(w, &row->last_ms);
    w->bad |= row->last_ms < row->first_ms;
    row->clock_synchronised = get_bool(w);
    row->needs_review = get_bool(w);
    get_name(w, row->lane, sizeof row->lane);
    get_name(w, row->camera, sizeof row->camera);
    get_plate(w, row->plate, 0);
    get_name(w, row->region, sizeof row->region);
    row->confidence = get_share(w);
    row->n_frames = (uint32_t)wire_get(w, 4);
    row->frame_width = (uint32_t)wire_get(w, 4);
    row->frame_height = (uint32_t)wire_get(w, 4);
    w->bad |= row->frame_width > 65535 || row->frame_height > 65535;
    for (int i = 0; i < 8; i++) {
        row->corner[i] = wire_get_float(w);
        w->bad |= fabsf(row->corner[i]) > 1e6f;
    }
    get_candidates(w, row);
    row->crop_size = (uint32_t)wire_get(w, 4);
    w->bad |= row->crop_size > ROW_MAX_CROP;
}

static void put_query(struct wire *w, const struct store_query *query)
{
    wire_put_text(w, query->plate);
    wire_put(w, query->look_alike, 1);
    wire_put_text(w, query->lane);
    wire_put(w, (uint64_t)query->from_ms, 8);
    wire_put(w, (uint64_t)query->to_ms, 8);
    wire_put(w, query->limit, 4);
}

static void get_query(struct wire *w, struct store_query *query)
{
    get_plate(w, query->plate, 2);
    query->look_alike = get_bool(w);
    get_name(w, query->lane, sizeof query->lane);
    get_time(w, &query->from_ms);
    get_time(w, &query->to_ms);
    query->limit = (uint32_t)wire_get(w, 4);
}

static void put_look(struct wire *w, const struct ledger_look *look)
{
    wire_put(w, (uint64_t)look->at_ms, 8);
    wire_put(w, look->uid, 4);
    wire_put_text(w, look->user);
    wire_put_text(w, look->reason);
    wire_put_text(w, look->case_number);
    wire_put_text(w, look->kind);
    put_query(w, &look->query);
    wire_put_bytes(w, look->id, sizeof look->id);
}

static void get_look(struct wire *w, struct ledger_look *look)
{
    get_time(w, &look->at_ms);
    look->uid = (uint32_t)wire_get(w, 4);
    get_name(w, look->user, sizeof look->user);
    get_words(w, look->reason, sizeof look->reason);
    get_words(w, look->case_number, sizeof look->case_number);
    get_name(w, look->kind, sizeof look->kind);
    get_query(w, &look->query);
    wire_get_bytes(w, look->id, sizeof look->id);
    look->n_answered = 0;
}

static void put_gap(struct wire *w, const struct ledger_gap *gap)
{
    wire_put(w, (uint64_t)gap->from_ms, 8);
    wire_put(w, (uint64_t)gap->to_ms, 8);
    wire_put_text(w, gap->lane);
    wire_put_text(w, gap->why);
}

static void get_gap(struct wire *w, struct ledger_gap *gap)
{
    get_time(w, &gap->from_ms);
    get_time(w, &gap->to_ms);
    w->bad |= gap->to_ms < gap->from_ms;
    get_name(w, gap->lane, sizeof gap->lane);
    get_name(w, gap->why, sizeof gap->why);
}

static void put_gaps(struct wire *w, const struct message *message)
{
    assert(message->n_gaps <= MESSAGE_MAX_GAPS);
    wire_put(w, message->n_gaps, 4);
    for (uint32_t i = 0; i < message->n_gaps; i++)
        put_gap(w, &message->gaps[i]);
}

static void get_gaps(struct wire *w, struct message *message)
{
    message->n_gaps = (uint32_t)wire_get(w, 4);
    if (message->n_gaps > MESSAGE_MAX_GAPS) {
        message->n_gaps = 0;
        w->bad = true;
    }
    for (uint32_t i = 0; i < message->n_gaps; i++)
        get_gap(w, &message->gaps[i]);
    w->bad |= message->type == MESSAGE_GAP && message->n_gaps != 1;
}

static void put_rows(struct wire *w, const struct message *message)
{
    wire_put(w, message->n_left, 4);
    if (message->n_left > 0)
        put_row(w, &message->passage.row);
    else
        put_gaps(w, message);
}

static void get_rows(struct wire *w, struct message *message)
{
    message->n_left = (uint32_t)wire_get(w, 4);
    message->n_gaps = 0;
    w->bad |= message->n_left > STORE_MAX_ROWS;
    if (message->n_left > 0)
        get_row(w, &message->passage.row);
    else
        get_gaps(w, message);
}

static void get_crop(struct wire *w, struct message *message)
{
    if (w->bad)
        return;
    wire_get_bytes(w, message->passage.crop, message->passage.row.crop_size);
}

static void put_stats(struct wire *w, const struct store_stats *stats)
{
    wire_put(w, stats->n_rows, 8);
    wire_put(w, (uint64_t)stats->oldest_ms, 8);
    wire_put(w, stats->bytes, 8);
    wire_put(w, stats->binding, 1);
}

static void get_stats(struct wire *w, struct store_stats *stats)
{
    stats->n_rows = wire_get(w, 8);
    get_time(w, &stats->oldest_ms);
    stats->bytes = wire_get(w, 8);
    uint64_t binding = wire_get(w, 1);
    w->bad |= binding != BINDING_SOFTWARE && binding != BINDING_TPM;
    stats->binding = w->bad ? BINDING_SOFTWARE : (enum binding_kind)binding;
}

static void put_fields(struct wire *w, const struct message *m)
{
    const struct row *row = &m->passage.row;
    switch (m->type) {
    case MESSAGE_HELLO:
    case MESSAGE_ACK:
        break;
    case MESSAGE_WELCOME:
    case MESSAGE_CURSOR:
        wire_put(w, strnlen(m->cursor, sizeof m->cursor - 1), 2);
        wire_put_bytes(w, m->cursor, strnlen(m->cursor, sizeof m->cursor - 1));
        break;
    case MESSAGE_PASSAGE:
        put_row(w, row);
        wire_put_bytes(w, m->passage.crop, row->crop_size);
        break;
    case MESSAGE_CROP:
        wire_put_bytes(w, row->id, sizeof row->id);
        wire_put(w, row->crop_size, 4);
        wire_put_bytes(w, m->passage.crop, row->crop_size);
        break;
    case MESSAGE_ASK:
        put_look(w, &m->look);
        break;
    case MESSAGE_ROWS:
        put_rows(w, m);
        break;
    case MESSAGE_GAP:
        put_gaps(w, m);
        break;
    case MESSAGE_STATS:
        put_stats(w, &m->stats);
        break;
    case MESSAGE_NACK:
    case MESSAGE_REFUSED:
        put_fault(w, &m->fault);
        break;
    default:
        assert(!"a message type that exists");
    }
}

size_t message_pack(const struct message *message, uint8_t *out)
{
    assert(message->passage.row.crop_size <= ROW_MAX_CROP || message->type != MESSAGE_PASSAGE);
    struct wire w = {.at = out, .end = out + MESSAGE_MAX};
    wire_put(&w, WIRE_VERSION, 1);
    wire_put(&w, message->type, 1);
    wire_put(&w, message->seq, 8);
    put_fields(&w, message);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

static void get_cursor(struct wire *w, char cursor[MESSAGE_CURSOR_SIZE])
{
    size_t size = (size_t)wire_get(w, 2);
    w->bad |= size >= MESSAGE_CURSOR_SIZE;
    if (w->bad)
        return;
    wire_get_bytes(w, cursor, size);
    cursor[size] = '\0';
    w->bad |= strlen(cursor) != size;
}

static void get_fields(struct wire *w, struct message *m)
{
    struct row *row = &m->passage.row;
    switch (m->type) {
    case MESSAGE_HELLO:
    case MESSAGE_ACK:
        break;
    case MESSAGE_WELCOME:
    case MESSAGE_CURSOR:
        get_cursor(w, m->cursor);
        break;
    case MESSAGE_PASSAGE:
        get_row(w, row);
        get_crop(w, m);
        break;
    case MESSAGE_CROP:
        wire_get_bytes(w, row->id, sizeof row->id);
        row->crop_size = (uint32_t)wire_get(w, 4);
        w->bad |= row->crop_size > ROW_MAX_CROP;
        get_crop(w, m);
        break;
    case MESSAGE_ASK:
        get_look(w, &m->look);
        break;
    case MESSAGE_ROWS:
        get_rows(w, m);
        break;
    case MESSAGE_GAP:
        get_gaps(w, m);
        break;
    case MESSAGE_STATS:
        get_stats(w, &m->stats);
        break;
    case MESSAGE_NACK:
    case MESSAGE_REFUSED:
        get_fault(w, &m->fault);
        break;
    default:
        w->bad = true;
    }
}

enum err message_unpack(const uint8_t *bytes, size_t size, struct message *out, struct fault *why)
{
    /* The cursor of a reader is not const, because writers share it; nothing is written through it
     * here. */
    union {
        const uint8_t *from;
        uint8_t *to;
    } at = {.from = bytes};
    struct wire w = {.at = at.to, .end = at.to + size};
    uint64_t version = wire_get(&w, 1), type = wire_get(&w, 1);
    if (w.bad || version != WIRE_VERSION || type < MESSAGE_HELLO || type >= MESSAGE_COUNT)
        return fault_set(why, ERR_INPUT,
                         "a message between processes has an unknown version or type");
    out->type = (enum message_type)type;
    out->seq = wire_get(&w, 8);
    get_fields(&w, out);
    if (w.bad || w.at != w.end)
        return fault_set(why, ERR_INPUT, "a message of type %d is malformed or of wrong length",
                         (int)type);
    return ERR_OK;
}

enum err message_send(int fd, const struct message *message, uint8_t *scratch, struct fault *why)
{
    size_t size = message_pack(message, scratch);
    ssize_t sent;
    do
        sent = send(fd, scratch, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)size)
        return ERR_OK;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
        return fault_set(why, ERR_AGAIN, "the other process is behind");
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
        return fault_set(why, ERR_CLOSED, "the other process has closed the conversation");
    return fault_errno(why, ERR_IO, sent < 0 ? errno : EMSGSIZE, "cannot send to another process");
}

enum err message_receive(int fd, struct message *message, uint8_t *scratch, struct fault *why)
{
    ssize_t got;
    do /* MSG_TRUNC: the packet's whole length, so that one too long is seen as such */
        got = recv(fd, scratch, MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return fault_set(why, ERR_AGAIN, "no message");
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return fault_set(why, ERR_CLOSED, "the other process has closed the conversation");
    if (got < 0)
        return fault_errno(why, ERR_IO, errno, "cannot receive from another process");
    if (got > MESSAGE_MAX)
        return fault_set(why, ERR_INPUT, "a message between processes is too long");
    return message_unpack(scratch, (size_t)got, message, why);
}
