/* What the keeper answers to one question, packet by packet, until it is a line for the client. No
 * sockets. */
#ifndef LANEWARD_DAEMON_REPLY_H
#define LANEWARD_DAEMON_REPLY_H

#include "daemon/answer.h"
#include "daemon/docket.h"

/* One at a time; zero before the first. */
struct reply {
    enum query_kind kind;
    const struct counters *counters; /* borrowed */
    const struct config *config;
    bool has_log;
    struct message_evidence log;
    struct answer_rows rows;
    uint32_t n_tickets;
    struct docket_ticket tickets[TICKET_ROOM];
    uint8_t *file; /* owned: an export, `n_file` bytes are there */
    uint64_t n_file, file_size;
};

enum reply_step {
    REPLY_WAIT,  /* more is to come */
    REPLY_MORE,  /* reply->n_file: the next part has to be asked for from there on */
    REPLY_READY, /* *out is the answer; NULL: no memory */
};

void reply_begin(struct reply *reply, const struct query *query, const struct counters *counters,
                 const struct config *config);

/* One packet that has come to this question. What does not fit the question is passed over. */
enum reply_step reply_take(struct reply *reply, const struct message *message, char **out);

/* Frees what it still holds. */
void reply_end(struct reply *reply);

#endif
