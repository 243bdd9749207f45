/* Finding, opening, closing and removing the segments' files. */
#include "storage/shelf.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/statement.h"

enum { NAME_SIZE = 32, DAY_S = KEYRING_DAY_MS / 1000 };

static const char *class_name(enum keyring_class class)
{
    assert(class == KEYRING_HIT || class == KEYRING_OTHER);
    return class == KEYRING_HIT ? "hit" : "other";
}

static void name_of(enum keyring_class class, uint32_t day, char out[NAME_SIZE])
{
    time_t seconds = (time_t)day * DAY_S;
    struct tm date = {0};
    (void)gmtime_r(&seconds, &date);
    char text[16] = "";
    (void)strftime(text, sizeof text, "%Y-%m-%d", &date);
    (void)snprintf(out, NAME_SIZE, "%s.%s.db", text, class_name(class));
}

/* Whether the name is a segment's file or one beside it ("-wal", ".new"); *suffix: where its own
 * name ends. */
static bool parse_name(const char *name, enum keyring_class *class, uint32_t *day,
                       const char **suffix)
{
    struct tm date = {0};
    int year = 0, month = 0, mday = 0, used = 0;
    if (sscanf(name, "%4d-%2d-%2d%n", &year, &month, &mday, &used) != 3 || used != 10)
        return false;
    date.tm_year = year - 1900;
    date.tm_mon = month - 1;
    date.tm_mday = mday;
    time_t seconds = timegm(&date);
    if (seconds < 0 || seconds / DAY_S > UINT32_MAX)
        return false;
    for (enum keyring_class kind = KEYRING_HIT; kind <= KEYRING_OTHER; kind++) {
        char own[NAME_SIZE];
        name_of(kind, (uint32_t)(seconds / DAY_S), own);
        if (strncmp(name, own, strlen(own)) != 0)
            continue;
        *class = kind;
        *day = (uint32_t)(seconds / DAY_S);
        *suffix = name + strlen(own);
        return true;
    }
    return false;
}

static enum err path_of(const struct shelf *shelf, const char *name, const char *suffix,
                        char out[DATABASE_PATH_SIZE], struct fault *why)
{
    int length = snprintf(out, DATABASE_PATH_SIZE, "%s/%s%s", shelf->dir, name, suffix);
    if (length < 0 || length >= DATABASE_PATH_SIZE)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    return ERR_OK;
}

static enum err sync_dir(const char *path, struct fault *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    enum err result = fsync(fd) == 0 ? ERR_OK : fault_errno(why, ERR_IO, errno, "%s", path);
    (void)close(fd);
    return result;
}

static struct segment *known(struct shelf *shelf, enum keyring_class class, uint32_t day)
{
    for (size_t i = 0; i < shelf->n; i++)
        if (shelf->segment[i].class == class && shelf->segment[i].day == day)
            return &shelf->segment[i];
    return NULL;
}

static enum err add(struct shelf *shelf, enum keyring_class class, uint32_t day,
                    struct segment **out, struct fault *why)
{
    if (shelf->n == SHELF_ROOM)
        return fault_set(why, ERR_LIMIT, "more than %d segments are in use", SHELF_ROOM);
    struct segment *segment = &shelf->segment[shelf->n++];
    *segment = (struct segment){.class = class, .day = day};
    *out = segment;
    return ERR_OK;
}

/* The folder's files: live ones are noted when `notes`, those without a key are removed. */
static enum err go_through(struct shelf *shelf, bool notes, struct fault *why)
{
    DIR *folder = opendir(shelf->dir);
    if (folder == NULL)
        return fault_errno(why, ERR_IO, errno, "%s", shelf->dir);
    enum err result = ERR_OK;
    bool removed = false;
    const struct dirent *entry;
    while (result == ERR_OK && (entry = readdir(folder)) != NULL) {
        enum keyring_class class;
        uint32_t day;
        const char *suffix;
        char path[DATABASE_PATH_SIZE];
        struct segment *segment;
        if (!parse_name(entry->d_name, &class, &day, &suffix))
            continue;
        if (keyring_key(shelf->keyring, class, day) != NULL) {
            if (notes && suffix[0] == '\0')
                result = add(shelf, class, day, &segment, why);
            continue;
        }
        result = path_of(shelf, entry->d_name, "", path, why);
        if (result == ERR_OK && unlink(path) != 0 && errno != ENOENT)
            result = fault_errno(why, ERR_IO, errno, "%s", path);
        removed = true;
    }
    (void)closedir(folder);
    if (result == ERR_OK && removed)
        result = sync_dir(shelf->dir, why);
    return result;
}

enum err shelf_open(struct shelf *shelf, const char *dir, struct keyring *keyring,
                    struct fault *why)
{
    *shelf = (struct shelf){.keyring = keyring};
    int length = snprintf(shelf->dir, sizeof shelf->dir, "%s/segments", dir);
    if (length < 0 || (size_t)length >= sizeof shelf->dir)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    if (mkdir(shelf->dir, 0700) == 0) {
        enum err result = sync_dir(dir, why);
        if (result != ERR_OK)
            return result;
    } else if (errno != EEXIST) {
        return fault_errno(why, ERR_IO, errno, "%s", shelf->dir);
    }
    struct stat status;
    if (lstat(shelf->dir, &status) != 0)
        return fault_errno(why, ERR_IO, errno, "%s", shelf->dir);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED, "%s must be a folder of this user, of mode 0700",
                         shelf->dir);
    return go_through(shelf, true, why);
}

static void close_one(struct segment *segment)
{
    database_close(&segment->database);
    segment->in_batch = false;
}

void shelf_close(struct shelf *shelf)
{
    struct fault why;
    (void)!shelf_end(shelf, ERR_CLOSED, &why);
    for (size_t i = 0; i < shelf->n; i++)
        close_one(&shelf->segment[i]);
    shelf->n = 0;
}

/* Room for one more open file: what was not used for the longest time is closed. */
static void make_room(struct shelf *shelf)
{
    struct segment *oldest = NULL;
    size_t open = 0;
    for (size_t i = 0; i < shelf->n; i++) {
        struct segment *segment = &shelf->segment[i];
        open += segment->database != NULL;
        if (segment->database != NULL && !segment->in_batch &&
            (oldest == NULL || segment->used < oldest->used))
            oldest = segment;
    }
    if (open >= SHELF_HANDLES && oldest != NULL)
        close_one(oldest);
}

static enum err read_count(struct segment *segment, struct fault *why)
{
    sqlite3_stmt *statement = segment->database->statement[SQL_COUNT_OF];
    int status = sqlite3_step(statement);
    enum err result = ERR_OK;
    if (status == SQLITE_ROW) {
        segment->commits = (uint64_t)sqlite3_column_int64(statement, 0);
        segment->longest_ms = sqlite3_column_int64(statement, 1);
        if (segment->longest_ms < 0)
            result = database_fault(segment->database, SQLITE_CORRUPT, why);
    } else {
        result =
            database_fault(segment->database, status == SQLITE_DONE ? SQLITE_CORRUPT : status, why);
    }
    statement_reset(statement);
    return result;
}

/* Opens the file, or makes it; a connection that is of no use any more is made anew. */
static enum err open_one(struct shelf *shelf, struct segment *segment, struct fault *why)
{
    segment->used = ++shelf->turn;
    if (segment->database != NULL && !segment->database->broken)
        return ERR_OK;
    if (segment->in_batch)
        return fault_set(why, ERR_IO, "a batch has lost its connection to the store");
    const uint8_t *key = keyring_key(shelf->keyring, segment->class, segment->day);
    char name[NAME_SIZE], path[DATABASE_PATH_SIZE];
    name_of(segment->class, segment->day, name);
    enum err result = path_of(shelf, name, "", path, why);
    if (result != ERR_OK)
        return result;
    if (key == NULL)
        return fault_set(why, ERR_NOT_FOUND, "the key of %s is destroyed", path);
    if (segment->database != NULL) {
        result = database_ready(segment->database, why);
    } else {
        make_room(shelf);
        result = database_open(&segment->database, path, SQL_SEGMENT, key, why);
    }
    if (result == ERR_OK)
        result = read_count(segment, why);
    return result;
}

enum err shelf_get(struct shelf *shelf, enum keyring_class class, uint32_t day,
                   struct segment **out, struct fault *why)
{
    struct segment *segment = known(shelf, class, day);
    enum err result = segment != NULL ? open_one(shelf, segment, why) : ERR_OK;
    if (result == ERR_OK)
        *out = segment;
    return result;
}

enum err shelf_write(struct shelf *shelf, enum keyring_class class, uint32_t day,
                     struct segment **out, struct fault *why)
{
    struct segment *segment = known(shelf, class, day);
    enum err result = ERR_OK;
    if (segment == NULL) {
        if (keyring_key(shelf->keyring, class, day) == NULL) {
            /* What an earlier key of this day has left cannot be read any more. */
            result = go_through(shelf, false, why);
            if (result == ERR_OK)
                result = keyring_make(shelf->keyring, class, day, 1, why);
        }
        if (result == ERR_OK)
            result = add(shelf, class, day, &segment, why);
        if (result == ERR_OK && (result = open_one(shelf, segment, why)) != ERR_OK) {
            close_one(segment);
            shelf->n--; /* it is the last */
        }
    } else {
        result = open_one(shelf, segment, why);
    }
    if (result == ERR_OK && !segment->in_batch) {
        result = database_run(segment->database, SQL_BEGIN, SQLITE_OK, why);
        segment->in_batch = result == ERR_OK;
        segment->batch_longest_ms = 0;
    }
    if (result == ERR_OK)
        *out = segment;
    return result;
}

static enum err end_one(struct segment *segment, enum err result, struct fault *why)
{
    struct database *database = segment->database;
    if (result == ERR_OK && database->broken)
        result = fault_set(why, ERR_IO, "a batch has lost its connection to the store");
    if (result == ERR_OK)
        result = database_run(database, SQL_STEP_COUNT,
                              statement_bind_int(database->statement[SQL_STEP_COUNT], ":longest",
                                                 segment->batch_longest_ms),
                              why);
    result = database_end(database, result, why);
    if (result == ERR_OK) {
        segment->commits++;
        if (segment->batch_longest_ms > segment->longest_ms)
            segment->longest_ms = segment->batch_longest_ms;
    }
    segment->in_batch = false;
    return result;
}

enum err shelf_end(struct shelf *shelf, enum err result, struct fault *why)
{
    for (size_t i = 0; i < shelf->n; i++)
        if (shelf->segment[i].in_batch)
            result = end_one(&shelf->segment[i], result, why);
    return result;
}

enum err shelf_drop(struct shelf *shelf, struct fault *why)
{
    size_t kept = 0;
    for (size_t i = 0; i < shelf->n; i++) {
        struct segment *segment = &shelf->segment[i];
        if (keyring_key(shelf->keyring, segment->class, segment->day) != NULL)
            shelf->segment[kept++] = *segment;
        else
            close_one(segment);
    }
    shelf->n = kept;
    return go_through(shelf, false, why);
}

enum err shelf_sweep(struct shelf *shelf, enum keyring_class class, uint32_t day, struct fault *why)
{
    char name[NAME_SIZE], path[DATABASE_PATH_SIZE];
    name_of(class, day, name);
    enum err result = path_of(shelf, name, "-wal", path, why);
    if (result == ERR_OK && unlink(path) != 0 && errno != ENOENT)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    return result;
}

uint64_t shelf_bytes(const struct shelf *shelf)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < shelf->n; i++)
        for (int wal = 0; wal <= 1; wal++) {
            char name[NAME_SIZE], path[DATABASE_PATH_SIZE];
            struct stat status;
            name_of(shelf->segment[i].class, shelf->segment[i].day, name);
            if (path_of(shelf, name, wal ? "-wal" : "", path, NULL) == ERR_OK &&
                stat(path, &status) == 0)
                bytes += (uint64_t)status.st_size;
        }
    return bytes;
}
