/* The store from inside the room: what its files share. */
#ifndef LANEWARD_STORAGE_INSIDE_H
#define LANEWARD_STORAGE_INSIDE_H

#include "evidence/head.h"
#include "evidence/tree.h"
#include "storage/database.h"
#include "storage/keyring.h"
#include "storage/shelf.h"
#include "storage/store.h"

/* The log in memory: the tree over it, and the newest head. */
struct audit {
    struct tree *tree;
    uint32_t n_starts; /* of the ledger's connection that it was read through */
    bool has_head;
    struct head head;
    int64_t oldest_ms; /* when the first record that the head lacks was appended */
    /* As it was read: the newest epoch whose beginning a record tells of (0: none does), and
     * whether the keys are suspended by its word. */
    uint64_t told_epoch;
    bool tells_suspended;
};

/* Fills it from the ledger, and checks it against its own newest head. ERR_CORRUPT. */
struct store;
enum err audit_load(struct store *store, struct fault *why) MUST_USE;

struct store {
    struct store_terms terms;
    struct keyring *keyring;
    struct database *ledger;
    struct shelf shelf;
    struct audit audit;
    struct signature_key *port_key, *auditor_key; /* own copies; NULL: none */
    int64_t (*clock)(void);
    struct fault spoiled; /* why the batch has failed; code ERR_OK: it has not */
    uint32_t n_batch;     /* puts in it */
    uint32_t n_moves;     /* of them, those that leave another segment */
    struct shelf_move moves[STORE_MAX_BATCH];
    bool is_unsettled;  /* moves of an earlier batch are still in the ledger */
    int64_t counted_ms; /* when the segments' counts were last written down */
    uint32_t n_rolled_back;
    uint32_t n_unrecorded; /* keys that were destroyed, and are not yet in the log */
    uint32_t n_late; /* epochs that had begun without a record, and have one by this opening */
    bool was_migrated;
    char dir[DATABASE_PATH_SIZE];
};

#endif
