/* Collecting an answer: most are one packet; rows, tickets and files are several. */
#include "daemon/reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void reply_begin(struct reply *reply, const struct query *query, const struct counters *counters,
                 const struct config *config)
{
    reply_end(reply);
    reply->kind = query->kind;
    reply->counters = counters;
    reply->config = config;
    reply->has_log = false;
    reply->rows.n_rows = reply->rows.n_gaps = 0;
    reply->rows.limit = query->find.limit;
    reply->n_tickets = 0;
}

void reply_end(struct reply *reply)
{
    free(reply->file);
    reply->file = NULL;
    reply->n_file = reply->file_size = 0;
}

static const struct message_evidence *log_of(const struct reply *reply)
{
    return reply->has_log ? &reply->log : NULL;
}

static enum reply_step take_row(struct reply *reply, const struct message *m, char **out)
{
    struct answer_rows *rows = &reply->rows;
    if (m->n_left > 0) {
        if (rows->n_rows < STORE_MAX_ROWS)
            rows->rows[rows->n_rows++] = m->passage.row;
        return REPLY_WAIT;
    }
    static_assert((int)ANSWER_MAX_GAPS == (int)MESSAGE_MAX_GAPS,
                  "all gaps of a message fit an answer");
    rows->n_gaps = m->n_gaps;
    memcpy(rows->gaps, m->gaps, sizeof rows->gaps);
    rows->binding = (enum binding_kind)atomic_load(&reply->counters->binding);
    if (rows->binding != BINDING_TPM)
        rows->binding = BINDING_SOFTWARE;
    *out = answer_find(rows, log_of(reply));
    return REPLY_READY;
}

static enum reply_step take_pending(struct reply *reply, const struct message *m, char **out)
{
    if (m->n_left == 0) {
        *out = docket_pending(reply->tickets, reply->n_tickets, log_of(reply));
        return REPLY_READY;
    }
    if (reply->n_tickets == TICKET_ROOM)
        return REPLY_WAIT;
    struct docket_ticket *ticket = &reply->tickets[reply->n_tickets++];
    memcpy(ticket->number, m->ticket, sizeof ticket->number);
    memcpy(ticket->user, m->user, sizeof ticket->user);
    ticket->asked_ms = m->asked_ms;
    ticket->size = m->n_data;
    memcpy(ticket->text, m->data, m->n_data);
    return REPLY_WAIT;
}

/* Parts come in order; one that does not continue the file is asked for again. */
static enum reply_step take_part(struct reply *reply, const struct message *m, char **out)
{
    if (reply->file == NULL) {
        reply->file = malloc(m->total);
        reply->file_size = m->total;
    }
    if (reply->file == NULL) {
        *out = NULL;
        return REPLY_READY;
    }
    if (m->first != reply->n_file || m->total != reply->file_size)
        return REPLY_WAIT;
    memcpy(reply->file + reply->n_file, m->data, m->n_data);
    reply->n_file += m->n_data;
    if (reply->n_file < reply->file_size)
        return REPLY_MORE;
    *out = docket_export(m, reply->file, log_of(reply));
    reply_end(reply);
    return REPLY_READY;
}

static enum reply_step take_done(const struct reply *reply, char **out)
{
    *out = docket_done(reply->kind == QUERY_APPROVE ? "approved" : "recorded", log_of(reply));
    return REPLY_READY;
}

/* Which types of packet answer which kind of question. */
static bool fits(enum query_kind kind, enum message_type type)
{
    switch (type) {
    case MESSAGE_EVIDENCE:
    case MESSAGE_REFUSED:
        return true;
    case MESSAGE_ROWS:
        return kind == QUERY_FIND;
    case MESSAGE_CROP:
        return kind == QUERY_IMAGE;
    case MESSAGE_STATS:
        return kind == QUERY_STATUS;
    case MESSAGE_PENDING:
        return kind == QUERY_PENDING;
    case MESSAGE_DONE:
        return kind == QUERY_APPROVE || kind == QUERY_POSTURE;
    case MESSAGE_TICKET:
    case MESSAGE_BLOB:
        return kind == QUERY_EXPORT;
    case MESSAGE_LOG:
        return kind == QUERY_LOG;
    case MESSAGE_PROOF:
        return kind == QUERY_PROVE;
    default:
        return false;
    }
}

enum reply_step reply_take(struct reply *reply, const struct message *m, char **out)
{
    if (!fits(reply->kind, m->type))
        return REPLY_WAIT;
    switch (m->type) {
    case MESSAGE_EVIDENCE:
        reply->log = m->evidence;
        reply->has_log = true;
        return REPLY_WAIT;
    case MESSAGE_ROWS:
        return take_row(reply, m, out);
    case MESSAGE_PENDING:
        return take_pending(reply, m, out);
    case MESSAGE_BLOB:
        return take_part(reply, m, out);
    case MESSAGE_DONE:
        return take_done(reply, out);
    case MESSAGE_CROP:
        *out = answer_image(m, log_of(reply));
        return REPLY_READY;
    case MESSAGE_TICKET:
        *out = docket_ticket(m->ticket, log_of(reply));
        return REPLY_READY;
    case MESSAGE_LOG:
        *out = docket_log(m, log_of(reply));
        return REPLY_READY;
    case MESSAGE_PROOF:
        *out = docket_proof(m, log_of(reply));
        return REPLY_READY;
    default: /* STATS, or a status that was refused: it is told without the store */
        if (reply->kind == QUERY_STATUS)
            *out = answer_status(reply->counters, reply->config,
                                 m->type == MESSAGE_STATS ? m : NULL, counters_now_ms());
        else
            *out = docket_refused(m, log_of(reply));
        return REPLY_READY;
    }
}
