/* The wire form of messages between processes: a version byte, a type byte, a sequence number, then
 * the type's fields. */
#include "daemon/message.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"
#include "daemon/field.h"
#include "daemon/talk.h"

enum { WIRE_VERSION = 2 };

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
        field_get_plate(w, c->plate, 0);
        c->confidence = field_get_share(w);
        c->matches_pattern = field_get_bool(w);
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
    field_get_time(w, &row->first_ms);
    field_get_time(w, &row->last_ms);
    w->bad |= row->last_ms < row->first_ms;
    row->clock_synchronised = field_get_bool(w);
    row->needs_review = field_get_bool(w);
    field_get_name(w, row->lane, sizeof row->lane);
    field_get_name(w, row->camera, sizeof row->camera);
    field_get_plate(w, row->plate, 0);
    field_get_name(w, row->region, sizeof row->region);
    row->confidence = field_get_share(w);
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

static void put_gap(struct wire *w, const struct ledger_gap *gap)
{
    wire_put(w, (uint64_t)gap->from_ms, 8);
    wire_put(w, (uint64_t)gap->to_ms, 8);
    wire_put_text(w, gap->lane);
    wire_put_text(w, gap->why);
}

static void get_gap(struct wire *w, struct ledger_gap *gap)
{
    field_get_time(w, &gap->from_ms);
    field_get_time(w, &gap->to_ms);
    w->bad |= gap->to_ms < gap->from_ms;
    field_get_name(w, gap->lane, sizeof gap->lane);
    field_get_name(w, gap->why, sizeof gap->why);
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
    case MESSAGE_ROWS:
        put_rows(w, m);
        break;
    case MESSAGE_GAP:
        put_gaps(w, m);
        break;
    case MESSAGE_NACK:
        field_put_fault(w, &m->fault);
        break;
    default:
        assert(talk_has(m->type));
        talk_put(w, m);
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
    case MESSAGE_ROWS:
        get_rows(w, m);
        break;
    case MESSAGE_GAP:
        get_gaps(w, m);
        break;
    case MESSAGE_NACK:
        field_get_fault(w, &m->fault);
        break;
    default:
        talk_get(w, m);
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
