/* One pair of functions a part of the conversation; everything that is read is checked. */
#include "daemon/talk.h"

#include <assert.h>
#include <string.h>

#include "daemon/field.h"

static void put_query(struct wire *w, const struct store_query *query)
{
    wire_put_text(w, query->plate);
    wire_put(w, query->look_alike, 1);
    wire_put_text(w, query->lane);
    wire_put(w, (uint64_t)query->from_ms, 8);
    wire_put(w, (uint64_t)query->to_ms, 8);
    wire_put(w, query->limit, 4);
}

static void get_query(struct wire *w, struct store_query *query)
{
    field_get_plate(w, query->plate, 2);
    query->look_alike = field_get_bool(w);
    field_get_name(w, query->lane, sizeof query->lane);
    field_get_time(w, &query->from_ms);
    field_get_time(w, &query->to_ms);
    query->limit = (uint32_t)wire_get(w, 4);
}

/* 8 hexadecimal digits, or none. */
static void get_ticket(struct wire *w, char out[ASK_TICKET_SIZE], bool is_needed)
{
    wire_get_text(w, out, ASK_TICKET_SIZE);
    size_t length = strlen(out);
    w->bad |= length != (length == 0 ? 0 : ASK_TICKET_SIZE - 1) || (is_needed && length == 0) ||
              strspn(out, "0123456789abcdef") != length;
}

static void put_ask(struct wire *w, const struct ask *ask)
{
    assert(ask->n_ids <= ASK_MAX_EXPORT && ask->signature.size <= SIGNATURE_MAX);
    wire_put(w, ask->kind, 1);
    wire_put(w, ask->uid, 4);
    wire_put(w, ask->roles, 1);
    wire_put_text(w, ask->user);
    wire_put_text(w, ask->reason);
    wire_put_text(w, ask->case_number);
    put_query(w, &ask->find);
    wire_put_bytes(w, ask->id, sizeof ask->id);
    wire_put_text(w, ask->ticket);
    wire_put(w, ask->signature.size, 1);
    wire_put_bytes(w, ask->signature.der, ask->signature.size);
    wire_put(w, ask->n_ids, 1);
    wire_put_bytes(w, ask->ids, ask->n_ids * sizeof ask->ids[0]);
    wire_put_text(w, ask->recipient);
    wire_put(w, ask->first, 8);
    wire_put_bytes(w, ask->digest, sizeof ask->digest);
    wire_put(w, ask->n_failed, 4);
    wire_put(w, ask->seen_size, 8);
}

static void get_ask(struct wire *w, struct ask *ask)
{
    memset(ask, 0, sizeof *ask);
    uint64_t kind = wire_get(w, 1);
    w->bad |= kind < ASK_FIND || kind >= ASK_LIMIT;
    ask->kind = w->bad ? ASK_REFUSED : (enum ask_kind)kind;
    ask->uid = (uint32_t)wire_get(w, 4);
    ask->roles = (uint32_t)wire_get(w, 1);
    w->bad |= (ask->roles & ~(uint32_t)ASK_ROLES) != 0;
    field_get_words(w, ask->user, sizeof ask->user);
    field_get_words(w, ask->reason, sizeof ask->reason);
    field_get_words(w, ask->case_number, sizeof ask->case_number);
    get_query(w, &ask->find);
    wire_get_bytes(w, ask->id, sizeof ask->id);
    get_ticket(w, ask->ticket, false);
    uint64_t size = wire_get(w, 1);
    w->bad |= size > SIGNATURE_MAX;
    ask->signature.size = w->bad ? 0 : (uint8_t)size;
    wire_get_bytes(w, ask->signature.der, ask->signature.size);
    uint64_t n = wire_get(w, 1);
    w->bad |= n > ASK_MAX_EXPORT;
    ask->n_ids = w->bad ? 0 : (uint32_t)n;
    wire_get_bytes(w, ask->ids, ask->n_ids * sizeof ask->ids[0]);
    field_get_name(w, ask->recipient, sizeof ask->recipient);
    ask->first = wire_get(w, 8);
    wire_get_bytes(w, ask->digest, sizeof ask->digest);
    ask->n_failed = (uint32_t)wire_get(w, 4);
    ask->seen_size = wire_get(w, 8);
}

static void put_health(struct wire *w, const struct health *health)
{
    wire_put(w, health->epoch, 8);
    wire_put(w, health->pcr_mask, 4);
    wire_put(w, health->with_credential, 1);
    wire_put(w, health->is_suspended, 1);
    wire_put(w, health->seals_crops, 1);
    wire_put(w, health->seals_details, 1);
    wire_put(w, health->has_witness, 1);
    wire_put(w, health->witness_ok, 1);
    wire_put(w, health->has_server, 1);
    wire_put(w, health->server_ok, 1);
    wire_put(w, health->log_size, 8);
    wire_put(w, health->head_size, 8);
    wire_put(w, (uint64_t)health->head_ms, 8);
    wire_put(w, health->hit_term_s, 4);
    wire_put(w, health->other_term_s, 4);
    wire_put(w, health->hit_crop_term_s, 4);
    wire_put(w, health->other_crop_term_s, 4);
}

static void get_health(struct wire *w, struct health *health)
{
    health->epoch = wire_get(w, 8);
    health->pcr_mask = (uint32_t)wire_get(w, 4);
    w->bad |= health->pcr_mask >> 24 != 0;
    health->with_credential = field_get_bool(w);
    health->is_suspended = field_get_bool(w);
    health->seals_crops = field_get_bool(w);
    health->seals_details = field_get_bool(w);
    health->has_witness = field_get_bool(w);
    health->witness_ok = field_get_bool(w);
    health->has_server = field_get_bool(w);
    health->server_ok = field_get_bool(w);
    health->log_size = wire_get(w, 8);
    health->head_size = wire_get(w, 8);
    field_get_time(w, &health->head_ms);
    health->hit_term_s = (uint32_t)wire_get(w, 4);
    health->other_term_s = (uint32_t)wire_get(w, 4);
    health->hit_crop_term_s = (uint32_t)wire_get(w, 4);
    health->other_crop_term_s = (uint32_t)wire_get(w, 4);
}

static void put_stats(struct wire *w, const struct message *m)
{
    wire_put(w, m->stats.n_rows, 8);
    wire_put(w, (uint64_t)m->stats.oldest_ms, 8);
    wire_put(w, m->stats.bytes, 8);
    wire_put(w, m->stats.binding, 1);
    put_health(w, &m->health);
}

static void get_stats(struct wire *w, struct message *m)
{
    m->stats.n_rows = wire_get(w, 8);
    field_get_time(w, &m->stats.oldest_ms);
    m->stats.bytes = wire_get(w, 8);
    uint64_t binding = wire_get(w, 1);
    w->bad |= binding != BINDING_SOFTWARE && binding != BINDING_TPM;
    m->stats.binding = w->bad ? BINDING_SOFTWARE : (enum binding_kind)binding;
    get_health(w, &m->health);
}

static void put_proof(struct wire *w, const struct merkle_proof *proof)
{
    assert(proof->n <= MERKLE_MAX_PROOF);
    wire_put(w, proof->n, 1);
    wire_put_bytes(w, proof->hash, proof->n * sizeof proof->hash[0]);
}

static void get_proof(struct wire *w, struct merkle_proof *proof)
{
    uint64_t n = wire_get(w, 1);
    w->bad |= n > MERKLE_MAX_PROOF;
    proof->n = w->bad ? 0 : (size_t)n;
    wire_get_bytes(w, proof->hash, proof->n * sizeof proof->hash[0]);
}

static void put_evidence(struct wire *w, const struct message_evidence *evidence)
{
    assert(evidence->head_size <= HEAD_MAX_BYTES);
    wire_put(w, evidence->head_size, 2);
    wire_put_bytes(w, evidence->head, evidence->head_size);
    wire_put_bytes(w, evidence->key, sizeof evidence->key);
    wire_put(w, evidence->has_growth, 1);
    if (evidence->has_growth)
        put_proof(w, &evidence->growth);
    wire_put_text(w, evidence->error);
}

static void get_evidence(struct wire *w, struct message_evidence *evidence)
{
    uint64_t size = wire_get(w, 2);
    w->bad |= size > HEAD_MAX_BYTES;
    evidence->head_size = w->bad ? 0 : (uint32_t)size;
    wire_get_bytes(w, evidence->head, evidence->head_size);
    wire_get_bytes(w, evidence->key, sizeof evidence->key);
    evidence->has_growth = field_get_bool(w);
    evidence->growth.n = 0;
    if (evidence->has_growth)
        get_proof(w, &evidence->growth);
    field_get_words(w, evidence->error, sizeof evidence->error);
}

static void put_data(struct wire *w, const struct message *m)
{
    assert(m->n_data <= MESSAGE_MAX_DATA);
    wire_put(w, m->n_data, 4);
    wire_put_bytes(w, m->data, m->n_data);
}

static void get_data(struct wire *w, struct message *m, size_t most)
{
    uint64_t size = wire_get(w, 4);
    w->bad |= size > most;
    m->n_data = w->bad ? 0 : (uint32_t)size;
    wire_get_bytes(w, m->data, m->n_data);
}

static void put_pending(struct wire *w, const struct message *m)
{
    wire_put(w, m->n_left, 1);
    if (m->n_left == 0)
        return;
    wire_put_text(w, m->ticket);
    wire_put_text(w, m->user);
    wire_put(w, (uint64_t)m->asked_ms, 8);
    put_data(w, m);
}

/* The text is lines of words. */
static void get_pending(struct wire *w, struct message *m)
{
    m->n_left = (uint32_t)wire_get(w, 1);
    w->bad |= m->n_left > TICKET_ROOM;
    if (m->n_left == 0)
        return;
    get_ticket(w, m->ticket, true);
    field_get_words(w, m->user, sizeof m->user);
    field_get_time(w, &m->asked_ms);
    get_data(w, m, TICKET_TEXT_SIZE);
    for (uint32_t i = 0; i < m->n_data; i++)
        w->bad |= (m->data[i] < ' ' && m->data[i] != '\n') || m->data[i] == 0x7f;
}

/* n_left records, each as its length in two bytes and itself. */
static bool are_records(const uint8_t *bytes, size_t size, uint32_t n)
{
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (size - at < 2)
            return false;
        size_t length = bytes[at] | (size_t)bytes[at + 1] << 8;
        if (length == 0 || length > ENTRY_MAX_BYTES || length > size - at - 2)
            return false;
        at += 2 + length;
    }
    return at == size;
}

static void put_log(struct wire *w, const struct message *m)
{
    wire_put(w, m->first, 8);
    wire_put(w, m->total, 8);
    wire_put(w, m->n_left, 1);
    put_data(w, m);
}

static void get_log(struct wire *w, struct message *m)
{
    m->first = wire_get(w, 8);
    m->total = wire_get(w, 8);
    m->n_left = (uint32_t)wire_get(w, 1);
    get_data(w, m, MESSAGE_MAX_DATA);
    w->bad |= !are_records(m->data, m->n_data, m->n_left);
}

static void put_blob(struct wire *w, const struct message *m)
{
    wire_put(w, m->number, 8);
    wire_put_bytes(w, m->digest, sizeof m->digest);
    wire_put(w, m->total, 8);
    wire_put(w, m->first, 8);
    put_data(w, m);
}

static void get_blob(struct wire *w, struct message *m)
{
    m->number = wire_get(w, 8);
    wire_get_bytes(w, m->digest, sizeof m->digest);
    m->total = wire_get(w, 8);
    m->first = wire_get(w, 8);
    get_data(w, m, MESSAGE_MAX_DATA);
    w->bad |= m->total == 0 || m->total > MESSAGE_MAX_BLOB || m->n_data == 0 ||
              m->first >= m->total || m->n_data > m->total - m->first;
}

static void put_refused(struct wire *w, const struct message *m)
{
    field_put_fault(w, &m->fault);
    wire_put(w, m->needs_second, 1);
    wire_put_text(w, m->ticket);
}

static void get_refused(struct wire *w, struct message *m)
{
    field_get_fault(w, &m->fault);
    m->needs_second = field_get_bool(w);
    get_ticket(w, m->ticket, false);
}

static void put_crop(struct wire *w, const struct message *m)
{
    wire_put_bytes(w, m->id, sizeof m->id);
    wire_put(w, m->is_sealed, 1);
    put_data(w, m);
}

static void get_crop(struct wire *w, struct message *m)
{
    wire_get_bytes(w, m->id, sizeof m->id);
    m->is_sealed = field_get_bool(w);
    get_data(w, m, MESSAGE_MAX_DATA);
}

bool talk_has(enum message_type type)
{
    return type == MESSAGE_ASK || type == MESSAGE_CROP || type == MESSAGE_STATS ||
           (type >= MESSAGE_REFUSED && type <= MESSAGE_MORE && type != MESSAGE_GAP);
}

void talk_put(struct wire *w, const struct message *m)
{
    switch (m->type) {
    case MESSAGE_ASK:
        put_ask(w, &m->ask);
        break;
    case MESSAGE_CROP:
        put_crop(w, m);
        break;
    case MESSAGE_STATS:
        put_stats(w, m);
        break;
    case MESSAGE_REFUSED:
        put_refused(w, m);
        break;
    case MESSAGE_EVIDENCE:
        put_evidence(w, &m->evidence);
        break;
    case MESSAGE_TICKET:
        wire_put_text(w, m->ticket);
        break;
    case MESSAGE_PENDING:
        put_pending(w, m);
        break;
    case MESSAGE_DONE:
        break;
    case MESSAGE_LOG:
        put_log(w, m);
        break;
    case MESSAGE_PROOF:
        wire_put(w, m->first, 8);
        put_proof(w, &m->proof);
        break;
    case MESSAGE_BLOB:
        put_blob(w, m);
        break;
    case MESSAGE_MORE:
        wire_put(w, m->first, 8);
        break;
    default:
        assert(!"a message of the desk's");
    }
}

void talk_get(struct wire *w, struct message *m)
{
    switch (m->type) {
    case MESSAGE_ASK:
        get_ask(w, &m->ask);
        break;
    case MESSAGE_CROP:
        get_crop(w, m);
        break;
    case MESSAGE_STATS:
        get_stats(w, m);
        break;
    case MESSAGE_REFUSED:
        get_refused(w, m);
        break;
    case MESSAGE_EVIDENCE:
        get_evidence(w, &m->evidence);
        break;
    case MESSAGE_TICKET:
        get_ticket(w, m->ticket, true);
        break;
    case MESSAGE_PENDING:
        get_pending(w, m);
        break;
    case MESSAGE_DONE:
        break;
    case MESSAGE_LOG:
        get_log(w, m);
        break;
    case MESSAGE_PROOF:
        m->first = wire_get(w, 8);
        get_proof(w, &m->proof);
        break;
    case MESSAGE_BLOB:
        get_blob(w, m);
        break;
    case MESSAGE_MORE:
        m->first = wire_get(w, 8);
        break;
    default:
        w->bad = true;
    }
}
