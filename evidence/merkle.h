/* Merkle trees over a log's records (RFC 6962, section 2.1, SHA-256): roots, proofs, and checking
 * them. Pure. */
#ifndef LANEWARD_EVIDENCE_MERKLE_H
#define LANEWARD_EVIDENCE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MERKLE_HASH_SIZE = 32,
    MERKLE_MAX_PROOF = 64, /* hashes: enough for a log of 2^63 records */
};

struct merkle_hash {
    uint8_t byte[MERKLE_HASH_SIZE];
};

struct merkle_proof {
    size_t n;
    struct merkle_hash hash[MERKLE_MAX_PROOF]; /* from the leaves upwards */
};

/* The hash of one record, SHA-256(0 || record); a tree is an array of these. */
struct merkle_hash merkle_leaf(const uint8_t *record, size_t size);

/* The hash above two: SHA-256(1 || left || right). */
struct merkle_hash merkle_parent(const struct merkle_hash *left, const struct merkle_hash *right);

/* The root over n leaves; of none, the hash of nothing. */
struct merkle_hash merkle_root(const struct merkle_hash *leaves, size_t n);

/* That leaf `index` (< n) is in the tree of n leaves. */
void merkle_prove_inclusion(const struct merkle_hash *leaves, size_t n, size_t index,
                            struct merkle_proof *out);

/* That the tree of n leaves begins with the tree of `old` leaves (0 < old <= n). */
void merkle_prove_consistency(const struct merkle_hash *leaves, size_t old, size_t n,
                              struct merkle_proof *out);

/* Whether a proof from outside holds; sizes and indexes may be anything. */
bool merkle_includes(const struct merkle_proof *proof, const struct merkle_hash *leaf,
                     uint64_t index, uint64_t n, const struct merkle_hash *root);
bool merkle_extends(const struct merkle_proof *proof, uint64_t old,
                    const struct merkle_hash *old_root, uint64_t n, const struct merkle_hash *root);

#endif
