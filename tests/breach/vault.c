/* What an attacker with root, this host's TPM and all of our code can do to a state folder:
 *
 *   vault put DIR TCTI DAYS PLATE...   passages seen so many days ago, each with a picture
 *   vault look DIR TCTI DAYS           how many passages come back when the clock is so far behind,
 *                                      and how many of their pictures are in the clear
 *   vault keys DIR TCTI                every key of the ring, and what is derived from it for a
 *                                      database, as hexadecimal digits, one a line
 *   vault change DIR TCTI              changes the log's first record
 *   vault change-all DIR TCTI          the same, and takes away the heads that have signed it
 *   vault cut DIR TCTI                 takes the newest half of the log away, with its heads
 *
 * Exit status 1, and words, when the folder does not open. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/derive.h"
#include "storage/keyring.h"
#include "storage/store.h"

static const int64_t day_ms = 86400000;

static int64_t behind_ms; /* how far the attacker has set the clock back */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - behind_ms;
}

static struct store_options options_of(const char *dir, const char *tcti)
{
    int64_t week = STORE_MAX_TERM_MS;
    return (struct store_options){
        .binding = {.dir = dir, .tpm = tcti},
        .terms = {.hit = week, .other = week, .hit_crop = week, .other_crop = week},
        .clock = now_ms,
    };
}

static int complain(const struct fault *why)
{
    printf("%s\n", why->text);
    return 1;
}

static struct row make_row(const char *plate, int number)
{
    struct row row = {.state = ROW_LOST,
                      .first_ms = now_ms() - 60000,
                      .last_ms = now_ms() - 59000,
                      .n_frames = 3,
                      .confidence = 0.99f,
                      .frame_width = 1280,
                      .frame_height = 720};
    memset(row.id, number + 1, sizeof row.id);
    snprintf(row.lane, sizeof row.lane, "lane-1");
    snprintf(row.camera, sizeof row.camera, "north");
    snprintf(row.plate, sizeof row.plate, "%s", plate);
    return row;
}

static int put(const char *dir, const char *tcti, int n, char **plates)
{
    static const uint8_t picture[] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9";
    struct store_options options = options_of(dir, tcti);
    struct store *store = NULL;
    struct fault why;
    enum err err = store_open(&store, &options, &why);
    for (int i = 0; i < n && err == ERR_OK; i++) {
        struct row row = make_row(plates[i], i);
        row.crop_size = sizeof picture - 1;
        err = store_put(store, &row, picture, &why);
    }
    if (err == ERR_OK)
        err = store_commit(store, &why);
    store_close(&store);
    return err != ERR_OK ? complain(&why) : 0;
}

static int look(const char *dir, const char *tcti)
{
    static struct row rows[STORE_MAX_ROWS];
    static uint8_t crop[STORE_MAX_CROP];
    struct store_options options = options_of(dir, tcti);
    struct store_query query = {.limit = STORE_MAX_ROWS, .to_ms = now_ms()};
    struct store *store = NULL;
    struct fault why;
    size_t n = 0, size, n_pictures = 0;
    bool is_sealed;
    enum err err = store_open(&store, &options, &why);
    if (err == ERR_OK)
        err = store_find(store, &query, rows, &n, &why);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = store_crop(store, rows[i].id, crop, &size, &is_sealed, &why);
        n_pictures += err == ERR_OK && !is_sealed;
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    store_close(&store);
    if (err != ERR_OK)
        return complain(&why);
    printf("%zu passages, %zu pictures\n", n, n_pictures);
    return 0;
}

static void print_key(const uint8_t *key)
{
    for (size_t i = 0; i < KEYRING_KEY_SIZE; i++)
        printf("%02x", key[i]);
    putchar('\n');
}

enum { DATABASE_KEY = 48 }; /* SQLCipher's key and salt */

static bool derive(const uint8_t *key, uint8_t out[DATABASE_KEY])
{
    struct fault why;
    return derive_key(key, KEYRING_KEY_SIZE, "laneward database 1", out, DATABASE_KEY, &why) ==
           ERR_OK;
}

static int keys(const char *dir, const char *tcti)
{
    struct binding_options options = {.dir = dir, .tpm = tcti};
    struct keyring *ring = NULL;
    struct fault why;
    if (keyring_open(&ring, &options, &why) != ERR_OK)
        return complain(&why);
    for (enum keyring_class class = 0; class < KEYRING_CLASSES; class ++) {
        bool is_day = class == KEYRING_HIT || class == KEYRING_OTHER;
        uint32_t now = (uint32_t)(now_ms() / (is_day ? KEYRING_DAY_MS : KEYRING_HOUR_MS));
        uint32_t last = class >= KEYRING_PERIODIC ? 0 : now + 200;
        uint32_t first = class >= KEYRING_PERIODIC ? 0 : now - 200;
        for (uint32_t period = first; period <= last; period++) {
            const uint8_t *key = keyring_key(ring, class, period);
            uint8_t database[DATABASE_KEY];
            if (key != NULL)
                print_key(key);
            if (key != NULL && is_day && derive(key, database))
                print_key(database);
        }
    }
    keyring_close(&ring);
    return 0;
}

/* The ledger, opened as root can with everything that this host has. */
static sqlite3 *open_ledger(const char *dir, const char *tcti)
{
    struct binding_options options = {.dir = dir, .tpm = tcti};
    struct keyring *ring = NULL;
    struct fault why;
    uint8_t raw[DATABASE_KEY];
    char path[512], text[2 * DATABASE_KEY + 4] = "x'";
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/ledger.db", dir);
    if (keyring_open(&ring, &options, &why) != ERR_OK) {
        (void)complain(&why);
        return NULL;
    }
    bool ok = derive(keyring_key(ring, KEYRING_LEDGER, 0), raw);
    keyring_close(&ring);
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(text + 2 + 2 * i, 3, "%02x", raw[i]);
    text[2 + 2 * DATABASE_KEY] = '\'';
    if (ok && sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_key_v2(db, "main", text, 3 + 2 * DATABASE_KEY) == SQLITE_OK)
        return db;
    printf("the ledger does not open\n");
    sqlite3_close(db);
    return NULL;
}

static int tamper(const char *dir, const char *tcti, const char *sql, const char *done)
{
    sqlite3 *db = open_ledger(dir, tcti);
    char *words = NULL;
    if (db == NULL)
        return 1;
    int failed = sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK;
    printf("%s\n", failed ? words : done);
    sqlite3_free(words);
    sqlite3_close(db);
    return failed;
}

/* The lowest byte of a record's time: it still parses. */
#define CHANGE                                                                                     \
    "update record set bytes = cast(substr(bytes, 1, 34) || case substr(bytes, 35, 1) when x'7f' " \
    "then x'7e' else x'7f' end || substr(bytes, 36) as blob) where number = (select min(number) "  \
    "from record)"
static const char change_sql[] = CHANGE;
static const char change_all_sql[] = CHANGE "; delete from head where number >= 0";
static const char cut_sql[] =
    "delete from record where number > (select (min(number) + max(number)) / 2 from record); "
    "delete from head where number > 0";

int main(int argc, char **argv)
{
    if (argc >= 5)
        behind_ms = (int64_t)strtol(argv[4], NULL, 10) * day_ms;
    if (argc >= 6 && strcmp(argv[1], "put") == 0)
        return put(argv[2], argv[3], argc - 5, argv + 5);
    if (argc == 5 && strcmp(argv[1], "look") == 0)
        return look(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "keys") == 0)
        return keys(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "change") == 0)
        return tamper(argv[2], argv[3], change_sql, "one record changed");
    if (argc == 4 && strcmp(argv[1], "change-all") == 0)
        return tamper(argv[2], argv[3], change_all_sql, "one record changed, heads taken away");
    if (argc == 4 && strcmp(argv[1], "cut") == 0)
        return tamper(argv[2], argv[3], cut_sql, "half of the log and all heads taken away");
    fprintf(stderr, "usage: vault put DIR TCTI DAYS PLATE... | look DIR TCTI DAYS | "
                    "keys|change|change-all|cut DIR TCTI\n");
    return 2;
}
