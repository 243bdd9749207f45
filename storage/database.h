/* One encrypted SQLite file: opened up a ladder of checks, its statements prepared, its failures
 * put into words. */
#ifndef LANEWARD_STORAGE_DATABASE_H
#define LANEWARD_STORAGE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/sql.h"

enum { DATABASE_PATH_SIZE = 1024, DATABASE_KEY_SIZE = 32 };

struct raw_key;

struct database {
    sqlite3 *db;
    sqlite3_stmt *statement[SQL_COUNT];
    bool broken; /* a page was not read, or has failed its check: SQLCipher gives none any more
                    until a new start */
    enum sql_schema schema;
    uint32_t n_starts; /* grows with each new connection: what was remembered of its contents may
                          have changed */
    bool building;     /* the authorizer lets settings and tables be made; false once it is open */
    struct raw_key *raw; /* for a new start */
    char path[DATABASE_PATH_SIZE];
};

/* Opens the file at the absolute `path`, or makes it when nothing is there. Errors as store_open.
 */
enum err database_open(struct database **out, const char *path, enum sql_schema schema,
                       const uint8_t key[DATABASE_KEY_SIZE], struct fault *why) MUST_USE;
/* Moves the write-ahead log into the file and closes it. */
void database_close(struct database **database);

/* To be called before each use: connects anew after a failure that has left the connection without
 * use. Errors as database_open. */
enum err database_ready(struct database *database, struct fault *why) MUST_USE;

/* Runs a statement that gives no row, and resets it whatever comes. `bound`: what binding it has
 * returned. */
enum err database_run(struct database *database, enum sql number, int bound,
                      struct fault *why) MUST_USE;

/* Makes it ready and opens a transaction, which database_end ends. */
enum err database_begin(struct database *database, struct fault *why) MUST_USE;

/* Ends the transaction that database_begin opened: commits it when `result` is ERR_OK, else takes
 * it back. Returns `result`, or why the commit failed. */
enum err database_end(struct database *database, enum err result, struct fault *why) MUST_USE;

/* The code and the sentence for a result of SQLite's; holds no value of any column. */
enum err database_fault(struct database *database, int status, struct fault *why);

/* Structure and page authentication of the whole file. ERR_CORRUPT. */
enum err database_check(struct database *database, struct fault *why) MUST_USE;

#endif
