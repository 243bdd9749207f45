/* Timed work of the keeper. */
#include "daemon/rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "daemon/honey.h"
#include "daemon/witness.h"
#include "storage/ledger.h"

enum {
    HOUR_MS = 3600000,
    RETRY_MS = 60000, /* after a forgetting that failed */
    HEAD_RETRY_MS = 5000,
    HONEY_MS = 10000,
    NEWS_MS = 10000, /* at least between two records of the same kind of news */
};

static const char config_name[] = "#config", believed_name[] = "#believed";

/* A number that the parent counts up, and how far the log has followed. */
struct news {
    enum entry_kind kind;
    const char *name; /* in the ledger, of "STARTED SEEN": the daemon's life, and the number */
    const _Atomic uint64_t *count;
    bool is_known;
    uint64_t seen;
    int64_t next_ms;
};

struct rounds {
    struct vault *vault;
    bool has_begun;                                            /* the start is recorded */
    int64_t begin_ms, forget_ms, head_ms, honey_ms, config_ms; /* steady: not before */
    bool said_head, said_witness, said_forget, said_behind;
    struct news media, logins;
    uint32_t config_turn;
    struct honey honey;
    bool is_put[HONEY_MAX];
    struct row like[CONFIG_MAX_CAMERAS]; /* n_frames 0: none was seen yet */
};

/* Whether it is recorded; a failure is told by the vault. */
static bool record(struct rounds *rounds, struct entry entry)
{
    struct fault why;
    return vault_record(rounds->vault, &entry, NULL, NULL, &why) == ERR_OK;
}

/* The start, and what this opening of the store has found. What it has done to the keys, the store
 * has recorded itself. */
static void begin(struct rounds *rounds)
{
    struct vault *vault = rounds->vault;
    struct store_stats stats;
    struct fault why;
    struct entry start = {.kind = ENTRY_START}, enrolled = {.kind = ENTRY_KEY, .name = "enrolled"};
    if (store_stats(vault->store, &stats, &why) != ERR_OK) {
        vault_failed(vault, &why);
        return;
    }
    snprintf(start.name, sizeof start.name, "%s", binding_name(stats.binding));
    rounds->has_begun = record(rounds, start);
    if (rounds->has_begun && audit_keys(vault->store).is_new)
        rounds->has_begun = record(rounds, enrolled);
    if (rounds->has_begun && stats.was_migrated)
        log_write(LOG_LEVEL_NOTICE, "the store of the former version is taken over");
    if (rounds->has_begun && stats.n_late > 0)
        log_write(LOG_LEVEL_WARNING,
                  "%u epochs of the keys had begun without a record; they are recorded now",
                  (unsigned)stats.n_late);
    for (uint32_t i = 0; rounds->has_begun && i < stats.n_rolled_back; i++) {
        atomic_fetch_add(&vault->env->counters->alarms, 1); /* the store has recorded it */
        log_write(LOG_LEVEL_ERROR, "ALARM rollback: a file of the store is older than it was");
    }
}

static void sign_head(struct rounds *rounds, int64_t steady_ms)
{
    struct vault *vault = rounds->vault;
    struct fault why;
    struct head head;
    uint8_t packed[HEAD_MAX_BYTES];
    char root[2 * MERKLE_HASH_SIZE + 1];
    enum err err = audit_sign(vault->store, counters_now_ms(),
                              vault->has_posture ? vault->posture : NULL, &head, &why);
    if (err != ERR_OK) {
        rounds->head_ms = steady_ms + HEAD_RETRY_MS;
        if (!rounds->said_head)
            log_fault(LOG_LEVEL_ERROR, &why);
        rounds->said_head = true;
        return;
    }
    rounds->said_head = vault->has_posture = false;
    hex_encode(head.root.byte, sizeof head.root.byte, root);
    log_write(LOG_LEVEL_NOTICE, "log head size=%llu root=%s epoch=%llu",
              (unsigned long long)head.size, root, (unsigned long long)head.epoch);
    size_t size = head_pack(&head, packed);
    dispatch_head(&vault->dispatch, packed, size, steady_ms);
    err = witness_write(packed, size, &why);
    if (err != ERR_OK && !rounds->said_witness)
        log_write(LOG_LEVEL_ERROR, "ALARM witness: %s", why.text);
    rounds->said_witness = err != ERR_OK;
}

static void keep_believed(struct rounds *rounds)
{
    struct fault why;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)clock_watch_believed(&rounds->vault->clock));
    if (ledger_set_cursor(rounds->vault->store, believed_name, text, &why) != ERR_OK)
        vault_failed(rounds->vault, &why);
}

static void forget(struct rounds *rounds, int64_t steady_ms)
{
    struct vault *vault = rounds->vault;
    struct fault why;
    uint32_t n_gone = 0;
    keep_believed(rounds);
    enum err err = store_forget(vault->store, clock_watch_believed(&vault->clock), &n_gone, &why);
    rounds->forget_ms = steady_ms + (err == ERR_OK ? HOUR_MS : RETRY_MS);
    if (err != ERR_OK && !rounds->said_forget)
        log_write(LOG_LEVEL_ERROR, "what is past its term is not forgotten yet: %s", why.text);
    rounds->said_forget = err != ERR_OK;
    if (err == ERR_OK && n_gone > 0)
        log_write(LOG_LEVEL_NOTICE, "%u keys are destroyed", (unsigned)n_gone);
}

/* Lines that are right are used, whatever the others are. */
static void load_honey(struct rounds *rounds)
{
    static struct config_report report;
    struct fault why;
    const struct config *config = rounds->vault->config;
    if (config->honey_file[0] == '\0')
        return;
    if (honey_load(config->honey_file, config, &rounds->honey, &report, &why) != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        return;
    }
    for (uint32_t i = 0; i < report.n_complaints && i < CONFIG_MAX_COMPLAINTS; i++) {
        char line[CONFIG_PATH_SIZE + 400];
        config_complaint_text(&report.complaints[i], line, sizeof line);
        log_write(LOG_LEVEL_ERROR, "%s", line);
    }
    log_write(LOG_LEVEL_INFO, "%u honey plates are planned", (unsigned)rounds->honey.n);
}

/* Stored, then known as honey: a crash in between is mended by the next start. */
static enum err put_honey(struct rounds *rounds, const struct honey_entry *entry, struct fault *why)
{
    struct vault *vault = rounds->vault;
    const struct row *like = &rounds->like[entry->camera];
    struct row row;
    bool is_known = false;
    honey_row(entry, vault->config, like->n_frames > 0 ? like : NULL, &row);
    enum err err = ledger_is_honey(vault->store, row.id, &is_known, why);
    if (err != ERR_OK || is_known)
        return err;
    row.clock_synchronised = counters_clock_synchronised();
    vault_take(true);
    err = store_put(vault->store, &row, NULL, why);
    enum err committed = store_commit(vault->store, why);
    vault_take(false);
    if (err == ERR_OK)
        err = committed;
    const uint8_t(*id)[ROW_ID_SIZE] = (const uint8_t(*)[ROW_ID_SIZE])row.id;
    return err != ERR_OK ? err : ledger_add_honey(vault->store, id, 1, why);
}

static void put_due_honey(struct rounds *rounds, int64_t wall_ms)
{
    struct fault why;
    int64_t oldest_ms = wall_ms - rounds->vault->config->other_term_s * INT64_C(1000);
    for (uint32_t i = 0; i < rounds->honey.n; i++) {
        const struct honey_entry *entry = &rounds->honey.entry[i];
        int64_t at_ms = honey_time(entry);
        if (rounds->is_put[i] || at_ms > wall_ms || at_ms <= oldest_ms)
            continue;
        rounds->is_put[i] = put_honey(rounds, entry, &why) == ERR_OK;
        if (!rounds->is_put[i]) {
            vault_failed(rounds->vault, &why);
            return;
        }
    }
}

/* How far an earlier keeper of the same daemon has followed. */
static void recall(struct rounds *rounds, struct news *news)
{
    char text[64], *rest;
    struct fault why;
    int64_t started_ms = atomic_load(&rounds->vault->env->counters->started_ms);
    if (ledger_cursor(rounds->vault->store, news->name, text, sizeof text, &why) != ERR_OK)
        return;
    news->is_known = true;
    if (strtoll(text, &rest, 10) == started_ms)
        news->seen = strtoull(rest, NULL, 10);
}

static void hear_news(struct rounds *rounds, struct news *news, int64_t steady_ms)
{
    char text[64];
    struct fault why;
    uint64_t count = atomic_load(news->count);
    if (!news->is_known)
        recall(rounds, news);
    if (!news->is_known || count == news->seen || steady_ms < news->next_ms)
        return;
    uint64_t n = count - news->seen;
    struct entry entry = {.kind = news->kind, .n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n};
    news->next_ms = steady_ms + NEWS_MS;
    if (!record(rounds, entry))
        return;
    news->seen = count;
    snprintf(text, sizeof text, "%lld %llu",
             (long long)atomic_load(&rounds->vault->env->counters->started_ms),
             (unsigned long long)count);
    if (ledger_set_cursor(rounds->vault->store, news->name, text, &why) != ERR_OK)
        vault_failed(rounds->vault, &why);
}

/* The parent has put a configuration in force. */
static void hear_config(struct rounds *rounds, int64_t steady_ms)
{
    struct counters *counters = rounds->vault->env->counters;
    struct fault why;
    uint64_t digest[4];
    char hex[65], before[80];
    uint32_t turn = atomic_load(&counters->config_turn);
    if (turn == rounds->config_turn || steady_ms < rounds->config_ms)
        return;
    rounds->config_ms = steady_ms + NEWS_MS;
    for (int i = 0; i < 4; i++)
        digest[i] = atomic_load(&counters->config_digest[i]);
    if (turn != atomic_load(&counters->config_turn))
        return;
    struct entry entry = {.kind = ENTRY_CONFIG};
    memcpy(entry.digest, digest, sizeof entry.digest);
    hex_encode(entry.digest, sizeof entry.digest, hex);
    enum err err = ledger_cursor(rounds->vault->store, config_name, before, sizeof before, &why);
    if (err == ERR_OK && strcmp(before, hex) != 0) {
        if (!record(rounds, entry))
            return;
        err = ledger_set_cursor(rounds->vault->store, config_name, hex, &why);
    }
    if (err == ERR_OK)
        rounds->config_turn = turn;
}

/* What is dated by a clock that is behind is as old as its date says: nothing is kept longer. */
static void tell_behind(struct rounds *rounds, struct clock_moment now)
{
    int64_t behind_ms = clock_watch_believed(&rounds->vault->clock) - now.wall_ms;
    bool is_behind = behind_ms > CLOCK_WATCH_STEP_MS;
    if (is_behind && !rounds->said_behind)
        log_write(LOG_LEVEL_WARNING,
                  "the host's clock is %lld s behind the time that was believed: what passes now "
                  "counts as so much older, and its terms end so much sooner; set the clock right",
                  (long long)behind_ms / 1000);
    rounds->said_behind = is_behind;
}

static void watch_clock(struct rounds *rounds, struct clock_moment now)
{
    int64_t step = clock_watch_look(&rounds->vault->clock, now);
    struct entry entry = {.kind = ENTRY_CLOCK, .number = (uint64_t)step};
    tell_behind(rounds, now);
    if (step == 0)
        return;
    log_write(LOG_LEVEL_WARNING, "the host's clock was set by %lld ms", (long long)step);
    (void)record(rounds, entry);
}

enum err rounds_new(struct rounds **out, struct vault *vault, struct fault *why)
{
    struct rounds *rounds = calloc(1, sizeof *rounds);
    if (rounds == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the keeper's rounds");
    struct counters *counters = vault->env->counters;
    rounds->vault = vault;
    rounds->media = (struct news){.kind = ENTRY_MEDIA, .name = "#media", .count = &counters->media};
    rounds->logins =
        (struct news){.kind = ENTRY_LOGIN, .name = "#logins", .count = &counters->logins};
    load_honey(rounds);
    *out = rounds;
    rounds_work(rounds);
    if (rounds->has_begun)
        sign_head(rounds, counters_steady_ms());
    return ERR_OK;
}

void rounds_free(struct rounds **rounds)
{
    if (*rounds != NULL)
        explicit_bzero(*rounds, sizeof **rounds);
    free(*rounds);
    *rounds = NULL;
}

void rounds_work(struct rounds *rounds)
{
    struct vault *vault = rounds->vault;
    struct clock_moment now = vault_moment();
    watch_clock(rounds, now);
    if (!rounds->has_begun && now.steady_ms >= rounds->begin_ms) {
        rounds->begin_ms = now.steady_ms + HEAD_RETRY_MS;
        begin(rounds);
    }
    dispatch_work(&vault->dispatch, now.steady_ms);
    if (!rounds->has_begun)
        return;
    hear_news(rounds, &rounds->media, now.steady_ms);
    hear_news(rounds, &rounds->logins, now.steady_ms);
    hear_config(rounds, now.steady_ms);
    if (now.steady_ms >= rounds->forget_ms)
        forget(rounds, now.steady_ms);
    if (now.steady_ms >= rounds->honey_ms) {
        rounds->honey_ms = now.steady_ms + HONEY_MS;
        put_due_honey(rounds, now.wall_ms);
    }
    /* By the store's own clock, which is never behind what is believed. */
    int64_t believed_ms = clock_watch_believed(&vault->clock), wall_ms = counters_now_ms();
    if (now.steady_ms >= rounds->head_ms &&
        (audit_is_due(vault->store, believed_ms > wall_ms ? believed_ms : wall_ms) ||
         vault->has_posture))
        sign_head(rounds, now.steady_ms);
}

void rounds_saw(struct rounds *rounds, unsigned camera, const struct row *row)
{
    struct row *like = &rounds->like[camera];
    like->n_frames = 1;
    like->frame_width = row->frame_width;
    like->frame_height = row->frame_height;
    memcpy(like->corner, row->corner, sizeof like->corner);
}

void rounds_end(struct rounds *rounds)
{
    struct fault why;
    struct head head;
    struct store_stats stats;
    keep_believed(rounds);
    if (store_stats(rounds->vault->store, &stats, &why) != ERR_OK)
        return;
    enum err err = audit_head(rounds->vault->store, &head, &why);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && head.size < stats.log_size))
        sign_head(rounds, counters_steady_ms());
}
