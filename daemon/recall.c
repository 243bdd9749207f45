/* The newest records of the log, read again at the start. */
#include "daemon/recall.h"

#include <stdlib.h>
#include <string.h>

/* A page of the log, and the moment from which its times are seen. */
struct reader {
    struct store *store;
    int64_t believed_ms, steady_ms;
    uint32_t n;
    struct entry entries[AUDIT_MAX_READ];
    uint8_t bytes[AUDIT_MAX_READ * (ENTRY_MAX_BYTES + 2)];
};

static enum err read_page(struct reader *reader, uint64_t first, uint32_t room, struct fault *why)
{
    struct audit_page page = {
        .first = first, .room = room, .out = reader->bytes, .out_size = sizeof reader->bytes};
    enum err err = audit_read(reader->store, &page, why);
    const uint8_t *at = reader->bytes;
    for (uint32_t i = 0; i < page.n && err == ERR_OK; i++) {
        const uint8_t *sealed;
        size_t sealed_size, size = at[0] | (size_t)at[1] << 8;
        err = entry_parse(at + 2, size, &reader->entries[i], &sealed, &sealed_size, why);
        at += 2 + size;
    }
    reader->n = err == ERR_OK ? page.n : 0;
    return err;
}

/* When a record was made, by the steady clock. One of the future is of a clock that was wrong, and
 * counts as new. */
static int64_t steady_of(const struct reader *reader, const struct entry *entry)
{
    int64_t age_ms = reader->believed_ms - entry->at_ms;
    return reader->steady_ms - (age_ms < 0 ? 0 : age_ms < RECALL_MS ? age_ms : RECALL_MS);
}

/* The first record to be read, of `size`, and from when on all that was asked is known. The time of
 * a gap is a recognizer's word. */
static enum err find_begin(struct reader *reader, uint64_t size, uint64_t *first, int64_t *since_ms,
                           struct fault *why)
{
    int64_t oldest_ms = reader->steady_ms - RECALL_MS, at_ms = reader->steady_ms;
    uint64_t at = size;
    enum err err = ERR_OK;
    while (err == ERR_OK && at > 0 && at_ms > oldest_ms && size - at < RECALL_RECORDS) {
        at -= at < AUDIT_MAX_READ ? at : AUDIT_MAX_READ;
        err = read_page(reader, at, 1, why);
        if (reader->n == 1 && reader->entries[0].kind != ENTRY_GAP)
            at_ms = steady_of(reader, &reader->entries[0]);
    }
    *first = at;
    *since_ms = at == 0 ? oldest_ms : at_ms;
    return err;
}

static enum err recall(struct reader *reader, const struct config *config, struct limits **out,
                       struct fault *why)
{
    struct store_stats stats;
    struct limits *limits = NULL;
    uint64_t at = 0;
    int64_t since_ms = 0;
    enum err err = store_stats(reader->store, &stats, why);
    if (err == ERR_OK)
        err = find_begin(reader, stats.log_size, &at, &since_ms, why);
    if (err == ERR_OK)
        err = limits_new(&limits, config, since_ms, why);
    while (err == ERR_OK) {
        err = read_page(reader, at, AUDIT_MAX_READ, why);
        for (uint32_t i = 0; i < reader->n; i++)
            limits_recall(limits, &reader->entries[i], steady_of(reader, &reader->entries[i]));
        if (reader->n == 0)
            break;
        at += reader->n;
    }
    if (err == ERR_OK)
        *out = limits;
    else if (limits != NULL)
        limits_free(&limits);
    return err;
}

enum err recall_limits(struct limits **out, struct vault *vault, struct fault *why)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return fault_set(why, ERR_MEMORY, "no memory to read the log");
    reader->store = vault->store;
    reader->believed_ms = clock_watch_believed(&vault->clock);
    reader->steady_ms = vault_moment().steady_ms;
    enum err err = recall(reader, vault->config, out, why);
    explicit_bzero(reader, sizeof *reader);
    free(reader);
    return err;
}
