/* Merkle trees of RFC 6962; the checks walk the proof as RFC 9162, section 2.1 describes. */
#include "evidence/merkle.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

/* Looked up once: OpenSSL's implicit look-up costs more than hashing a short record. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256 != NULL);
}

/* Of a byte that says what it is, and up to two pieces. */
static struct merkle_hash digest_of(uint8_t kind, const uint8_t *first, const uint8_t *second,
                                    size_t size)
{
    struct merkle_hash hash;
    pthread_once(&sha256_once, fetch_sha256);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL && EVP_DigestInit_ex2(context, sha256, NULL) == 1 &&
               EVP_DigestUpdate(context, &kind, 1) == 1 &&
               EVP_DigestUpdate(context, first, size) == 1 &&
               (second == NULL || EVP_DigestUpdate(context, second, size) == 1) &&
               EVP_DigestFinal_ex(context, hash.byte, NULL) == 1;
    EVP_MD_CTX_free(context);
    assert(good);
    return hash;
}

struct merkle_hash merkle_leaf(const uint8_t *record, size_t size)
{
    return digest_of(0, record, NULL, size);
}

struct merkle_hash merkle_parent(const struct merkle_hash *left, const struct merkle_hash *right)
{
    return digest_of(1, left->byte, right->byte, MERKLE_HASH_SIZE);
}

static struct merkle_hash hash_of_nothing(void)
{
    struct merkle_hash hash;
    int good = EVP_Digest("", 0, hash.byte, NULL, EVP_sha256(), NULL);
    assert(good == 1);
    return hash;
}

/* The largest power of two below n; n > 1. */
static size_t split(size_t n)
{
    size_t power = 1;
    while (power * 2 < n)
        power *= 2;
    return power;
}

/* Recursion is as deep as the tree is high. */
struct merkle_hash merkle_root(const struct merkle_hash *leaves, size_t n)
{
    if (n == 0)
        return hash_of_nothing();
    if (n == 1)
        return leaves[0];
    size_t k = split(n);
    struct merkle_hash left = merkle_root(leaves, k), right = merkle_root(leaves + k, n - k);
    return merkle_parent(&left, &right);
}

static void append(struct merkle_proof *proof, struct merkle_hash hash)
{
    assert(proof->n < MERKLE_MAX_PROOF);
    proof->hash[proof->n++] = hash;
}

static void inclusion(const struct merkle_hash *leaves, size_t n, size_t index,
                      struct merkle_proof *out)
{
    if (n == 1)
        return;
    size_t k = split(n);
    if (index < k) {
        inclusion(leaves, k, index, out);
        append(out, merkle_root(leaves + k, n - k));
    } else {
        inclusion(leaves + k, n - k, index - k, out);
        append(out, merkle_root(leaves, k));
    }
}

void merkle_prove_inclusion(const struct merkle_hash *leaves, size_t n, size_t index,
                            struct merkle_proof *out)
{
    assert(index < n);
    out->n = 0;
    inclusion(leaves, n, index, out);
}

/* `whole`: the old tree is this subtree as it stands, so its root is known to who checks. */
static void consistency(const struct merkle_hash *leaves, size_t old, size_t n, bool whole,
                        struct merkle_proof *out)
{
    if (old == n) {
        if (!whole)
            append(out, merkle_root(leaves, n));
        return;
    }
    size_t k = split(n);
    if (old <= k) {
        consistency(leaves, old, k, whole, out);
        append(out, merkle_root(leaves + k, n - k));
    } else {
        consistency(leaves + k, old - k, n - k, false, out);
        append(out, merkle_root(leaves, k));
    }
}

void merkle_prove_consistency(const struct merkle_hash *leaves, size_t old, size_t n,
                              struct merkle_proof *out)
{
    assert(0 < old && old <= n);
    out->n = 0;
    consistency(leaves, old, n, true, out);
}

static bool same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->byte, b->byte, MERKLE_HASH_SIZE) == 0;
}

bool merkle_includes(const struct merkle_proof *proof, const struct merkle_hash *leaf,
                     uint64_t index, uint64_t n, const struct merkle_hash *root)
{
    if (index >= n || proof->n > MERKLE_MAX_PROOF)
        return false;
    struct merkle_hash hash = *leaf;
    uint64_t at = index, last = n - 1; /* of the level under view */
    for (size_t i = 0; i < proof->n; i++) {
        if (last == 0)
            return false; /* longer than the tree is high */
        if ((at & 1) != 0 || at == last) {
            hash = merkle_parent(&proof->hash[i], &hash);
            while ((at & 1) == 0 && at != 0) { /* a lone right end rises without a sibling */
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = merkle_parent(&hash, &proof->hash[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && same(&hash, root);
}

bool merkle_extends(const struct merkle_proof *proof, uint64_t old,
                    const struct merkle_hash *old_root, uint64_t n, const struct merkle_hash *root)
{
    if (old == 0 || old > n || proof->n > MERKLE_MAX_PROOF)
        return false;
    if (old == n)
        return proof->n == 0 && same(old_root, root);
    size_t i = 0;
    struct merkle_hash before, after;
    if ((old & (old - 1)) ==
        0) { /* the old tree is whole in the new one: its root begins the walk */
        before = *old_root;
    } else if (proof->n > 0) {
        before = proof->hash[i++];
    } else {
        return false;
    }
    after = before;
    uint64_t at = old - 1, last = n - 1;
    while ((at & 1) != 0) {
        at >>= 1;
        last >>= 1;
    }
    for (; i < proof->n; i++) {
        if (last == 0)
            return false;
        if ((at & 1) != 0 || at == last) {
            before = merkle_parent(&proof->hash[i], &before);
            after = merkle_parent(&proof->hash[i], &after);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = merkle_parent(&after, &proof->hash[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && same(&before, old_root) && same(&after, root);
}
