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

/* What the store takes for the time, Unix milliseconds; an hour after passage 0 until a test sets
 * it. */
extern int64_t fixture_now_ms;
int64_t fixture_clock(void);

struct fixture {
    char root[64];       /* temporary, on memory where there is some */
    char dir[96];        /* the state folder, mode 0700 */
    char machine_id[96]; /* this host's, and another host's */
    char other_id[96];
    struct binding_options options;
    struct store_options store_options; /* with these, the fixture's clock, terms of 72 and 24 h */
    struct store *store;
    struct fault why;
};

/* cmocka's set-up and tear-down; the store is open. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Opens the store, with store_options; and closes it first. */
enum err fixture_open(struct fixture *fixture);
void fixture_reopen(struct fixture *fixture);

/* Structure and page authentication of every file of the open store. */
void fixture_check(struct fixture *fixture);
/* What database_check says of the first file that it finds fault with. */
enum err fixture_check_all(struct fixture *fixture);

/* After so many pages of its log each open file moves them into itself. */
void fixture_checkpoint_every(struct fixture *fixture, int pages);

/* Appends one look to the log. */
enum err fixture_look(struct store *store, struct fault *why);

/* The path of the segment of others, or of hits, of the day of that moment. */
void fixture_segment(const struct fixture *fixture, int64_t at_ms, bool hits, char out[160]);

/* Passage n: its plate, times, id and crop follow from n alone. The crop starts as a JPEG does. */
struct row fixture_row(uint32_t n);
void fixture_crop(uint32_t n, uint8_t *out, uint32_t size);

/* Puts passage n with a crop of `size` bytes (0: without), and commits it. */
enum err fixture_put(struct store *store, uint32_t n, uint32_t size, struct fault *why);

/* Is passage n there, every field and byte of it? */
bool fixture_has(struct store *store, uint32_t n, uint32_t size);

/* Files, those in folders below, too: whole copies and byte searches. */
void fixture_copy_folder(const char *from, const char *to);
void fixture_remove_folder(const char *path);
bool fixture_folder_holds(const char *dir, const void *bytes, size_t size);

#endif
