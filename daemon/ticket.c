/* A small table of requests, and their text. */
#include "daemon/ticket.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"

struct page {
    char *out;
    size_t used;
};

PRINTF_LIKE(2, 3) static void line(struct page *page, const char *format, ...)
{
    va_list args;
    size_t room = TICKET_TEXT_SIZE - page->used;
    va_start(args, format);
    int wrote = vsnprintf(page->out + page->used, room, format, args);
    va_end(args);
    assert(wrote > 0 && (size_t)wrote < room);
    page->used += (size_t)wrote;
}

/* ISO 8601, UTC, milliseconds. */
static void time_line(struct page *page, const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    if (ms <= 0)
        return;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    line(page, "%s: %s.%03dZ\n", name, text, (int)(ms % 1000));
}

static void id_line(struct page *page, const uint8_t id[ROW_ID_SIZE])
{
    char hex[2 * ROW_ID_SIZE + 1];
    hex_encode(id, ROW_ID_SIZE, hex);
    line(page, "passage: %s\n", hex);
}

static void find_lines(struct page *page, const struct store_query *find)
{
    line(page, "plate: %s\n", find->plate[0] != '\0' ? find->plate : "any");
    if (find->look_alike)
        line(page, "look-alikes: too\n");
    line(page, "lane: %s\n", find->lane[0] != '\0' ? find->lane : "every");
    time_line(page, "from", find->from_ms);
    time_line(page, "to", find->to_ms);
    line(page, "limit: %" PRIu32 "\n", find->limit);
}

size_t ticket_text(const struct ticket *ticket, char *out)
{
    const struct ask *ask = &ticket->ask;
    struct page page = {.out = out};
    const char *kind = ask->kind == ASK_FIND    ? "query"
                       : ask->kind == ASK_IMAGE ? "image"
                                                : "export";
    line(&page, "laneward approval 1\n");
    line(&page, "ticket: %s\n", ticket->number);
    time_line(&page, "asked", ticket->asked_ms);
    line(&page, "user: %s (%" PRIu32 ")\n", ask->user, ask->uid);
    line(&page, "reason: %s\n", ask->reason);
    line(&page, "case number: %s\n", ask->case_number);
    line(&page, "what: %s\n", kind);
    if (ask->kind == ASK_FIND)
        find_lines(&page, &ask->find);
    if (ask->kind == ASK_IMAGE)
        id_line(&page, ask->id);
    for (uint32_t i = 0; ask->kind == ASK_EXPORT && i < ask->n_ids; i++)
        id_line(&page, ask->ids[i]);
    if (ask->kind == ASK_EXPORT)
        line(&page, "recipient: %s\n", ask->recipient);
    return page.used;
}

static void drop_old(struct tickets *tickets, int64_t steady_ms)
{
    for (int i = 0; i < TICKET_ROOM; i++)
        if (tickets->ticket[i].state != 0 && steady_ms >= tickets->ticket[i].until_ms)
            memset(&tickets->ticket[i], 0, sizeof tickets->ticket[i]);
}

static bool is_same_find(const struct store_query *a, const struct store_query *b)
{
    return strcmp(a->plate, b->plate) == 0 && a->look_alike == b->look_alike &&
           strcmp(a->lane, b->lane) == 0 && a->from_ms == b->from_ms && a->to_ms == b->to_ms &&
           a->limit == b->limit;
}

static bool is_same(const struct ask *a, const struct ask *b)
{
    if (a->uid != b->uid || a->kind != b->kind || strcmp(a->reason, b->reason) != 0 ||
        strcmp(a->case_number, b->case_number) != 0)
        return false;
    switch (a->kind) {
    case ASK_FIND:
        return is_same_find(&a->find, &b->find);
    case ASK_IMAGE:
        return memcmp(a->id, b->id, sizeof a->id) == 0;
    case ASK_EXPORT:
        return a->n_ids == b->n_ids && strcmp(a->recipient, b->recipient) == 0 &&
               memcmp(a->ids, b->ids, a->n_ids * sizeof a->ids[0]) == 0;
    default:
        return false;
    }
}

static struct ticket *find_number(struct tickets *tickets, const char *number)
{
    for (int i = 0; i < TICKET_ROOM; i++)
        if (tickets->ticket[i].state != 0 && strcmp(tickets->ticket[i].number, number) == 0)
            return &tickets->ticket[i];
    return NULL;
}

enum err ticket_take(struct tickets *tickets, const struct ask *ask, uint32_t random,
                     struct limits_moment moment, struct ticket **out, struct fault *why)
{
    assert(ask->kind == ASK_FIND || ask->kind == ASK_IMAGE || ask->kind == ASK_EXPORT);
    struct ticket *place = NULL;
    int of_user = 0;
    drop_old(tickets, moment.steady_ms);
    for (int i = 0; i < TICKET_ROOM; i++) {
        struct ticket *ticket = &tickets->ticket[i];
        if (ticket->state == TICKET_WAITING && is_same(&ticket->ask, ask)) {
            *out = ticket;
            return ERR_OK;
        }
        of_user += ticket->state != 0 && ticket->ask.uid == ask->uid;
        if (ticket->state == 0)
            place = ticket;
    }
    if (of_user >= TICKET_ROOM_A_USER)
        return fault_set(why, ERR_LIMIT, "%d requests of one user wait already",
                         TICKET_ROOM_A_USER);
    if (place == NULL)
        return fault_set(why, ERR_LIMIT, "%d requests wait already", TICKET_ROOM);
    char number[ASK_TICKET_SIZE];
    do
        snprintf(number, sizeof number, "%08" PRIx32, random++);
    while (find_number(tickets, number) != NULL);
    *place = (struct ticket){.state = TICKET_WAITING,
                             .until_ms = moment.steady_ms + TICKET_MS,
                             .asked_ms = moment.now_ms,
                             .ask = *ask};
    memcpy(place->number, number, sizeof number);
    *out = place;
    return ERR_OK;
}

struct ticket *ticket_find(struct tickets *tickets, const char *number, int64_t steady_ms)
{
    drop_old(tickets, steady_ms);
    return find_number(tickets, number);
}

enum err ticket_approve(struct ticket *ticket, const struct ask *by, int64_t steady_ms,
                        struct fault *why)
{
    if (by->uid == ticket->ask.uid)
        return fault_set(why, ERR_DENIED, "nobody approves what he has asked for himself");
    if (ticket->state != TICKET_WAITING)
        return fault_set(why, ERR_INPUT, "ticket: is approved already");
    ticket->state = TICKET_APPROVED;
    ticket->until_ms = steady_ms + TICKET_MS;
    memcpy(ticket->approver, by->user, sizeof ticket->approver);
    return ERR_OK;
}

bool ticket_covers(const struct ticket *ticket, const struct ask *ask)
{
    if (ticket->state != TICKET_APPROVED)
        return false;
    if (ask->kind == ASK_EXPORT && ticket->ask.kind == ASK_EXPORT && ask->n_ids == 0)
        return ask->uid == ticket->ask.uid && strcmp(ask->reason, ticket->ask.reason) == 0 &&
               strcmp(ask->case_number, ticket->ask.case_number) == 0;
    return is_same(&ticket->ask, ask);
}
