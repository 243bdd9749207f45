/* Questions: each is checked, looked up, and recorded before its answer goes. */
#include "daemon/clerk.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/log.h"
#include "daemon/recall.h"
#include "daemon/second.h"
#include "daemon/witness.h"
#include "storage/pick.h"

enum { ROLLBACK_PAUSE_MS = 60000 };

static_assert((int)MESSAGE_MAX_DATA >= (int)STORE_MAX_CROP, "a picture fits a message");

void clerk_send(struct clerk *clerk)
{
    struct fault why;
    if (message_send(clerk->fd, &clerk->out, clerk->scratch, &why) != ERR_OK &&
        why.code != ERR_AGAIN)
        log_fault(LOG_LEVEL_WARNING, &why);
}

/* A client holds a head of this store's key that the store knows nothing of - or says so. */
static void tell_rollback(struct clerk *clerk, const struct ask *ask)
{
    int64_t now = counters_steady_ms();
    if (clerk->told_rollback_ms != 0 && now - clerk->told_rollback_ms < ROLLBACK_PAUSE_MS)
        return;
    clerk->told_rollback_ms = now;
    /* A word of SQL's, too, which stands elsewhere. */
    vault_alarm(clerk->vault,
                "roll"
                "back",
                ask, 0);
}

void clerk_begin_answer(struct clerk *clerk, const struct ask *ask)
{
    struct message_evidence *evidence = &clerk->out.evidence;
    struct head head;
    struct fault why;
    enum message_type type = clerk->out.type;
    struct keyring_state keys = audit_keys(clerk->vault->store);
    memset(evidence, 0, sizeof *evidence);
    memcpy(evidence->key, keys.public_point, sizeof evidence->key);
    enum err err = audit_head(clerk->vault->store, &head, &why);
    if (err == ERR_OK)
        evidence->head_size = (uint32_t)head_pack(&head, evidence->head);
    if (ask->seen_size > 0 && err == ERR_OK && head.size < ask->seen_size) {
        err = fault_set(&why, ERR_INPUT, "this store is older than the one that you have seen");
        tell_rollback(clerk, ask);
    } else if (ask->seen_size > 0 && err == ERR_OK) {
        err = audit_prove_growth(clerk->vault->store, ask->seen_size, &evidence->growth, &why);
    }
    if (ask->seen_size > 0 && err != ERR_OK)
        snprintf(evidence->error, sizeof evidence->error, "%.*s", (int)sizeof evidence->error - 1,
                 why.text);
    evidence->has_growth = ask->seen_size > 0 && err == ERR_OK;
    clerk->out.type = MESSAGE_EVIDENCE;
    clerk_send(clerk);
    clerk->out.type = type;
}

/* The first packet of an answer. */
static void answer(struct clerk *clerk, const struct ask *ask, enum message_type type)
{
    clerk->out.type = type;
    clerk_begin_answer(clerk, ask);
    clerk_send(clerk);
}

/* "2026-11-22T10:30:00Z". */
static void write_time(int64_t ms, char out[32])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* With the signature, so that the second person's word can be shown later. */
static void describe_approval(const struct ask *ask, char out[ENTRY_WHAT_SIZE])
{
    char signature[ENTRY_WHAT_SIZE / 2] = "";
    if (ask->signature.size > 0)
        (void)base64_encode(ask->signature.der, ask->signature.size, signature);
    snprintf(out, ENTRY_WHAT_SIZE, "approve %s%s%s", ask->ticket,
             signature[0] != '\0' ? " --signature " : "", signature);
}

/* The question in the words of the command line. */
static void describe(const struct ask *ask, char out[ENTRY_WHAT_SIZE])
{
    const struct store_query *find = &ask->find;
    char from[32] = "", to[32] = "";
    write_time(find->from_ms, from);
    write_time(find->to_ms, to);
    switch (ask->kind) {
    case ASK_FIND:
        snprintf(out, ENTRY_WHAT_SIZE, "query%s%s%s%s%s%s%s%s%s --limit %" PRIu32,
                 find->plate[0] != '\0' ? " --plate " : "", find->plate,
                 find->look_alike ? " --look-alike" : "", find->lane[0] != '\0' ? " --lane " : "",
                 find->lane, find->from_ms > 0 ? " --from " : "", find->from_ms > 0 ? from : "",
                 find->to_ms > 0 ? " --to " : "", find->to_ms > 0 ? to : "", find->limit);
        break;
    case ASK_IMAGE:
        snprintf(out, ENTRY_WHAT_SIZE, "query --image");
        break;
    case ASK_EXPORT:
        snprintf(out, ENTRY_WHAT_SIZE, "export --to %s%s%s", ask->recipient,
                 ask->ticket[0] != '\0' ? " --ticket " : "", ask->ticket);
        break;
    case ASK_APPROVE:
        describe_approval(ask, out);
        break;
    case ASK_LOG:
        snprintf(out, ENTRY_WHAT_SIZE, "audit show --from %" PRIu64, ask->first);
        break;
    case ASK_PROVE:
        snprintf(out, ENTRY_WHAT_SIZE, "audit prove %" PRIu64, ask->first);
        break;
    case ASK_POSTURE:
        snprintf(out, ENTRY_WHAT_SIZE, "doctor --submit");
        break;
    default:
        snprintf(out, ENTRY_WHAT_SIZE, "a question that was not understood");
    }
}

static enum err count_honey(struct clerk *clerk, const struct entry_detail *detail, uint32_t *n,
                            struct fault *why)
{
    for (uint32_t i = 0; i < detail->n_ids; i++) {
        bool is_honey = false;
        enum err err = ledger_is_honey(clerk->vault->store, detail->ids[i], &is_honey, why);
        if (err != ERR_OK)
            return err;
        *n += is_honey;
    }
    return ERR_OK;
}

enum err clerk_record(struct clerk *clerk, struct entry *entry, const struct ask *ask,
                      struct entry_detail *detail, struct fault *why)
{
    uint32_t n_honey = 0;
    describe(ask, detail->what);
    enum err err = count_honey(clerk, detail, &n_honey, why);
    if (err == ERR_OK)
        err = vault_record(clerk->vault, entry, ask, detail, why);
    if (err != ERR_OK)
        return fault_context(why, "the look cannot be recorded, so it is not answered");
    if (n_honey > 0)
        vault_alarm(clerk->vault, "honey", ask, n_honey);
    return ERR_OK;
}

static struct limits_moment moment(const struct clerk *clerk)
{
    return (struct limits_moment){.now_ms = counters_now_ms(),
                                  .steady_ms = counters_steady_ms(),
                                  .latest_ms = clock_watch_believed(&clerk->vault->clock)};
}

enum err clerk_open_ticket(struct clerk *clerk, const struct ask *ask, struct fault *why)
{
    static const char *const names[ASK_LIMIT] = {
        [ASK_FIND] = "query", [ASK_IMAGE] = "image", [ASK_EXPORT] = "export"};
    uint32_t random = 0;
    struct ticket *ticket = NULL;
    struct entry entry = {.kind = ENTRY_REQUEST};
    struct entry_detail detail = {.n_ids = ask->kind == ASK_IMAGE ? 1 : ask->n_ids};
    if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random number");
    enum err err = ticket_take(&clerk->tickets, ask, random, moment(clerk), &ticket, why);
    if (err != ERR_OK)
        return err;
    entry.number = strtoull(ticket->number, NULL, 16);
    snprintf(entry.name, sizeof entry.name, "%s", names[ask->kind]);
    memcpy(detail.ids, ask->ids, ask->n_ids * sizeof *ask->ids);
    if (ask->kind == ASK_IMAGE)
        memcpy(detail.ids[0], ask->id, sizeof detail.ids[0]);
    err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err == ERR_OK)
        memcpy(clerk->out.ticket, ticket->number, sizeof clerk->out.ticket);
    return err;
}

/* What the question has left out, and what only the keeper knows. */
static enum err complete(struct clerk *clerk, struct ask *ask, const struct ticket *ticket,
                         struct limits_moment now, struct fault *why)
{
    struct row row = {.first_ms = 0};
    limits_complete(clerk->limits, ask, now);
    if (ask->kind == ASK_IMAGE) {
        enum err err = pick_row(clerk->vault->store, ask->id, &row, why);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        ask->find.from_ms = row.first_ms;
    }
    if (ask->kind == ASK_EXPORT && ticket != NULL) {
        ask->n_ids = ticket->ask.n_ids;
        memcpy(ask->ids, ticket->ask.ids, sizeof ask->ids);
        memcpy(ask->recipient, ticket->ask.recipient, sizeof ask->recipient);
    }
    return ERR_OK;
}

/* Shape, rate and age, and the alarm that may follow. */
static enum err check_limits(struct clerk *clerk, const struct ask *ask, bool approved,
                             struct limits_moment now, struct limits_verdict *verdict,
                             struct fault *why)
{
    enum err err = limits_check(clerk->limits, ask, approved, now, verdict, why);
    if (verdict->is_robot)
        vault_alarm(clerk->vault, "robot", ask, 0);
    return err;
}

enum err clerk_check(struct clerk *clerk, struct ask *ask, struct ticket **ticket,
                     struct fault *why)
{
    struct limits_verdict verdict = {.needs_second = false};
    struct ticket *found = NULL;
    /* One moment for both: what is put in for it must not be a millisecond too old. */
    const struct limits_moment now = moment(clerk);
    if (ask->ticket[0] != '\0') {
        found = ticket_find(&clerk->tickets, ask->ticket, counters_steady_ms());
        if (found == NULL || found->ask.uid != ask->uid)
            return fault_set(why, ERR_NOT_FOUND, "ticket: none of this number is yours");
        if (found->state != TICKET_APPROVED)
            return fault_set(why, ERR_DENIED, "ticket: no second person has approved it yet");
        if (!ticket_covers(found, ask))
            return fault_set(why, ERR_DENIED, "ticket: it was approved for another question");
    }
    enum err err = complete(clerk, ask, found, now, why);
    if (err != ERR_OK)
        return err;
    err = check_limits(clerk, ask, found != NULL, now, &verdict, why);
    if (err == ERR_OK) {
        *ticket = found;
    } else if (verdict.needs_second) {
        struct fault other;
        clerk->out.needs_second = clerk_open_ticket(clerk, ask, &other) == ERR_OK;
        if (!clerk->out.needs_second)
            *why = other;
    }
    return err == ERR_OK ? err : why->code;
}

static enum err answer_find(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    size_t n_rows = 0, n_gaps = 0;
    struct ticket *ticket;
    struct store *store = clerk->vault->store;
    struct entry entry = {.kind = ENTRY_QUERY};
    struct entry_detail detail = {0};
    uint32_t most = clerk->vault->config->max_rows;
    if (ask->find.limit < 1 || ask->find.limit > most)
        return fault_set(why, ERR_DENIED, "limit: this lane answers at most %u passages at once",
                         (unsigned)most);
    enum err err = clerk_check(clerk, ask, &ticket, why);
    if (err == ERR_OK)
        err = store_find(store, &ask->find, clerk->rows, &n_rows, why);
    /* Without the gaps the answer would claim too much. */
    if (err == ERR_OK)
        err = ledger_gaps(store, &ask->find, clerk->out.gaps, MESSAGE_MAX_GAPS, &n_gaps, why);
    if (err != ERR_OK)
        return err;
    entry.n = detail.n_ids = (uint32_t)n_rows;
    entry.number = ticket != NULL ? strtoull(ticket->number, NULL, 16) : 0;
    for (size_t i = 0; i < n_rows; i++)
        memcpy(detail.ids[i], clerk->rows[i].id, ROW_ID_SIZE);
    err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK)
        return err;
    if (ticket != NULL)
        memset(ticket, 0, sizeof *ticket); /* it was for one answer */
    clerk->out.type = MESSAGE_ROWS;
    clerk_begin_answer(clerk, ask);
    clerk->out.n_gaps = 0;
    for (size_t i = 0; i < n_rows; i++) {
        clerk->out.n_left = (uint32_t)(n_rows - i);
        clerk->out.passage.row = clerk->rows[i];
        clerk_send(clerk);
    }
    clerk->out.n_left = 0;
    clerk->out.n_gaps = (uint32_t)n_gaps;
    clerk_send(clerk);
    return ERR_OK;
}

static enum err answer_image(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    size_t size = 0;
    struct ticket *ticket;
    struct entry entry = {.kind = ENTRY_IMAGE};
    struct entry_detail detail = {.n_ids = 1};
    struct fault missing;
    memcpy(detail.ids[0], ask->id, ROW_ID_SIZE);
    enum err err = clerk_check(clerk, ask, &ticket, why);
    if (err != ERR_OK)
        return err;
    enum err found = store_crop(clerk->vault->store, ask->id, clerk->out.data, &size,
                                &clerk->out.is_sealed, &missing);
    entry.n = found == ERR_OK;
    entry.number = ticket != NULL ? strtoull(ticket->number, NULL, 16) : 0;
    err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK)
        return err;
    if (ticket != NULL)
        memset(ticket, 0, sizeof *ticket);
    if (found != ERR_OK) {
        clerk->out.fault = missing;
        answer(clerk, ask, MESSAGE_REFUSED);
        return ERR_OK;
    }
    memcpy(clerk->out.id, ask->id, sizeof clerk->out.id);
    clerk->out.n_data = (uint32_t)size;
    answer(clerk, ask, MESSAGE_CROP);
    return ERR_OK;
}

static enum err answer_log(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct store_stats stats;
    struct entry entry = {.kind = ENTRY_QUERY, .name = "log"};
    struct entry_detail detail = {0};
    struct audit_page page = {.first = ask->first,
                              .room = AUDIT_MAX_READ,
                              .out = clerk->out.data,
                              .out_size = sizeof clerk->out.data};
    struct limits_verdict verdict;
    enum err err = check_limits(clerk, ask, false, moment(clerk), &verdict, why);
    if (err == ERR_OK)
        err = audit_read(clerk->vault->store, &page, why);
    entry.n = page.n;
    if (err == ERR_OK)
        err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err == ERR_OK)
        err = store_stats(clerk->vault->store, &stats, why);
    if (err != ERR_OK)
        return err;
    clerk->out.first = ask->first;
    clerk->out.total = stats.log_size;
    clerk->out.n_left = page.n;
    clerk->out.n_data = (uint32_t)page.size;
    answer(clerk, ask, MESSAGE_LOG);
    return ERR_OK;
}

static enum err answer_prove(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_QUERY, .name = "proof", .number = ask->first};
    struct entry_detail detail = {0};
    struct limits_verdict verdict;
    enum err err = check_limits(clerk, ask, false, moment(clerk), &verdict, why);
    if (err == ERR_OK)
        err = audit_prove_record(clerk->vault->store, ask->first, &clerk->out.proof, why);
    if (err == ERR_OK)
        err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK)
        return err;
    clerk->out.first = ask->first;
    answer(clerk, ask, MESSAGE_PROOF);
    return ERR_OK;
}

/* It goes into the next head, which is signed at once. */
static enum err answer_posture(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_POSTURE, .n = ask->n_failed};
    struct entry_detail detail = {0};
    struct limits_verdict verdict;
    memcpy(entry.digest, ask->digest, sizeof entry.digest);
    enum err err = check_limits(clerk, ask, false, moment(clerk), &verdict, why);
    if (err == ERR_OK)
        err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK)
        return err;
    memcpy(clerk->vault->posture, ask->digest, sizeof clerk->vault->posture);
    clerk->vault->has_posture = true;
    answer(clerk, ask, MESSAGE_DONE);
    return ERR_OK;
}

static enum err answer_refused(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    (void)clerk;
    (void)ask;
    return fault_set(why, ERR_DENIED, "refused"); /* the desk has said why */
}

static void fill_health(struct clerk *clerk, struct health *health)
{
    struct vault *vault = clerk->vault;
    const struct store_stats *stats = &clerk->out.stats;
    const struct keyring_state keys = audit_keys(vault->store);
    struct head head;
    struct fault why;
    *health = (struct health){.epoch = keys.epoch,
                              .pcr_mask = keys.pcr_mask,
                              .with_credential = keys.with_credential,
                              .is_suspended = keys.is_suspended,
                              .seals_crops = vault->seals_crops,
                              .seals_details = vault->seals_details,
                              .has_witness = vault->config->witness_file[0] != '\0',
                              .has_server = vault->dispatch.fd >= 0,
                              .log_size = stats->log_size,
                              .hit_term_s = (uint32_t)(stats->terms.hit / 1000),
                              .other_term_s = (uint32_t)(stats->terms.other / 1000),
                              .hit_crop_term_s = (uint32_t)(stats->terms.hit_crop / 1000),
                              .other_crop_term_s = (uint32_t)(stats->terms.other_crop / 1000)};
    health->witness_ok = health->has_witness && !witness_is_failing();
    health->server_ok = health->has_server && !vault->dispatch.is_failing;
    if (audit_head(vault->store, &head, &why) == ERR_OK) {
        health->head_size = head.size;
        health->head_ms = head.at_ms;
    }
}

/* Tells of no vehicle: not recorded. */
static void answer_status(struct clerk *clerk)
{
    clerk->out.type = MESSAGE_STATS;
    if (store_stats(clerk->vault->store, &clerk->out.stats, &clerk->out.fault) == ERR_OK)
        fill_health(clerk, &clerk->out.health);
    else
        clerk->out.type = MESSAGE_REFUSED;
    clerk_send(clerk);
}

static const struct desk {
    uint32_t roles; /* one of them */
    bool has_reason;
    enum err (*answer)(struct clerk *clerk, struct ask *ask, struct fault *why);
} desks[ASK_LIMIT] = {
    [ASK_FIND] = {ASK_OFFICER, true, answer_find},
    [ASK_IMAGE] = {ASK_OFFICER, true, answer_image},
    [ASK_REFUSED] = {UINT32_MAX, false, answer_refused},
    [ASK_PENDING] = {ASK_SUPERVISOR, false, second_pending},
    [ASK_APPROVE] = {ASK_SUPERVISOR, true, second_approve},
    [ASK_EXPORT] = {ASK_OFFICER, true, second_export},
    [ASK_LOG] = {ASK_AUDITOR, true, answer_log},
    [ASK_PROVE] = {ASK_AUDITOR, true, answer_prove},
    [ASK_POSTURE] = {ASK_MAINTENANCE, false, answer_posture},
};

static bool has_text(const char *text)
{
    return text[strspn(text, " ")] != '\0';
}

static enum err check_asker(const struct desk *desk, const struct ask *ask, struct fault *why)
{
    static const char missing[] = "is missing; it is recorded with every look at the store";
    if (desk->answer == NULL)
        return fault_set(why, ERR_DENIED, "the keeper does not answer such questions");
    if (ask->kind != ASK_REFUSED && !(ask->roles & desk->roles))
        return fault_set(why, ERR_DENIED, "your groups do not allow this question");
    if (desk->has_reason && !has_text(ask->reason))
        return fault_set(why, ERR_DENIED, "reason: %s", missing);
    if (desk->has_reason && !has_text(ask->case_number))
        return fault_set(why, ERR_DENIED, "case_number: %s", missing);
    return ERR_OK;
}

/* Recorded as refused, unless a ticket was opened and recorded instead; then told. Of a flood only
 * some are recorded: `n` says how many were left out. */
static void refuse(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_REFUSED};
    struct entry_detail detail = {0};
    struct fault other;
    bool is_recorded = clerk->out.needs_second ||
                       !limits_records(clerk->limits, ask->uid, counters_steady_ms(), &entry.n);
    if (!is_recorded && clerk_record(clerk, &entry, ask, &detail, &other) != ERR_OK)
        *why = other;
    clerk->out.fault = *why;
    answer(clerk, ask, MESSAGE_REFUSED);
}

bool clerk_hear(struct clerk *clerk, const struct message *in)
{
    struct fault why;
    second_sweep(clerk, false);
    clerk->out.seq = in->seq;
    if (in->type == MESSAGE_MORE) {
        second_more(clerk, in);
    } else if (in->type != MESSAGE_ASK) {
        return false;
    } else if (in->ask.kind == ASK_STATUS) {
        answer_status(clerk);
    } else {
        struct ask *ask = &clerk->ask;
        const struct desk *desk = &desks[in->ask.kind];
        *ask = in->ask;
        clerk->out.needs_second = false;
        clerk->out.ticket[0] = '\0';
        enum err err = check_asker(desk, ask, &why);
        if (err == ERR_OK)
            err = desk->answer(clerk, ask, &why);
        if (err != ERR_OK)
            refuse(clerk, ask, &why);
    }
    explicit_bzero(clerk->rows, sizeof clerk->rows);
    explicit_bzero(&clerk->ask, sizeof clerk->ask);
    explicit_bzero(&clerk->out, sizeof clerk->out);
    explicit_bzero(clerk->scratch, sizeof clerk->scratch);
    return true;
}

enum err clerk_new(struct clerk **out, struct vault *vault, int fd, struct fault *why)
{
    struct clerk *clerk = calloc(1, sizeof *clerk);
    if (clerk == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the keeper's clerk");
    clerk->vault = vault;
    clerk->fd = fd;
    enum err err = recall_limits(&clerk->limits, vault, why);
    if (err != ERR_OK) {
        free(clerk);
        return err;
    }
    *out = clerk;
    return ERR_OK;
}

void clerk_free(struct clerk **clerk)
{
    if (*clerk == NULL)
        return;
    second_sweep(*clerk, true);
    limits_free(&(*clerk)->limits);
    explicit_bzero(*clerk, sizeof **clerk);
    free(*clerk);
    *clerk = NULL;
}
