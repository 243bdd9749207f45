/* What the desk answers, as one line of JSON text. Pure. */
#ifndef LANEWARD_DAEMON_ANSWER_H
#define LANEWARD_DAEMON_ANSWER_H

#include "daemon/counters.h"
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
 * epoch milliseconds. */
char *answer_find(const struct answer_rows *rows);
char *answer_image(const uint8_t id[ROW_ID_SIZE], const uint8_t *jpeg, size_t size);
/* `stats` may be NULL: the keeper did not answer, the store is shown as not available. */
char *answer_status(const struct counters *counters, const struct config *config,
                    const struct store_stats *stats, int64_t now_ms);
char *answer_error(const struct fault *why);

#endif
