/* Requests, approvals, exports. */
#include "daemon/second.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/export.h"
#include "daemon/pem.h"
#include "storage/pick.h"

static_assert((int)EXPORT_MAX == (int)ASK_MAX_EXPORT, "");

enum err second_pending(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    const struct ticket *waiting[TICKET_ROOM];
    uint32_t n = 0;
    int64_t now = counters_steady_ms();
    (void)why;
    for (size_t i = 0; i < TICKET_ROOM; i++) {
        const struct ticket *ticket = &clerk->tickets.ticket[i];
        if (ticket->state == TICKET_WAITING && ticket->until_ms > now)
            waiting[n++] = ticket;
    }
    clerk->out.type = MESSAGE_PENDING;
    clerk_begin_answer(clerk, ask);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(clerk->out.ticket, waiting[i]->number, sizeof clerk->out.ticket);
        memcpy(clerk->out.user, waiting[i]->ask.user, sizeof clerk->out.user);
        clerk->out.asked_ms = waiting[i]->asked_ms;
        clerk->out.n_data = (uint32_t)ticket_text(waiting[i], (char *)clerk->out.data);
        clerk->out.n_left = n - i;
        clerk_send(clerk);
    }
    clerk->out.n_left = 0;
    clerk_send(clerk);
    return ERR_OK;
}

/* Where the site keeps its supervisors' keys, a signature by the asker's own is demanded. */
static enum err check_signature(const struct clerk *clerk, const struct ask *ask,
                                const struct ticket *ticket, struct fault *why)
{
    char pem[PEM_MAX], text[TICKET_TEXT_SIZE];
    size_t size = 0;
    struct signature_key *key = NULL;
    const char *dir = clerk->vault->config->supervisor_keys;
    if (ask->signature.size == 0)
        return fault_set(why, ERR_DENIED,
                         "signature: is missing; this lane takes approvals that are signed");
    enum err err = pem_read_named(dir, ask->user, pem, &size, why);
    if (err != ERR_OK)
        return fault_set(why, ERR_DENIED, "signature: there is no key under your user's name");
    err = signature_key_parse(&key, pem, size, why);
    if (err != ERR_OK)
        return fault_context(why, "the key under your user's name");
    size = ticket_text(ticket, text);
    if (!signature_holds(key, text, size, &ask->signature))
        err = fault_set(why, ERR_DENIED, "signature: it is not of this request by your key");
    signature_key_free(&key);
    return err;
}

enum err second_approve(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    int64_t now = counters_steady_ms();
    struct entry entry = {.kind = ENTRY_APPROVAL, .credential = "uid"};
    struct entry_detail detail = {0};
    struct ticket *ticket = ticket_find(&clerk->tickets, ask->ticket, now);
    enum err err = ERR_OK;
    if (ticket == NULL)
        return fault_set(why, ERR_NOT_FOUND, "ticket: none of this number waits");
    struct ticket approved = *ticket;
    err = ticket_approve(&approved, ask, now, why);
    if (err == ERR_OK && clerk->vault->config->supervisor_keys[0] != '\0') {
        err = check_signature(clerk, ask, ticket, why);
        memcpy(entry.credential, "uid+key", sizeof "uid+key");
    }
    if (err != ERR_OK)
        return err;
    entry.number = strtoull(ticket->number, NULL, 16);
    err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK)
        return err;
    *ticket = approved;
    clerk->out.type = MESSAGE_DONE;
    clerk_begin_answer(clerk, ask);
    clerk_send(clerk);
    return ERR_OK;
}

/* Asked for: the recipient must be there; then the ticket waits. */
static enum err request(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct export_recipient *to = NULL;
    struct ticket *ticket = NULL;
    enum err err = export_recipient_load(&to, clerk->vault->config->recipients_dir, ask->recipient,
                                         counters_now_ms(), why);
    export_recipient_free(&to);
    if (err == ERR_OK)
        err = clerk_check(clerk, ask, &ticket, why);
    if (err == ERR_OK || !clerk->out.needs_second)
        return err;
    clerk->out.type = MESSAGE_TICKET;
    clerk_begin_answer(clerk, ask);
    clerk_send(clerk);
    return ERR_OK;
}

/* What of the passages is still there, with pictures. */
struct bundle {
    uint32_t n;
    struct row rows[EXPORT_MAX];
    struct export_passage passages[EXPORT_MAX];
    uint8_t crops[EXPORT_MAX][STORE_MAX_CROP];
};

static enum err gather(struct store *store, const struct ask *order, struct bundle *out,
                       struct fault *why)
{
    for (uint32_t i = 0; i < order->n_ids; i++) {
        struct row *row = &out->rows[out->n];
        struct export_passage *passage = &out->passages[out->n];
        enum err err = pick_row(store, order->ids[i], row, why);
        if (err == ERR_NOT_FOUND)
            continue;
        *passage = (struct export_passage){.row = row, .crop = out->crops[out->n]};
        if (err == ERR_OK)
            err = store_crop(store, order->ids[i], out->crops[out->n], &passage->crop_size,
                             &passage->is_sealed, why);
        if (err == ERR_NOT_FOUND)
            passage->crop_size = 0;
        else if (err != ERR_OK)
            return err;
        out->n++;
    }
    return out->n > 0 ? ERR_OK
                      : fault_set(why, ERR_NOT_FOUND, "none of these passages is stored any more");
}

static struct clerk_file *free_file(struct clerk *clerk)
{
    for (size_t i = 0; i < CLERK_FILES; i++)
        if (clerk->files[i].bytes == NULL)
            return &clerk->files[i];
    return NULL;
}

/* The encrypted file; its record is the next of the log, whose number it carries. */
static enum err make_file(struct clerk *clerk, const struct ticket *ticket,
                          const struct bundle *bundle, struct clerk_file *out, struct entry *entry,
                          struct fault *why)
{
    struct store_stats stats;
    struct export_recipient *to = NULL;
    const struct ask *order = &ticket->ask;
    struct export_order what = {.at_ms = counters_now_ms(),
                                .reason = order->reason,
                                .case_number = order->case_number,
                                .requester = order->user,
                                .approver = ticket->approver,
                                .recipient = order->recipient,
                                .n = bundle->n,
                                .passages = bundle->passages};
    const struct keyring_state keys = audit_keys(clerk->vault->store);
    memcpy(what.host, keys.host, sizeof what.host);
    if (RAND_bytes(what.mark, sizeof what.mark) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random number");
    enum err err = store_stats(clerk->vault->store, &stats, why);
    if (err == ERR_OK)
        err = export_recipient_load(&to, clerk->vault->config->recipients_dir, order->recipient,
                                    what.at_ms, why);
    if (err != ERR_OK)
        return err;
    what.number = out->number = entry->number = stats.log_size;
    err = export_make(&what, to, &out->bytes, &out->size, out->digest, why);
    export_recipient_free(&to);
    if (err == ERR_OK && out->size > MESSAGE_MAX_BLOB)
        err = fault_set(why, ERR_LIMIT, "the pictures are too large for one export; ask for fewer");
    memcpy(entry->digest, out->digest, sizeof entry->digest);
    memcpy(entry->mac, what.mark, sizeof entry->mac);
    entry->n = bundle->n;
    return err;
}

static void drop(struct clerk_file *file)
{
    free(file->bytes);
    *file = (struct clerk_file){.seq = 0};
}

static void send_part(struct clerk *clerk, struct clerk_file *file, uint64_t first)
{
    size_t left = file->size - (size_t)first;
    clerk->out.type = MESSAGE_BLOB;
    clerk->out.number = file->number;
    memcpy(clerk->out.digest, file->digest, sizeof clerk->out.digest);
    clerk->out.total = file->size;
    clerk->out.first = first;
    clerk->out.n_data = (uint32_t)(left < MESSAGE_MAX_DATA ? left : MESSAGE_MAX_DATA);
    memcpy(clerk->out.data, file->bytes + first, clerk->out.n_data);
    clerk_send(clerk);
    file->until_ms = counters_steady_ms() + CLERK_FILE_MS;
    if (left <= MESSAGE_MAX_DATA)
        drop(file);
}

/* Gathered, encrypted, recorded; then the first part goes. */
static enum err hand_out(struct clerk *clerk, const struct ask *ask, struct ticket *ticket,
                         struct fault *why)
{
    struct entry entry = {.kind = ENTRY_EXPORT};
    struct entry_detail detail = {0};
    struct clerk_file *file = free_file(clerk), made = {.seq = clerk->out.seq};
    struct bundle *bundle = file != NULL ? calloc(1, sizeof *bundle) : NULL;
    if (file == NULL)
        return fault_set(why, ERR_LIMIT, "too many exports are under way; ask again in a minute");
    if (bundle == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for an export");
    enum err err = gather(clerk->vault->store, &ticket->ask, bundle, why);
    if (err == ERR_OK)
        err = make_file(clerk, ticket, bundle, &made, &entry, why);
    detail.n_ids = err == ERR_OK ? bundle->n : 0;
    for (uint32_t i = 0; i < detail.n_ids; i++)
        memcpy(detail.ids[i], bundle->rows[i].id, ROW_ID_SIZE);
    explicit_bzero(bundle, sizeof *bundle);
    free(bundle);
    if (err == ERR_OK)
        err = clerk_record(clerk, &entry, ask, &detail, why);
    if (err != ERR_OK) {
        drop(&made);
        return err;
    }
    memset(ticket, 0, sizeof *ticket); /* it was for one file */
    *file = made;
    clerk->out.type = MESSAGE_BLOB;
    clerk_begin_answer(clerk, ask);
    send_part(clerk, file, 0);
    return ERR_OK;
}

enum err second_export(struct clerk *clerk, struct ask *ask, struct fault *why)
{
    struct ticket *ticket = NULL;
    if (ask->ticket[0] == '\0')
        return request(clerk, ask, why);
    enum err err = clerk_check(clerk, ask, &ticket, why);
    return err != ERR_OK ? err : hand_out(clerk, ask, ticket, why);
}

void second_more(struct clerk *clerk, const struct message *in)
{
    for (size_t i = 0; i < CLERK_FILES; i++) {
        struct clerk_file *file = &clerk->files[i];
        if (file->bytes == NULL || file->seq != in->seq || in->first >= file->size)
            continue;
        send_part(clerk, file, in->first);
        return;
    }
    clerk->out.type = MESSAGE_REFUSED;
    clerk->out.needs_second = false;
    clerk->out.ticket[0] = '\0';
    (void)fault_set(&clerk->out.fault, ERR_NOT_FOUND, "the export is no longer there");
    clerk_send(clerk);
}

void second_sweep(struct clerk *clerk, bool all)
{
    for (size_t i = 0; i < CLERK_FILES; i++)
        if (clerk->files[i].bytes != NULL &&
            (all || counters_steady_ms() >= clerk->files[i].until_ms))
            drop(&clerk->files[i]);
}
