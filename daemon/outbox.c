/* The ring of unacknowledged passages. */
#include "daemon/outbox.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    bool used, in_flight;
    uint64_t seq;
    uint64_t first_number;
    int64_t again_ms; /* not before, unless it was never sent */
    struct passage passage;
};

struct outbox {
    uint64_t next_seq;
    unsigned n_in_flight;
    int64_t backoff_ms; /* 0: the keeper stores */
    int64_t not_before_ms;
    struct entry entries[OUTBOX_ROOM];
};

enum err outbox_new(struct outbox **out, uint64_t first_seq, struct fault *why)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for passages on their way to the store");
    outbox->next_seq = first_seq;
    *out = outbox;
    return ERR_OK;
}

void outbox_free(struct outbox **outbox)
{
    free(*outbox);
    *outbox = NULL;
}

static void land(struct outbox *outbox, struct entry *e)
{
    outbox->n_in_flight -= e->in_flight;
    e->in_flight = false;
}

/* The slot of this id, else a free one, else the oldest. */
static struct entry *slot_for(struct outbox *outbox, const uint8_t id[ROW_ID_SIZE])
{
    struct entry *free_one = NULL, *oldest = NULL;
    for (int i = 0; i < OUTBOX_ROOM; i++) {
        struct entry *e = &outbox->entries[i];
        if (e->used && memcmp(e->passage.row.id, id, ROW_ID_SIZE) == 0)
            return e;
        if (!e->used)
            free_one = e;
        else if (oldest == NULL || e->seq < oldest->seq)
            oldest = e;
    }
    return free_one != NULL ? free_one : oldest;
}

bool outbox_put(struct outbox *outbox, const struct passage *passage, uint64_t first_number,
                struct row *given_up)
{
    struct entry *e = slot_for(outbox, passage->row.id);
    bool is_same = e->used && memcmp(e->passage.row.id, passage->row.id, ROW_ID_SIZE) == 0;
    bool overflows = e->used && !is_same;
    if (overflows)
        *given_up = e->passage.row;
    land(outbox, e);
    e->first_number = is_same && e->first_number < first_number ? e->first_number : first_number;
    e->used = true;
    e->seq = outbox->next_seq++;
    e->again_ms = INT64_MIN;
    e->passage.row = passage->row;
    memcpy(e->passage.crop, passage->crop, passage->row.crop_size);
    return overflows;
}

static int64_t due_ms(const struct outbox *outbox, const struct entry *e)
{
    return e->again_ms > outbox->not_before_ms ? e->again_ms : outbox->not_before_ms;
}

const struct passage *outbox_due(const struct outbox *outbox, int64_t now_ms, uint64_t *seq)
{
    const struct entry *next = NULL;
    /* While the keeper refuses, one at a time finds out whether it stores again. */
    unsigned window = outbox->backoff_ms > 0 ? 1 : OUTBOX_WINDOW;
    for (int i = 0; i < OUTBOX_ROOM; i++) {
        const struct entry *e = &outbox->entries[i];
        if (!e->used || due_ms(outbox, e) > now_ms ||
            (!e->in_flight && outbox->n_in_flight >= window))
            continue;
        if (next == NULL || e->seq < next->seq)
            next = e;
    }
    if (next == NULL)
        return NULL;
    *seq = next->seq;
    return &next->passage;
}

static struct entry *find(struct outbox *outbox, uint64_t seq)
{
    for (int i = 0; i < OUTBOX_ROOM; i++)
        if (outbox->entries[i].used && outbox->entries[i].seq == seq)
            return &outbox->entries[i];
    return NULL;
}

void outbox_sent(struct outbox *outbox, uint64_t seq, int64_t now_ms)
{
    struct entry *e = find(outbox, seq);
    if (e == NULL)
        return;
    outbox->n_in_flight += !e->in_flight;
    e->in_flight = true;
    e->again_ms = now_ms + OUTBOX_TIMEOUT_MS;
}

static void back_off(struct outbox *outbox, int64_t now_ms)
{
    int64_t pause = outbox->backoff_ms == 0 ? OUTBOX_FIRST_BACKOFF_MS : 2 * outbox->backoff_ms;
    /* Refusals of what was under way together count as one. */
    if (outbox->backoff_ms > 0 && now_ms < outbox->not_before_ms)
        return;
    outbox->backoff_ms = pause < OUTBOX_LAST_BACKOFF_MS ? pause : OUTBOX_LAST_BACKOFF_MS;
    outbox->not_before_ms = now_ms + outbox->backoff_ms;
}

void outbox_answer(struct outbox *outbox, uint64_t seq, bool stored, int64_t now_ms)
{
    struct entry *e = find(outbox, seq);
    if (stored)
        outbox->backoff_ms = outbox->not_before_ms = 0;
    else if (e != NULL)
        back_off(outbox, now_ms);
    if (e == NULL)
        return;
    land(outbox, e);
    e->again_ms = now_ms;
    e->used = !stored;
}

struct outbox_state outbox_state(const struct outbox *outbox, int64_t now_ms)
{
    struct outbox_state state = {.oldest = UINT64_MAX, .wait_ms = -1};
    for (int i = 0; i < OUTBOX_ROOM; i++) {
        const struct entry *e = &outbox->entries[i];
        if (!e->used)
            continue;
        state.count++;
        if (e->first_number < state.oldest)
            state.oldest = e->first_number;
        int64_t left = due_ms(outbox, e) > now_ms ? due_ms(outbox, e) - now_ms : 0;
        if (state.wait_ms < 0 || left < state.wait_ms)
            state.wait_ms = left;
    }
    return state;
}
