/* Checking a whole log of looks: its records one after the other, then its heads. Pure. */
#ifndef LANEWARD_TOOLS_INSPECTION_H
#define LANEWARD_TOOLS_INSPECTION_H

#include "evidence/entry.h"
#include "evidence/head.h"
#include "evidence/tree.h"

enum { INSPECTION_MAX_FAULTS = 20, INSPECTION_TEXT_SIZE = 200 };

struct inspection {
    struct tree *tree;
    struct entry last;            /* the newest record that was understood */
    int64_t first_ms, last_ms;    /* of the first and the newest record */
    uint64_t n_kind[ENTRY_LIMIT]; /* records of each kind */
    uint64_t n_back;              /* times at which the clock went back */
    uint64_t n_heads, n_later;    /* heads that were checked; such that are newer than the log */
    bool has_host;                /* that of the first head */
    uint8_t host[HEAD_ID_SIZE];
    uint32_t n_faults; /* what is wrong; the first of them in words */
    char fault[INSPECTION_MAX_FAULTS][INSPECTION_TEXT_SIZE];
};

/* ERR_MEMORY. */
enum err inspection_begin(struct inspection *out, struct fault *why) MUST_USE;
void inspection_end(struct inspection *inspection);

/* The next record. What is wrong with it is noted, and the next is taken. `entry` (may be NULL)
 * gets what it is, kind 0 if it is not understood, and `sealed` its detail within `record`.
 * ERR_MEMORY. */
struct inspection_detail {
    const uint8_t *bytes;
    size_t size;
};
enum err inspection_record(struct inspection *inspection, const uint8_t *record, size_t size,
                           struct entry *entry, struct inspection_detail *sealed,
                           struct fault *why) MUST_USE;

/* A head over the records that were taken, or over the first of them. `name` is how it is called in
 * what is noted: "the newest head". One that has more records than were taken is noted as wrong, or
 * counted if `may_be_later`. */
void inspection_head(struct inspection *inspection, const struct head *head, const char *name,
                     const struct signature_key *key, bool may_be_later);

/* The same with what a journal has kept of a head, which nobody has signed. */
void inspection_root(struct inspection *inspection, uint64_t size, const struct merkle_hash *root,
                     const char *name, bool may_be_later);

/* Notes what is wrong. */
void inspection_note(struct inspection *inspection, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
