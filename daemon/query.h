/* The officers' protocol: one JSON object in, one out, over the desk's Unix socket; the only header
 * of the daemon that clients see. Pure. */
#ifndef LANEWARD_DAEMON_QUERY_H
#define LANEWARD_DAEMON_QUERY_H

#include "base/err.h"
#include "storage/ledger.h"

enum { QUERY_MAX_BYTES = 4096, QUERY_MAX_ANSWER = 1024 * 1024 };

enum query_kind { QUERY_FIND = 1, QUERY_IMAGE, QUERY_STATUS };

/* One question. Identity is not in it: the desk takes it from the socket. */
struct query {
    enum query_kind kind;
    char reason[LEDGER_TEXT_SIZE];
    char case_number[LEDGER_TEXT_SIZE];
    struct store_query find; /* QUERY_FIND */
    uint8_t id[ROW_ID_SIZE]; /* QUERY_IMAGE */
};

/* One of
 *   {"version":1,"query":"find","reason":"...","case_number":"...","plate":"AB?123",
 *    "look_alike":true,"lane":"north","from":<epoch ms>,"to":<epoch ms>,"limit":50}
 *   {"version":1,"query":"image","reason":"...","case_number":"...","id":"<32 hex>"}
 *   {"version":1,"query":"status"}
 * Of find, all after case_number may be left out; limit is then 0: as many as are allowed. Unknown
 * members, wrong types, missing reason or case number, and out-of-range values are ERR_INPUT with
 * the member's name in the fault, never its value. `out` is then untouched, but for kind, reason
 * and case number as far as these were understood: a refusal is recorded with them. */
enum err query_parse(const char *text, size_t size, struct query *out, struct fault *why) MUST_USE;

/* The text of a question, with its closing zero; returns its length. `out` has room for
 * QUERY_MAX_BYTES. */
size_t query_text(const struct query *query, char *out);

#endif
