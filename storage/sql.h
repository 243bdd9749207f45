/* Every statement that the store may run, numbered; nothing else holds SQL. */
#ifndef LANEWARD_STORAGE_SQL_H
#define LANEWARD_STORAGE_SQL_H

#include <stdbool.h>

/* The kinds of files. The number is the file's user_version. */
enum sql_schema {
    SQL_OLD = 1, /* the one file of version 1: read once more, to be taken over */
    SQL_SEGMENT, /* the passages of a day */
    SQL_LEDGER,  /* the log, gaps, cursors, and what is remembered of segments */
    SQL_SCHEMAS
};

/* Statements prepared when a database is opened. Parameters are bound by name. */
enum sql {
    SQL_BEGIN, /* of every schema */
    SQL_COMMIT,
    SQL_ROLLBACK,

    SQL_PUT, /* of a segment, up to the ledger's first */
    SQL_PUT_CROP,
    SQL_LOCATE,
    SQL_DROP,
    SQL_DROP_CROP,
    SQL_FIND_ANY,
    SQL_FIND_LANE,
    SQL_FIND_PLATE,   /* :plate exactly */
    SQL_FIND_PATTERN, /* :plate as a pattern, between :low and :high */
    SQL_FIND_FOLDED,  /* the same on the folded column */
    SQL_FIND_FOLDED_PATTERN,
    SQL_FIND_ID,
    SQL_CROP,
    SQL_COUNT_ROWS,
    SQL_STEP_COUNT,
    SQL_COUNT_OF,

    SQL_RECORD, /* of the ledger */
    SQL_RECORDS,
    SQL_HEAD,
    SQL_NEWEST_HEAD,
    SQL_GAP,
    SQL_GAPS,
    SQL_SET_CURSOR,
    SQL_CURSOR,
    SQL_ADD_HONEY,
    SQL_IS_HONEY,
    SQL_SET_COMMITS,
    SQL_COMMITS,
    SQL_DROP_COMMITS,
    SQL_ADD_MOVE,
    SQL_MOVES,
    SQL_DROP_MOVES,
    SQL_SET_NOTE,
    SQL_NOTE,

    SQL_OLD_PASSAGE, /* of the old file: the next after :after */
    SQL_OLD_LOOK,
    SQL_OLD_GAP,
    SQL_OLD_CURSOR,
    SQL_COUNT
};

const char *sql_text(enum sql number);

/* Whether a file of this schema has the statement. */
bool sql_belongs(enum sql number, enum sql_schema schema);

/* The statements that make an empty database, in order, ended by NULL: tables, indexes, then the
 * two marks. */
const char *const *sql_create(enum sql_schema schema);

/* Reads back what stands in the file: each object's own text, in the order of creation. */
extern const char sql_objects[];

/* A setting of the connection: how it is set (NULL: only read), how it is read, and what must be
 * read. */
struct sql_setting {
    const char *set, *read, *expected;
};

/* Ended by a member whose read is NULL. The first list holds before the first page is read. */
extern const struct sql_setting sql_settings_cipher[], sql_settings[];
const struct sql_setting *sql_settings_marks(enum sql_schema schema);
extern const char
    sql_cipher_version[]; /* reads it; no row or "" means that the library has no cipher */
extern const char
    sql_cipher_check[]; /* a row for each page of the file that fails its authentication */
extern const char sql_integrity[]; /* gives "ok" */

/* The authorizer's list. `building`: tables are being made, settings set, statements prepared. */
bool sql_allowed(int action, const char *first, const char *second, bool building);

#endif
