/* Sending to the keeper until it says that it is durable. */
#include "daemon/courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/outbox.h"

enum { HELLO_AGAIN_MS = 2000, NOTE_AGAIN_MS = 5000, CURSOR_EVERY_MS = 1000 };

/* A small thing to be told once: it is sent until the keeper acknowledges the number under which it
 * went out last. */
struct note {
    bool wanted, in_flight;
    uint64_t seq;
    int64_t not_before_ms;
};

struct courier {
    int fd;
    uint64_t
        next_seq; /* of hello, cursor and gap: counted down, so that they never meet the outbox's */
    char lane[ROW_NAME_SIZE];
    struct outbox *outbox;
    bool welcomed;
    struct note hello, cursor, gap;
    char resume[MESSAGE_CURSOR_SIZE];
    char settled[MESSAGE_CURSOR_SIZE];
    struct ledger_gap lost;
    bool said_malformed;
    struct message message;
    uint8_t scratch[MESSAGE_MAX];
};

enum err courier_new(struct courier **out, int fd, uint64_t first_seq, const char *lane,
                     struct fault *why)
{
    struct courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the conversation with the keeper");
    enum err err = outbox_new(&courier->outbox, first_seq, why);
    if (err != ERR_OK) {
        free(courier);
        return err;
    }
    courier->fd = fd;
    courier->next_seq = first_seq - 1;
    courier->hello.wanted = true;
    courier->hello.not_before_ms = INT64_MIN;
    courier->cursor.not_before_ms = courier->gap.not_before_ms = INT64_MIN;
    snprintf(courier->lane, sizeof courier->lane, "%s", lane);
    *out = courier;
    return ERR_OK;
}

void courier_free(struct courier **courier)
{
    outbox_free(&(*courier)->outbox);
    free(*courier);
    *courier = NULL;
}

static void want(struct note *note)
{
    note->wanted = true;
    note->in_flight = false; /* an answer to what was sent before does not cover this */
}

bool courier_put(struct courier *courier, const struct passage *passage, uint64_t first_number)
{
    struct row lost;
    if (!outbox_put(courier->outbox, passage, first_number, &lost))
        return true;
    struct ledger_gap *gap = &courier->lost;
    if (!courier->gap.wanted)
        *gap = (struct ledger_gap){.from_ms = lost.first_ms,
                                   .to_ms = lost.last_ms,
                                   .why = "passages given up, the store was not writable"};
    memcpy(gap->lane, courier->lane, sizeof gap->lane);
    gap->from_ms = lost.first_ms < gap->from_ms ? lost.first_ms : gap->from_ms;
    gap->to_ms = lost.last_ms > gap->to_ms ? lost.last_ms : gap->to_ms;
    want(&courier->gap);
    return false;
}

void courier_settle(struct courier *courier, const char *cursor)
{
    if (strncmp(cursor, courier->settled, sizeof courier->settled) == 0)
        return;
    snprintf(courier->settled, sizeof courier->settled, "%s", cursor);
    want(&courier->cursor);
}

void courier_hurry(struct courier *courier)
{
    if (!courier->cursor.in_flight)
        courier->cursor.not_before_ms = INT64_MIN;
}

static void answer_note(struct note *note, const struct message *m, int64_t now_ms)
{
    if (!note->in_flight || note->seq != m->seq)
        return;
    note->in_flight = false;
    note->wanted = m->type == MESSAGE_NACK;
    if (note->wanted)
        note->not_before_ms = now_ms + NOTE_AGAIN_MS;
}

static void take_answer(struct courier *courier, const struct message *m, int64_t now_ms)
{
    switch (m->type) {
    case MESSAGE_WELCOME:
        if (courier->hello.in_flight && m->seq == courier->hello.seq) {
            courier->hello = (struct note){.wanted = false};
            courier->welcomed = true;
            memcpy(courier->resume, m->cursor, sizeof courier->resume);
        }
        break;
    case MESSAGE_ACK:
    case MESSAGE_NACK:
        answer_note(&courier->cursor, m, now_ms);
        answer_note(&courier->gap, m, now_ms);
        outbox_answer(courier->outbox, m->seq, m->type == MESSAGE_ACK, now_ms);
        break;
    default:
        if (!courier->said_malformed)
            log_write(LOG_LEVEL_WARNING, "the keeper said something unexpected (type %d)",
                      (int)m->type);
        courier->said_malformed = true;
    }
}

static enum err receive_all(struct courier *courier, int64_t now_ms, struct fault *why)
{
    for (;;) {
        enum err err = message_receive(courier->fd, &courier->message, courier->scratch, why);
        if (err == ERR_AGAIN)
            return ERR_OK;
        if (err == ERR_OK)
            take_answer(courier, &courier->message, now_ms);
        else if (err != ERR_INPUT)
            return err;
    }
}

static bool is_due(const struct note *note, int64_t now_ms)
{
    return note->wanted && note->not_before_ms <= now_ms;
}

/* Sends what the message holds as this note; from now on only the answer to this number counts. */
static enum err send_note(struct courier *courier, struct note *note, int64_t again_ms,
                          struct fault *why)
{
    struct message *m = &courier->message;
    m->seq = courier->next_seq;
    enum err err = message_send(courier->fd, m, courier->scratch, why);
    if (err != ERR_OK)
        return err;
    courier->next_seq--;
    note->seq = m->seq;
    note->in_flight = true;
    note->not_before_ms = again_ms;
    return ERR_OK;
}

static enum err send_notes(struct courier *courier, int64_t now_ms, struct fault *why)
{
    struct message *m = &courier->message;
    enum err err = ERR_OK;
    if (is_due(&courier->hello, now_ms)) {
        m->type = MESSAGE_HELLO;
        err = send_note(courier, &courier->hello, now_ms + HELLO_AGAIN_MS, why);
    }
    /* A gap is told when the store works again: when the passages that are left have gone through.
     */
    bool stores = outbox_state(courier->outbox, now_ms).count < OUTBOX_ROOM / 2;
    if (err == ERR_OK && stores && is_due(&courier->gap, now_ms)) {
        m->type = MESSAGE_GAP;
        m->n_gaps = 1;
        m->gaps[0] = courier->lost;
        err = send_note(courier, &courier->gap, now_ms + NOTE_AGAIN_MS, why);
    }
    if (err == ERR_OK && is_due(&courier->cursor, now_ms)) {
        bool is_repeated = courier->cursor.in_flight;
        m->type = MESSAGE_CURSOR;
        memcpy(m->cursor, courier->settled, sizeof m->cursor);
        err = send_note(courier, &courier->cursor,
                        now_ms + (is_repeated ? NOTE_AGAIN_MS : CURSOR_EVERY_MS), why);
    }
    return err;
}

static enum err send_passages(struct courier *courier, int64_t now_ms, struct fault *why)
{
    const struct passage *passage;
    uint64_t seq;
    while ((passage = outbox_due(courier->outbox, now_ms, &seq)) != NULL) {
        struct message *m = &courier->message;
        m->type = MESSAGE_PASSAGE;
        m->seq = seq;
        m->passage.row = passage->row;
        memcpy(m->passage.crop, passage->crop, passage->row.crop_size);
        enum err err = message_send(courier->fd, m, courier->scratch, why);
        if (err != ERR_OK)
            return err;
        outbox_sent(courier->outbox, seq, now_ms);
    }
    return ERR_OK;
}

enum err courier_work(struct courier *courier, int64_t now_ms, struct fault *why)
{
    enum err err = receive_all(courier, now_ms, why);
    if (err == ERR_OK)
        err = send_passages(courier, now_ms, why);
    if (err == ERR_OK)
        err = send_notes(courier, now_ms, why);
    return err == ERR_AGAIN ? ERR_OK : err; /* the keeper is behind: all is kept */
}

static void wait_for(int64_t *wait_ms, const struct note *note, int64_t now_ms)
{
    if (!note->wanted)
        return;
    int64_t left = note->not_before_ms > now_ms ? note->not_before_ms - now_ms : 0;
    if (*wait_ms < 0 || left < *wait_ms)
        *wait_ms = left;
}

struct courier_state courier_state(const struct courier *courier, int64_t now_ms)
{
    struct outbox_state outbox = outbox_state(courier->outbox, now_ms);
    struct courier_state state = {
        .welcomed = courier->welcomed,
        .resume = courier->resume,
        .unacknowledged = outbox.count,
        .idle = outbox.count == 0 && !courier->cursor.wanted && !courier->gap.wanted,
        .oldest = outbox.oldest,
        .wait_ms = outbox.wait_ms,
    };
    wait_for(&state.wait_ms, &courier->hello, now_ms);
    wait_for(&state.wait_ms, &courier->cursor, now_ms);
    wait_for(&state.wait_ms, &courier->gap, now_ms);
    return state;
}
