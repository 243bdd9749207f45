/* Prints roots and proofs of both trees over records given as hexadecimal digits, a line each:
 * "root N HASH", "in N INDEX HASH...", "grow OLD N HASH...". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tree.h"

enum { MAX = 64 };

static void print_hash(const struct merkle_hash *hash)
{
    putchar(' ');
    for (int i = 0; i < MERKLE_HASH_SIZE; i++)
        printf("%02x", hash->byte[i]);
}

static void print_proof(const struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->n; i++)
        print_hash(&proof->hash[i]);
    putchar('\n');
}

static struct merkle_hash leaf_of(const char *hex)
{
    uint8_t record[256];
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        if (i == sizeof record || sscanf(hex + 2 * i, "%2x", &value) != 1)
            exit(2);
        record[i] = (uint8_t)value;
    }
    return merkle_leaf(record, size);
}

static void print_tree(const struct tree *tree, uint64_t n)
{
    struct merkle_proof proof;
    struct merkle_hash root = tree_root(tree, n);
    printf("root %llu", (unsigned long long)n);
    print_hash(&root);
    putchar('\n');
    for (uint64_t i = 0; i < n; i++) {
        printf("in %llu %llu", (unsigned long long)n, (unsigned long long)i);
        tree_prove_inclusion(tree, n, i, &proof);
        print_proof(&proof);
        printf("grow %llu %llu", (unsigned long long)i + 1, (unsigned long long)n);
        tree_prove_growth(tree, i + 1, n, &proof);
        print_proof(&proof);
    }
}

int main(int argc, char **argv)
{
    struct tree *tree = NULL;
    struct fault why;
    if (argc > MAX + 1 || tree_new(&tree, &why) != ERR_OK)
        return 2;
    for (int i = 1; i < argc; i++) {
        struct merkle_hash leaf = leaf_of(argv[i]);
        if (tree_append(tree, &leaf, &why) != ERR_OK)
            return 2;
    }
    for (int n = 0; n < argc; n++)
        print_tree(tree, (uint64_t)n);
    tree_free(&tree);
    return 0;
}
