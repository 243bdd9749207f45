/* A question as it goes from the desk to the keeper: who asks, by the kernel's word, and what. No
 * pointers. */
#ifndef LANEWARD_DAEMON_ASK_H
#define LANEWARD_DAEMON_ASK_H

#include "evidence/entry.h"
#include "evidence/merkle.h"
#include "evidence/signature.h"
#include "storage/ledger.h"

enum {
    ASK_MAX_EXPORT = 20, /* passages of one export */
    ASK_TICKET_SIZE = 9, /* 8 hexadecimal digits and the closing zero */
};

/* What a user may do; by membership in the host's groups, which the configuration names. */
enum ask_role {
    ASK_OFFICER = 1 << 0,     /* queries, images, asks for exports */
    ASK_SUPERVISOR = 1 << 1,  /* approves */
    ASK_AUDITOR = 1 << 2,     /* reads the log */
    ASK_MAINTENANCE = 1 << 3, /* health, quality, posture: no passage, no picture; the only role of
                                 the maintenance socket */
    ASK_ROLES = ASK_OFFICER | ASK_SUPERVISOR | ASK_AUDITOR | ASK_MAINTENANCE,
};

enum ask_kind {
    ASK_FIND = 1,
    ASK_IMAGE,
    ASK_STATUS,  /* tells of no vehicle; any role */
    ASK_REFUSED, /* the desk has refused it; to be recorded */
    ASK_PENDING, /* supervisor: tickets that wait */
    ASK_APPROVE, /* supervisor: ticket, signature */
    ASK_EXPORT,  /* officer: without a ticket: n_ids, recipient; with one: the file */
    ASK_LOG,     /* auditor: records from `first` */
    ASK_PROVE,   /* auditor: that record `first` is in the log */
    ASK_POSTURE, /* maintenance, root: digest and n_failed of a doctor's round */
    ASK_QUALITY, /* maintenance: how well this lane reads, totals only */
    ASK_LIMIT
};

struct ask {
    enum ask_kind kind;
    uint32_t uid;
    uint32_t roles; /* enum ask_role */
    char user[ENTRY_NAME_SIZE];
    char reason[LEDGER_TEXT_SIZE];
    char case_number[LEDGER_TEXT_SIZE];
    struct store_query find;      /* FIND */
    uint8_t id[ROW_ID_SIZE];      /* IMAGE */
    char ticket[ASK_TICKET_SIZE]; /* FIND and EXPORT when approved, APPROVE; "" = none */
    struct signature
        signature;  /* APPROVE: over the ticket's text (daemon/ticket.h); size 0 = none */
    uint32_t n_ids; /* EXPORT */
    uint8_t ids[ASK_MAX_EXPORT][ROW_ID_SIZE];
    char recipient[ENTRY_NAME_SIZE]; /* EXPORT: file name without .pem in recipients_dir */
    uint64_t first;                  /* LOG, PROVE */
    uint8_t digest[32];              /* POSTURE */
    uint32_t n_failed;               /* POSTURE */
    /* Any: the newest head that the client has seen; size 0 = none. */
    uint64_t seen_size;
};

#endif
