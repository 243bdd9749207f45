/* Envelopes: one that another implementation has sealed, and every change, other key and other
 * purpose. */
#include <stdlib.h>
#include <string.h>

#include "evidence/envelope.h"
#include "fixture.h"

static const uint8_t crop_id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const struct envelope_purpose crop = {"laneward crop 1", crop_id, sizeof crop_id};

/* tests/fuzz/corpus/envelope/crop is of Python's cryptography module, after docs/evidence.md. */
static void what_another_program_sealed_opens(void **state)
{
    (void)state;
    static const char picture[] = "the picture of a plate";
    uint8_t sealed[256], plain[256];
    struct fault why;
    struct signature_key *key = fixture_key();
    size_t size = fixture_read("envelope/crop", sealed, sizeof sealed);
    assert_int_equal(size, ENVELOPE_OVERHEAD + sizeof picture - 1);
    assert_int_equal(envelope_open(key, &crop, sealed, size, plain, &why), ERR_OK);
    assert_memory_equal(plain, picture, sizeof picture - 1);
    signature_key_free(&key);
}

static void every_size_opens_again(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 262144};
    struct signature_key *key = fixture_key();
    struct fault why;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        uint8_t *plain = malloc(size + 1), *sealed = malloc(size + ENVELOPE_OVERHEAD),
                *again = malloc(size + 1);
        for (size_t k = 0; k < size; k++)
            plain[k] = (uint8_t)(k * 7);
        assert_int_equal(envelope_seal(key, &crop, plain, size, sealed, &why), ERR_OK);
        assert_int_equal(envelope_open(key, &crop, sealed, size + ENVELOPE_OVERHEAD, again, &why),
                         ERR_OK);
        assert_memory_equal(plain, again, size);
        free(plain);
        free(sealed);
        free(again);
    }
    signature_key_free(&key);
}

static void the_same_picture_is_never_sealed_alike(void **state)
{
    (void)state;
    uint8_t first[ENVELOPE_OVERHEAD + 4], second[sizeof first];
    struct signature_key *key = fixture_key();
    struct fault why;
    assert_int_equal(envelope_seal(key, &crop, "jpeg", 4, first, &why), ERR_OK);
    assert_int_equal(envelope_seal(key, &crop, "jpeg", 4, second, &why), ERR_OK);
    for (size_t at = 1; at + 4 <= sizeof first; at += 4) /* no four bytes stay, but the version */
        assert_memory_not_equal(first + at, second + at, 4);
    signature_key_free(&key);
}

static void no_change_of_a_byte_opens_and_nothing_is_given(void **state)
{
    (void)state;
    uint8_t sealed[256], plain[256], untouched[256];
    struct signature_key *key = fixture_key();
    struct fault why;
    size_t size = fixture_read("envelope/crop", sealed, sizeof sealed);
    memset(plain, 0xee, sizeof plain);
    memset(untouched, 0xee, sizeof untouched);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            sealed[i] ^= (uint8_t)(1 << bit);
            enum err err = envelope_open(key, &crop, sealed, size, plain, &why);
            assert_true(err == ERR_INPUT || err == ERR_IDENTITY);
            sealed[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(envelope_open(key, &crop, sealed, cut, plain, &why), ERR_OK);
    assert_int_equal(envelope_open(key, &crop, sealed, size + 1, plain, &why), ERR_IDENTITY);
    assert_memory_equal(plain, untouched, sizeof plain);
    signature_key_free(&key);
}

static void another_key_or_purpose_opens_nothing(void **state)
{
    (void)state;
    uint8_t sealed[256], plain[256], other_id[16] = {1}, point[SIGNATURE_PUBLIC_SIZE];
    const struct envelope_purpose purposes[] = {
        {"laneward crop 2", crop_id, sizeof crop_id},
        {"laneward crop ", crop_id, sizeof crop_id},
        {"laneward crop 1", other_id, sizeof other_id},
        {"laneward crop 1", crop_id, sizeof crop_id - 1},
        {"laneward crop 1", NULL, 0},
    };
    struct signature_key *key = fixture_key(), *other = fixture_other_key(), *public = NULL;
    struct fault why;
    size_t size = fixture_read("envelope/crop", sealed, sizeof sealed);
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        assert_int_equal(envelope_open(key, &purposes[i], sealed, size, plain, &why), ERR_IDENTITY);
    assert_int_equal(envelope_open(other, &crop, sealed, size, plain, &why), ERR_IDENTITY);
    signature_key_point(key, point);
    assert_int_equal(signature_key_from_point(&public, point, &why), ERR_OK);
    assert_int_equal(envelope_open(public, &crop, sealed, size, plain, &why), ERR_IDENTITY);
    assert_int_equal(envelope_open(key, &crop, sealed, size, plain, &why), ERR_OK);
    signature_key_free(&key);
    signature_key_free(&other);
    signature_key_free(&public);
}

static void what_is_no_envelope_is_called_so(void **state)
{
    (void)state;
    static const char *const names[] = {"envelope/cut", "envelope/version-2",
                                        "envelope/off-the-curve", "envelope/infinity",
                                        "envelope/empty"};
    uint8_t sealed[256], plain[256];
    struct signature_key *key = fixture_key();
    struct fault why;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = fixture_read(names[i], sealed, sizeof sealed);
        assert_int_equal(envelope_open(key, &crop, sealed, size, plain, &why), ERR_INPUT);
    }
    signature_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_program_sealed_opens),
        cmocka_unit_test(every_size_opens_again),
        cmocka_unit_test(the_same_picture_is_never_sealed_alike),
        cmocka_unit_test(no_change_of_a_byte_opens_and_nothing_is_given),
        cmocka_unit_test(another_key_or_purpose_opens_nothing),
        cmocka_unit_test(what_is_no_envelope_is_called_so),
    };
    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
