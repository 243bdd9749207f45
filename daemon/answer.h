/* What the desk answers, as one line of JSON text. Pure. */
#ifndef LANEWARD_DAEMON_ANSWER_H
#define LANEWARD_DAEMON_ANSWER_H

#include "daemon/counters.h"
#include "daemon/message.h"
#include "daemon/query.h"

enum { ANSWER_MAX_GAPS = 8 };

/* Everything that a question may bring back. */
struct answer_rows {
    uint32_t limit; /* that was asked: as many results may mean that there are more */
    uint32_t n_rows;
    struct row rows[STORE_MAX_ROWS];
    uint32_t n_gaps;
    struct ledger_gap gaps[ANSWER_MAX_GAPS];
    enum binding_kind binding;
};

/* Each returns a text of its own that ends in a line feed, to be freed by the caller; NULL: no
 * memory. Field names and units are OpenALPR's alpr_group where it has them: confidence 0..100,
 * epoch milliseconds. `log` may be NULL. */
char *answer_find(const struct answer_rows *rows, const struct message_evidence *log);
/* A MESSAGE_CROP. */
char *answer_image(const struct message *crop, const struct message_evidence *log);
/* `told`, a MESSAGE_STATS, may be NULL: the keeper did not answer, the store is shown as not
 * available. */
char *answer_status(const struct counters *counters, const struct config *config,
                    const struct message *told, int64_t now_ms);
/* How well each camera's plates are read: totals that tell of no vehicle. */
char *answer_quality(const struct counters *counters, const struct config *config);
char *answer_error(const struct fault *why);

#endif
