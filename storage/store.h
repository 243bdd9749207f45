/* Passages on disk, encrypted under keys that this host alone can make and that are destroyed when
 * the passages' term is over. One thread, one process. */
#ifndef LANEWARD_STORAGE_STORE_H
#define LANEWARD_STORAGE_STORE_H

#include "base/err.h"
#include "evidence/envelope.h"
#include "storage/binding.h"
#include "storage/row.h"

struct store;

enum {
    STORE_MAX_ROWS = 50,                               /* rows of one answer */
    STORE_MAX_BATCH = 64,                              /* puts before a commit */
    STORE_MAX_CROP = ROW_MAX_CROP + ENVELOPE_OVERHEAD, /* bytes that store_crop may give */
    STORE_MAX_TERM_MS = 7 * 86400000, /* no configuration keeps anything for longer */
};

/* How long what is stored may be answered, in milliseconds from a passage's first_ms, at most
 * STORE_MAX_TERM_MS. 0: it never reaches the disk. A crop has the shorter of its own term and its
 * passage's. */
struct store_terms {
    int64_t hit, other, hit_crop, other_crop;
};

struct store_options {
    struct binding_options binding; /* binding.dir: the state folder, of mode 0700 of this user */
    struct store_terms terms;
    const struct store_terms *without_tpm; /* where the keys are bound in software; NULL: `terms` */
    /* Borrowed for the call. NULL: crops are not sealed to the port, the log's details not to the
     * auditor. */
    const struct signature_key *port_key, *auditor_key;
    int64_t (*clock)(void); /* Unix time in milliseconds; NULL: the host's */
};

/* What may be asked. There is no cursor over everything. */
struct store_query {
    char plate[ROW_PLATE_SIZE]; /* exact; '?' stands for one character, at most two of them; "" =
                                   any plate */
    bool look_alike;            /* O/0/D/Q, I/1, B/8, S/5, Z/2, G/6 count as the same */
    char lane[ROW_NAME_SIZE];   /* "" = every lane */
    int64_t from_ms, to_ms;     /* passages that overlap [from, to]; 0 = open */
    uint32_t limit;             /* 1..STORE_MAX_ROWS */
};

struct store_stats {
    uint64_t n_rows;   /* within their term */
    int64_t oldest_ms; /* first_ms of the oldest of them, 0 when there is none */
    uint64_t bytes;    /* of all databases and their write-ahead logs */
    enum binding_kind binding;
    struct store_terms terms; /* in force */
    uint64_t epoch;           /* of the keys */
    uint64_t log_size;        /* records of the log of looks */
    uint32_t n_rolled_back;   /* segments that this opening found older than they had been, or gone:
                                 each is an ENTRY_ALARM "rollback" */
    uint32_t n_late;      /* epochs of the keys that had begun without a record: this opening has
                             recorded them */
    uint8_t was_migrated; /* this opening has taken over a store of version 1 */
};

/* Opens or creates the store and its keys. Every pragma is read back; a file that begins as plain
 * SQLite is refused and left alone; so is a library without a cipher. What an interrupted
 * forgetting or migration has left is finished. ERR_IDENTITY: it does not open with this host's
 * key. ERR_CORRUPT: it opens, and fails its checks; or the log has lost or changed what its newest
 * head has signed. ERR_INPUT: a term over the cap. ERR_IO. */
enum err store_open(struct store **out, const struct store_options *options,
                    struct fault *why) MUST_USE;
/* Without a commit what was put since the last one is not stored. */
void store_close(struct store **store);

/* Inserts or, by id, replaces a passage; `crop` of row->crop_size bytes, or NULL with 0, which
 * keeps the stored crop. It joins the batch that store_commit makes durable. What is past its term
 * is not stored, with ERR_OK. A hit stays a hit. first_ms of a known id may move by a day at most.
 * ERR_INPUT: this one is out of bounds, or more than a day ahead of the clock; the batch goes on.
 * Any other failure is the whole batch's: all puts fail until store_commit has told it, too. */
enum err store_put(struct store *store, const struct row *row, const uint8_t *crop,
                   struct fault *why) MUST_USE;

/* Durable when it returns ERR_OK. On failure nothing of the batch counts as stored (some of it may
 * be there: ids make a resend harmless), and the store stays usable. */
enum err store_commit(struct store *store, struct fault *why) MUST_USE;

/* The newest first, none that is past its term. `rows` has room for query->limit. ERR_INPUT: a
 * query outside the bounds above. */
enum err store_find(struct store *store, const struct store_query *query, struct row *rows,
                    size_t *n_rows, struct fault *why) MUST_USE;

/* The plate's picture of one passage; `out` has room for STORE_MAX_CROP. *is_sealed: it is an
 * envelope to the port's key (label "laneward crop 1", bound to the id), else a JPEG.
 * ERR_NOT_FOUND: none, or past its term; the sentence says which. */
enum err store_crop(struct store *store, const uint8_t id[ROW_ID_SIZE], uint8_t *out, size_t *size,
                    bool *is_sealed, struct fault *why) MUST_USE;

enum err store_stats(struct store *store, struct store_stats *out, struct fault *why) MUST_USE;

/* To be called each hour, with no batch open: destroys the keys of every period that is past its
 * term at now_ms (one step to the next epoch), and of those so far ahead of it and of the clock
 * that a clock was wrong which is right again; removes their files, makes the keys of the periods
 * to come. *n_gone: keys destroyed; when there are any, an ENTRY_FORGET is in the log. It may be
 * killed anywhere: the next opening records what it has done. ERR_IO: to be tried again. */
enum err store_forget(struct store *store, int64_t now_ms, uint32_t *n_gone,
                      struct fault *why) MUST_USE;

#endif
