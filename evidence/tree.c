/* The growing tree: level k holds the roots of the complete subtrees of 2^k leaves, from the left.
 */
#include "evidence/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 40, FIRST_ROOM = 64 };

struct level {
    struct merkle_hash *hash;
    size_t n, room;
};

struct tree {
    struct level level[LEVELS];
};

enum err tree_new(struct tree **out, struct fault *why)
{
    struct tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the log's tree");
    *out = tree;
    return ERR_OK;
}

void tree_free(struct tree **tree)
{
    if (*tree == NULL)
        return;
    for (int k = 0; k < LEVELS; k++)
        free((*tree)->level[k].hash);
    free(*tree);
    *tree = NULL;
}

static bool make_room(struct level *level)
{
    if (level->n < level->room)
        return true;
    size_t room = level->room == 0 ? FIRST_ROOM : level->room * 2;
    struct merkle_hash *hash = realloc(level->hash, room * sizeof *hash);
    if (hash == NULL)
        return false;
    level->hash = hash;
    level->room = room;
    return true;
}

enum err tree_append(struct tree *tree, const struct merkle_hash *leaf, struct fault *why)
{
    /* The leaf completes a subtree on each level up to the first with an even number. */
    for (int k = 0; k < LEVELS; k++) {
        if (!make_room(&tree->level[k]))
            return fault_set(why, ERR_MEMORY, "no memory for the log's tree");
        if (tree->level[k].n % 2 == 0)
            break;
        assert(k + 1 < LEVELS);
    }
    struct merkle_hash hash = *leaf;
    for (int k = 0;; k++) {
        struct level *level = &tree->level[k];
        level->hash[level->n++] = hash;
        if (level->n % 2 != 0)
            return ERR_OK;
        hash = merkle_parent(&level->hash[level->n - 2], &level->hash[level->n - 1]);
    }
}

uint64_t tree_size(const struct tree *tree)
{
    return tree->level[0].n;
}

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* The root of the n > 0 leaves from `first`, which is a multiple of the power of two at or above n:
 * so it is for all subtrees that RFC 6962 knows. */
static struct merkle_hash subtree(const struct tree *tree, uint64_t first, uint64_t n)
{
    if ((n & (n - 1)) == 0) {
        int k = __builtin_ctzll(n);
        assert((first & (n - 1)) == 0 && first >> k < tree->level[k].n);
        return tree->level[k].hash[first >> k];
    }
    uint64_t k = split(n);
    struct merkle_hash left = subtree(tree, first, k), right = subtree(tree, first + k, n - k);
    return merkle_parent(&left, &right);
}

struct merkle_hash tree_root(const struct tree *tree, uint64_t n)
{
    assert(n <= tree_size(tree));
    return n == 0 ? merkle_root(NULL, 0) : subtree(tree, 0, n);
}

/* Proofs are made from the root downwards; they are read from the leaves upwards. */
static void reverse(struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->n / 2; i++) {
        struct merkle_hash hash = proof->hash[i];
        proof->hash[i] = proof->hash[proof->n - 1 - i];
        proof->hash[proof->n - 1 - i] = hash;
    }
}

void tree_prove_inclusion(const struct tree *tree, uint64_t n, uint64_t index,
                          struct merkle_proof *out)
{
    assert(index < n && n <= tree_size(tree));
    uint64_t first = 0;
    out->n = 0;
    while (n > 1) {
        uint64_t k = split(n);
        if (index < k) {
            out->hash[out->n++] = subtree(tree, first + k, n - k);
            n = k;
        } else {
            out->hash[out->n++] = subtree(tree, first, k);
            first += k;
            index -= k;
            n -= k;
        }
    }
    reverse(out);
}

void tree_prove_growth(const struct tree *tree, uint64_t old, uint64_t n, struct merkle_proof *out)
{
    assert(0 < old && old <= n && n <= tree_size(tree));
    uint64_t first = 0;
    bool whole = true; /* the old tree is this subtree as it stands: its root is known */
    out->n = 0;
    while (old != n) {
        uint64_t k = split(n);
        if (old <= k) {
            out->hash[out->n++] = subtree(tree, first + k, n - k);
            n = k;
        } else {
            out->hash[out->n++] = subtree(tree, first, k);
            first += k;
            old -= k;
            n -= k;
            whole = false;
        }
    }
    if (!whole)
        out->hash[out->n++] = subtree(tree, first, n);
    reverse(out);
}
