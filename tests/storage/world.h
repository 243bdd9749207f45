/* A host and a state folder for the tests of the keys, with every key that they make. */
#ifndef LANEWARD_TESTS_STORAGE_WORLD_H
#define LANEWARD_TESTS_STORAGE_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/keyring.h"

enum { DAY = 20000, HOUR = DAY * 24, N_DAYS = 4, N_HOURS = 6 };

struct world {
    char root[64]; /* temporary, on memory where there is some */
    char dir[96], trash[96], machine_id[96], other_id[96], path[320];
    struct binding_options options; /* in software */
    struct keyring *ring;
    struct fault why;
};

/* cmocka's set-up and tear-down; the ring is not open yet. */
int world_setup(void **state);
int world_teardown(void **state);

void world_must(struct world *w, enum err got);
void world_open(struct world *w);
void world_reopen(struct world *w);
/* options.dir/NAME, until the next call. */
const char *world_path(struct world *w, const char *name);
/* An opening that fails with this code, and says this word. */
void world_refuses(struct world *w, enum err code, const char *word);
/* How many files of keys there are. */
uint32_t world_count_files(struct world *w);
void world_write(const char *path, const char *text);

/* Days DAY.. and hours HOUR.., of both kinds. */
void world_make_all(struct world *w);

/* What is forgotten in these tests: two days of each kind, four hours of each: 12 keys. */
extern const uint32_t world_two_days[KEYRING_PERIODIC];
enum { N_TWO_DAYS = 12 };

/* Every key that there may be; absent ones are zero. */
struct shot {
    uint8_t days[2][N_DAYS][KEYRING_KEY_SIZE], hours[2][N_HOURS][KEYRING_KEY_SIZE];
    uint8_t lasting[3][KEYRING_KEY_SIZE];
};
struct shot world_shoot(const struct keyring *ring);
struct shot world_without_two_days(struct shot shot);
void world_assert(const struct keyring *ring, const struct shot *expected);
void world_copy_key(const struct keyring *ring, enum keyring_class class, uint32_t period,
                    uint8_t out[KEYRING_KEY_SIZE]);

#endif
