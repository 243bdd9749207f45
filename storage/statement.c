/* Values into and out of a prepared statement. */
#include "storage/statement.h"

#include <string.h>

int statement_bind_int(sqlite3_stmt *statement, const char *name, int64_t value)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    return index == 0 ? SQLITE_OK : sqlite3_bind_int64(statement, index, value);
}

static int bind_text(sqlite3_stmt *statement, const char *name, const char *text,
                     sqlite3_destructor_type life)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    return index == 0 ? SQLITE_OK : sqlite3_bind_text(statement, index, text, -1, life);
}

static int bind_blob(sqlite3_stmt *statement, const char *name, const void *bytes, size_t size,
                     sqlite3_destructor_type life)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    return index == 0 ? SQLITE_OK : sqlite3_bind_blob64(statement, index, bytes, size, life);
}

int statement_bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
    return bind_text(statement, name, text, SQLITE_STATIC);
}

int statement_bind_blob(sqlite3_stmt *statement, const char *name, const void *bytes, size_t size)
{
    return bind_blob(statement, name, bytes, size, SQLITE_STATIC);
}

int statement_copy_text(sqlite3_stmt *statement, const char *name, const char *text)
{
    return bind_text(statement, name, text, SQLITE_TRANSIENT);
}

int statement_copy_blob(sqlite3_stmt *statement, const char *name, const void *bytes, size_t size)
{
    return bind_blob(statement, name, bytes, size, SQLITE_TRANSIENT);
}

bool statement_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    if (text == NULL || length >= size || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(out, text, length);
    memset(out + length, 0, size - length);
    return true;
}

void statement_reset(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(
        statement); /* repeats the failure of the last step, which is already known */
    (void)sqlite3_clear_bindings(statement);
}
