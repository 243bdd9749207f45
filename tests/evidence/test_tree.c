/* The growing tree against the plain one, at every size. */
#include <string.h>

#include "evidence/tree.h"
#include "fixture.h"

enum { MAX = 300, DENSE = 70 };
static struct merkle_hash leaves[MAX];
static struct tree *tree;

static int setup(void **state)
{
    (void)state;
    struct fault why;
    assert_int_equal(tree_new(&tree, &why), ERR_OK);
    assert_int_equal(tree_size(tree), 0);
    struct merkle_hash empty = tree_root(tree, 0), expected = merkle_root(NULL, 0);
    assert_memory_equal(empty.byte, expected.byte, sizeof empty.byte);
    for (uint32_t i = 0; i < MAX; i++) {
        leaves[i] = merkle_leaf((const uint8_t *)&i, sizeof i);
        assert_int_equal(tree_append(tree, &leaves[i], &why), ERR_OK);
        assert_int_equal(tree_size(tree), i + 1);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tree_free(&tree);
    assert_null(tree);
    tree_free(&tree);
    return 0;
}

static void same_proof(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->hash, b->hash, a->n * sizeof *a->hash);
}

static void every_older_root_is_that_of_the_plain_tree(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX; n++) {
        struct merkle_hash root = tree_root(tree, n), expected = merkle_root(leaves, n);
        assert_memory_equal(root.byte, expected.byte, sizeof root.byte);
    }
}

/* All pairs of the small sizes, then a thinner net. */
static void every_inclusion_proof_is_that_of_the_plain_tree(void **state)
{
    (void)state;
    struct merkle_proof proof, expected;
    for (size_t n = 1; n <= MAX; n++)
        for (size_t index = 0; index < n; index += n <= DENSE ? 1 : 23) {
            tree_prove_inclusion(tree, n, index, &proof);
            merkle_prove_inclusion(leaves, n, index, &expected);
            same_proof(&proof, &expected);
        }
}

static void every_growth_proof_is_that_of_the_plain_tree(void **state)
{
    (void)state;
    struct merkle_proof proof, expected;
    for (size_t n = 1; n <= MAX; n++)
        for (size_t old = 1; old <= n; old += n <= DENSE ? 1 : 23) {
            tree_prove_growth(tree, old, n, &proof);
            merkle_prove_consistency(leaves, old, n, &expected);
            same_proof(&proof, &expected);
        }
}

static void its_proofs_hold(void **state)
{
    (void)state;
    struct merkle_hash root = tree_root(tree, MAX);
    struct merkle_proof proof;
    for (uint64_t i = 0; i < MAX; i++) {
        tree_prove_inclusion(tree, MAX, i, &proof);
        assert_true(merkle_includes(&proof, &leaves[i], i, MAX, &root));
        struct merkle_hash old = tree_root(tree, i + 1);
        tree_prove_growth(tree, i + 1, MAX, &proof);
        assert_true(merkle_extends(&proof, i + 1, &old, MAX, &root));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_older_root_is_that_of_the_plain_tree),
        cmocka_unit_test(every_inclusion_proof_is_that_of_the_plain_tree),
        cmocka_unit_test(every_growth_proof_is_that_of_the_plain_tree),
        cmocka_unit_test(its_proofs_hold),
    };
    return cmocka_run_group_tests_name("tree", tests, setup, teardown);
}
