/* laneward audit show: the log's records as lines or JSON, details opened with the auditor's key.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/words.h"
#include "tools/audit.h"
#include "tools/files.h"
#include "tools/when.h"

struct show {
    const struct audit *audit;
    struct inspection inspection;
    struct signature_key *key; /* NULL: details stay sealed */
    uint64_t n_shown, n_unopened;
};

/* Text from the log for a terminal: nothing in it moves the cursor. */
static void clean(char *text)
{
    for (size_t odd; *text != '\0'; text += odd > 0 ? odd : 1) {
        odd = words_odd(text);
        memset(text, '?', odd);
    }
}

static void clean_all(struct entry *entry, struct entry_detail *detail)
{
    clean(entry->user);
    clean(entry->credential);
    clean(entry->name);
    clean(detail->reason);
    clean(detail->case_number);
    clean(detail->what);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    char plain[ENTRY_WHAT_SIZE];
    json_t *value = json_string(text);
    if (value == NULL) { /* it is not UTF-8 */
        snprintf(plain, sizeof plain, "%s", text);
        for (char *at = plain; *at != '\0'; at++)
            *at = (unsigned char)*at >= 0x80 ? '?' : *at;
        value = json_string(plain);
    }
    json_object_set_new(object, name, value);
}

static void set_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
    char digits[2 * ENTRY_DIGEST_SIZE + 1];
    static const uint8_t zero[ENTRY_DIGEST_SIZE];
    if (memcmp(bytes, zero, size) == 0)
        return;
    hex_encode(bytes, size, digits);
    json_object_set_new(object, name, json_string(digits));
}

static void set_detail(json_t *object, const struct entry_detail *detail)
{
    json_t *ids = json_array();
    char digits[2 * ENTRY_ID_SIZE + 1];
    set_text(object, "reason", detail->reason);
    set_text(object, "case_number", detail->case_number);
    set_text(object, "what", detail->what);
    for (uint32_t i = 0; i < detail->n_ids; i++) {
        hex_encode(detail->ids[i], ENTRY_ID_SIZE, digits);
        json_array_append_new(ids, json_string(digits));
    }
    json_object_set_new(object, "ids", ids);
}

static void print_json(const struct entry *entry, const struct entry_detail *detail,
                       const char *state)
{
    json_t *object = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "data_type", "laneward_look",
                               "index", (json_int_t)entry->index, "kind",
                               entry_kind_name(entry->kind), "at", (json_int_t)entry->at_ms,
                               "epoch", (json_int_t)entry->epoch, "n", (json_int_t)entry->n);
    if (entry->uid != UINT32_MAX)
        json_object_set_new(object, "uid", json_integer(entry->uid));
    set_text(object, "user", entry->user);
    set_text(object, "credential", entry->credential);
    set_text(object, "name", entry->name);
    json_object_set_new(object, "number", json_integer((json_int_t)entry->number));
    set_hex(object, "digest", entry->digest, sizeof entry->digest);
    set_hex(object, "mac", entry->mac, sizeof entry->mac);
    json_object_set_new(object, "detail", json_string(state));
    if (strcmp(state, "open") == 0)
        set_detail(object, detail);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* Of a step of the keys. Those that a stop has left out are recorded together, and late. */
static void epoch_text(const struct entry *entry, char *out, size_t size)
{
    bool is_late = entry->kind == ENTRY_KEY || strcmp(entry->name, "late") == 0;
    if (is_late && entry->n > 1 && entry->n <= entry->number)
        snprintf(out, size, "epochs %" PRIu64 " to %" PRIu64, entry->number - entry->n + 1,
                 entry->number);
    else if (entry->number != 0)
        snprintf(out, size, "epoch %" PRIu64, entry->number);
}

/* What the number says, as the kind tells; "" for none. */
static void number_text(const struct entry *entry, char *out, size_t size)
{
    out[0] = '\0';
    switch (entry->kind) {
    case ENTRY_REQUEST:
    case ENTRY_APPROVAL:
        snprintf(out, size, "ticket %08" PRIx64, entry->number);
        break;
    case ENTRY_CLOCK:
        snprintf(out, size, "%+.1f s", (double)(int64_t)entry->number / 1000);
        break;
    case ENTRY_GAP:
        snprintf(out, size, "%.1f s", (double)entry->number / 1000);
        break;
    case ENTRY_KEY:
    case ENTRY_FORGET:
        epoch_text(entry, out, size);
        break;
    case ENTRY_QUERY: /* one with a name has read the log from the number on */
    case ENTRY_IMAGE:
        if (entry->number != 0)
            snprintf(out, size, entry->name[0] == '\0' ? "ticket %08" PRIx64 : "no. %" PRIu64,
                     entry->number);
        break;
    default:
        if (entry->number != 0)
            snprintf(out, size, "no. %" PRIu64, entry->number);
    }
}

static void print_line(const struct entry *entry, const struct entry_detail *detail,
                       const char *state)
{
    char at[WHEN_TEXT_SIZE], number[64];
    when_text(entry->at_ms, at);
    number_text(entry, number, sizeof number);
    printf("%7" PRIu64 "  %s  %-8s  %-12s  %-7s  %3" PRIu32, entry->index, at,
           entry_kind_name(entry->kind), entry->uid == UINT32_MAX ? "-" : entry->user,
           entry->credential[0] != '\0' ? entry->credential : "-", entry->n);
    if (number[0] != '\0')
        printf("  %s", number);
    if (entry->name[0] != '\0')
        printf("  %s", entry->name);
    if (strcmp(state, "open") == 0)
        printf("  %s | %s | %s", detail->case_number, detail->reason, detail->what);
    else if (strcmp(state, "none") != 0)
        printf("  (%s)", state);
    putchar('\n');
}

static enum err take(void *context, const uint8_t *record, size_t size, struct fault *why)
{
    struct show *show = context;
    struct entry entry;
    struct entry_detail detail = {0};
    struct inspection_detail sealed;
    struct fault unopened;
    enum err err = inspection_record(&show->inspection, record, size, &entry, &sealed, why);
    if (err != ERR_OK || entry.kind == 0 || entry.at_ms < show->audit->since_ms)
        return err;
    enum err opened = entry_open(&entry, sealed.bytes, sealed.size, show->key, &detail, &unopened);
    const char *state = opened == ERR_OK          ? "open"
                        : opened == ERR_NOT_FOUND ? "none"
                        : opened == ERR_DENIED    ? "sealed"
                        : opened == ERR_IDENTITY  ? "sealed to another key"
                                                  : "not understood";
    show->n_shown++;
    show->n_unopened += opened == ERR_IDENTITY || opened == ERR_INPUT;
    clean_all(&entry, &detail);
    if (show->audit->as_json)
        print_json(&entry, &detail, state);
    else
        print_line(&entry, &detail, state);
    return ERR_OK;
}

int audit_show(struct audit *audit)
{
    struct show show = {.audit = audit};
    struct records_end end;
    struct talk talk = {0};
    struct fault why;
    enum err err = inspection_begin(&show.inspection, &why);
    if (err == ERR_OK && audit->auditor_key != NULL)
        err = files_read_key(audit->auditor_key, &show.key, &why);
    if (!audit->as_json && err == ERR_OK)
        printf("%7s  %-19s  %-8s  %-12s  %-7s  %3s  %s\n", "INDEX", "TIME", "KIND", "USER", "BY",
               "N", "CASE | REASON | WHAT");
    if (err == ERR_OK)
        err = audit_read(audit, &talk, take, &show, &end, &why);
    if (err == ERR_OK)
        audit_check_newest(&show.inspection, &end);
    int status = CLIENT_ANSWERED;
    if (err != ERR_OK) {
        fflush(stdout);
        fprintf(stderr, "laneward audit: %s\n", why.text);
        status = err == ERR_CORRUPT ? CLIENT_TAMPERED : CLIENT_ERROR;
    } else if (show.n_unopened > 0) {
        fprintf(stderr, "laneward audit: %" PRIu64 " details do not open with %s\n",
                show.n_unopened, audit->auditor_key != NULL ? audit->auditor_key : "no key");
    }
    status = talk_status(&talk, audit_judge(&show.inspection, status));
    if (fflush(stdout) != 0 && status == CLIENT_ANSWERED)
        status = CLIENT_ERROR;
    signature_key_free(&show.key);
    inspection_end(&show.inspection);
    return status;
}
