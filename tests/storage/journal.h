/* Between the store with its SQLite and the system, for tests: every change of one folder in order,
 * and how far each is durable. Linked with --wrap (JOURNAL_WRAPPED in CMakeLists.txt). */
#ifndef LANEWARD_TESTS_STORAGE_JOURNAL_H
#define LANEWARD_TESTS_STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_kind {
    JOURNAL_MAKE, /* a name for a new file or folder */
    JOURNAL_RENAME,
    JOURNAL_UNLINK,
    JOURNAL_WRITE,
    JOURNAL_TRUNCATE,
    JOURNAL_SYNC,
};

enum { JOURNAL_PATH = 64, JOURNAL_ROOT = 0 };

/* Files and folders are numbered as they are made; a name that is used again is another number.
 * Paths begin at the folder, which is number JOURNAL_ROOT. */
struct journal_op {
    enum journal_kind kind;
    bool is_folder;
    int node, parent; /* parent: of the name */
    char path[JOURNAL_PATH], to[JOURNAL_PATH];
    size_t offset, size; /* of the bytes written; `size` alone: the length after truncation */
    uint8_t *bytes;
    size_t durable_at; /* the operation with which it is durable; SIZE_MAX: none */
};

/* From now on, of an empty folder, given without links. */
void journal_begin(const char *folder);
/* Operations so far. */
size_t journal_size(void);
/* No more; says of each when it is durable: bytes with their file's sync, names with that of their
 * folder. */
void journal_end(void);
const struct journal_op *journal_ops(size_t *n);
void journal_free(void);

#endif
