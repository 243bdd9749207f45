/* laneward audit prove: that one record is in the log whose head everybody has. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "tools/audit.h"
#include "tools/when.h"

struct proven {
    uint8_t record[ENTRY_MAX_BYTES];
    size_t size;
    struct head head;
    struct merkle_proof proof;
};

static bool take_proof(const json_t *list, struct merkle_proof *out)
{
    size_t i;
    const json_t *hash;
    out->n = json_array_size(list);
    if (!json_is_array(list) || out->n > MERKLE_MAX_PROOF)
        return false;
    json_array_foreach(list, i, hash)
    {
        const char *text = json_string_value(hash);
        if (text == NULL || !hex_decode(text, out->hash[i].byte, MERKLE_HASH_SIZE))
            return false;
    }
    return true;
}

/* The record itself, by the log's page that begins with it. */
static enum err fetch_record(struct audit *audit, struct talk *talk, struct proven *out,
                             struct fault *why)
{
    json_t *answer = NULL;
    audit->who.query.kind = QUERY_LOG;
    audit->who.query.first = audit->index;
    enum err err = talk_ask(talk, &audit->who.query, &answer, why);
    if (err == ERR_OK)
        err = client_error(answer, why);
    const char *text = json_string_value(json_array_get(json_object_get(answer, "records"), 0));
    if (err == ERR_OK && (text == NULL || (uint64_t)client_number(answer, "first") != audit->index))
        err = fault_set(why, ERR_NOT_FOUND, "the log has no record %" PRIu64, audit->index);
    if (err == ERR_OK &&
        !base64_decode(text, strlen(text), out->record, sizeof out->record, &out->size))
        err = fault_set(why, ERR_INPUT, "record %" PRIu64 " is not understood", audit->index);
    json_decref(answer);
    return err;
}

static enum err fetch_proof(struct audit *audit, struct talk *talk, struct proven *out,
                            struct fault *why)
{
    json_t *answer = NULL;
    audit->who.query.kind = QUERY_PROVE;
    audit->who.query.first = audit->index;
    enum err err = talk_ask(talk, &audit->who.query, &answer, why);
    if (err == ERR_OK)
        err = client_error(answer, why);
    const char *head = client_text(json_object_get(answer, "log"), "head");
    if (err == ERR_OK && (!records_parse_head(head, &out->head) ||
                          !take_proof(json_object_get(answer, "proof"), &out->proof)))
        err = fault_set(why, ERR_INPUT, "the daemon's proof is not understood");
    json_decref(answer);
    return err;
}

/* Everything that somebody else needs to check it. */
static void print_json(const struct audit *audit, const struct talk *talk,
                       const struct proven *proven)
{
    char head[RECORDS_HEAD_TEXT], record[BASE64_LENGTH(ENTRY_MAX_BYTES) + 1],
        key[2 * SIGNATURE_PUBLIC_SIZE + 1], digits[2 * MERKLE_HASH_SIZE + 1];
    json_t *hashes = json_array();
    records_head_text(&proven->head, head);
    base64_encode(proven->record, proven->size, record);
    hex_encode(talk->memory.key, sizeof talk->memory.key, key);
    for (size_t i = 0; i < proven->proof.n; i++) {
        hex_encode(proven->proof.hash[i].byte, MERKLE_HASH_SIZE, digits);
        json_array_append_new(hashes, json_string(digits));
    }
    json_t *object =
        json_pack("{s:s, s:i, s:I, s:s, s:o, s:s, s:s}", "data_type", "laneward_log_proof",
                  "version", 1, "index", (json_int_t)audit->index, "record", record, "proof",
                  hashes, "head", head, "key", key);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void print_text(const struct audit *audit, const struct proven *proven)
{
    struct entry entry;
    const uint8_t *sealed;
    size_t size;
    struct fault why;
    char at[WHEN_TEXT_SIZE];
    when_text(proven->head.at_ms, at);
    if (entry_parse(proven->record, proven->size, &entry, &sealed, &size, &why) == ERR_OK) {
        char when[WHEN_TEXT_SIZE];
        when_text(entry.at_ms, when);
        printf("record %" PRIu64 " (%s, %s, uid %" PRIu32 ") ", audit->index,
               entry_kind_name(entry.kind), when, entry.uid);
    } else {
        printf("record %" PRIu64 " ", audit->index);
    }
    printf("is in the log of %" PRIu64 " records that was signed at %s: %zu hashes lead to its "
           "root\n",
           proven->head.size, at, proven->proof.n);
}

int audit_prove(struct audit *audit)
{
    struct talk talk = {0};
    static struct proven proven;
    struct fault why;
    enum err err =
        talk_open(&talk, audit->who.command, audit->who.socket_path, audit->who.log_key, &why);
    if (err == ERR_OK)
        err = fetch_record(audit, &talk, &proven, &why);
    if (err == ERR_OK)
        err = fetch_proof(audit, &talk, &proven, &why);
    int status = CLIENT_ANSWERED;
    if (err == ERR_OK) {
        struct merkle_hash leaf = merkle_leaf(proven.record, proven.size);
        if (!merkle_includes(&proven.proof, &leaf, audit->index, proven.head.size,
                             &proven.head.root)) {
            fprintf(stderr,
                    "WRONG      the proof does not lead from record %" PRIu64
                    " to the root that was signed\n",
                    audit->index);
            status = CLIENT_TAMPERED;
        } else if (audit->as_json) {
            print_json(audit, &talk, &proven);
        } else {
            print_text(audit, &proven);
        }
    } else {
        fprintf(stderr, "laneward audit: %s\n", why.text);
        status = err == ERR_CORRUPT ? CLIENT_TAMPERED : CLIENT_ERROR;
    }
    return talk_status(&talk, status);
}
