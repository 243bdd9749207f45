/* Answers questions: checks, finds, records, and only then lets the answer go. */
#ifndef LANEWARD_DAEMON_CLERK_H
#define LANEWARD_DAEMON_CLERK_H

#include "daemon/message.h"
#include "daemon/ticket.h"
#include "daemon/vault.h"

enum { CLERK_FILES = 4, CLERK_FILE_MS = 30000 };

/* An exported file on its way out, a part at a time. */
struct clerk_file {
    uint64_t seq; /* of the question; 0: free */
    int64_t until_ms;
    uint64_t number;
    uint8_t digest[ENTRY_DIGEST_SIZE];
    uint8_t *bytes;
    size_t size;
};

struct clerk {
    struct vault *vault;
    int fd; /* towards the desk */
    struct limits *limits;
    struct tickets tickets;
    struct clerk_file files[CLERK_FILES];
    int64_t told_rollback_ms; /* steady, when a client last knew more of the log than the store */
    struct ask ask;           /* the question, completed */
    struct row rows[STORE_MAX_ROWS];
    struct message out;
    uint8_t scratch[MESSAGE_MAX];
};

/* `vault` and `fd` are borrowed. The limits begin as the log leaves them. ERR_IO, ERR_MEMORY. */
enum err clerk_new(struct clerk **out, struct vault *vault, int fd, struct fault *why) MUST_USE;
void clerk_free(struct clerk **clerk);

/* An ASK or MORE of the desk's, with no batch open. false: it is neither. */
bool clerk_hear(struct clerk *clerk, const struct message *in);

/* For what answers (daemon/second.c): */

/* Completes the question, and checks its shape, age and rate, and the ticket that it names:
 * *ticket, NULL when it names none. A refusal that a second person can lift has opened a ticket:
 * out.needs_second. */
enum err clerk_check(struct clerk *clerk, struct ask *ask, struct ticket **ticket,
                     struct fault *why) MUST_USE;

/* Opens a ticket and records the request; its number goes into out.ticket. */
enum err clerk_open_ticket(struct clerk *clerk, const struct ask *ask, struct fault *why) MUST_USE;

/* The record of a question, and the alarm if one of its passages is honey. Nothing may be answered
 * unless ERR_OK. */
enum err clerk_record(struct clerk *clerk, struct entry *entry, const struct ask *ask,
                      struct entry_detail *detail, struct fault *why) MUST_USE;

/* clerk->out, after the log's head when it is the first packet of an answer. */
void clerk_send(struct clerk *clerk);
void clerk_begin_answer(struct clerk *clerk, const struct ask *ask);

#endif
