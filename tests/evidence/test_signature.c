/* Keys in every form they come in, and signatures: a published one, and every change of one byte.
 */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static enum err parse(const char *name, struct signature_key **out)
{
    uint8_t pem[4096];
    struct fault why = {0};
    char path[64];
    snprintf(path, sizeof path, "pem/%s", name);
    size_t size = fixture_read(path, pem, sizeof pem);
    enum err err = signature_key_parse(out, (const char *)pem, size, &why);
    assert_int_equal(err != ERR_OK, why.text[0] != '\0');
    return err;
}

/* RFC 6979, A.2.5, message "sample" with SHA-256. */
static void the_signature_of_the_rfc_holds(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key();
    struct signature signature = {0};
    signature.size = (uint8_t)fixture_bytes(
        "3046022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        signature.der);
    assert_true(signature_holds(key, "sample", 6, &signature));
    assert_false(signature_holds(key, "simple", 6, &signature));
    signature_key_free(&key);
    assert_null(key);
}

static void the_point_of_the_rfc_is_that_of_its_scalar(void **state)
{
    (void)state;
    uint8_t expected[SIGNATURE_PUBLIC_SIZE] = {4}, point[SIGNATURE_PUBLIC_SIZE];
    fixture_bytes("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                  "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
                  expected + 1);
    struct signature_key *key = fixture_key();
    signature_key_point(key, point);
    assert_memory_equal(point, expected, sizeof point);
    signature_key_free(&key);
}

static void what_is_signed_holds_and_no_change_of_a_byte(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key(), *other = fixture_other_key();
    struct fault why;
    struct signature signature, changed;
    uint8_t message[] = "a head of the log";
    assert_int_equal(signature_make(key, message, sizeof message, &signature, &why), ERR_OK);
    assert_true(signature_holds(key, message, sizeof message, &signature));
    assert_false(signature_holds(other, message, sizeof message, &signature));
    assert_false(signature_holds(key, message, sizeof message - 1, &signature));
    for (size_t i = 0; i < signature.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            changed = signature;
            changed.der[i] ^= (uint8_t)(1 << bit);
            assert_false(signature_holds(key, message, sizeof message, &changed));
        }
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] ^= 1;
        assert_false(signature_holds(key, message, sizeof message, &signature));
        message[i] ^= 1;
    }
    for (unsigned size = 0; size < 256; size++) {
        changed = signature;
        changed.size = (uint8_t)size;
        assert_int_equal(signature_holds(key, message, sizeof message, &changed),
                         size == signature.size);
    }
    signature_key_free(&key);
    signature_key_free(&other);
}

static void a_public_key_checks_and_cannot_sign(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key(), *public = NULL;
    struct signature signature, untouched = {.size = 1};
    struct fault why;
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
    signature_key_point(key, point);
    assert_int_equal(signature_key_from_point(&public, point, &why), ERR_OK);
    assert_int_equal(signature_make(key, "x", 1, &signature, &why), ERR_OK);
    assert_true(signature_holds(public, "x", 1, &signature));
    assert_int_equal(signature_make(public, "x", 1, &untouched, &why), ERR_INPUT);
    assert_int_equal(untouched.size, 1);
    signature_key_free(&key);
    signature_key_free(&public);
}

static void each_kind_of_pem_gives_the_same_key(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool signs;
    } forms[] = {{"public", false}, {"certificate", false}, {"two", false}, {"private", true}};
    struct signature_key *expected = fixture_key();
    uint8_t point[SIGNATURE_PUBLIC_SIZE], read[SIGNATURE_PUBLIC_SIZE];
    signature_key_point(expected, point);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct signature_key *key = NULL;
        struct signature signature;
        struct fault why;
        assert_int_equal(parse(forms[i].name, &key), ERR_OK);
        signature_key_point(key, read);
        assert_memory_equal(point, read, sizeof point);
        enum err err = signature_make(key, "x", 1, &signature, &why);
        assert_int_equal(err, forms[i].signs ? ERR_OK : ERR_INPUT);
        assert_true(err != ERR_OK || signature_holds(expected, "x", 1, &signature));
        signature_key_free(&key);
    }
    signature_key_free(&expected);
}

static void other_keys_and_what_is_no_key_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "p384", "p384-private",  "rsa",   "ed25519", "private-traditional", "private-passphrase",
        "cut",  "halves-differ", "empty", "no-pem"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct signature_key *key = NULL;
        assert_int_equal(parse(names[i], &key), ERR_INPUT);
        assert_null(key);
    }
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key(), *made = NULL;
    struct fault why;
    uint8_t point[SIGNATURE_PUBLIC_SIZE], zero[SIGNATURE_PUBLIC_SIZE] = {0};
    signature_key_point(key, point);
    signature_key_free(&key);
    assert_int_equal(signature_key_from_point(&made, zero, &why), ERR_INPUT);
    for (size_t i = 0; i < sizeof point; i++) {
        point[i] ^= 1; /* the other half of a pair lies nowhere near one bit */
        assert_int_equal(signature_key_from_point(&made, point, &why), ERR_INPUT);
        point[i] ^= 1;
    }
    point[0] = 2; /* compressed forms are not taken */
    assert_int_equal(signature_key_from_point(&made, point, &why), ERR_INPUT);
    assert_null(made);
}

static void scalars_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum err err;
    } scalars[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", ERR_INPUT},
        {"0000000000000000000000000000000000000000000000000000000000000001", ERR_OK},
        {"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", ERR_OK},
        {"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", ERR_INPUT},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        uint8_t scalar[32];
        struct signature_key *key = NULL;
        struct fault why;
        fixture_bytes(scalars[i].hex, scalar);
        assert_int_equal(signature_key_from_scalar(&key, scalar, &why), scalars[i].err);
        assert_int_equal(key != NULL, scalars[i].err == ERR_OK);
        signature_key_free(&key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_of_the_rfc_holds),
        cmocka_unit_test(the_point_of_the_rfc_is_that_of_its_scalar),
        cmocka_unit_test(what_is_signed_holds_and_no_change_of_a_byte),
        cmocka_unit_test(a_public_key_checks_and_cannot_sign),
        cmocka_unit_test(each_kind_of_pem_gives_the_same_key),
        cmocka_unit_test(other_keys_and_what_is_no_key_are_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(scalars_out_of_range_are_refused),
    };
    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
