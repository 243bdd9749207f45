/* The keeper's packets become one line: every kind of answer, and files of many parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/hex.h"
#include "daemon/reply.h"

static struct reply reply;
static struct counters counters;
static struct config config;
static struct message m;
static char *text;

static void ask(enum query_kind kind)
{
    struct query query = {.kind = kind, .find = {.limit = 50}};
    config_defaults(&config);
    reply_begin(&reply, &query, &counters, &config);
    memset(&m, 0, sizeof m);
    free(text);
    text = NULL;
}

static enum reply_step hear(enum message_type type)
{
    m.type = type;
    return reply_take(&reply, &m, &text);
}

/* The head, with growth from what was seen. */
static void hear_log(void)
{
    m.evidence = (struct message_evidence){.head_size = 3,
                                           .head = {1, 2, 3},
                                           .key = {4},
                                           .has_growth = true,
                                           .growth = {.n = 1, .hash = {{{0xab}}}}};
    assert_int_equal(hear(MESSAGE_EVIDENCE), REPLY_WAIT);
}

static json_t *answer(void)
{
    assert_non_null(text);
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    return object;
}

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : "";
}

static void every_answer_shows_the_log_s_head(void **state)
{
    (void)state;
    static const struct {
        enum query_kind kind;
        enum message_type type;
    } pairs[] = {{QUERY_FIND, MESSAGE_ROWS},       {QUERY_IMAGE, MESSAGE_CROP},
                 {QUERY_PENDING, MESSAGE_PENDING}, {QUERY_APPROVE, MESSAGE_DONE},
                 {QUERY_EXPORT, MESSAGE_TICKET},   {QUERY_LOG, MESSAGE_LOG},
                 {QUERY_PROVE, MESSAGE_PROOF},     {QUERY_POSTURE, MESSAGE_DONE},
                 {QUERY_FIND, MESSAGE_REFUSED}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        ask(pairs[i].kind);
        hear_log();
        m.fault.code = ERR_DENIED;
        assert_int_equal(hear(pairs[i].type), REPLY_READY);
        json_t *object = answer(), *log = json_object_get(object, "log");
        assert_string_equal(word(log, "head"), "AQID");
        assert_int_equal(strlen(word(log, "key")), 130);
        assert_int_equal(json_array_size(json_object_get(log, "growth")), 1);
        assert_null(json_object_get(log, "error"));
        json_decref(object);
    }
}

static void a_log_that_went_back_is_told(void **state)
{
    (void)state;
    ask(QUERY_FIND);
    snprintf(m.evidence.error, sizeof m.evidence.error, "the log has fewer records");
    assert_int_equal(hear(MESSAGE_EVIDENCE), REPLY_WAIT);
    assert_int_equal(hear(MESSAGE_ROWS), REPLY_READY);
    json_t *object = answer();
    assert_string_equal(word(json_object_get(object, "log"), "error"), "the log has fewer records");
    json_decref(object);
    ask(QUERY_FIND); /* the next answer begins without it */
    assert_int_equal(hear(MESSAGE_ROWS), REPLY_READY);
    object = answer();
    assert_null(json_object_get(object, "log"));
    json_decref(object);
}

static void a_refusal_names_the_ticket_it_has_opened(void **state)
{
    (void)state;
    ask(QUERY_FIND);
    fault_set(&m.fault, ERR_DENIED, "needs a second person");
    m.needs_second = true;
    snprintf(m.ticket, sizeof m.ticket, "1a2b3c4d");
    assert_int_equal(hear(MESSAGE_REFUSED), REPLY_READY);
    json_t *object = answer();
    assert_true(json_is_true(json_object_get(object, "needs_second")));
    assert_string_equal(word(object, "ticket"), "1a2b3c4d");
    assert_string_equal(word(json_object_get(object, "error"), "code"), "denied");
    json_decref(object);
}

static void a_sealed_picture_is_no_jpeg(void **state)
{
    (void)state;
    ask(QUERY_IMAGE);
    m.is_sealed = true;
    m.n_data = 3;
    memcpy(m.data, "abc", 3);
    assert_int_equal(hear(MESSAGE_CROP), REPLY_READY);
    json_t *object = answer();
    assert_string_equal(word(object, "sealed_jpeg"), "YWJj");
    assert_null(json_object_get(object, "image"));
    json_decref(object);
}

static void what_waits_is_listed(void **state)
{
    (void)state;
    ask(QUERY_PENDING);
    for (uint32_t left = 2; left > 0; left--) {
        m.n_left = left;
        snprintf(m.ticket, sizeof m.ticket, "0000000%u", (unsigned)left);
        snprintf(m.user, sizeof m.user, "olga");
        m.asked_ms = 1795309886578;
        m.n_data = 12;
        memcpy(m.data, "line\nz\xc3\xbcrich\n", 12);
        assert_int_equal(hear(MESSAGE_PENDING), REPLY_WAIT);
    }
    m.n_left = 0;
    assert_int_equal(hear(MESSAGE_PENDING), REPLY_READY);
    json_t *object = answer(), *list = json_object_get(object, "pending");
    assert_int_equal(json_array_size(list), 2);
    json_t *second = json_array_get(list, 1);
    assert_string_equal(word(second, "ticket"), "00000001");
    assert_string_equal(word(second, "user"), "olga");
    assert_string_equal(word(second, "text"), "line\nz\xc3\xbcrich");
    assert_true(json_integer_value(json_object_get(second, "asked")) == 1795309886578);
    json_decref(object);
}

static void a_page_of_the_log_is_a_list_of_records(void **state)
{
    (void)state;
    ask(QUERY_LOG);
    m.first = 40;
    m.total = 99;
    m.n_left = 2;
    m.n_data = 8;
    memcpy(m.data, "\3\0abc\1\0z", 8);
    assert_int_equal(hear(MESSAGE_LOG), REPLY_READY);
    json_t *object = answer(), *records = json_object_get(object, "records");
    assert_int_equal(json_integer_value(json_object_get(object, "first")), 40);
    assert_int_equal(json_integer_value(json_object_get(object, "size")), 99);
    assert_int_equal(json_array_size(records), 2);
    assert_string_equal(json_string_value(json_array_get(records, 0)), "YWJj");
    assert_string_equal(json_string_value(json_array_get(records, 1)), "eg==");
    json_decref(object);
}

static void a_proof_names_its_leaf(void **state)
{
    (void)state;
    ask(QUERY_PROVE);
    m.first = 7;
    m.proof = (struct merkle_proof){.n = 2, .hash = {{{0xff}}, {{0x01}}}};
    assert_int_equal(hear(MESSAGE_PROOF), REPLY_READY);
    json_t *object = answer(), *proof = json_object_get(object, "proof");
    assert_int_equal(json_integer_value(json_object_get(object, "leaf_index")), 7);
    assert_int_equal(json_array_size(proof), 2);
    assert_int_equal(strncmp(json_string_value(json_array_get(proof, 0)), "ff00", 4), 0);
    json_decref(object);
}

/* Part by part; one that comes twice or out of order changes nothing. */
static void a_file_comes_in_parts_and_fits_an_answer(void **state)
{
    (void)state;
    static uint8_t file[MESSAGE_MAX_BLOB];
    static uint8_t back[MESSAGE_MAX_BLOB];
    for (size_t i = 0; i < sizeof file; i++)
        file[i] = (uint8_t)(i * 31 + i / 999);
    ask(QUERY_EXPORT);
    hear_log();
    enum reply_step step = REPLY_MORE;
    m.total = sizeof file;
    m.number = 12;
    m.digest[0] = 0xcd;
    for (int parts = 0; step == REPLY_MORE; parts++) {
        uint64_t left = m.total - reply.n_file;
        m.first = reply.n_file;
        m.n_data = (uint32_t)(left < MESSAGE_MAX_DATA ? left : MESSAGE_MAX_DATA);
        memcpy(m.data, file + m.first, m.n_data);
        step = hear(MESSAGE_BLOB);
        if (step == REPLY_MORE)
            assert_int_equal(hear(MESSAGE_BLOB), REPLY_WAIT);
        assert_true(parts < 60);
    }
    assert_int_equal(step, REPLY_READY);
    assert_null(reply.file);
    assert_true(strlen(text) < QUERY_MAX_ANSWER);
    json_t *object = answer();
    size_t size = 0;
    const char *cms = word(object, "cms");
    assert_true(base64_decode(cms, strlen(cms), back, sizeof back, &size));
    assert_int_equal(size, sizeof file);
    assert_memory_equal(back, file, size);
    assert_int_equal(json_integer_value(json_object_get(object, "number")), 12);
    assert_int_equal(strncmp(word(object, "sha256"), "cd00", 4), 0);
    json_decref(object);
}

static void a_file_that_is_broken_off_is_freed(void **state)
{
    (void)state;
    ask(QUERY_EXPORT);
    m.total = 100;
    m.n_data = 10;
    assert_int_equal(hear(MESSAGE_BLOB), REPLY_MORE);
    fault_set(&m.fault, ERR_IO, "gone");
    assert_int_equal(hear(MESSAGE_REFUSED), REPLY_READY);
    json_t *object = answer();
    assert_string_equal(word(json_object_get(object, "error"), "code"), "io");
    json_decref(object);
    ask(QUERY_EXPORT); /* the leak checker would tell */
    assert_null(reply.file);
    assert_int_equal(hear(MESSAGE_TICKET), REPLY_READY);
}

static void what_does_not_answer_the_question_is_passed_over(void **state)
{
    (void)state;
    for (int kind = QUERY_FIND; kind < QUERY_LIMIT; kind++) {
        int n_ready = 0;
        for (int type = MESSAGE_HELLO; type < MESSAGE_COUNT; type++) {
            ask((enum query_kind)kind);
            m.total = 5;
            m.n_data = type == MESSAGE_LOG ? 0 : 5;
            m.fault.code = ERR_IO;
            n_ready += hear((enum message_type)type) == REPLY_READY;
        }
        /* A refusal, and the answer of its kind; an export has two; quality needs no keeper. */
        assert_int_equal(n_ready, kind == QUERY_EXPORT ? 3 : kind == QUERY_QUALITY ? 1 : 2);
    }
}

static void a_status_tells_keys_log_and_terms(void **state)
{
    (void)state;
    ask(QUERY_STATUS);
    atomic_store(&counters.alarms, 2);
    m.stats = (struct store_stats){.n_rows = 3, .binding = BINDING_TPM};
    m.health = (struct health){.epoch = 5,
                               .pcr_mask = 1 << 7 | 1 << 11,
                               .with_credential = true,
                               .seals_crops = true,
                               .log_size = 40,
                               .head_size = 39,
                               .head_ms = counters_now_ms() - 30000,
                               .hit_term_s = 259200,
                               .other_crop_term_s = 86400};
    assert_int_equal(hear(MESSAGE_STATS), REPLY_READY);
    json_t *object = answer(), *log = json_object_get(object, "log");
    assert_string_equal(word(object, "crops"), "sealed-to-port");
    assert_string_equal(word(log, "details"), "host-only");
    assert_string_equal(word(log, "witness"), "journal");
    assert_string_equal(word(log, "witness_server"), "none");
    assert_int_equal(json_integer_value(json_object_get(log, "size")), 40);
    assert_in_range(json_integer_value(json_object_get(log, "head_age_s")), 29, 35);
    assert_int_equal(json_integer_value(json_object_get(object, "epoch")), 5);
    assert_int_equal(json_integer_value(json_object_get(object, "alarms")), 2);
    assert_int_equal(json_array_size(json_object_get(object, "pcrs")), 2);
    assert_true(json_is_true(json_object_get(object, "credential")));
    assert_true(json_is_false(json_object_get(object, "suspended")));
    json_t *terms = json_object_get(object, "terms");
    assert_int_equal(json_integer_value(json_object_get(terms, "hit_s")), 259200);
    assert_int_equal(json_integer_value(json_object_get(terms, "other_crop_s")), 86400);
    json_decref(object);
}

static int end(void **state)
{
    (void)state;
    reply_end(&reply);
    free(text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_shows_the_log_s_head),
        cmocka_unit_test(a_log_that_went_back_is_told),
        cmocka_unit_test(a_refusal_names_the_ticket_it_has_opened),
        cmocka_unit_test(a_sealed_picture_is_no_jpeg),
        cmocka_unit_test(what_waits_is_listed),
        cmocka_unit_test(a_page_of_the_log_is_a_list_of_records),
        cmocka_unit_test(a_proof_names_its_leaf),
        cmocka_unit_test(a_file_comes_in_parts_and_fits_an_answer),
        cmocka_unit_test(a_file_that_is_broken_off_is_freed),
        cmocka_unit_test(what_does_not_answer_the_question_is_passed_over),
        cmocka_unit_test(a_status_tells_keys_log_and_terms),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
