/* laneward audit verify: the whole log against its signed heads, those of witnesses among them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "tools/audit.h"
#include "tools/files.h"
#include "tools/when.h"

enum { MAX_WITNESS = 512 * 1024 * 1024 };

/* What the witness's file held. */
struct witnesses {
    uint64_t n, n_torn, n_unlinked; /* heads; lines that are none; heads whose predecessor lacks */
    uint64_t n_told;                /* sizes and roots in a journal's lines */
};

static enum err take(void *context, const uint8_t *record, size_t size, struct fault *why)
{
    return inspection_record(context, record, size, NULL, NULL, why);
}

enum err audit_read(struct audit *audit, struct talk *talk, records_take_fn *take_fn, void *context,
                    struct records_end *out, struct fault *why)
{
    enum err err =
        talk_open(talk, audit->who.command, audit->who.socket_path, audit->who.log_key, why);
    if (err != ERR_OK)
        return err;
    return audit->file != NULL ? records_from_copy(audit->file, take_fn, context, out, why)
                               : records_from_daemon(&audit->who, talk, take_fn, context, out, why);
}

void audit_check_newest(struct inspection *inspection, const struct records_end *end)
{
    struct signature_key *key = NULL;
    struct fault why;
    if (!end->has_head) {
        inspection_note(inspection, "no head was signed: nothing shows that the log is whole");
        return;
    }
    if (signature_key_from_point(&key, end->key, &why) == ERR_OK)
        inspection_head(inspection, &end->head, "the newest head", key, false);
    else
        inspection_note(inspection, "the key of the log is none: %s", why.text);
    signature_key_free(&key);
}

int audit_judge(const struct inspection *inspection, int status)
{
    uint32_t n =
        inspection->n_faults < INSPECTION_MAX_FAULTS ? inspection->n_faults : INSPECTION_MAX_FAULTS;
    if (n == 0)
        return status;
    fflush(stdout);
    for (uint32_t i = 0; i < n; i++)
        fprintf(stderr, "WRONG      %s\n", inspection->fault[i]);
    if (inspection->n_faults > n)
        fprintf(stderr, "           ... and %" PRIu32 " more\n", inspection->n_faults - n);
    return CLIENT_TAMPERED;
}

/* What this client has seen before, if it is of the same store. */
static void check_memory(struct inspection *inspection, const struct audit *audit,
                         const struct memory *memory, const struct records_end *end)
{
    struct signature_key *key = NULL;
    struct fault ignored;
    char at[WHEN_TEXT_SIZE];
    bool is_same_key = memory->has_key && memcmp(memory->key, end->key, sizeof end->key) == 0;
    if (audit->who.log_key != NULL && !is_same_key) {
        inspection_note(inspection, "the log is signed with another key than %s",
                        audit->who.log_key);
        return;
    }
    if (audit->file == NULL)
        return; /* the talk has checked it */
    if (!is_same_key) {
        printf("key        the copy's own; compare its digits with those of the lane\n");
        return;
    }
    printf("key        the one that this client knows of the lane\n");
    if (!memory->has_head || signature_key_from_point(&key, end->key, &ignored) != ERR_OK)
        return;
    uint64_t later = inspection->n_later;
    inspection_head(inspection, &memory->head, "the head that this client has seen", key, true);
    when_text(memory->head.at_ms, at);
    printf("seen       %" PRIu64 " records, of %s%s\n", memory->head.size, at,
           inspection->n_later > later ? ": newer than the copy" : "");
    signature_key_free(&key);
}

/* A line of the daemon's journal tells size and root. */
static void check_journal(struct inspection *inspection, struct witnesses *found, const char *line,
                          bool is_copy)
{
    static const char mark[] = "log head size=", then[] = " root=";
    struct merkle_hash root;
    char name[64], digits[2 * MERKLE_HASH_SIZE + 1] = "", *end = NULL;
    const char *at = strstr(line, mark);
    uint64_t size = at != NULL ? strtoull(at + sizeof mark - 1, &end, 10) : 0;
    if (end != NULL && strncmp(end, then, sizeof then - 1) == 0)
        snprintf(digits, sizeof digits, "%.64s", end + sizeof then - 1);
    if (!hex_decode(digits, root.byte, sizeof root.byte)) {
        found->n_torn++;
        return;
    }
    found->n_told++;
    snprintf(name, sizeof name, "line %" PRIu64 " of the journal", found->n_told);
    inspection_root(inspection, size, &root, name, is_copy);
}

static void check_line(struct inspection *inspection, struct witnesses *found, const char *line,
                       const struct signature_key *key, struct merkle_hash *last, bool is_copy)
{
    static const struct merkle_hash none;
    struct head head;
    char name[64];
    if (!records_parse_head(line, &head)) {
        check_journal(inspection, found, line, is_copy);
        return;
    }
    found->n++;
    snprintf(name, sizeof name, "head %" PRIu64 " of the witness", found->n);
    bool follows = memcmp(&head.previous, last, sizeof none) == 0;
    if (!follows && memcmp(last, &none, sizeof none) != 0)
        found->n_unlinked++;
    *last = head_digest(&head);
    inspection_head(inspection, &head, name, key, is_copy);
}

static enum err check_witness(struct inspection *inspection, const struct audit *audit,
                              const struct records_end *end, struct fault *why)
{
    uint8_t *text = NULL;
    size_t size = 0;
    struct signature_key *key = NULL;
    struct witnesses found = {0};
    struct merkle_hash last = {0};
    enum err err = files_read(audit->witness, MAX_WITNESS, &text, &size, why);
    if (err == ERR_OK)
        err = signature_key_from_point(&key, end->key, why);
    if (err != ERR_OK) {
        free(text);
        return err;
    }
    for (char *line = (char *)text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        bool is_last = line[length] == '\0';
        line[length] = '\0';
        if (length > 0)
            check_line(inspection, &found, line, key, &last, audit->file != NULL);
        line += is_last ? length : length + 1;
    }
    printf("witness    %" PRIu64 " heads of %s", found.n, audit->witness);
    if (found.n_unlinked > 0)
        printf("; before %" PRIu64 " of them others were signed that are not there",
               found.n_unlinked);
    if (found.n_told > 0)
        printf("; %" PRIu64 " of a journal", found.n_told);
    if (found.n_torn > 0)
        printf("; %" PRIu64 " lines are no head", found.n_torn);
    putchar('\n');
    if (found.n + found.n_told == 0)
        inspection_note(inspection, "the witness's file holds no head");
    signature_key_free(&key);
    free(text);
    return ERR_OK;
}

static void print_records(const struct inspection *inspection)
{
    char from[WHEN_TEXT_SIZE], to[WHEN_TEXT_SIZE];
    const char *between = "";
    when_text(inspection->first_ms, from);
    when_text(inspection->last_ms, to);
    printf("records    %" PRIu64 ", from %s to %s\n           ", tree_size(inspection->tree), from,
           to);
    for (int kind = 1; kind < ENTRY_LIMIT; kind++)
        if (inspection->n_kind[kind] > 0) {
            printf("%s%" PRIu64 " %s", between, inspection->n_kind[kind],
                   entry_kind_name((enum entry_kind)kind));
            between = ", ";
        }
    printf("\nclock      went back %" PRIu64 " times between records; %" PRIu64
           " steps are recorded\n",
           inspection->n_back, inspection->n_kind[ENTRY_CLOCK]);
}

static void print_head(const struct inspection *inspection, const struct records_end *end)
{
    const struct head *head = &end->head;
    char at[WHEN_TEXT_SIZE], fingerprint[TALK_FINGERPRINT_SIZE];
    when_text(head->at_ms, at);
    talk_fingerprint(end->key, fingerprint);
    printf("head       %" PRIu64 " records, of %s, epoch %" PRIu64 ", binding=%s, root ",
           head->size, at, head->epoch, head->binding == 2 ? "tpm" : "software");
    for (int i = 0; i < 8; i++)
        printf("%02x", head->root.byte[i]);
    printf("...\n           signed by %s\n", fingerprint);
    if (tree_size(inspection->tree) > head->size)
        printf("           %" PRIu64 " records came after it; the next head will sign them\n",
               tree_size(inspection->tree) - head->size);
}

int audit_verify(struct audit *audit)
{
    struct inspection inspection;
    struct records_end end;
    struct talk talk = {0};
    struct fault why;
    enum err err = inspection_begin(&inspection, &why);
    if (err == ERR_OK)
        err = audit_read(audit, &talk, take, &inspection, &end, &why);
    if (err == ERR_OK) {
        audit_check_newest(&inspection, &end);
        print_records(&inspection);
    }
    if (err == ERR_OK && end.has_head) {
        print_head(&inspection, &end);
        check_memory(&inspection, audit, &talk.memory, &end);
        if (audit->witness != NULL)
            err = check_witness(&inspection, audit, &end, &why);
    }
    int status = CLIENT_ANSWERED;
    if (err != ERR_OK) {
        fprintf(stderr, "laneward audit: %s\n", why.text);
        status = err == ERR_CORRUPT ? CLIENT_TAMPERED : CLIENT_ERROR;
    }
    status = talk_status(&talk, audit_judge(&inspection, status));
    if (status == CLIENT_ANSWERED)
        printf("verified   %" PRIu64 " %s signed this log: nothing was changed, cut or put in\n",
               inspection.n_heads, inspection.n_heads == 1 ? "head has" : "heads have");
    else if (status == CLIENT_TAMPERED)
        fprintf(stderr, "NOT VERIFIED: tell the lane's auditor, and keep what is here\n");
    inspection_end(&inspection);
    return status;
}
