/* The officers' protocol: one JSON object in, one out, over the desk's Unix sockets; the only
 * header of the daemon that clients see. Pure. */
#ifndef LANEWARD_DAEMON_QUERY_H
#define LANEWARD_DAEMON_QUERY_H

#include "base/err.h"
#include "evidence/entry.h"
#include "evidence/signature.h"
#include "storage/ledger.h"

enum {
    QUERY_MAX_BYTES = 4096,
    QUERY_MAX_ANSWER = 4 * 1024 * 1024, /* an export; all others fit 1 MiB */
    QUERY_MAX_EXPORT = 20,              /* passages of one export */
    QUERY_TICKET_SIZE = 9,              /* 8 hexadecimal digits and the closing zero */
};

enum query_kind {
    QUERY_FIND = 1,
    QUERY_IMAGE,
    QUERY_STATUS,
    QUERY_PENDING,
    QUERY_APPROVE,
    QUERY_EXPORT,
    QUERY_LOG,
    QUERY_PROVE,
    QUERY_POSTURE,
    QUERY_QUALITY,
    QUERY_LIMIT
};

/* A bit each, for query_parse. */
#define QUERY_BIT(kind) (1u << (kind))
#define QUERY_ALL (QUERY_BIT(QUERY_LIMIT) - 2)
#define QUERY_MAINTENANCE                                                                          \
    (QUERY_BIT(QUERY_STATUS) | QUERY_BIT(QUERY_POSTURE) | QUERY_BIT(QUERY_QUALITY))

/* One question. Identity is not in it: the desk takes it from the socket. */
struct query {
    enum query_kind kind;
    /* FIND, IMAGE, APPROVE, EXPORT, LOG, PROVE: mandatory. */
    char reason[LEDGER_TEXT_SIZE];
    char case_number[LEDGER_TEXT_SIZE];
    struct store_query find; /* FIND */
    uint8_t id[ROW_ID_SIZE]; /* IMAGE */
    /* FIND, IMAGE, EXPORT: the approved one, "" = none. APPROVE: mandatory. */
    char ticket[QUERY_TICKET_SIZE];
    struct signature signature; /* APPROVE: size 0 = none */
    uint32_t n_ids;             /* EXPORT without a ticket: 1..QUERY_MAX_EXPORT */
    uint8_t ids[QUERY_MAX_EXPORT][ROW_ID_SIZE];
    char recipient[ENTRY_NAME_SIZE];   /* EXPORT without a ticket */
    uint64_t first;                    /* LOG: the first record wanted; PROVE: the record's index */
    uint8_t digest[ENTRY_DIGEST_SIZE]; /* POSTURE */
    uint32_t n_failed;                 /* POSTURE */
    uint64_t seen_size;                /* any: size of the newest head that was seen; 0 = none */
};

/* One of the objects of docs/query.md, of a kind whose bit is set in `kinds`. Unknown members,
 * wrong types, missing reason or case number, and out-of-range values are ERR_INPUT with the
 * member's name in the fault, never its value; a kind that is not in `kinds` is ERR_DENIED. `out`
 * is then untouched, but for kind, reason and
 * case number as far as these were understood: a refusal is recorded with them. */
enum err query_parse(const char *text, size_t size, uint32_t kinds, struct query *out,
                     struct fault *why) MUST_USE;

/* Whether a question of this kind has a reason and a case number, and is recorded. */
bool query_is_look(enum query_kind kind);

/* The text of a question, with its closing zero; returns its length. `out` has room for
 * QUERY_MAX_BYTES. */
size_t query_text(const struct query *query, char *out);

#endif
