/* Opening an encrypted SQLite file: every check between a path and a connection that may be
 * trusted. */
#include "storage/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/derive.h"
#include "storage/secret.h"
#include "storage/statement.h"

enum { SALT_SIZE = 16, KEY_TEXT_SIZE = 3 + 2 * (DATABASE_KEY_SIZE + SALT_SIZE) };

/* SQLCipher's raw key: x'key and salt in hex'. The salt is also the file's first 16 bytes, so a
 * file of another key is told from a damaged one. */
struct raw_key {
    char text[KEY_TEXT_SIZE + 1];
    uint8_t salt[SALT_SIZE];
};

static enum err raw_key_new(struct raw_key **out, const uint8_t *key, struct fault *why)
{
    uint8_t bytes[DATABASE_KEY_SIZE + SALT_SIZE];
    enum err result =
        derive_key(key, DATABASE_KEY_SIZE, "laneward database 1", bytes, sizeof bytes, why);
    if (result != ERR_OK)
        return result;
    void *memory = NULL;
    result = secret_new(&memory, sizeof(struct raw_key), why);
    if (result == ERR_OK) {
        static const char digits[] = "0123456789abcdef";
        struct raw_key *raw = memory;
        char *at = raw->text;
        *at++ = 'x';
        *at++ = '\'';
        for (size_t i = 0; i < sizeof bytes; i++) {
            *at++ = digits[bytes[i] >> 4];
            *at++ = digits[bytes[i] & 15];
        }
        *at = '\'';
        memcpy(raw->salt, bytes + DATABASE_KEY_SIZE, SALT_SIZE);
        *out = raw;
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return result;
}

static void raw_key_free(struct raw_key **raw)
{
    if (*raw == NULL)
        return;
    void *memory = *raw;
    secret_free(&memory, sizeof(struct raw_key));
    *raw = NULL;
}

enum err database_fault(struct database *database, int status, struct fault *why)
{
    const char *text = sqlite3_errstr(status);
    int because = database->db != NULL ? sqlite3_system_errno(database->db) : 0;
    switch (status & 0xff) {
    case SQLITE_NOMEM: /* also what SQLCipher says of each page after one that it could not read */
        database->broken = true;
        return fault_set(why, ERR_MEMORY, "the store has no memory");
    case SQLITE_FULL:
        return fault_set(why, ERR_IO, "the store cannot be written: the disk is full");
    case SQLITE_BUSY:
        return fault_set(why, ERR_IO, "the store is open in another process: %s", database->path);
    case SQLITE_IOERR:
        database->broken =
            database->broken || status == SQLITE_IOERR_READ || status == SQLITE_IOERR_SHORT_READ;
        /* fall through */
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return fault_set(why, ERR_IO, "the store cannot be read or written: %s (%d)%s%s", text,
                         status, because != 0 ? ": " : "", because != 0 ? strerror(because) : "");
    default:
        database->broken = true;
        return fault_set(why, ERR_CORRUPT, "the store is damaged: %s (%d): %s", text, status,
                         database->path);
    }
}

static int authorize(void *context, int action, const char *first, const char *second,
                     const char *schema, const char *trigger)
{
    const struct database *database = context;
    bool mine = trigger == NULL && (schema == NULL || strcmp(schema, "main") == 0);
    return mine && sql_allowed(action, first, second, database->building) ? SQLITE_OK : SQLITE_DENY;
}

static int set_limits(sqlite3 *db)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, 1 << 20},     {SQLITE_LIMIT_SQL_LENGTH, 4096},
        {SQLITE_LIMIT_COLUMN, 64},          {SQLITE_LIMIT_EXPR_DEPTH, 32},
        {SQLITE_LIMIT_COMPOUND_SELECT, 2},  {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 32},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 32}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    static const int switches[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},       {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},     {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},         {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        (void)sqlite3_limit(db, limits[i][0], limits[i][1]);
        if (sqlite3_limit(db, limits[i][0], -1) != limits[i][1])
            return SQLITE_MISUSE;
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        int now = -1;
        int status = sqlite3_db_config(db, switches[i][0], switches[i][1], &now);
        if (status != SQLITE_OK || now != switches[i][1])
            return SQLITE_MISUSE;
    }
    return SQLITE_OK;
}

/* Runs one text to its end; the first column of its first row goes to `out` ("" without a row). */
static enum err run_text(struct database *database, const char *text, char *out, size_t size,
                         struct fault *why)
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(database->db, text, -1, &statement, NULL);
    if (status == SQLITE_OK) {
        out[0] = '\0';
        bool first = true;
        while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
            if (first && !statement_text(statement, 0, out, size))
                out[0] = '\0';
            first = false;
        }
    }
    (void)sqlite3_finalize(statement);
    if (status != SQLITE_DONE && status != SQLITE_OK)
        return database_fault(database, status, why);
    return ERR_OK;
}

static enum err apply_settings(struct database *database, const struct sql_setting *setting,
                               struct fault *why)
{
    char value[64];
    for (; setting->read != NULL; setting++) {
        enum err result = ERR_OK;
        if (setting->set != NULL)
            result = run_text(database, setting->set, value, sizeof value, why);
        if (result == ERR_OK)
            result = run_text(database, setting->read, value, sizeof value, why);
        if (result != ERR_OK)
            return result;
        if (strcmp(value, setting->expected) != 0)
            return fault_set(why, ERR_CORRUPT, "%s gives \"%s\" and must give \"%s\": %s",
                             setting->read, value, setting->expected, database->path);
    }
    return ERR_OK;
}

/* What stands in the schema is what we make, object by object, and nothing else. */
static enum err check_schema(struct database *database, struct fault *why)
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(database->db, sql_objects, -1, &statement, NULL);
    const char *const *expected = sql_create(database->schema);
    bool same = true;
    while (status == SQLITE_OK || status == SQLITE_ROW) {
        status = sqlite3_step(statement);
        if (status != SQLITE_ROW)
            break;
        const unsigned char *text = sqlite3_column_text(statement, 0);
        same =
            same && text != NULL && *expected != NULL && strcmp((const char *)text, *expected) == 0;
        expected += same;
    }
    (void)sqlite3_finalize(statement);
    if (status != SQLITE_DONE)
        return database_fault(database, status, why);
    if (!same || *expected == NULL || strncmp(*expected, "CREATE ", 7) == 0)
        return fault_set(why, ERR_CORRUPT, "the tables are not those of this version: %s",
                         database->path);
    return ERR_OK;
}

/* From a path to a keyed connection that has read nothing yet. */
static enum err connect(struct database *database, const struct raw_key *raw, struct fault *why)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    int status = sqlite3_open_v2(database->path, &database->db, flags, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_set_authorizer(database->db, authorize, database);
    if (status != SQLITE_OK)
        return database_fault(database, status, why);
    if (set_limits(database->db) != SQLITE_OK)
        return fault_set(why, ERR_IDENTITY,
                         "this SQLite library cannot be limited as the store needs it");
    char version[64];
    enum err result = run_text(database, sql_cipher_version, version, sizeof version, why);
    if (result != ERR_OK)
        return result;
    if (version[0] == '\0')
        return fault_set(why, ERR_IDENTITY,
                         "the linked SQLite library has no cipher: "
                         "the store would be written in the clear, so it is not opened");
    status = sqlite3_key_v2(database->db, "main", raw->text, KEY_TEXT_SIZE);
    if (status != SQLITE_OK)
        return database_fault(database, status, why);
    return apply_settings(database, sql_settings_cipher, why);
}

static void disconnect(struct database *database)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        (void)sqlite3_finalize(database->statement[i]);
        database->statement[i] = NULL;
    }
    int status = sqlite3_close(database->db);
    assert(status == SQLITE_OK);
    database->db = NULL;
}

static enum err prepare_all(struct database *database, struct fault *why)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        if (!sql_belongs((enum sql)i, database->schema))
            continue;
        int status = sqlite3_prepare_v3(database->db, sql_text((enum sql)i), -1,
                                        SQLITE_PREPARE_PERSISTENT, &database->statement[i], NULL);
        if (status != SQLITE_OK)
            return database_fault(database, status, why);
    }
    return ERR_OK;
}

static enum err path_with(char out[DATABASE_PATH_SIZE], const char *path, const char *suffix,
                          struct fault *why)
{
    int length = snprintf(out, DATABASE_PATH_SIZE, "%s%s", path, suffix);
    if (length < 0 || length >= DATABASE_PATH_SIZE)
        return fault_set(why, ERR_LIMIT, "the path is too long: %s", path);
    return ERR_OK;
}

/* The file's first bytes, read before SQLite touches it (closing a descriptor later would drop
 * SQLite's locks). ERR_NOT_FOUND. */
static enum err check_head(const char *path, const struct raw_key *raw, struct fault *why)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
    uint8_t head[SALT_SIZE] = {0};
    ssize_t size = read(fd, head, sizeof head);
    int because = errno;
    struct stat status;
    int known = fstat(fd, &status);
    (void)close(fd);
    if (size < 0 || known != 0)
        return fault_errno(why, ERR_IO, because, "%s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(why, ERR_CORRUPT, "not a plain file: %s", path);
    if ((status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED, "others may read or write %s: chmod 600", path);
    if (size < (ssize_t)sizeof head)
        return fault_set(why, ERR_CORRUPT, "too short for a store: %s", path);
    if (memcmp(head, "SQLite format 3", sizeof head) == 0)
        return fault_set(why, ERR_IDENTITY,
                         "%s is an unencrypted SQLite file: it is left as it is; "
                         "move it away, plates do not belong in the clear",
                         path);
    if (memcmp(head, raw->salt, sizeof head) != 0)
        return fault_set(why, ERR_IDENTITY,
                         "%s does not open with this host's key: it was made on another "
                         "host or with another key, or it is no store",
                         path);
    return ERR_OK;
}

static enum err sync_folder_of(const char *path, struct fault *why)
{
    char folder[DATABASE_PATH_SIZE];
    enum err result = path_with(folder, path, "", why);
    if (result != ERR_OK)
        return result;
    char *slash = strrchr(folder, '/');
    assert(slash != NULL);
    slash[slash == folder] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", folder);
    if (fsync(fd) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", folder);
    (void)close(fd);
    return result;
}

/* An empty database under database->path, which holds nothing that is worth keeping. */
static enum err build(struct database *database, const struct raw_key *raw, struct fault *why)
{
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    char path[DATABASE_PATH_SIZE], nothing[64];
    for (int i = 0; i < 3; i++) {
        enum err result = path_with(path, database->path, suffixes[i], why);
        if (result != ERR_OK)
            return result;
        if (unlink(path) != 0 && errno != ENOENT)
            return fault_errno(why, ERR_IO, errno, "%s", path);
    }
    int fd = open(database->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", database->path);
    (void)close(fd);
    enum err result = connect(database, raw, why);
    if (result == ERR_OK)
        result = apply_settings(database, sql_settings, why);
    if (result == ERR_OK)
        result = run_text(database, sql_text(SQL_BEGIN), nothing, sizeof nothing, why);
    const char *const *create = sql_create(database->schema);
    for (int i = 0; result == ERR_OK && create[i] != NULL; i++)
        result = run_text(database, create[i], nothing, sizeof nothing, why);
    if (result == ERR_OK)
        result = run_text(database, sql_text(SQL_COMMIT), nothing, sizeof nothing, why);
    if (result == ERR_OK) {
        int status =
            sqlite3_wal_checkpoint_v2(database->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (status != SQLITE_OK)
            result = database_fault(database, status, why);
    }
    disconnect(database);
    return result;
}

/* Makes the database beside its place and moves it there whole, so that a power cut leaves all of
 * it or nothing. */
static enum err create(const char *path, enum sql_schema schema, const struct raw_key *raw,
                       struct fault *why)
{
    char wal[DATABASE_PATH_SIZE];
    enum err result = path_with(wal, path, "-wal", why);
    if (result != ERR_OK)
        return result;
    if (access(wal, F_OK) == 0)
        return fault_set(why, ERR_CORRUPT,
                         "%s is there without its store: bring the store back, or move it "
                         "away to begin anew",
                         wal);
    struct database *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a store");
    fresh->building = true;
    fresh->schema = schema;
    result = path_with(fresh->path, path, ".new", why);
    if (result == ERR_OK)
        result = build(fresh, raw, why);
    if (result == ERR_OK) /* the file on the disk is checked, not what the library says of it */
        result = check_head(fresh->path, raw, why);
    if (result == ERR_OK && rename(fresh->path, path) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    if (result == ERR_OK)
        result = sync_folder_of(path, why);
    if (result != ERR_OK && fresh->path[0] != '\0')
        (void)unlink(fresh->path);
    free(fresh);
    return result;
}

static enum err open_existing(struct database *database, struct fault *why)
{
    database->building = true;
    database->n_starts++;
    enum err result = connect(database, database->raw, why);
    if (result == ERR_OK)
        result = apply_settings(database, sql_settings, why);
    if (result == ERR_OK)
        result = apply_settings(database, sql_settings_marks(database->schema), why);
    if (result == ERR_OK)
        result = check_schema(database, why);
    if (result == ERR_OK)
        result = prepare_all(database, why);
    database->building = false;
    return result;
}

static void database_free(struct database **database)
{
    disconnect(*database);
    raw_key_free(&(*database)->raw);
    free(*database);
    *database = NULL;
}

enum err database_open(struct database **out, const char *path, enum sql_schema schema,
                       const uint8_t key[DATABASE_KEY_SIZE], struct fault *why)
{
    assert(path[0] == '/');
    struct database *database = calloc(1, sizeof *database);
    if (database == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a store");
    database->schema = schema;
    enum err result = path_with(database->path, path, "", why);
    if (result == ERR_OK)
        result = raw_key_new(&database->raw, key, why);
    if (result == ERR_OK)
        result = check_head(path, database->raw, why);
    if (result == ERR_NOT_FOUND)
        result = create(path, schema, database->raw, why);
    if (result == ERR_OK)
        result = open_existing(database, why);
    if (result != ERR_OK)
        database_free(&database);
    else
        *out = database;
    return result;
}

enum err database_ready(struct database *database, struct fault *why)
{
    if (!database->broken)
        return ERR_OK;
    disconnect(database);
    enum err result = check_head(database->path, database->raw, why);
    if (result == ERR_OK)
        result = open_existing(database, why);
    database->broken = result != ERR_OK;
    return result == ERR_NOT_FOUND ? ERR_IO : result;
}

void database_close(struct database **database)
{
    if (*database == NULL)
        return;
    /* When this fails (disk full), the log stays, and the next opening reads it. */
    if ((*database)->db != NULL)
        (void)sqlite3_wal_checkpoint_v2((*database)->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                        NULL);
    database_free(database);
}

enum err database_run(struct database *database, enum sql number, int bound, struct fault *why)
{
    sqlite3_stmt *statement = database->statement[number];
    int status = bound == SQLITE_OK ? sqlite3_step(statement) : SQLITE_NOMEM;
    enum err result = ERR_OK;
    if (status != SQLITE_DONE)
        result = database_fault(database, status, why);
    statement_reset(statement);
    return result;
}

enum err database_begin(struct database *database, struct fault *why)
{
    enum err result = database_ready(database, why);
    return result == ERR_OK ? database_run(database, SQL_BEGIN, SQLITE_OK, why) : result;
}

enum err database_end(struct database *database, enum err result, struct fault *why)
{
    if (result == ERR_OK)
        result = database_run(database, SQL_COMMIT, SQLITE_OK, why);
    if (!sqlite3_get_autocommit(database->db)) {
        struct fault ignored;
        (void)!database_run(database, SQL_ROLLBACK, SQLITE_OK, &ignored);
        if (!sqlite3_get_autocommit(database->db))
            database->broken = true; /* a new start takes it back */
    }
    return result;
}

enum err database_check(struct database *database, struct fault *why)
{
    enum err result = database_ready(database, why);
    if (result != ERR_OK)
        return result;
    /* The cipher's check reads the file, not the log. */
    int status =
        sqlite3_wal_checkpoint_v2(database->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (status != SQLITE_OK)
        return database_fault(database, status, why);
    char said[128];
    database->building = true;
    result = run_text(database, sql_cipher_check, said, sizeof said, why);
    bool good = result == ERR_OK && said[0] == '\0';
    if (good) {
        result = run_text(database, sql_integrity, said, sizeof said, why);
        good = result == ERR_OK && strcmp(said, "ok") == 0;
    }
    database->building = false;
    if (result == ERR_OK && !good)
        result =
            fault_set(why, ERR_CORRUPT, "the store fails its integrity check: %s", database->path);
    return result;
}
