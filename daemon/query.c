/* The officers' questions: strict JSON in, a struct out, and back. */
#include "daemon/query.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/words.h"

static const int64_t latest_ms = INT64_C(16725225600000); /* the year 2500 */

static const char *const kinds[QUERY_LIMIT] = {
    [QUERY_FIND] = "find",       [QUERY_IMAGE] = "image",     [QUERY_STATUS] = "status",
    [QUERY_PENDING] = "pending", [QUERY_APPROVE] = "approve", [QUERY_EXPORT] = "export",
    [QUERY_LOG] = "log",         [QUERY_PROVE] = "prove",     [QUERY_POSTURE] = "posture",
    [QUERY_QUALITY] = "quality"};

enum {
    FIND = 1 << QUERY_FIND,
    IMAGE = 1 << QUERY_IMAGE,
    APPROVE = 1 << QUERY_APPROVE,
    EXPORT = 1 << QUERY_EXPORT,
    LOG = 1 << QUERY_LOG,
    PROVE = 1 << QUERY_PROVE,
    POSTURE = 1 << QUERY_POSTURE,
    LOOKS = FIND | IMAGE | APPROVE | EXPORT | LOG | PROVE,
};

/* Which kinds of question may have which members. */
static const struct {
    const char *name;
    uint32_t kinds;
} members[] = {
    {"version", QUERY_ALL},
    {"query", QUERY_ALL},
    {"seen", QUERY_ALL},
    {"reason", LOOKS},
    {"case_number", LOOKS},
    {"plate", FIND},
    {"look_alike", FIND},
    {"lane", FIND},
    {"from", FIND},
    {"to", FIND},
    {"limit", FIND},
    {"id", IMAGE},
    {"ticket", FIND | IMAGE | APPROVE | EXPORT},
    {"signature", APPROVE},
    {"ids", EXPORT},
    {"recipient", EXPORT},
    {"first", LOG},
    {"index", PROVE},
    {"digest", POSTURE},
    {"failed", POSTURE},
};

bool query_is_look(enum query_kind kind)
{
    return (QUERY_BIT(kind) & LOOKS) != 0;
}

static enum err get_text(const json_t *object, const char *name, char *out, size_t size,
                         struct fault *why)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return ERR_OK;
    if (!json_is_string(value))
        return fault_set(why, ERR_INPUT, "%s: must be a text", name);
    size_t length = json_string_length(value);
    if (length >= size)
        return fault_set(why, ERR_INPUT, "%s: longer than %zu bytes", name, size - 1);
    const char *text = json_string_value(value);
    if (strlen(text) != length || !words_are_plain(text))
        return fault_set(why, ERR_INPUT, "%s: holds a control character", name);
    memset(out, 0, size);
    memcpy(out, text, length);
    return ERR_OK;
}

struct range {
    int64_t least, most;
};

static enum err get_number(const json_t *object, const char *name, struct range range, int64_t *out,
                           struct fault *why)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return ERR_OK;
    if (!json_is_integer(value))
        return fault_set(why, ERR_INPUT, "%s: must be a whole number", name);
    int64_t number = json_integer_value(value);
    if (number < range.least || number > range.most)
        return fault_set(why, ERR_INPUT, "%s: must be from %lld to %lld", name,
                         (long long)range.least, (long long)range.most);
    *out = number;
    return ERR_OK;
}

static enum err need(const json_t *object, const char *name, struct fault *why)
{
    return json_object_get(object, name) != NULL
               ? ERR_OK
               : fault_set(why, ERR_INPUT, "%s: is missing", name);
}

static enum err get_words(const json_t *object, const char *name, char *out, struct fault *why)
{
    char text[LEDGER_TEXT_SIZE] = "";
    enum err err = get_text(object, name, text, sizeof text, why);
    if (err != ERR_OK)
        return err;
    if (text[strspn(text, " ")] == '\0')
        return fault_set(why, ERR_INPUT,
                         "%s: is missing; it is recorded with every look at the store", name);
    memcpy(out, text, sizeof text);
    return ERR_OK;
}

static enum err check_plate(const char *plate, struct fault *why)
{
    unsigned wildcards = 0;
    for (const char *c = plate; *c != '\0'; c++) {
        wildcards += *c == '?';
        if (!((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '?'))
            return fault_set(why, ERR_INPUT,
                             "plate: only A-Z, 0-9 and '?' for one unknown character");
    }
    if (wildcards > 2)
        return fault_set(why, ERR_INPUT, "plate: at most two '?'");
    if (*plate != '\0' && wildcards == strlen(plate))
        return fault_set(why, ERR_INPUT, "plate: must hold at least one known character");
    return ERR_OK;
}

static enum err check_lane(const char *lane, struct fault *why)
{
    for (const char *c = lane; *c != '\0'; c++)
        if (*c < '!' || *c > '~')
            return fault_set(why, ERR_INPUT, "lane: no such name is possible");
    return ERR_OK;
}

static enum err get_find(const json_t *object, struct store_query *find, struct fault *why)
{
    int64_t limit = 0;
    const json_t *alike = json_object_get(object, "look_alike");
    enum err err = get_text(object, "plate", find->plate, sizeof find->plate, why);
    if (err == ERR_OK)
        err = check_plate(find->plate, why);
    if (err == ERR_OK && alike != NULL && !json_is_boolean(alike))
        err = fault_set(why, ERR_INPUT, "look_alike: must be true or false");
    if (err == ERR_OK)
        err = get_text(object, "lane", find->lane, sizeof find->lane, why);
    if (err == ERR_OK)
        err = check_lane(find->lane, why);
    if (err == ERR_OK)
        err = get_number(object, "from", (struct range){1, latest_ms}, &find->from_ms, why);
    if (err == ERR_OK)
        err = get_number(object, "to", (struct range){1, latest_ms}, &find->to_ms, why);
    if (err == ERR_OK && find->to_ms != 0 && find->from_ms > find->to_ms)
        err = fault_set(why, ERR_INPUT, "from: lies after to");
    if (err == ERR_OK)
        err = get_number(object, "limit", (struct range){1, STORE_MAX_ROWS}, &limit, why);
    find->look_alike = alike != NULL && json_is_true(alike);
    find->limit = (uint32_t)limit;
    return err;
}

static enum err get_hex(const json_t *value, const char *name, uint8_t *out, size_t size,
                        struct fault *why)
{
    const char *text = json_string_value(value);
    if (text == NULL || json_string_length(value) != 2 * size || !hex_decode(text, out, size))
        return fault_set(why, ERR_INPUT, "%s: must be %zu hexadecimal digits (0-9 a-f)", name,
                         2 * size);
    return ERR_OK;
}

static enum err get_ticket(const json_t *object, char out[QUERY_TICKET_SIZE], struct fault *why)
{
    uint8_t number[(QUERY_TICKET_SIZE - 1) / 2];
    const json_t *value = json_object_get(object, "ticket");
    if (value == NULL)
        return ERR_OK;
    enum err err = get_hex(value, "ticket", number, sizeof number, why);
    if (err == ERR_OK)
        memcpy(out, json_string_value(value), QUERY_TICKET_SIZE);
    return err;
}

static enum err get_signature(const json_t *object, struct signature *out, struct fault *why)
{
    const json_t *value = json_object_get(object, "signature");
    size_t size = 0;
    if (value == NULL)
        return ERR_OK;
    if (!json_is_string(value) ||
        !base64_decode(json_string_value(value), json_string_length(value), out->der,
                       sizeof out->der, &size) ||
        size == 0)
        return fault_set(why, ERR_INPUT, "signature: must be base64 of 1 to %d bytes",
                         SIGNATURE_MAX);
    out->size = (uint8_t)size;
    return ERR_OK;
}

static enum err get_approve(const json_t *object, struct query *q, struct fault *why)
{
    enum err err = need(object, "ticket", why);
    if (err == ERR_OK)
        err = get_ticket(object, q->ticket, why);
    return err == ERR_OK ? get_signature(object, &q->signature, why) : err;
}

static bool is_recipient(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              *c == '-' || *c == '_' || (*c == '.' && c > name)))
            return false;
    return name[0] != '\0';
}

static enum err get_ids(const json_t *object, struct query *q, struct fault *why)
{
    const json_t *list = json_object_get(object, "ids");
    size_t n = json_array_size(list);
    if (n < 1 || n > QUERY_MAX_EXPORT)
        return fault_set(why, ERR_INPUT, "ids: must be a list of 1 to %d passages",
                         QUERY_MAX_EXPORT);
    for (size_t i = 0; i < n; i++) {
        enum err err = get_hex(json_array_get(list, i), "ids", q->ids[i], ROW_ID_SIZE, why);
        if (err != ERR_OK)
            return err;
        for (size_t k = 0; k < i; k++)
            if (memcmp(q->ids[k], q->ids[i], ROW_ID_SIZE) == 0)
                return fault_set(why, ERR_INPUT, "ids: the same passage twice");
    }
    q->n_ids = (uint32_t)n;
    return ERR_OK;
}

/* What is wanted, for whom; or the ticket of that, approved. */
static enum err get_export(const json_t *object, struct query *q, struct fault *why)
{
    enum err err = get_ticket(object, q->ticket, why);
    if (err != ERR_OK)
        return err;
    if (q->ticket[0] != '\0')
        return json_object_get(object, "ids") == NULL &&
                       json_object_get(object, "recipient") == NULL
                   ? ERR_OK
                   : fault_set(why, ERR_INPUT, "ticket: stands for ids and recipient");
    err = get_ids(object, q, why);
    if (err == ERR_OK)
        err = get_text(object, "recipient", q->recipient, sizeof q->recipient, why);
    if (err == ERR_OK && !is_recipient(q->recipient))
        err = fault_set(why, ERR_INPUT, "recipient: must be a name of letters, digits, - _ and .");
    return err;
}

static enum err get_posture(const json_t *object, struct query *q, struct fault *why)
{
    int64_t failed = 0;
    enum err err =
        get_hex(json_object_get(object, "digest"), "digest", q->digest, sizeof q->digest, why);
    if (err == ERR_OK)
        err = need(object, "failed", why);
    if (err == ERR_OK)
        err = get_number(object, "failed", (struct range){0, 1000}, &failed, why);
    q->n_failed = (uint32_t)failed;
    return err;
}

static enum err get_record(const json_t *object, const char *name, struct query *q,
                           struct fault *why)
{
    int64_t first = 0;
    enum err err = need(object, name, why);
    if (err == ERR_OK)
        err = get_number(object, name, (struct range){0, INT64_MAX}, &first, why);
    q->first = (uint64_t)first;
    return err;
}

static enum err get_kind(const json_t *object, uint32_t wanted, enum query_kind *out,
                         struct fault *why)
{
    const json_t *version = json_object_get(object, "version");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return fault_set(why, ERR_INPUT, "version: must be 1");
    const char *name = json_string_value(json_object_get(object, "query"));
    for (int kind = QUERY_FIND; name != NULL && kind < QUERY_LIMIT; kind++)
        if (strcmp(name, kinds[kind]) == 0) {
            *out = (enum query_kind)kind;
            return (QUERY_BIT(kind) & wanted) != 0
                       ? ERR_OK
                       : fault_set(why, ERR_DENIED, "query: %s is not answered here", kinds[kind]);
        }
    return fault_set(why, ERR_INPUT, "query: must be \"find\", \"image\", \"status\", ...");
}

static enum err check_members(json_t *object, enum query_kind kind, struct fault *why)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            known |= (members[i].kinds & QUERY_BIT(kind)) && strcmp(name, members[i].name) == 0;
        /* An unknown member's name is the asker's own text: it is not repeated. */
        if (!known)
            return fault_set(why, ERR_INPUT, "a member that \"%s\" does not know", kinds[kind]);
    }
    return ERR_OK;
}

static enum err get_members(const json_t *object, struct query *q, struct fault *why)
{
    switch (q->kind) {
    case QUERY_FIND: {
        enum err err = get_find(object, &q->find, why);
        return err == ERR_OK ? get_ticket(object, q->ticket, why) : err;
    }
    case QUERY_IMAGE: {
        enum err err = get_hex(json_object_get(object, "id"), "id", q->id, sizeof q->id, why);
        return err == ERR_OK ? get_ticket(object, q->ticket, why) : err;
    }
    case QUERY_APPROVE:
        return get_approve(object, q, why);
    case QUERY_EXPORT:
        return get_export(object, q, why);
    case QUERY_LOG:
        return get_record(object, "first", q, why);
    case QUERY_PROVE:
        return get_record(object, "index", q, why);
    case QUERY_POSTURE:
        return get_posture(object, q, why);
    default:
        return ERR_OK;
    }
}

static enum err get_query(json_t *object, uint32_t wanted, struct query *out, struct fault *why)
{
    struct query q = {0};
    int64_t seen = 0;
    enum err err = get_kind(object, wanted, &q.kind, why);
    if (q.kind != 0)
        out->kind = q.kind;
    if (err != ERR_OK)
        return err;
    if (query_is_look(q.kind)) {
        struct fault ignored;
        enum err reason = get_words(object, "reason", q.reason, why);
        enum err number =
            get_words(object, "case_number", q.case_number, reason == ERR_OK ? why : &ignored);
        memcpy(out->reason, q.reason, sizeof q.reason);
        memcpy(out->case_number, q.case_number, sizeof q.case_number);
        if (reason != ERR_OK || number != ERR_OK)
            return ERR_INPUT;
    }
    err = check_members(object, q.kind, why);
    if (err == ERR_OK)
        err = get_number(object, "seen", (struct range){1, INT64_MAX}, &seen, why);
    if (err == ERR_OK)
        err = get_members(object, &q, why);
    q.seen_size = (uint64_t)seen;
    if (err == ERR_OK)
        *out = q;
    return err;
}

enum err query_parse(const char *text, size_t size, uint32_t kinds_wanted, struct query *out,
                     struct fault *why)
{
    if (size > QUERY_MAX_BYTES)
        return fault_set(why, ERR_LIMIT, "a question has at most %d bytes", QUERY_MAX_BYTES);
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return fault_set(why, ERR_INPUT, "not JSON (line %d, column %d)", error.line, error.column);
    enum err err = ERR_INPUT;
    if (json_is_object(object))
        err = get_query(object, kinds_wanted, out, why);
    else
        fault_set(why, ERR_INPUT, "the question must be one JSON object");
    json_decref(object);
    return err;
}

static void set_find(json_t *object, const struct store_query *find)
{
    if (find->plate[0] != '\0')
        json_object_set_new(object, "plate", json_string(find->plate));
    if (find->look_alike)
        json_object_set_new(object, "look_alike", json_true());
    if (find->lane[0] != '\0')
        json_object_set_new(object, "lane", json_string(find->lane));
    if (find->from_ms != 0)
        json_object_set_new(object, "from", json_integer(find->from_ms));
    if (find->to_ms != 0)
        json_object_set_new(object, "to", json_integer(find->to_ms));
    if (find->limit != 0)
        json_object_set_new(object, "limit", json_integer(find->limit));
}

static void set_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[2 * ENTRY_DIGEST_SIZE + 1];
    assert(2 * size < sizeof hex);
    hex_encode(bytes, size, hex);
    json_object_set_new(object, name, json_string(hex));
}

static void set_export(json_t *object, const struct query *query)
{
    json_t *ids = json_array();
    for (uint32_t i = 0; i < query->n_ids; i++) {
        char hex[2 * ROW_ID_SIZE + 1];
        hex_encode(query->ids[i], ROW_ID_SIZE, hex);
        json_array_append_new(ids, json_string(hex));
    }
    if (query->n_ids > 0)
        json_object_set(object, "ids", ids);
    json_decref(ids);
    if (query->recipient[0] != '\0')
        json_object_set_new(object, "recipient", json_string(query->recipient));
}

static void set_signature(json_t *object, const struct signature *signature)
{
    char text[BASE64_LENGTH(SIGNATURE_MAX) + 1];
    if (signature->size == 0)
        return;
    base64_encode(signature->der, signature->size, text);
    json_object_set_new(object, "signature", json_string(text));
}

static void set_members(json_t *object, const struct query *query)
{
    switch (query->kind) {
    case QUERY_FIND:
        set_find(object, &query->find);
        break;
    case QUERY_IMAGE:
        set_hex(object, "id", query->id, sizeof query->id);
        break;
    case QUERY_APPROVE:
        set_signature(object, &query->signature);
        break;
    case QUERY_EXPORT:
        set_export(object, query);
        break;
    case QUERY_LOG:
        json_object_set_new(object, "first", json_integer((json_int_t)query->first));
        break;
    case QUERY_PROVE:
        json_object_set_new(object, "index", json_integer((json_int_t)query->first));
        break;
    case QUERY_POSTURE:
        set_hex(object, "digest", query->digest, sizeof query->digest);
        json_object_set_new(object, "failed", json_integer(query->n_failed));
        break;
    default:
        break;
    }
    if (query->ticket[0] != '\0')
        json_object_set_new(object, "ticket", json_string(query->ticket));
    if (query->seen_size != 0)
        json_object_set_new(object, "seen", json_integer((json_int_t)query->seen_size));
}

size_t query_text(const struct query *query, char *out)
{
    json_t *object = json_object();
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "query", json_string(kinds[query->kind]));
    if (query_is_look(query->kind)) {
        json_object_set_new(object, "reason", json_string(query->reason));
        json_object_set_new(object, "case_number", json_string(query->case_number));
    }
    set_members(object, query);
    size_t size = json_dumpb(object, out, QUERY_MAX_BYTES - 1, JSON_COMPACT);
    json_decref(object);
    assert(size > 0 && size < QUERY_MAX_BYTES);
    out[size] = '\0';
    return size;
}
