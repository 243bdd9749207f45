/* Figures of docs/evidence.md, in processor time: records, roots, proofs, signatures, envelopes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "evidence/entry.h"
#include "evidence/head.h"
#include "evidence/tree.h"

enum { RECORDS = 1000000, ROUNDS = 1000, CROP = 60000 };

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void must(enum err err, const struct fault *why)
{
    if (err != ERR_OK) {
        fprintf(stderr, "%s\n", why->text);
        exit(1);
    }
}

static struct tree *grow(void)
{
    struct tree *tree = NULL;
    struct fault why;
    uint8_t record[256] = {0};
    must(tree_new(&tree, &why), &why);
    double begin = now_us();
    for (uint32_t i = 0; i < RECORDS; i++) {
        record[0] = (uint8_t)i;
        record[1] = (uint8_t)(i >> 8);
        record[2] = (uint8_t)(i >> 16);
        struct merkle_hash leaf = merkle_leaf(record, sizeof record);
        must(tree_append(tree, &leaf, &why), &why);
    }
    printf("append, with the leaf of 256 bytes  %8.2f us\n", (now_us() - begin) / RECORDS);
    return tree;
}

static void prove(const struct tree *tree)
{
    struct merkle_proof proof;
    double took[3] = {0}, worst[3] = {0};
    static const char *const names[] = {"root", "inclusion proof", "growth proof"};
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t n = (uint64_t)rand() % (RECORDS - 1) + 2, k = (uint64_t)rand() % (n - 1) + 1;
        for (int what = 0; what < 3; what++) {
            double begin = now_us();
            if (what == 0)
                proof.hash[0] = tree_root(tree, n);
            else if (what == 1)
                tree_prove_inclusion(tree, n, k, &proof);
            else
                tree_prove_growth(tree, k, n, &proof);
            double us = now_us() - begin;
            took[what] += us;
            worst[what] = us > worst[what] ? us : worst[what];
        }
    }
    for (int what = 0; what < 3; what++)
        printf("%-16s of up to %d    %8.2f us, worst %.0f us\n", names[what], RECORDS,
               took[what] / ROUNDS, worst[what]);
}

static void sign_and_seal(void)
{
    static uint8_t crop[CROP], sealed[CROP + ENVELOPE_OVERHEAD];
    const uint8_t scalar[32] = {[31] = 7};
    const struct envelope_purpose purpose = {"laneward crop 1", scalar, 16};
    struct signature_key *key = NULL;
    struct signature signature;
    struct fault why;
    must(signature_key_from_scalar(&key, scalar, &why), &why);
    double begin = now_us();
    for (int i = 0; i < ROUNDS; i++)
        must(signature_make(key, crop, 168, &signature, &why), &why);
    printf("sign a head                         %8.2f us\n", (now_us() - begin) / ROUNDS);
    begin = now_us();
    for (int i = 0; i < ROUNDS; i++)
        if (!signature_holds(key, crop, 168, &signature))
            exit(1);
    printf("check it                            %8.2f us\n", (now_us() - begin) / ROUNDS);
    begin = now_us();
    for (int i = 0; i < ROUNDS; i++)
        must(envelope_seal(key, &purpose, crop, sizeof crop, sealed, &why), &why);
    printf("seal 60 kB                          %8.2f us\n", (now_us() - begin) / ROUNDS);
    begin = now_us();
    for (int i = 0; i < ROUNDS; i++)
        must(envelope_open(key, &purpose, sealed, sizeof sealed, crop, &why), &why);
    printf("open it                             %8.2f us\n", (now_us() - begin) / ROUNDS);
    signature_key_free(&key);
}

int main(void)
{
    struct tree *tree = grow();
    prove(tree);
    tree_free(&tree);
    sign_and_seal();
    return 0;
}
