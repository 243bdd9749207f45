/* The log of looks in the ledger: appending, signing, reading, proving. */
#include "storage/audit.h"

#include <assert.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "storage/inside.h"
#include "storage/statement.h"

/* Takes the newest stored head; *is_there: false when none was signed yet. */
static enum err read_head(struct database *ledger, struct head *out, bool *is_there,
                          struct fault *why)
{
    sqlite3_stmt *statement = ledger->statement[SQL_NEWEST_HEAD];
    int status = sqlite3_step(statement);
    enum err result = ERR_OK;
    *is_there = status == SQLITE_ROW;
    if (status == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        int size = sqlite3_column_bytes(statement, 0);
        if (bytes == NULL || head_parse(bytes, (size_t)size, out, why) != ERR_OK)
            result = fault_set(why, ERR_CORRUPT, "the log's newest head is not well formed");
    } else if (status != SQLITE_DONE) {
        result = database_fault(ledger, status, why);
    }
    statement_reset(statement);
    return result;
}

/* What it tells of the keys. */
static void take_entry(const struct entry *entry, struct audit *audit)
{
    if (entry->kind != ENTRY_FORGET && entry->kind != ENTRY_KEY)
        return;
    uint64_t epoch = entry->number != 0 ? entry->number : entry->epoch;
    if (epoch > audit->told_epoch)
        audit->told_epoch = epoch;
    if (strcmp(entry->name, "suspended") == 0)
        audit->tells_suspended = true;
    else if (strcmp(entry->name, "resealed") == 0)
        audit->tells_suspended = false;
}

/* One record of SQL_RECORDS, which must be the next. */
static enum err take_record(sqlite3_stmt *statement, struct audit *audit, struct fault *why)
{
    struct entry entry;
    const uint8_t *sealed;
    size_t sealed_size;
    uint64_t index = tree_size(audit->tree);
    const void *bytes = sqlite3_column_blob(statement, 1);
    int size = sqlite3_column_bytes(statement, 1);
    if (sqlite3_column_int64(statement, 0) != (int64_t)index || bytes == NULL || size <= 0 ||
        size > ENTRY_MAX_BYTES)
        return fault_set(why, ERR_CORRUPT,
                         "the log of looks has lost its record %llu: it was cut or changed",
                         (unsigned long long)index);
    bool is_entry = entry_parse(bytes, (size_t)size, &entry, &sealed, &sealed_size, NULL) == ERR_OK;
    if (is_entry)
        take_entry(&entry, audit);
    if (!audit->has_head || index >= audit->head.size) { /* nobody has vouched for it */
        if (!is_entry || entry.index != index)
            return fault_set(why, ERR_CORRUPT, "record %llu of the log of looks is not well formed",
                             (unsigned long long)index);
        if (audit->oldest_ms == 0)
            audit->oldest_ms = entry.at_ms;
    }
    struct merkle_hash leaf = merkle_leaf(bytes, (size_t)size);
    return tree_append(audit->tree, &leaf, why);
}

static enum err check_head(const struct store *store, const struct audit *audit, struct fault *why)
{
    if (!audit->has_head)
        return ERR_OK;
    const struct head *head = &audit->head;
    if (head->size > tree_size(audit->tree))
        return fault_set(why, ERR_CORRUPT,
                         "the log of looks has lost records: its newest head has signed %llu, "
                         "%llu are there; nothing is answered until it is brought back",
                         (unsigned long long)head->size,
                         (unsigned long long)tree_size(audit->tree));
    struct merkle_hash root = tree_root(audit->tree, head->size);
    if (memcmp(&root, &head->root, sizeof root) != 0)
        return fault_set(why, ERR_CORRUPT,
                         "the log of looks was changed: it is not what its newest head has "
                         "signed; nothing is answered until it is brought back");
    struct keyring_state state = keyring_state(store->keyring);
    struct signature_key *key = NULL;
    enum err result = signature_key_from_point(&key, state.public_point, why);
    if (result != ERR_OK)
        return result;
    if (!head_is_signed(head, key))
        result = fault_set(why, ERR_CORRUPT,
                           "the newest head of the log of looks is not signed by this store's key");
    signature_key_free(&key);
    return result;
}

enum err audit_load(struct store *store, struct fault *why)
{
    struct database *ledger = store->ledger;
    struct audit audit = {.n_starts = ledger->n_starts};
    enum err result = tree_new(&audit.tree, why);
    if (result == ERR_OK)
        result = read_head(ledger, &audit.head, &audit.has_head, why);
    sqlite3_stmt *statement = ledger->statement[SQL_RECORDS];
    int status = statement_bind_int(statement, ":first", 0);
    status = status == SQLITE_OK ? SQLITE_ROW : SQLITE_NOMEM;
    while (result == ERR_OK && status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status == SQLITE_ROW)
            result = take_record(statement, &audit, why);
    }
    if (result == ERR_OK && status != SQLITE_DONE)
        result = database_fault(ledger, status, why);
    statement_reset(statement);
    if (result == ERR_OK)
        result = check_head(store, &audit, why);
    if (result != ERR_OK) {
        tree_free(&audit.tree);
        return result;
    }
    tree_free(&store->audit.tree);
    store->audit = audit;
    return ERR_OK;
}

/* After a new connection the log may hold a record whose commit seemed to fail. */
static enum err audit_ready(struct store *store, struct fault *why)
{
    enum err result = database_ready(store->ledger, why);
    if (result == ERR_OK && store->audit.n_starts != store->ledger->n_starts)
        result = audit_load(store, why);
    return result;
}

static uint64_t lacking(const struct audit *audit)
{
    return tree_size(audit->tree) - (audit->has_head ? audit->head.size : 0);
}

static enum err mac_of(const struct store *store, const char *plate, uint8_t out[ENTRY_MAC_SIZE],
                       struct fault *why)
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const uint8_t *key = keyring_key(store->keyring, KEYRING_PLATE_MAC, 0);
    if (key == NULL || HMAC(EVP_sha256(), key, KEYRING_KEY_SIZE, (const uint8_t *)plate,
                            strlen(plate), whole, &size) == NULL)
        return fault_set(why, ERR_MEMORY, "OpenSSL gives no HMAC");
    memcpy(out, whole, ENTRY_MAC_SIZE);
    return ERR_OK;
}

enum err audit_append(struct store *store, struct entry *entry, const struct entry_detail *detail,
                      const char *plate, struct fault *why)
{
    uint8_t sealed[ENTRY_MAX_SEALED], bytes[ENTRY_MAX_BYTES];
    size_t sealed_size = 0;
    enum err result = audit_ready(store, why);
    if (result != ERR_OK)
        return result;
    struct audit *audit = &store->audit;
    struct entry filled = *entry;
    filled.index = tree_size(audit->tree);
    filled.epoch = keyring_state(store->keyring).epoch;
    filled.at_ms = entry->at_ms != 0 ? entry->at_ms : store->clock();
    if (plate != NULL && plate[0] != '\0')
        result = mac_of(store, plate, filled.mac, why);
    if (result == ERR_OK && detail != NULL)
        result = entry_seal(&filled, detail, store->auditor_key, sealed, &sealed_size, why);
    if (result != ERR_OK)
        return result;
    size_t size = entry_pack(&filled, sealed, sealed_size, bytes);
    struct merkle_hash leaf = merkle_leaf(bytes, size);
    sqlite3_stmt *statement = store->ledger->statement[SQL_RECORD];
    int bound = statement_bind_int(statement, ":number", (int64_t)filled.index);
    bound |= statement_bind_blob(statement, ":bytes", bytes, size);
    result = database_run(store->ledger, SQL_RECORD, bound, why);
    if (result != ERR_OK)
        return result;
    if (lacking(audit) == 0)
        audit->oldest_ms = store->clock();
    if (tree_append(audit->tree, &leaf, NULL) != ERR_OK)
        audit->n_starts = 0; /* it is on disk: the tree is read anew before its next use */
    *entry = filled;
    return ERR_OK;
}

struct keyring_state audit_keys(const struct store *store)
{
    return keyring_state(store->keyring);
}

bool audit_is_due(const struct store *store, int64_t now_ms)
{
    const struct audit *audit = &store->audit;
    if (audit->tree == NULL || lacking(audit) == 0)
        return false;
    int64_t age = now_ms - audit->oldest_ms;
    return lacking(audit) >= AUDIT_HEAD_RECORDS || age >= AUDIT_HEAD_MS || age < 0;
}

/* The kernel's boot id; zero where it cannot be read. */
static void read_boot(uint8_t out[HEAD_ID_SIZE])
{
    char text[40] = "";
    size_t n = 0;
    memset(out, 0, HEAD_ID_SIZE);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd);
    for (const char *at = text; got > 0 && *at != '\0' && n < 2 * (size_t)HEAD_ID_SIZE; at++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, *at);
        if (digit == NULL)
            continue;
        out[n / 2] = (uint8_t)(out[n / 2] << 4 | (digit - digits));
        n++;
    }
}

enum err audit_sign(struct store *store, int64_t now_ms, const uint8_t *posture, struct head *out,
                    struct fault *why)
{
    enum err result = audit_ready(store, why);
    if (result != ERR_OK)
        return result;
    struct audit *audit = &store->audit;
    const struct keyring_state state = keyring_state(store->keyring);
    struct head head = {.size = tree_size(audit->tree),
                        .root = tree_root(audit->tree, tree_size(audit->tree)),
                        .epoch = state.epoch,
                        .binding = (uint8_t)state.binding,
                        .at_ms = now_ms};
    memcpy(head.host, state.host, sizeof head.host);
    read_boot(head.boot);
    if (audit->has_head) {
        head.previous = head_digest(&audit->head);
        memcpy(head.posture, audit->head.posture, sizeof head.posture);
    }
    if (posture != NULL)
        memcpy(head.posture, posture, sizeof head.posture);
    uint8_t bytes[HEAD_MAX_BYTES];
    size_t size = head_message(&head, bytes);
    result = keyring_sign(store->keyring, bytes, size, &head.signature, why);
    if (result != ERR_OK)
        return result;
    size = head_pack(&head, bytes);
    int bound = statement_bind_blob(store->ledger->statement[SQL_HEAD], ":bytes", bytes, size);
    result = database_run(store->ledger, SQL_HEAD, bound, why);
    if (result != ERR_OK)
        return result;
    audit->head = head;
    audit->has_head = true;
    *out = head;
    return ERR_OK;
}

enum err audit_head(struct store *store, struct head *out, struct fault *why)
{
    enum err result = audit_ready(store, why);
    if (result != ERR_OK)
        return result;
    if (!store->audit.has_head)
        return fault_set(why, ERR_NOT_FOUND, "no head of the log was signed yet");
    *out = store->audit.head;
    return ERR_OK;
}

enum err audit_read(struct store *store, struct audit_page *page, struct fault *why)
{
    enum err result = audit_ready(store, why);
    if (result != ERR_OK)
        return result;
    if (page->room > AUDIT_MAX_READ || page->first > INT64_MAX)
        return fault_set(why, ERR_INPUT, "at most %d records are read at once", AUDIT_MAX_READ);
    sqlite3_stmt *statement = store->ledger->statement[SQL_RECORDS];
    struct wire w = {.at = page->out, .end = page->out + page->out_size};
    uint32_t n = 0;
    int status = statement_bind_int(statement, ":first", (int64_t)page->first);
    status = status == SQLITE_OK ? SQLITE_ROW : SQLITE_NOMEM;
    while (n < page->room && status == SQLITE_ROW && result == ERR_OK) {
        status = sqlite3_step(statement);
        if (status != SQLITE_ROW)
            break;
        const void *bytes = sqlite3_column_blob(statement, 1);
        int size = sqlite3_column_bytes(statement, 1);
        if (bytes == NULL || size <= 0 || size > ENTRY_MAX_BYTES ||
            sqlite3_column_int64(statement, 0) != (int64_t)(page->first + n)) {
            result = fault_set(why, ERR_CORRUPT, "record %llu of the log is not well formed",
                               (unsigned long long)(page->first + n));
        } else if (w.end - w.at < 2 + size) {
            break;
        } else {
            wire_put(&w, (uint64_t)size, 2);
            wire_put_bytes(&w, bytes, (size_t)size);
            n++;
        }
    }
    if (result == ERR_OK && status != SQLITE_DONE && status != SQLITE_ROW)
        result = database_fault(store->ledger, status, why);
    statement_reset(statement);
    if (result != ERR_OK)
        return result;
    page->n = n;
    page->size = (size_t)(w.at - page->out);
    return ERR_OK;
}

enum err audit_prove_growth(struct store *store, uint64_t old, struct merkle_proof *out,
                            struct fault *why)
{
    struct head head = {.size = 0};
    enum err result = audit_head(store, &head, why);
    if (result != ERR_OK)
        return result;
    if (old == 0 || old > head.size)
        return fault_set(why, ERR_INPUT,
                         "the log has %llu signed records, fewer than were seen before: the store "
                         "is older than what the asker knows",
                         (unsigned long long)head.size);
    tree_prove_growth(store->audit.tree, old, head.size, out);
    return ERR_OK;
}

enum err audit_prove_record(struct store *store, uint64_t index, struct merkle_proof *out,
                            struct fault *why)
{
    struct head head = {.size = 0};
    enum err result = audit_head(store, &head, why);
    if (result != ERR_OK)
        return result;
    if (index >= head.size)
        return fault_set(why, ERR_INPUT, "no head has signed this record yet");
    tree_prove_inclusion(store->audit.tree, head.size, index, out);
    return ERR_OK;
}
