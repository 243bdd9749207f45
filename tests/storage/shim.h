/* A layer under SQLite for tests: it logs what reaches the disk, and can make the n-th call fail.
 */
#ifndef LANEWARD_TESTS_STORAGE_SHIM_H
#define LANEWARD_TESTS_STORAGE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shim_kind { SHIM_WRITE, SHIM_TRUNCATE, SHIM_SYNC, SHIM_DELETE };

/* One change of a file: 0 is the segment of others, 1 its write-ahead log, 2 and 3 the ledger's. */
struct shim_op {
    enum shim_kind kind;
    int file;
    size_t offset, size; /* of the bytes written; `size` alone: the length after truncation */
    uint8_t *bytes;
};

/* From now on every database goes through the layer; `logging` keeps what is changed. */
void shim_install(bool logging);
/* Back to the plain one; the log is freed. */
void shim_remove(void);

const struct shim_op *shim_ops(size_t *n);

/* The `nth` call (1 = the next) gives the SQLite result `status`, and so do the `more` after it.
 * Which calls count: those that change a file, or with `reads` those that read one. nth = 0: none
 * fails. */
void shim_fail(uint32_t nth, uint32_t more, int status, bool reads);
/* Whether a call has failed since shim_fail. */
bool shim_has_failed(void);

#endif
