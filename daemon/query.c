/* The officers' questions: strict JSON in, a struct out, and back. */
#include "daemon/query.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

static const int64_t latest_ms = INT64_C(16725225600000); /* the year 2500 */

static const char *const kinds[] = {
    [QUERY_FIND] = "find", [QUERY_IMAGE] = "image", [QUERY_STATUS] = "status"};

/* Which members each kind of question may have. */
static const struct {
    const char *name;
    bool in_kind[QUERY_STATUS + 1];
} members[] = {
    {"version", {false, true, true, true}}, {"query", {false, true, true, true}},
    {"reason", {false, true, true, false}}, {"case_number", {false, true, true, false}},
    {"plate", {false, true, false, false}}, {"look_alike", {false, true, false, false}},
    {"lane", {false, true, false, false}},  {"from", {false, true, false, false}},
    {"to", {false, true, false, false}},    {"limit", {false, true, false, false}},
    {"id", {false, false, true, false}},
};

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
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return fault_set(why, ERR_INPUT, "%s: holds a control character", name);
    memset(out, 0, size);
    memcpy(out, text, length);
    return ERR_OK;
}

static enum err get_number(const json_t *object, const char *name, int64_t most, int64_t *out,
                           struct fault *why)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return ERR_OK;
    if (!json_is_integer(value))
        return fault_set(why, ERR_INPUT, "%s: must be a whole number", name);
    int64_t number = json_integer_value(value);
    if (number < 1 || number > most)
        return fault_set(why, ERR_INPUT, "%s: must be from 1 to %lld", name, (long long)most);
    *out = number;
    return ERR_OK;
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
        err = get_number(object, "from", latest_ms, &find->from_ms, why);
    if (err == ERR_OK)
        err = get_number(object, "to", latest_ms, &find->to_ms, why);
    if (err == ERR_OK && find->to_ms != 0 && find->from_ms > find->to_ms)
        err = fault_set(why, ERR_INPUT, "from: lies after to");
    if (err == ERR_OK)
        err = get_number(object, "limit", STORE_MAX_ROWS, &limit, why);
    find->look_alike = alike != NULL && json_is_true(alike);
    find->limit = (uint32_t)limit;
    return err;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err get_id(const json_t *object, uint8_t id[ROW_ID_SIZE], struct fault *why)
{
    char text[2 * ROW_ID_SIZE + 1] = "";
    enum err err = get_text(object, "id", text, sizeof text, why);
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < ROW_ID_SIZE; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return fault_set(why, ERR_INPUT, "id: must be %d hexadecimal digits (0-9 a-f)",
                             2 * ROW_ID_SIZE);
        id[i] = (uint8_t)(high * 16 + low);
    }
    return ERR_OK;
}

static enum err get_kind(const json_t *object, enum query_kind *out, struct fault *why)
{
    const json_t *version = json_object_get(object, "version");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return fault_set(why, ERR_INPUT, "version: must be 1");
    const char *name = json_string_value(json_object_get(object, "query"));
    for (int kind = QUERY_FIND; name != NULL && kind <= QUERY_STATUS; kind++)
        if (strcmp(name, kinds[kind]) == 0) {
            *out = (enum query_kind)kind;
            return ERR_OK;
        }
    return fault_set(why, ERR_INPUT, "query: must be \"find\", \"image\" or \"status\"");
}

static enum err check_members(json_t *object, enum query_kind kind, struct fault *why)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
            known |= members[i].in_kind[kind] && strcmp(name, members[i].name) == 0;
        /* An unknown member's name is the asker's own text: it is not repeated. */
        if (!known)
            return fault_set(why, ERR_INPUT, "a member that \"%s\" does not know", kinds[kind]);
    }
    return ERR_OK;
}

static enum err get_query(json_t *object, struct query *out, struct fault *why)
{
    struct query q = {.kind = QUERY_FIND};
    enum err err = get_kind(object, &q.kind, why);
    if (err != ERR_OK)
        return err;
    out->kind = q.kind;
    if (q.kind != QUERY_STATUS) {
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
    if (err == ERR_OK && q.kind == QUERY_FIND)
        err = get_find(object, &q.find, why);
    if (err == ERR_OK && q.kind == QUERY_IMAGE)
        err = get_id(object, q.id, why);
    if (err == ERR_OK)
        *out = q;
    return err;
}

enum err query_parse(const char *text, size_t size, struct query *out, struct fault *why)
{
    if (size > QUERY_MAX_BYTES)
        return fault_set(why, ERR_LIMIT, "a question has at most %d bytes", QUERY_MAX_BYTES);
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return fault_set(why, ERR_INPUT, "not JSON (line %d, column %d)", error.line, error.column);
    enum err err = ERR_INPUT;
    if (json_is_object(object))
        err = get_query(object, out, why);
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

size_t query_text(const struct query *query, char *out)
{
    json_t *object = json_object();
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "query", json_string(kinds[query->kind]));
    if (query->kind != QUERY_STATUS) {
        json_object_set_new(object, "reason", json_string(query->reason));
        json_object_set_new(object, "case_number", json_string(query->case_number));
    }
    if (query->kind == QUERY_FIND)
        set_find(object, &query->find);
    if (query->kind == QUERY_IMAGE) {
        char hex[2 * ROW_ID_SIZE + 1];
        for (size_t i = 0; i < ROW_ID_SIZE; i++) {
            hex[2 * i] = "0123456789abcdef"[query->id[i] >> 4];
            hex[2 * i + 1] = "0123456789abcdef"[query->id[i] & 15];
        }
        hex[sizeof hex - 1] = '\0';
        json_object_set_new(object, "id", json_string(hex));
    }
    size_t size = json_dumpb(object, out, QUERY_MAX_BYTES - 1, JSON_COMPACT);
    json_decref(object);
    assert(size > 0 && size < QUERY_MAX_BYTES);
    out[size] = '\0';
    return size;
}
