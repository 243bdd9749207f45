/* Every statement that the store may run, numbered; nothing else holds SQL. */
#ifndef LANEWARD_STORAGE_SQL_H
#define LANEWARD_STORAGE_SQL_H

#include <stdbool.h>

/* Statements prepared when a database is opened. Parameters are bound by name. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT,
    SQL_PUT_CROP,
    SQL_FIND_ANY,
    SQL_FIND_LANE,
    SQL_FIND_PLATE,   /* :plate exactly */
    SQL_FIND_PATTERN, /* :plate as a pattern, between :low and :high */
    SQL_FIND_FOLDED,  /* the same on the folded column */
    SQL_FIND_FOLDED_PATTERN,
    SQL_CROP,
    SQL_STATS,
    SQL_LOOK,
    SQL_GAP,
    SQL_GAPS,
    SQL_SET_CURSOR,
    SQL_CURSOR,
    SQL_COUNT
};

const char *sql_text(enum sql number);

/* Version of the schema, kept as user_version, and the mark of a Laneward file, kept as
 * application_id. */
enum { SQL_SCHEMA_VERSION = 1, SQL_APPLICATION_ID = 0x4c4e5744 };

/* The statements that make an empty database, in order, ended by NULL: tables, indexes, then the
 * two marks. */
extern const char *const sql_create[];

/* Reads back what stands in the file: each object's own text, in the order of creation. */
extern const char sql_schema[];

/* A setting of the connection: how it is set (NULL: only read), how it is read, and what must be
 * read. */
struct sql_setting {
    const char *set, *read, *expected;
};

/* Ended by a member whose read is NULL. The first list holds before the first page is read. */
extern const struct sql_setting sql_settings_cipher[], sql_settings[], sql_settings_marks[];
extern const char
    sql_cipher_version[]; /* reads it; no row or "" means that the library has no cipher */
extern const char
    sql_cipher_check[]; /* a row for each page of the file that fails its authentication */
extern const char sql_integrity[]; /* gives "ok" */

/* The authorizer's list. `building`: tables are being made or settings set. */
bool sql_allowed(int action, const char *first, const char *second, bool building);

#endif
