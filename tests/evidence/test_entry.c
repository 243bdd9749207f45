/* Records: those that another program has packed, every change of one, and details that are not
 * theirs. */
#include <stdio.h>
#include <string.h>

#include "evidence/entry.h"
#include "evidence/merkle.h"
#include "fixture.h"

static struct entry sample(void)
{
    struct entry entry = {.kind = ENTRY_QUERY,
                          .index = 7,
                          .epoch = 3,
                          .at_ms = 1795309886578,
                          .uid = 1000,
                          .user = "officer",
                          .credential = "uid",
                          .n = 2};
    for (int i = 0; i < ENTRY_MAC_SIZE; i++)
        entry.mac[i] = (uint8_t)i;
    return entry;
}

static struct entry_detail sample_detail(void)
{
    struct entry_detail detail = {
        .reason = "stolen vehicle", .case_number = "26-114", .what = "--plate KLN385?", .n_ids = 2};
    memset(detail.ids[0], 1, ENTRY_ID_SIZE);
    memset(detail.ids[1], 2, ENTRY_ID_SIZE);
    return detail;
}

static void a_record_is_packed_as_the_format_says(void **state)
{
    (void)state;
    struct entry entry = sample();
    struct entry_detail detail = sample_detail();
    uint8_t sealed[ENTRY_MAX_SEALED], packed[ENTRY_MAX_BYTES], expected[ENTRY_MAX_BYTES], leaf[32];
    size_t sealed_size;
    struct fault why;
    assert_int_equal(entry_seal(&entry, &detail, NULL, sealed, &sealed_size, &why), ERR_OK);
    size_t size = entry_pack(&entry, sealed, sealed_size, packed);
    assert_int_equal(size, fixture_read("entry/open", expected, sizeof expected));
    assert_memory_equal(packed, expected, size);
    fixture_bytes("427b645f200a16366d607e6c29eb74c2c626d000ec6d1af0d0ec82122855e2e3", leaf);
    struct merkle_hash hash = merkle_leaf(packed, size);
    assert_memory_equal(hash.byte, leaf, sizeof leaf);
}

static void what_another_program_sealed_opens(void **state)
{
    (void)state;
    uint8_t packed[ENTRY_MAX_BYTES];
    const uint8_t *sealed;
    size_t sealed_size, size = fixture_read("entry/sealed", packed, sizeof packed);
    struct entry entry, expected = sample();
    struct entry_detail detail, expected_detail = sample_detail();
    struct fault why;
    struct signature_key *key = fixture_key(), *other = fixture_other_key();
    assert_int_equal(entry_parse(packed, size, &entry, &sealed, &sealed_size, &why), ERR_OK);
    assert_memory_equal(&entry, &expected, sizeof entry);
    assert_int_equal(entry_open(&entry, sealed, sealed_size, NULL, &detail, &why), ERR_DENIED);
    assert_int_equal(entry_open(&entry, sealed, sealed_size, other, &detail, &why), ERR_IDENTITY);
    assert_int_equal(entry_open(&entry, sealed, sealed_size, key, &detail, &why), ERR_OK);
    assert_memory_equal(&detail, &expected_detail, sizeof detail);
    signature_key_free(&key);
    signature_key_free(&other);
}

static void a_changed_byte_is_refused_or_another_record(void **state)
{
    (void)state;
    uint8_t packed[ENTRY_MAX_BYTES], again[ENTRY_MAX_BYTES];
    size_t size = fixture_read("entry/sealed", packed, sizeof packed), sealed_size;
    struct merkle_hash leaf = merkle_leaf(packed, size);
    unsigned refused = 0;
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct entry entry;
            const uint8_t *sealed;
            struct fault why;
            packed[i] ^= (uint8_t)(1 << bit);
            struct merkle_hash hash = merkle_leaf(packed, size);
            assert_memory_not_equal(hash.byte, leaf.byte, sizeof hash.byte);
            if (entry_parse(packed, size, &entry, &sealed, &sealed_size, &why) != ERR_OK) {
                refused++;
            } else { /* one record, one form */
                assert_int_equal(entry_pack(&entry, sealed, sealed_size, again), size);
                assert_memory_equal(packed, again, size);
            }
            packed[i] ^= (uint8_t)(1 << bit);
        }
    assert_true(refused >= 8 * 16); /* the tag at least */
}

static void a_record_cut_or_with_a_tail_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"entry/cut",       "entry/kind-0",       "entry/kind-17",
                                        "entry/long-text", "entry/zero-in-text", "entry/tail",
                                        "entry/detail",    "entry/empty"};
    uint8_t packed[ENTRY_MAX_BYTES + 1] = {0};
    struct entry entry;
    const uint8_t *sealed;
    size_t sealed_size, size = fixture_read("entry/sealed", packed, sizeof packed);
    struct fault why;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(entry_parse(packed, cut, &entry, &sealed, &sealed_size, &why), ERR_INPUT);
    for (size_t more = size + 1; more <= sizeof packed; more++)
        assert_int_equal(entry_parse(packed, more, &entry, &sealed, &sealed_size, &why), ERR_INPUT);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size = fixture_read(names[i], packed, sizeof packed);
        assert_int_equal(entry_parse(packed, size, &entry, &sealed, &sealed_size, &why), ERR_INPUT);
    }
}

static void a_detail_opens_in_its_own_record_alone(void **state)
{
    (void)state;
    struct entry entry = sample();
    struct entry_detail detail = sample_detail(), opened;
    struct signature_key *key = fixture_key();
    uint8_t sealed[ENTRY_MAX_SEALED];
    size_t size;
    struct fault why;
    assert_int_equal(entry_seal(&entry, &detail, key, sealed, &size, &why), ERR_OK);
    assert_int_equal(entry_open(&entry, sealed, size, key, &opened, &why), ERR_OK);
    struct entry others[7];
    for (int i = 0; i < 7; i++)
        others[i] = entry;
    others[0].index++;
    others[1].uid = 0;
    others[2].user[0] = 'O';
    others[3].at_ms--;
    others[4].kind = ENTRY_IMAGE;
    others[5].mac[15] ^= 1;
    others[6].epoch = 4;
    for (int i = 0; i < 7; i++)
        assert_int_equal(entry_open(&others[i], sealed, size, key, &opened, &why), ERR_IDENTITY);
    assert_int_equal(entry_open(&entry, sealed, 0, key, &opened, &why), ERR_NOT_FOUND);
    signature_key_free(&key);
}

static void the_largest_record_and_detail_fit(void **state)
{
    (void)state;
    struct entry entry = sample(), again;
    struct entry_detail detail = {.n_ids = ENTRY_MAX_IDS}, opened;
    struct signature_key *key = fixture_key();
    uint8_t sealed[ENTRY_MAX_SEALED], packed[ENTRY_MAX_BYTES];
    const uint8_t *part;
    size_t size, part_size;
    struct fault why;
    memset(entry.user, 'u', sizeof entry.user - 1);
    memset(entry.credential, 'c', sizeof entry.credential - 1);
    memset(entry.name, 'n', sizeof entry.name - 1);
    memset(detail.reason, 'r', sizeof detail.reason - 1);
    memset(detail.case_number, 'c', sizeof detail.case_number - 1);
    memset(detail.what, 'w', sizeof detail.what - 1);
    memset(detail.ids, 0xab, sizeof detail.ids);
    entry.index = entry.epoch = entry.number = UINT64_MAX;
    entry.at_ms = INT64_MIN;
    assert_int_equal(entry_seal(&entry, &detail, key, sealed, &size, &why), ERR_OK);
    size = entry_pack(&entry, sealed, size, packed);
    assert_int_equal(entry_parse(packed, size, &again, &part, &part_size, &why), ERR_OK);
    assert_memory_equal(&entry, &again, sizeof entry);
    assert_int_equal(entry_open(&again, part, part_size, key, &opened, &why), ERR_OK);
    assert_memory_equal(&detail, &opened, sizeof detail);
    signature_key_free(&key);
}

static void a_changed_or_cut_detail_is_refused_or_another(void **state)
{
    (void)state;
    struct entry_detail detail = sample_detail(), parsed;
    uint8_t packed[ENTRY_MAX_DETAIL], again[ENTRY_MAX_DETAIL];
    struct fault why;
    size_t size = entry_pack_detail(&detail, packed);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(entry_parse_detail(packed, cut, &parsed, &why), ERR_INPUT);
    for (size_t i = 0; i < size; i++) {
        packed[i] ^= 1;
        if (entry_parse_detail(packed, size, &parsed, &why) == ERR_OK) {
            assert_int_equal(entry_pack_detail(&parsed, again), size);
            assert_memory_equal(packed, again, size);
        }
        packed[i] ^= 1;
    }
    size = fixture_read("entry/51-ids", packed, sizeof packed);
    assert_int_equal(entry_parse_detail(packed, size, &parsed, &why), ERR_INPUT);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_null(entry_kind_name((enum entry_kind)0));
    assert_null(entry_kind_name(ENTRY_LIMIT));
    for (int kind = 1; kind < ENTRY_LIMIT; kind++) {
        assert_non_null(entry_kind_name((enum entry_kind)kind));
        for (int other = 1; other < kind; other++)
            assert_string_not_equal(entry_kind_name((enum entry_kind)kind),
                                    entry_kind_name((enum entry_kind)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_packed_as_the_format_says),
        cmocka_unit_test(what_another_program_sealed_opens),
        cmocka_unit_test(a_changed_byte_is_refused_or_another_record),
        cmocka_unit_test(a_record_cut_or_with_a_tail_is_refused),
        cmocka_unit_test(a_detail_opens_in_its_own_record_alone),
        cmocka_unit_test(the_largest_record_and_detail_fit),
        cmocka_unit_test(a_changed_or_cut_detail_is_refused_or_another),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
