/* A layer under SQLite for tests: it can make the n-th call fail. */
#ifndef LANEWARD_TESTS_STORAGE_SHIM_H
#define LANEWARD_TESTS_STORAGE_SHIM_H

#include <stdbool.h>
#include <stdint.h>

/* From now on every database goes through the layer. */
void shim_install(void);
/* Back to the plain one. */
void shim_remove(void);

/* The `nth` call (1 = the next) gives the SQLite result `status`, and so do the `more` after it.
 * Which calls count: those that change a file, or with `reads` those that read one. nth = 0: none
 * fails. */
void shim_fail(uint32_t nth, uint32_t more, int status, bool reads);
/* Whether a call has failed since shim_fail. */
bool shim_has_failed(void);

#endif
