/* Answers that are papers rather than passages: what waits for approval, pages and proofs of the
 * log, an exported file. Pure. */
#ifndef LANEWARD_DAEMON_DOCKET_H
#define LANEWARD_DAEMON_DOCKET_H

#include "daemon/message.h"

/* One of those that wait. */
struct docket_ticket {
    char number[ASK_TICKET_SIZE];
    char user[ENTRY_NAME_SIZE];
    int64_t asked_ms;
    uint32_t size;
    char text[TICKET_TEXT_SIZE];
};

/* Each returns a text of its own that ends in a line feed, to be freed by the caller; NULL: no
 * memory. `log` may be NULL. */
char *docket_pending(const struct docket_ticket *tickets, uint32_t n,
                     const struct message_evidence *log);
char *docket_ticket(const char *number, const struct message_evidence *log);
/* "approved" or "recorded": it is. */
char *docket_done(const char *what, const struct message_evidence *log);
/* A MESSAGE_LOG, a MESSAGE_PROOF. */
char *docket_log(const struct message *page, const struct message_evidence *log);
char *docket_proof(const struct message *proof, const struct message_evidence *log);
/* `blob` is the last part's message; `bytes` the whole file, blob->total bytes. */
char *docket_export(const struct message *blob, const uint8_t *bytes,
                    const struct message_evidence *log);
/* A MESSAGE_REFUSED. */
char *docket_refused(const struct message *refused, const struct message_evidence *log);

#endif
