/* The segments: one encrypted file a UTC day and kind, opened when they are needed, few at a time;
 * a batch of puts over them. */
#ifndef LANEWARD_STORAGE_SHELF_H
#define LANEWARD_STORAGE_SHELF_H

#include "storage/database.h"
#include "storage/keyring.h"
#include "storage/row.h"

enum {
    SHELF_ROOM = 40,   /* files: two kinds of nine days, and what a clock that was wrong has left */
    SHELF_HANDLES = 8, /* open at once */
};

struct segment {
    enum keyring_class class;  /* KEYRING_HIT or KEYRING_OTHER */
    uint32_t day;              /* since 1970, of its passages' first_ms */
    struct database *database; /* NULL: not open */
    uint64_t used;             /* the larger, the later */
    bool in_batch;             /* a transaction is open */
    uint64_t commits;          /* as the file says, once it was opened */
    int64_t longest_ms;        /* no passage in it is longer */
    int64_t batch_longest_ms;
};

/* A passage on its way out of a segment. */
struct shelf_move {
    uint8_t id[ROW_ID_SIZE];
    enum keyring_class class;
    uint32_t day;
};

struct shelf {
    char dir[DATABASE_PATH_SIZE];
    struct keyring *keyring; /* borrowed */
    size_t n;
    struct segment segment[SHELF_ROOM];
    uint64_t turn;
};

/* Finds the files in dir/segments (made if it is not there), and removes those whose key is gone.
 */
enum err shelf_open(struct shelf *shelf, const char *dir, struct keyring *keyring,
                    struct fault *why) MUST_USE;
/* What is in a batch is taken back. */
void shelf_close(struct shelf *shelf);

/* The segment, its file open; NULL when there is none. Pointers hold until shelf_drop. */
enum err shelf_get(struct shelf *shelf, enum keyring_class class, uint32_t day,
                   struct segment **out, struct fault *why) MUST_USE;
/* The same, made with its key when there is none, and with a transaction open. */
enum err shelf_write(struct shelf *shelf, enum keyring_class class, uint32_t day,
                     struct segment **out, struct fault *why) MUST_USE;

/* Commits every open transaction when `result` is ERR_OK, else takes all back. */
enum err shelf_end(struct shelf *shelf, enum err result, struct fault *why) MUST_USE;

/* Closes and removes every file whose key is gone. */
enum err shelf_drop(struct shelf *shelf, struct fault *why) MUST_USE;

/* Removes what is left beside a segment's file that is not there itself. */
enum err shelf_sweep(struct shelf *shelf, enum keyring_class class, uint32_t day,
                     struct fault *why) MUST_USE;

/* Bytes of all files. */
uint64_t shelf_bytes(const struct shelf *shelf);

#endif
