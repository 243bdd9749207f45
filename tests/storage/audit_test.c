/* The log of looks: what is appended stays, what was signed cannot be taken away in silence. */
#include "storage/audit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "storage/inside.h"

static struct entry_detail good_detail(void)
{
    return (struct entry_detail){.reason = "stolen vehicle",
                                 .case_number = "2026-17",
                                 .what = "query --plate AB?123",
                                 .n_ids = 2,
                                 .ids = {{1, 2}, {3}}};
}

static struct entry append(struct fixture *f, const char *plate)
{
    struct entry entry = {
        .kind = ENTRY_QUERY, .uid = 1000, .user = "officer", .credential = "uid", .n = 2};
    struct entry_detail detail = good_detail();
    if (audit_append(f->store, &entry, &detail, plate, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
    return entry;
}

static struct head sign(struct fixture *f)
{
    struct head head;
    if (audit_sign(f->store, fixture_now_ms, NULL, &head, &f->why) != ERR_OK)
        fail_msg("%s", f->why.text);
    return head;
}

/* Record `index`, with its detail still sealed. */
static size_t record(struct fixture *f, uint64_t index, uint8_t bytes[ENTRY_MAX_BYTES])
{
    static uint8_t out[ENTRY_MAX_BYTES + 2];
    struct audit_page page = {.first = index, .room = 1, .out = out, .out_size = sizeof out};
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
    assert_int_equal(page.n, 1);
    assert_int_equal(out[0] | out[1] << 8, page.size - 2);
    memcpy(bytes, out + 2, page.size - 2);
    return page.size - 2;
}

static struct entry look_up(struct fixture *f, uint64_t index, const struct signature_key *key,
                            struct entry_detail *detail, enum err expected)
{
    uint8_t bytes[ENTRY_MAX_BYTES];
    const uint8_t *sealed;
    size_t sealed_size, size = record(f, index, bytes);
    struct entry entry;
    assert_int_equal(entry_parse(bytes, size, &entry, &sealed, &sealed_size, &f->why), ERR_OK);
    assert_int_equal(entry_open(&entry, sealed, sealed_size, key, detail, &f->why), expected);
    return entry;
}

static void a_record_comes_back_as_it_was_appended(void **state)
{
    struct fixture *f = *state;
    struct entry first = append(f, "AB?123"), second = append(f, "");
    assert_int_equal(first.index, 0);
    assert_int_equal(first.at_ms, fixture_now_ms);
    assert_int_equal(first.epoch, 1);
    assert_int_equal(second.index, 1);
    fixture_reopen(f);
    struct entry_detail detail, expected = good_detail();
    struct entry entry = look_up(f, 0, NULL, &detail, ERR_OK);
    assert_memory_equal(&entry.mac, &first.mac, sizeof entry.mac);
    assert_int_equal(entry.kind, ENTRY_QUERY);
    assert_string_equal(entry.user, "officer");
    assert_string_equal(detail.reason, expected.reason);
    assert_string_equal(detail.what, expected.what);
    assert_int_equal(detail.n_ids, 2);
    assert_int_equal(append(f, "").index, 2);
}

static void a_plate_is_told_by_its_mac_alone(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zero[ENTRY_MAC_SIZE];
    struct entry a = append(f, "AB1"), b = append(f, "AB2"), again = append(f, "AB1"),
                 none = append(f, NULL);
    assert_memory_equal(a.mac, again.mac, sizeof a.mac);
    assert_memory_not_equal(a.mac, b.mac, sizeof a.mac);
    assert_memory_equal(none.mac, zero, sizeof zero);
}

static void details_are_for_the_auditor_alone(void **state)
{
    struct fixture *f = *state;
    static const uint8_t scalar[32] = {[31] = 21}, other_scalar[32] = {[31] = 22};
    struct signature_key *auditor = NULL, *other = NULL;
    assert_int_equal(signature_key_from_scalar(&auditor, scalar, &f->why), ERR_OK);
    assert_int_equal(signature_key_from_scalar(&other, other_scalar, &f->why), ERR_OK);
    f->store_options.auditor_key = auditor;
    fixture_reopen(f);
    (void)append(f, "AB1");
    struct entry_detail detail;
    (void)look_up(f, 0, NULL, &detail, ERR_DENIED);
    (void)look_up(f, 0, other, &detail, ERR_IDENTITY);
    (void)look_up(f, 0, auditor, &detail, ERR_OK);
    assert_string_equal(detail.case_number, "2026-17");
    uint8_t bytes[ENTRY_MAX_BYTES];
    size_t size = record(f, 0, bytes);
    assert_null(memmem(bytes, size, "2026-17", 7));
    signature_key_free(&auditor);
    signature_key_free(&other);
}

static void many_records_are_read_in_pages(void **state)
{
    struct fixture *f = *state;
    static uint8_t out[AUDIT_MAX_READ * 512];
    for (int i = 0; i < 100; i++)
        (void)append(f, "AB1");
    struct audit_page page = {.room = AUDIT_MAX_READ, .out = out, .out_size = sizeof out};
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
    assert_true(page.n > 10 && page.n <= AUDIT_MAX_READ);
    assert_true(page.size <= sizeof out);
    page.first = 98;
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
    assert_int_equal(page.n, 2);
    page.first = 100;
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
    assert_int_equal(page.n, 0);
    page.first = 0;
    page.out_size = 100; /* less than one record needs */
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_OK);
    assert_int_equal(page.n, 0);
    page.room = AUDIT_MAX_READ + 1;
    assert_int_equal(audit_read(f->store, &page, &f->why), ERR_INPUT);
}

static void a_head_is_due_after_a_minute_or_many_records(void **state)
{
    struct fixture *f = *state;
    assert_false(audit_is_due(f->store, fixture_now_ms + 10 * AUDIT_HEAD_MS));
    (void)append(f, "");
    assert_false(audit_is_due(f->store, fixture_now_ms + AUDIT_HEAD_MS - 1));
    assert_true(audit_is_due(f->store, fixture_now_ms + AUDIT_HEAD_MS));
    assert_true(audit_is_due(f->store, fixture_now_ms - 1)); /* the clock went back */
    fixture_reopen(f);
    assert_true(audit_is_due(f->store, fixture_now_ms + AUDIT_HEAD_MS));
    (void)sign(f);
    assert_false(audit_is_due(f->store, fixture_now_ms + 10 * AUDIT_HEAD_MS));
    for (int i = 0; i < AUDIT_HEAD_RECORDS; i++) {
        assert_false(audit_is_due(f->store, fixture_now_ms));
        (void)append(f, "");
    }
    assert_true(audit_is_due(f->store, fixture_now_ms));
}

static void a_head_is_signed_by_this_stores_key_and_names_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct head none;
    assert_int_equal(audit_head(f->store, &none, &f->why), ERR_NOT_FOUND);
    uint8_t posture[32] = {7};
    struct signature_key *key = NULL;
    struct keyring_state keys = keyring_state(f->store->keyring);
    assert_int_equal(signature_key_from_point(&key, keys.public_point, &f->why), ERR_OK);
    (void)append(f, "");
    struct head first, second, stored;
    assert_int_equal(audit_sign(f->store, fixture_now_ms, posture, &first, &f->why), ERR_OK);
    (void)append(f, "");
    second = sign(f);
    assert_true(head_is_signed(&first, key) && head_is_signed(&second, key));
    assert_int_equal(second.size, 2);
    struct merkle_hash digest = head_digest(&first);
    assert_memory_equal(&second.previous, &digest, sizeof digest);
    assert_memory_equal(second.posture, posture, sizeof posture); /* until there is a newer one */
    assert_memory_equal(second.host, keys.host, sizeof second.host);
    assert_int_equal(second.binding, BINDING_SOFTWARE);
    fixture_reopen(f);
    assert_int_equal(audit_head(f->store, &stored, &f->why), ERR_OK);
    digest = head_digest(&second);
    struct merkle_hash again = head_digest(&stored);
    assert_memory_equal(&again, &digest, sizeof digest);
    signature_key_free(&key);
}

static void every_record_and_every_growth_can_be_proved(void **state)
{
    enum { N = 21 };
    struct fixture *f = *state;
    struct head heads[N], newest;
    struct merkle_proof proof;
    for (int i = 0; i < N; i++) {
        (void)append(f, "");
        heads[i] = sign(f);
    }
    fixture_reopen(f);
    newest = heads[N - 1];
    for (uint64_t i = 0; i < N; i++) {
        uint8_t bytes[ENTRY_MAX_BYTES];
        size_t size = record(f, i, bytes);
        struct merkle_hash leaf = merkle_leaf(bytes, size);
        assert_int_equal(audit_prove_record(f->store, i, &proof, &f->why), ERR_OK);
        assert_true(merkle_includes(&proof, &leaf, i, N, &newest.root));
        assert_int_equal(audit_prove_growth(f->store, i + 1, &proof, &f->why), ERR_OK);
        assert_true(merkle_extends(&proof, i + 1, &heads[i].root, N, &newest.root));
    }
    (void)append(f, ""); /* not signed yet */
    assert_int_equal(audit_prove_record(f->store, N, &proof, &f->why), ERR_INPUT);
    assert_int_equal(audit_prove_growth(f->store, N + 1, &proof, &f->why), ERR_INPUT);
    assert_int_equal(audit_prove_growth(f->store, 0, &proof, &f->why), ERR_INPUT);
}

/* Changes the ledger behind the store's back, with its key; then it must not open, in words. */
static void tamper(struct fixture *f, const char *text, enum err expected, const char *words)
{
    sqlite3_set_authorizer(f->store->ledger->db, NULL, NULL);
    assert_int_equal(sqlite3_exec(f->store->ledger->db, text, NULL, NULL, NULL), SQLITE_OK);
    store_close(&f->store);
    enum err result = fixture_open(f);
    assert_int_equal(result, expected);
    if (expected != ERR_OK && strstr(f->why.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, f->why.text);
}

static void begin(struct fixture *f)
{
    for (int i = 0; i < 10; i++)
        (void)append(f, "AB1");
    (void)sign(f);
    (void)append(f, "AB1");
}

static void a_log_without_its_end_is_not_opened(void **state)
{
    struct fixture *f = *state;
    begin(f);
    tamper(f, "DELETE FROM record WHERE number >= 9", ERR_CORRUPT, "has lost records");
}

static void a_log_with_a_hole_is_not_opened(void **state)
{
    struct fixture *f = *state;
    begin(f);
    tamper(f, "DELETE FROM record WHERE number = 4", ERR_CORRUPT, "has lost its record 4");
}

static void a_changed_record_is_noticed(void **state)
{
    struct fixture *f = *state;
    begin(f);
    tamper(f,
           "UPDATE record SET bytes = (SELECT bytes FROM record WHERE number = 3)"
           " WHERE number = 4",
           ERR_CORRUPT, "was changed");
}

static void a_changed_record_that_no_head_has_signed_is_noticed(void **state)
{
    struct fixture *f = *state;
    begin(f);
    tamper(f,
           "UPDATE record SET bytes = (SELECT bytes FROM record WHERE number = 3)"
           " WHERE number = 10",
           ERR_CORRUPT, "not well formed");
}

static void a_changed_head_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct head head, other;
    begin(f);
    assert_int_equal(audit_head(f->store, &head, &f->why), ERR_OK);
    head.epoch++;
    uint8_t bytes[HEAD_MAX_BYTES];
    char text[2 * HEAD_MAX_BYTES + 64] = "UPDATE head SET bytes = x'";
    size_t size = head_pack(&head, bytes);
    assert_int_equal(head_parse(bytes, size, &other, &f->why), ERR_OK);
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + strlen(text), 3, "%02x", bytes[i]);
    (void)snprintf(text + strlen(text), 2, "'");
    tamper(f, text, ERR_CORRUPT, "is not signed by this store's key");
}

static void what_no_head_has_signed_may_go_unnoticed_here(void **state)
{
    struct fixture *f = *state;
    begin(f);
    /* Only a head that has left the host tells of this one; it is at most a minute old. */
    tamper(f, "DELETE FROM record WHERE number = 10", ERR_OK, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_record_comes_back_as_it_was_appended),
        T(a_plate_is_told_by_its_mac_alone),
        T(details_are_for_the_auditor_alone),
        T(many_records_are_read_in_pages),
        T(a_head_is_due_after_a_minute_or_many_records),
        T(a_head_is_signed_by_this_stores_key_and_names_the_one_before),
        T(every_record_and_every_growth_can_be_proved),
        T(a_log_without_its_end_is_not_opened),
        T(a_log_with_a_hole_is_not_opened),
        T(a_changed_record_is_noticed),
        T(a_changed_record_that_no_head_has_signed_is_noticed),
        T(a_changed_head_is_noticed),
        T(what_no_head_has_signed_may_go_unnoticed_here),
    };
    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
