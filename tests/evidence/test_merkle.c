/* The tree against a naive one, and its proofs against every forgery of one step. */
#include "evidence/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

enum { MAX = 64 };
static struct merkle_hash leaves[MAX + 1];

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= MAX; i++) {
        char record[32];
        int size = snprintf(record, sizeof record, "record %u", i);
        leaves[i] = merkle_leaf((const uint8_t *)record, (size_t)size);
    }
    return 0;
}

static void from_hex(const char *hex, struct merkle_hash *out)
{
    for (int i = 0; i < MERKLE_HASH_SIZE; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out->byte[i] = (uint8_t)value;
    }
}

/* Level by level: neighbours pair up, a lone right end rises. Another way to the same root. */
static struct merkle_hash naive_root(size_t n)
{
    struct merkle_hash level[MAX];
    memcpy(level, leaves, n * sizeof *level);
    while (n > 1) {
        size_t next = 0;
        for (size_t i = 0; i < n; i += 2, next++) {
            if (i + 1 == n) {
                level[next] = level[i];
                continue;
            }
            uint8_t bytes[65] = {1};
            memcpy(bytes + 1, &level[i], 32);
            memcpy(bytes + 33, &level[i + 1], 32);
            assert_int_equal(
                EVP_Digest(bytes, sizeof bytes, level[next].byte, NULL, EVP_sha256(), NULL), 1);
        }
        n = next;
    }
    return level[0];
}

static bool same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void the_hashes_of_nothing_are_those_of_the_rfc(void **state)
{
    (void)state;
    struct merkle_hash expected, hash = merkle_root(leaves, 0);
    from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &expected);
    assert_true(same(&hash, &expected));
    hash = merkle_leaf((const uint8_t *)"", 0);
    from_hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", &expected);
    assert_true(same(&hash, &expected));
}

static void every_root_is_that_of_the_naive_tree(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX; n++) {
        struct merkle_hash root = merkle_root(leaves, n), naive = naive_root(n);
        assert_true(same(&root, &naive));
    }
}

/* Each proof with one hash changed, left out or added is refused. */
static void every_inclusion_is_proved_and_no_other(void **state)
{
    (void)state;
    unsigned proofs = 0;
    for (size_t n = 1; n <= MAX; n++) {
        struct merkle_hash root = merkle_root(leaves, n);
        for (size_t index = 0; index < n; index++, proofs++) {
            struct merkle_proof proof = {0};
            merkle_prove_inclusion(leaves, n, index, &proof);
            assert_true(merkle_includes(&proof, &leaves[index], index, n, &root));
            assert_false(merkle_includes(&proof, &leaves[MAX], index, n, &root));
            for (uint64_t other = 0; other <= n; other++)
                assert_int_equal(merkle_includes(&proof, &leaves[index], other, n, &root),
                                 other == index);
            for (size_t i = 0; i < proof.n; i++) {
                proof.hash[i].byte[i % 32] ^= 1;
                assert_false(merkle_includes(&proof, &leaves[index], index, n, &root));
                proof.hash[i].byte[i % 32] ^= 1;
            }
            proof.n++;
            assert_false(merkle_includes(&proof, &leaves[index], index, n, &root));
            proof.n--;
            if (proof.n > 0) {
                proof.n--;
                assert_false(merkle_includes(&proof, &leaves[index], index, n, &root));
            }
        }
    }
    assert_int_equal(proofs, MAX * (MAX + 1) / 2);
}

static void every_extension_is_proved_and_no_other(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MAX; n++) {
        struct merkle_hash root = merkle_root(leaves, n);
        for (size_t old = 1; old <= n; old++) {
            struct merkle_hash old_root = merkle_root(leaves, old);
            struct merkle_proof proof = {0};
            merkle_prove_consistency(leaves, old, n, &proof);
            assert_true(merkle_extends(&proof, old, &old_root, n, &root));
            for (uint64_t other = 0; other <= n; other++)
                if (other != old)
                    assert_false(merkle_extends(&proof, other, &old_root, n, &root));
            for (size_t i = 0; i < proof.n; i++) {
                proof.hash[i].byte[31] ^= 0x80;
                assert_false(merkle_extends(&proof, old, &old_root, n, &root));
                proof.hash[i].byte[31] ^= 0x80;
            }
            struct merkle_hash forged = old_root;
            forged.byte[0] ^= 1;
            assert_false(merkle_extends(&proof, old, &forged, n, &root));
            proof.n++;
            assert_false(merkle_extends(&proof, old, &old_root, n, &root));
        }
    }
}

static void a_log_that_was_rewritten_is_no_extension(void **state)
{
    (void)state;
    for (size_t n = 2; n <= MAX; n++)
        for (size_t changed = 0; changed < n; changed++) {
            struct merkle_hash rewritten[MAX];
            memcpy(rewritten, leaves, n * sizeof *rewritten);
            rewritten[changed] = leaves[MAX];
            struct merkle_hash root = merkle_root(rewritten, n);
            for (size_t old = changed + 1; old <= n; old += 5) {
                struct merkle_hash old_root = merkle_root(leaves, old);
                struct merkle_proof proof = {0};
                merkle_prove_consistency(rewritten, old, n, &proof);
                assert_false(merkle_extends(&proof, old, &old_root, n, &root));
            }
        }
}

static void sizes_from_outside_may_be_anything(void **state)
{
    (void)state;
    struct merkle_hash root = merkle_root(leaves, 5);
    struct merkle_proof proof = {.n = MERKLE_MAX_PROOF};
    assert_false(merkle_includes(&proof, &leaves[0], 0, 0, &root));
    assert_false(merkle_includes(&proof, &leaves[0], UINT64_MAX - 1, UINT64_MAX, &root));
    assert_false(merkle_includes(&proof, &leaves[0], UINT64_MAX, 5, &root));
    assert_false(merkle_extends(&proof, 0, &root, 5, &root));
    assert_false(merkle_extends(&proof, 6, &root, 5, &root));
    assert_false(merkle_extends(&proof, UINT64_MAX - 1, &root, UINT64_MAX, &root));
    proof.n = MERKLE_MAX_PROOF + 1;
    assert_false(merkle_includes(&proof, &leaves[0], 0, 5, &root));
    proof.n = 0;
    assert_false(merkle_extends(&proof, 3, &root, 5, &root));
    assert_true(merkle_extends(&proof, 5, &root, 5, &root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hashes_of_nothing_are_those_of_the_rfc),
        cmocka_unit_test(every_root_is_that_of_the_naive_tree),
        cmocka_unit_test(every_inclusion_is_proved_and_no_other),
        cmocka_unit_test(every_extension_is_proved_and_no_other),
        cmocka_unit_test(a_log_that_was_rewritten_is_no_extension),
        cmocka_unit_test(sizes_from_outside_may_be_anything),
    };
    return cmocka_run_group_tests_name("merkle", tests, setup, NULL);
}
