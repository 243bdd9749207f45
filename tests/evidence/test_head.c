/* Heads: one that another program has packed and signed, every change of it, and whose they are. */
#include <string.h>

#include "evidence/head.h"
#include "fixture.h"

static struct head read_sample(void)
{
    uint8_t packed[HEAD_MAX_BYTES];
    struct head head;
    struct fault why;
    size_t size = fixture_read("head/signed", packed, sizeof packed);
    assert_int_equal(head_parse(packed, size, &head, &why), ERR_OK);
    return head;
}

static void sign(struct head *head, const struct signature_key *key)
{
    uint8_t message[HEAD_MAX_BYTES];
    struct fault why;
    size_t size = head_message(head, message);
    assert_int_equal(signature_make(key, message, size, &head->signature, &why), ERR_OK);
}

static void a_head_of_another_program_is_understood(void **state)
{
    (void)state;
    struct head head = read_sample();
    struct signature_key *key = fixture_key();
    uint8_t root[32];
    fixture_bytes("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", root);
    assert_int_equal(head.size, 8);
    assert_memory_equal(head.root.byte, root, sizeof root);
    assert_int_equal(head.epoch, 3);
    assert_int_equal(head.binding, 2);
    for (uint8_t i = 0; i < HEAD_ID_SIZE; i++) {
        assert_int_equal(head.host[i], i);
        assert_int_equal(head.boot[i], 0xb0);
    }
    assert_int_equal(head.at_ms, 1795309886578);
    assert_int_equal(head.posture[31], 7);
    assert_true(head_is_signed(&head, key));
    signature_key_free(&key);
}

static void a_head_is_packed_as_the_format_says(void **state)
{
    (void)state;
    struct head head = read_sample();
    uint8_t packed[HEAD_MAX_BYTES], expected[HEAD_MAX_BYTES];
    size_t size = head_pack(&head, packed);
    assert_int_equal(size, fixture_read("head/signed", expected, sizeof expected));
    assert_memory_equal(packed, expected, size);
    assert_int_equal(head_message(&head, packed), 168);
}

static void no_change_of_a_byte_stays_signed(void **state)
{
    (void)state;
    uint8_t packed[HEAD_MAX_BYTES];
    struct signature_key *key = fixture_key();
    struct fault why;
    unsigned understood = 0;
    size_t size = fixture_read("head/signed", packed, sizeof packed);
    struct head original = read_sample();
    struct merkle_hash digest = head_digest(&original);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct head head;
            packed[i] ^= (uint8_t)(1 << bit);
            if (head_parse(packed, size, &head, &why) == ERR_OK) {
                understood++;
                assert_false(head_is_signed(&head, key));
                struct merkle_hash other = head_digest(&head);
                assert_memory_not_equal(other.byte, digest.byte, sizeof other.byte);
            }
            packed[i] ^= (uint8_t)(1 << bit);
        }
    assert_true(understood > 1000); /* so the signature was what refused them */
    signature_key_free(&key);
}

static void a_head_cut_or_with_a_tail_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"head/no-signature", "head/binding-3",      "head/cut",
                                        "head/tail",         "head/long-signature", "head/empty"};
    uint8_t packed[HEAD_MAX_BYTES + 1] = {0};
    struct head head;
    struct fault why;
    size_t size = fixture_read("head/signed", packed, sizeof packed);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(head_parse(packed, cut, &head, &why), ERR_INPUT);
    for (size_t more = size + 1; more <= sizeof packed; more++)
        assert_int_equal(head_parse(packed, more, &head, &why), ERR_INPUT);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size = fixture_read(names[i], packed, sizeof packed);
        assert_int_equal(head_parse(packed, size, &head, &why), ERR_INPUT);
    }
}

static void a_head_of_another_key_epoch_or_host_is_not_signed(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key(), *other = fixture_other_key();
    struct head head = read_sample(), changed;
    sign(&head, key);
    assert_true(head_is_signed(&head, key));
    assert_false(head_is_signed(&head, other));
    changed = head;
    changed.epoch++;
    assert_false(head_is_signed(&changed, key));
    changed = head;
    changed.host[0] ^= 1;
    assert_false(head_is_signed(&changed, key));
    changed = head;
    changed.size--;
    assert_false(head_is_signed(&changed, key));
    changed = head;
    changed.binding = 1;
    assert_false(head_is_signed(&changed, key));
    changed = head;
    sign(&changed, other);
    assert_false(head_is_signed(&changed, key));
    assert_true(head_is_signed(&changed, other));
    signature_key_free(&key);
    signature_key_free(&other);
}

static void a_signature_of_something_else_is_none_of_a_head(void **state)
{
    (void)state;
    struct signature_key *key = fixture_key();
    struct head head = read_sample();
    uint8_t message[HEAD_MAX_BYTES];
    struct fault why;
    size_t size = head_message(&head, message);
    assert_int_equal(signature_make(key, message + 1, size - 1, &head.signature, &why), ERR_OK);
    assert_false(head_is_signed(&head, key));
    signature_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_of_another_program_is_understood),
        cmocka_unit_test(a_head_is_packed_as_the_format_says),
        cmocka_unit_test(no_change_of_a_byte_stays_signed),
        cmocka_unit_test(a_head_cut_or_with_a_tail_is_refused),
        cmocka_unit_test(a_head_of_another_key_epoch_or_host_is_not_signed),
        cmocka_unit_test(a_signature_of_something_else_is_none_of_a_head),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
