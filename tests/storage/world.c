/* Folders, keys, and what is expected of them. */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/epoch.h"

void world_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *state = w;
    (void)snprintf(w->root, sizeof w->root, "%s/laneward-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(w->root));
    (void)snprintf(w->dir, sizeof w->dir, "%s/keys", w->root);
    (void)snprintf(w->trash, sizeof w->trash, "%s/trash", w->root);
    (void)snprintf(w->machine_id, sizeof w->machine_id, "%s/machine-id", w->root);
    (void)snprintf(w->other_id, sizeof w->other_id, "%s/other-id", w->root);
    assert_int_equal(mkdir(w->dir, 0700), 0);
    assert_int_equal(mkdir(w->trash, 0700), 0);
    world_write(w->machine_id, "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
    world_write(w->other_id, "3d1219c7c4c5404aaa1f6d2a48adfda5\n");
    w->options = (struct binding_options){
        .dir = w->dir, .tpm = "none", .machine_id = w->machine_id, .dmi_serial = "/nonexistent"};
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    keyring_close(&w->ring);
    assert_int_equal(nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(w);
    return 0;
}

void world_must(struct world *w, enum err got)
{
    if (got != ERR_OK)
        fail_msg("%s: %s", err_name(got), w->why.text);
}

void world_open(struct world *w)
{
    world_must(w, keyring_open(&w->ring, &w->options, &w->why));
}

void world_reopen(struct world *w)
{
    keyring_close(&w->ring);
    world_open(w);
}

const char *world_path(struct world *w, const char *name)
{
    (void)snprintf(w->path, sizeof w->path, "%s/%s", w->options.dir, name);
    return w->path;
}

void world_refuses(struct world *w, enum err code, const char *word)
{
    struct keyring *ring = NULL;
    w->why = (struct fault){0};
    enum err got = keyring_open(&ring, &w->options, &w->why);
    if (got != code)
        fail_msg("%s, not %s: %s", err_name(got), err_name(code), w->why.text);
    assert_null(ring);
    if (strstr(w->why.text, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, w->why.text);
}

void world_make_all(struct world *w)
{
    world_must(w, keyring_make(w->ring, KEYRING_HIT, DAY, N_DAYS, &w->why));
    world_must(w, keyring_make(w->ring, KEYRING_OTHER, DAY, N_DAYS, &w->why));
    world_must(w, keyring_make(w->ring, KEYRING_HIT_CROPS, HOUR, N_HOURS, &w->why));
    world_must(w, keyring_make(w->ring, KEYRING_OTHER_CROPS, HOUR, N_HOURS, &w->why));
}

const uint32_t world_two_days[KEYRING_PERIODIC] = {DAY + 2, DAY + 2, HOUR + 4, HOUR + 4};

void world_copy_key(const struct keyring *ring, enum keyring_class class, uint32_t period,
                    uint8_t out[KEYRING_KEY_SIZE])
{
    const uint8_t *key = keyring_key(ring, class, period);
    if (key != NULL)
        memcpy(out, key, KEYRING_KEY_SIZE);
    else
        memset(out, 0, KEYRING_KEY_SIZE);
}

struct shot world_shoot(const struct keyring *ring)
{
    struct shot shot = {0};
    for (uint32_t kind = 0; kind < 2; kind++) {
        for (uint32_t i = 0; i < N_DAYS; i++)
            world_copy_key(ring, KEYRING_HIT + kind, DAY + i, shot.days[kind][i]);
        for (uint32_t i = 0; i < N_HOURS; i++)
            world_copy_key(ring, KEYRING_HIT_CROPS + kind, HOUR + i, shot.hours[kind][i]);
    }
    for (uint32_t i = 0; i < 3; i++)
        world_copy_key(ring, KEYRING_LEDGER + i, 0, shot.lasting[i]);
    return shot;
}

struct shot world_without_two_days(struct shot shot)
{
    for (uint32_t kind = 0; kind < 2; kind++) {
        memset(shot.days[kind], 0, sizeof shot.days[kind][0] * 2);
        memset(shot.hours[kind], 0, sizeof shot.hours[kind][0] * 4);
    }
    return shot;
}

void world_assert(const struct keyring *ring, const struct shot *expected)
{
    struct shot now = world_shoot(ring);
    assert_memory_equal(&now, expected, sizeof now);
}

uint32_t world_count_files(struct world *w)
{
    uint64_t numbers[16];
    uint32_t n = 0;
    world_must(w, epoch_list(w->options.dir, numbers, 16, &n, &w->why));
    return n;
}
