/* Values into and out of a prepared statement, parameters by name. */
#ifndef LANEWARD_STORAGE_STATEMENT_H
#define LANEWARD_STORAGE_STATEMENT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Return SQLite's result. A statement that lacks the parameter is left as it is, so that one
 * binding serves several. text and blob borrow their bytes until the statement is reset; copy_
 * takes a copy. */
int statement_bind_int(sqlite3_stmt *statement, const char *name, int64_t value);
int statement_bind_text(sqlite3_stmt *statement, const char *name, const char *text);
int statement_bind_blob(sqlite3_stmt *statement, const char *name, const void *bytes, size_t size);
int statement_copy_text(sqlite3_stmt *statement, const char *name, const char *text);
int statement_copy_blob(sqlite3_stmt *statement, const char *name, const void *bytes, size_t size);

/* false: no text, too long, or with a zero inside. */
bool statement_text(sqlite3_stmt *statement, int column, char *out, size_t size);

/* Makes it ready for the next use and forgets what was bound. */
void statement_reset(sqlite3_stmt *statement);

#endif
