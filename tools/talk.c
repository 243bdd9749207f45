/* The client as a witness: no head of the log may contradict one that was seen before. */
#include "tools/talk.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "tools/files.h"
#include "tools/when.h"

enum { MAX_KEY = 65536, STALE_MS = 600000 };

/* What an answer says of the log, understood. */
struct claim {
    struct head head;
    uint8_t key[SIGNATURE_PUBLIC_SIZE];
    struct merkle_proof growth;
};

void talk_fingerprint(const uint8_t point[SIGNATURE_PUBLIC_SIZE], char out[TALK_FINGERPRINT_SIZE])
{
    uint8_t digest[32];
    char digits[33], *at = out;
    if (EVP_Digest(point, SIGNATURE_PUBLIC_SIZE, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    hex_encode(digest, 16, digits);
    for (int i = 0; i < 32; i++) {
        if (i > 0 && i % 4 == 0)
            *at++ = ' ';
        *at++ = digits[i];
    }
    *at = '\0';
}

static enum err read_log_key(const char *path, uint8_t out[SIGNATURE_PUBLIC_SIZE],
                             struct fault *why)
{
    uint8_t *text = NULL;
    size_t size = 0;
    struct signature_key *key = NULL;
    enum err err = files_read(path, MAX_KEY, &text, &size, why);
    if (err != ERR_OK)
        return err;
    while (size > 0 && isspace(text[size - 1]))
        text[--size] = '\0';
    if (size == 2 * (size_t)SIGNATURE_PUBLIC_SIZE &&
        hex_decode((const char *)text, out, SIGNATURE_PUBLIC_SIZE)) {
        err = signature_key_from_point(&key, out, why);
    } else {
        err = signature_key_parse(&key, (const char *)text, size, why);
        if (err == ERR_OK)
            signature_key_point(key, out);
    }
    signature_key_free(&key);
    free(text);
    return err == ERR_OK ? ERR_OK : fault_context(why, "%s", path);
}

enum err talk_open(struct talk *out, const char *command, const char *socket_path,
                   const char *log_key, struct fault *why)
{
    uint8_t key[SIGNATURE_PUBLIC_SIZE];
    *out = (struct talk){.command = command, .socket_path = client_socket(socket_path)};
    if (log_key != NULL && read_log_key(log_key, key, why) != ERR_OK)
        return why->code;
    enum err err = memory_load(&out->memory, out->socket_path, why);
    if (err == ERR_IO) {
        fprintf(stderr,
                "laneward %s: the newest head of the log cannot be remembered, so that a change of "
                "the log before it is not noticed (%s)\n",
                command, why->text);
        out->is_forgetful = true;
        err = ERR_OK;
    }
    if (err != ERR_OK)
        return fault_set(why, ERR_CORRUPT,
                         "what was remembered of the log of looks cannot be trusted: %s. Tell the "
                         "lane's auditor; `laneward audit accept` begins anew",
                         out->memory.path);
    struct memory *memory = &out->memory;
    if (log_key != NULL && memory->has_key && memcmp(memory->key, key, sizeof key) != 0)
        return fault_set(why, ERR_CORRUPT,
                         "the log that was seen so far is signed with another key than %s. Tell "
                         "the lane's auditor; `laneward audit accept` begins anew",
                         log_key);
    if (log_key != NULL && !memory->has_key) {
        memory->has_key = true;
        memory->pinned_ms = when_now();
        memcpy(memory->key, key, sizeof key);
    }
    return ERR_OK;
}

static bool take_growth(const json_t *list, struct merkle_proof *out)
{
    size_t i;
    json_t *hash;
    out->n = 0;
    if (json_array_size(list) > MERKLE_MAX_PROOF)
        return false;
    json_array_foreach(list, i, hash)
    {
        const char *text = json_string_value(hash);
        if (text == NULL || !hex_decode(text, out->hash[i].byte, MERKLE_HASH_SIZE))
            return false;
        out->n++;
    }
    return true;
}

static bool take_claim(const json_t *log, struct claim *out)
{
    uint8_t bytes[HEAD_MAX_BYTES];
    size_t size = 0;
    struct fault ignored;
    const char *head = client_text(log, "head");
    return base64_decode(head, strlen(head), bytes, sizeof bytes, &size) &&
           head_parse(bytes, size, &out->head, &ignored) == ERR_OK &&
           hex_decode(client_text(log, "key"), out->key, sizeof out->key) &&
           take_growth(json_object_get(log, "growth"), &out->growth);
}

static bool is_signed(const struct claim *claim)
{
    struct signature_key *key = NULL;
    struct fault ignored;
    bool good = signature_key_from_point(&key, claim->key, &ignored) == ERR_OK &&
                head_is_signed(&claim->head, key);
    signature_key_free(&key);
    return good;
}

/* What is wrong with the claim beside the newest good head; "" = nothing. */
static void compare(const struct head *old, const struct claim *claim, char *what)
{
    const struct head *now = &claim->head;
    char then[WHEN_TEXT_SIZE];
    when_text(old->at_ms, then);
    if (memcmp(old->host, now->host, sizeof old->host) != 0)
        snprintf(what, MEMORY_TEXT_SIZE, "the log is that of another store");
    else if (now->size < old->size)
        snprintf(what, MEMORY_TEXT_SIZE, "the log was cut: it has %llu records, and had %llu at %s",
                 (unsigned long long)now->size, (unsigned long long)old->size, then);
    else if (now->size == old->size && memcmp(&now->root, &old->root, sizeof now->root) != 0)
        snprintf(what, MEMORY_TEXT_SIZE,
                 "the log was changed: its %llu records are not those of %s",
                 (unsigned long long)now->size, then);
    else if (now->size > old->size && old->size > 0 &&
             !merkle_extends(&claim->growth, old->size, &old->root, now->size, &now->root))
        snprintf(what, MEMORY_TEXT_SIZE,
                 "the log was changed: its first %llu records are not those of %s",
                 (unsigned long long)old->size, then);
    else if (now->epoch < old->epoch)
        snprintf(what, MEMORY_TEXT_SIZE,
                 "the store went back to an older epoch of its keys: %llu, and %llu at %s",
                 (unsigned long long)now->epoch, (unsigned long long)old->epoch, then);
    else if (now->binding < old->binding)
        snprintf(what, MEMORY_TEXT_SIZE, "the store is no longer bound to its TPM");
}

/* The same for what is shown of the log; *is_there: it holds a head that is signed. */
static void judge_log(const struct memory *memory, const json_t *log, struct claim *claim,
                      bool *is_there, char *what)
{
    const json_t *error = json_object_get(log, "error");
    if (error != NULL && json_object_get(log, "head") == NULL) {
        if (memory->has_head && memory->head.size > 0)
            snprintf(what, MEMORY_TEXT_SIZE,
                     "the daemon cannot show that its log goes on from the %llu records that were "
                     "seen",
                     (unsigned long long)memory->head.size);
    } else if (!take_claim(log, claim)) {
        snprintf(what, MEMORY_TEXT_SIZE, "what the daemon shows of its log is not understood");
    } else if (memory->has_key && memcmp(memory->key, claim->key, sizeof claim->key) != 0) {
        snprintf(what, MEMORY_TEXT_SIZE, "the log is signed with another key than before");
    } else if (!is_signed(claim)) {
        snprintf(what, MEMORY_TEXT_SIZE, "the log's head is not signed by the log's key");
    } else {
        *is_there = true;
        if (memory->has_head)
            compare(&memory->head, claim, what);
    }
}

/* "" : nothing is wrong. */
static void judge(const struct talk *talk, const json_t *answer, struct claim *claim,
                  bool *is_there, char *what)
{
    const struct memory *memory = &talk->memory;
    const json_t *log = json_object_get(answer, "log");
    what[0] = '\0';
    *is_there = false;
    if (log != NULL)
        judge_log(memory, log, claim, is_there, what);
    else if (memory->has_head && json_object_get(answer, "error") == NULL)
        snprintf(what, MEMORY_TEXT_SIZE, "the daemon does not show its log any more");
    else if (memory->has_key && !memory->has_head && json_object_get(answer, "error") == NULL)
        fprintf(stderr,
                "laneward %s: the daemon shows no signed log yet; ask again in some minutes\n",
                talk->command);
}

static void tell(struct talk *talk)
{
    char at[WHEN_TEXT_SIZE];
    const struct memory *memory = &talk->memory;
    if (memory->broken_ms == 0 || talk->was_told)
        return;
    talk->was_told = true;
    when_text(memory->broken_ms, at);
    fprintf(stderr,
            "laneward %s: THE LOG OF LOOKS IS NOT WHAT IT WAS\n"
            "  %s (noticed %s).\n"
            "  Somebody may have looked and removed the trace. Tell the lane's auditor and your "
            "supervisor, not\n"
            "  those who maintain the lane. Keep the evidence: %s\n"
            "  `laneward audit verify` looks further; when they have agreed, `laneward audit "
            "accept` begins anew.\n",
            talk->command, memory->broken, at, memory->path);
}

/* That our last look came into the log, is for the next head to show. */
static void remark_stale(const struct talk *talk, const struct head *head)
{
    const struct memory *memory = &talk->memory;
    char asked[WHEN_TEXT_SIZE], at[WHEN_TEXT_SIZE];
    if (memory->asked_ms == 0 || when_now() - memory->asked_ms < STALE_MS ||
        head->size > memory->asked_size)
        return;
    when_text(memory->asked_ms, asked);
    when_text(head->at_ms, at);
    fprintf(stderr,
            "laneward %s: your last look (%s) is not in the log's newest head (%s) yet; if this "
            "stays so for some minutes, tell the lane's auditor\n",
            talk->command, asked, at);
}

static void remember(struct talk *talk, const struct query *query, const struct claim *claim,
                     bool is_answered)
{
    struct memory *memory = &talk->memory;
    if (!memory->has_key && !talk->is_forgetful) {
        char fingerprint[TALK_FINGERPRINT_SIZE];
        talk_fingerprint(claim->key, fingerprint);
        fprintf(stderr,
                "laneward %s: first sight of this lane's log; from now on it must be signed with "
                "the key\n  %s\n",
                talk->command, fingerprint);
    }
    remark_stale(talk, &claim->head);
    if (!memory->has_key)
        memory->pinned_ms = when_now();
    memory->has_key = memory->has_head = true;
    memory->head = claim->head;
    memcpy(memory->key, claim->key, sizeof memory->key);
    if (query_is_look(query->kind) && is_answered) {
        memory->asked_ms = when_now();
        memory->asked_size = claim->head.size;
    }
}

static void set_broken(struct memory *memory, const char *what, const json_t *log)
{
    if (memory->broken_ms != 0)
        return;
    char *text = log != NULL ? json_dumps(log, JSON_COMPACT) : NULL;
    memory->broken_ms = when_now();
    snprintf(memory->broken, sizeof memory->broken, "%s", what);
    memory->broken_log[0] = '\0';
    if (text != NULL && strlen(text) < sizeof memory->broken_log)
        memcpy(memory->broken_log, text, strlen(text) + 1);
    free(text);
}

enum err talk_ask(struct talk *talk, struct query *query, json_t **out, struct fault *why)
{
    struct memory *memory = &talk->memory;
    struct claim claim;
    struct fault unsaved;
    char what[MEMORY_TEXT_SIZE];
    bool is_there;
    json_t *answer = NULL;
    query->seen_size = memory->has_head ? memory->head.size : 0;
    enum err err = client_talk(talk->socket_path, query, &answer, why);
    if (err != ERR_OK) {
        tell(talk);
        return err;
    }
    judge(talk, answer, &claim, &is_there, what);
    if (what[0] != '\0')
        set_broken(memory, what, json_object_get(answer, "log"));
    else if (is_there)
        remember(talk, query, &claim, json_object_get(answer, "error") == NULL);
    if ((what[0] != '\0' || is_there) && !talk->is_forgetful &&
        memory_save(memory, &unsaved) != ERR_OK) {
        fprintf(stderr, "laneward %s: what was seen of the log cannot be remembered: %s\n",
                talk->command, unsaved.text);
        talk->is_forgetful = true;
    }
    tell(talk);
    *out = answer;
    return ERR_OK;
}

int talk_status(const struct talk *talk, int status)
{
    return talk->memory.broken_ms != 0 ? CLIENT_TAMPERED : status;
}
