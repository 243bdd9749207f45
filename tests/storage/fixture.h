/* A host and a state folder for the storage tests: a temporary folder, a machine-id of its own,
 * rows to store. */
#ifndef LANEWARD_TESTS_STORAGE_FIXTURE_H
#define LANEWARD_TESTS_STORAGE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/store.h"

struct fixture {
    char root[64];       /* temporary, on memory where there is some */
    char dir[96];        /* the state folder, mode 0700 */
    char machine_id[96]; /* this host's, and another host's */
    char other_id[96];
    struct binding_options options;
    struct binding_key *key;
    struct store *store;
    struct fault why;
};

/* cmocka's set-up and tear-down; the store is open. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Closes and opens the store, with the same key from the same host. */
void fixture_reopen(struct fixture *fixture);

/* Passage n: its plate, times, id and crop follow from n alone. The crop starts as a JPEG does. */
struct row fixture_row(uint32_t n);
void fixture_crop(uint32_t n, uint8_t *out, uint32_t size);

/* Puts passage n with a crop of `size` bytes (0: without). */
enum err fixture_put(struct store *store, uint32_t n, uint32_t size, struct fault *why);

/* Is passage n there, every field and byte of it? */
bool fixture_has(struct store *store, uint32_t n, uint32_t size);

/* Files: whole copies and byte searches. */
void fixture_copy_folder(const char *from, const char *to);
bool fixture_folder_holds(const char *dir, const void *bytes, size_t size);

#endif
