/* A tree that grows: it keeps the hash of every complete subtree, so that roots and proofs cost
 * some hundred hashes at most, whatever the log's length. About 64 bytes a record. */
#ifndef LANEWARD_EVIDENCE_TREE_H
#define LANEWARD_EVIDENCE_TREE_H

#include "base/err.h"
#include "evidence/merkle.h"

/* Opaque. */
struct tree;

/* Empty. ERR_MEMORY. */
enum err tree_new(struct tree **out, struct fault *why) MUST_USE;
void tree_free(struct tree **tree);

/* ERR_MEMORY: the tree is as it was. */
enum err tree_append(struct tree *tree, const struct merkle_hash *leaf, struct fault *why) MUST_USE;

/* Leaves. */
uint64_t tree_size(const struct tree *tree);

/* As merkle_root, merkle_prove_inclusion and merkle_prove_consistency over the first n leaves, n <=
 * tree_size. */
struct merkle_hash tree_root(const struct tree *tree, uint64_t n);
void tree_prove_inclusion(const struct tree *tree, uint64_t n, uint64_t index,
                          struct merkle_proof *out);
void tree_prove_growth(const struct tree *tree, uint64_t old, uint64_t n, struct merkle_proof *out);

#endif
