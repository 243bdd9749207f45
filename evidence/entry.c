/* Records of the log, as bytes and back. Little-endian fields after a tag that says what they are;
 * one struct has one form, and all of it is checked. */
#include "evidence/entry.h"

#include <assert.h>
#include <string.h>

#include "base/wire.h"

enum { TAG_SIZE = 16, DETAIL_TAG_SIZE = 17 };
static const char entry_tag[] = "laneward entry 1", detail_tag[] = "laneward detail 1";
static_assert(sizeof entry_tag == TAG_SIZE + 1 && sizeof detail_tag == DETAIL_TAG_SIZE + 1, "");

static const char *const kind_names[ENTRY_LIMIT] = {
    [ENTRY_START] = "start",     [ENTRY_QUERY] = "query",     [ENTRY_IMAGE] = "image",
    [ENTRY_REFUSED] = "refused", [ENTRY_REQUEST] = "request", [ENTRY_APPROVAL] = "approval",
    [ENTRY_EXPORT] = "export",   [ENTRY_ALARM] = "alarm",     [ENTRY_CONFIG] = "config",
    [ENTRY_KEY] = "key",         [ENTRY_FORGET] = "forget",   [ENTRY_CLOCK] = "clock",
    [ENTRY_GAP] = "gap",         [ENTRY_MEDIA] = "media",     [ENTRY_LOGIN] = "login",
    [ENTRY_POSTURE] = "posture",
};

const char *entry_kind_name(enum entry_kind kind)
{
    return (unsigned)kind < ENTRY_LIMIT ? kind_names[kind] : NULL;
}

/* Everything before the detail. */
static void put_fields(struct wire *w, const struct entry *entry)
{
    assert(entry_kind_name(entry->kind) != NULL);
    wire_put_bytes(w, entry_tag, TAG_SIZE);
    wire_put(w, entry->kind, 2);
    wire_put(w, entry->index, 8);
    wire_put(w, entry->epoch, 8);
    wire_put(w, (uint64_t)entry->at_ms, 8);
    wire_put(w, entry->uid, 4);
    wire_put_text(w, entry->user);
    wire_put_text(w, entry->credential);
    wire_put_text(w, entry->name);
    wire_put(w, entry->n, 4);
    wire_put(w, entry->number, 8);
    wire_put_bytes(w, entry->digest, sizeof entry->digest);
    wire_put_bytes(w, entry->mac, sizeof entry->mac);
}

size_t entry_pack(const struct entry *entry, const uint8_t *sealed, size_t sealed_size,
                  uint8_t *out)
{
    assert(sealed_size <= ENTRY_MAX_SEALED);
    struct wire w = {.at = out, .end = out + ENTRY_MAX_BYTES};
    put_fields(&w, entry);
    wire_put(&w, sealed_size, 2);
    wire_put_bytes(&w, sealed, sealed_size);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

static void get_fields(struct wire *w, struct entry *entry)
{
    char tag[TAG_SIZE];
    wire_get_bytes(w, tag, sizeof tag);
    w->bad |= memcmp(tag, entry_tag, sizeof tag) != 0;
    entry->kind = (enum entry_kind)wire_get(w, 2);
    w->bad |= entry_kind_name(entry->kind) == NULL;
    entry->index = wire_get(w, 8);
    entry->epoch = wire_get(w, 8);
    entry->at_ms = (int64_t)wire_get(w, 8);
    entry->uid = (uint32_t)wire_get(w, 4);
    wire_get_text(w, entry->user, sizeof entry->user);
    wire_get_text(w, entry->credential, sizeof entry->credential);
    wire_get_text(w, entry->name, sizeof entry->name);
    entry->n = (uint32_t)wire_get(w, 4);
    entry->number = wire_get(w, 8);
    wire_get_bytes(w, entry->digest, sizeof entry->digest);
    wire_get_bytes(w, entry->mac, sizeof entry->mac);
}

enum err entry_parse(const uint8_t *bytes, size_t size, struct entry *out, const uint8_t **sealed,
                     size_t *sealed_size, struct fault *why)
{
    uint8_t copy[ENTRY_MAX_BYTES];
    if (size > sizeof copy)
        return fault_set(why, ERR_INPUT, "a record of the log is too long");
    if (size > 0)
        memcpy(copy, bytes, size);
    struct wire w = {.at = copy, .end = copy + size};
    struct entry entry = {0};
    get_fields(&w, &entry);
    size_t rest = (size_t)wire_get(&w, 2);
    if (w.bad || rest != (size_t)(w.end - w.at) || rest > ENTRY_MAX_SEALED)
        return fault_set(why, ERR_INPUT, "a record of the log is not understood");
    *out = entry;
    *sealed = bytes + (w.at - copy);
    *sealed_size = rest;
    return ERR_OK;
}

size_t entry_pack_detail(const struct entry_detail *detail, uint8_t *out)
{
    assert(detail->n_ids <= ENTRY_MAX_IDS);
    struct wire w = {.at = out, .end = out + ENTRY_MAX_DETAIL};
    wire_put_bytes(&w, detail_tag, DETAIL_TAG_SIZE);
    wire_put_text(&w, detail->reason);
    wire_put_text(&w, detail->case_number);
    wire_put_text(&w, detail->what);
    wire_put(&w, detail->n_ids, 1);
    wire_put_bytes(&w, detail->ids, detail->n_ids * sizeof *detail->ids);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

enum err entry_parse_detail(const uint8_t *bytes, size_t size, struct entry_detail *out,
                            struct fault *why)
{
    uint8_t copy[ENTRY_MAX_DETAIL];
    char tag[DETAIL_TAG_SIZE] = "";
    if (size > sizeof copy)
        return fault_set(why, ERR_INPUT, "a record's detail is too long");
    if (size > 0)
        memcpy(copy, bytes, size);
    struct wire w = {.at = copy, .end = copy + size};
    struct entry_detail detail = {0};
    wire_get_bytes(&w, tag, sizeof tag);
    wire_get_text(&w, detail.reason, sizeof detail.reason);
    wire_get_text(&w, detail.case_number, sizeof detail.case_number);
    wire_get_text(&w, detail.what, sizeof detail.what);
    detail.n_ids = (uint32_t)wire_get(&w, 1);
    if (w.bad || memcmp(tag, detail_tag, sizeof tag) != 0 || detail.n_ids > ENTRY_MAX_IDS ||
        (size_t)(w.end - w.at) != detail.n_ids * sizeof *detail.ids)
        return fault_set(why, ERR_INPUT, "a record's detail is not understood");
    wire_get_bytes(&w, detail.ids, detail.n_ids * sizeof *detail.ids);
    *out = detail;
    return ERR_OK;
}

/* The fields of the entry are what its detail is bound to; `fields` has ENTRY_MAX_BYTES. */
static struct envelope_purpose purpose_of(const struct entry *entry, uint8_t *fields)
{
    struct wire w = {.at = fields, .end = fields + ENTRY_MAX_BYTES};
    put_fields(&w, entry);
    assert(!w.bad);
    return (struct envelope_purpose){
        .label = detail_tag, .bound = fields, .bound_size = (size_t)(w.at - fields)};
}

enum err entry_seal(const struct entry *entry, const struct entry_detail *detail,
                    const struct signature_key *to, uint8_t *out, size_t *size, struct fault *why)
{
    uint8_t packed[ENTRY_MAX_DETAIL], fields[ENTRY_MAX_BYTES];
    size_t packed_size = entry_pack_detail(detail, packed);
    if (to == NULL) {
        memcpy(out, packed, packed_size);
        *size = packed_size;
        return ERR_OK;
    }
    struct envelope_purpose purpose = purpose_of(entry, fields);
    enum err err = envelope_seal(to, &purpose, packed, packed_size, out, why);
    if (err == ERR_OK)
        *size = packed_size + ENVELOPE_OVERHEAD;
    return err;
}

enum err entry_open(const struct entry *entry, const uint8_t *sealed, size_t size,
                    const struct signature_key *key, struct entry_detail *out, struct fault *why)
{
    uint8_t packed[ENTRY_MAX_DETAIL], fields[ENTRY_MAX_BYTES];
    if (size == 0)
        return fault_set(why, ERR_NOT_FOUND, "the record has no detail");
    if (size > ENTRY_MAX_SEALED)
        return fault_set(why, ERR_INPUT, "a record's detail is too long");
    if (sealed[0] == (uint8_t)detail_tag[0])
        return entry_parse_detail(sealed, size, out, why);
    if (key == NULL)
        return fault_set(why, ERR_DENIED, "sealed to the auditor's key");
    struct envelope_purpose purpose = purpose_of(entry, fields);
    enum err err = envelope_open(key, &purpose, sealed, size, packed, why);
    return err != ERR_OK ? err : entry_parse_detail(packed, size - ENVELOPE_OVERHEAD, out, why);
}
