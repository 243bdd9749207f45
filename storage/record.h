/* Passages and queries at the store's door: what is well formed, and how a row stands in a
 * statement's columns. */
#ifndef LANEWARD_STORAGE_RECORD_H
#define LANEWARD_STORAGE_RECORD_H

#include <sqlite3.h>

#include "base/err.h"
#include "storage/store.h"

/* ERR_INPUT names the field, never its value. */
enum err record_check(const struct row *row, struct fault *why) MUST_USE;
enum err record_check_query(const struct store_query *query, struct fault *why) MUST_USE;

/* Whether `text` ends within `size` bytes and holds no control character; with `needed` it is not
 * empty. */
bool record_is_text(const char *text, size_t size, bool needed);

/* The class of look-alike characters, by its digit: O, D, Q and 0 give 0, I and 1 give 1, ... '?'
 * stays. */
void record_fold(const char *plate, char out[ROW_PLATE_SIZE]);

/* Every field into the parameters of SQL_PUT. What is bound points into `row` until the statement
 * is reset. */
int record_bind(sqlite3_stmt *statement, const struct row *row);

/* The columns of a SQL_FIND_* answer. ERR_CORRUPT: not what record_bind has written. */
enum err record_read(sqlite3_stmt *statement, struct row *out, struct fault *why) MUST_USE;

#endif
