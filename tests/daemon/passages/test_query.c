/* The officers' questions as JSON: what is accepted, what is refused and with which words. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/query.h"

static struct query q;
static struct fault why;

static enum err parse(const char *text)
{
    memset(&q, 0, sizeof q);
    memset(&why, 0, sizeof why);
    return query_parse(text, strlen(text), QUERY_ALL, &q, &why);
}

#define WHO "\"reason\":\"stolen vehicle\",\"case_number\":\"26-114\""
#define ID "00112233445566778899aabbccddeeff"
#define APPROVE "{\"version\":1,\"query\":\"approve\"," WHO
#define EXPORT "{\"version\":1,\"query\":\"export\"," WHO
#define FIND "{\"version\":1,\"query\":\"find\"," WHO

static void a_question_with_all_members_is_understood(void **state)
{
    (void)state;
    assert_int_equal(parse(FIND ",\"plate\":\"AB?123\",\"look_alike\":true,\"lane\":\"north\","
                                "\"from\":1700000000000,\"to\":1700000600000,\"limit\":20}"),
                     ERR_OK);
    assert_int_equal(q.kind, QUERY_FIND);
    assert_string_equal(q.reason, "stolen vehicle");
    assert_string_equal(q.case_number, "26-114");
    assert_string_equal(q.find.plate, "AB?123");
    assert_true(q.find.look_alike);
    assert_string_equal(q.find.lane, "north");
    assert_true(q.find.from_ms == 1700000000000 && q.find.to_ms == 1700000600000);
    assert_int_equal(q.find.limit, 20);
}

static void a_question_may_leave_all_but_the_reason_and_case_out(void **state)
{
    (void)state;
    assert_int_equal(parse(FIND "}"), ERR_OK);
    assert_string_equal(q.find.plate, "");
    assert_int_equal(q.find.limit, 0);
}

/* Who approves reads them on a terminal. */
static void words_that_would_hide_what_stands_beside_them_are_refused(void **state)
{
    (void)state;
    static const char *const reasons[] = {"\\u009b8m", "\\u202e411", "x\\u2028passage: none",
                                          "\\u001b[8m", "a\xc2\x9bJ"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"version\":1,\"query\":\"find\",\"reason\":\"%s\",\"case_number\":\"1\"}",
                 reasons[i]);
        assert_int_equal(parse(text), ERR_INPUT);
        assert_non_null(strstr(why.text, "reason"));
    }
}

static void a_question_without_a_reason_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":1,\"query\":\"find\",\"case_number\":\"26-114\"}"),
                     ERR_INPUT);
    assert_non_null(strstr(why.text, "reason"));
    assert_string_equal(q.case_number, "26-114"); /* for the record of the refusal */
}

static void a_question_without_a_case_number_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":1,\"query\":\"find\",\"reason\":\"stolen\"}"), ERR_INPUT);
    assert_non_null(strstr(why.text, "case_number"));
    assert_string_equal(q.reason, "stolen");
}

static void a_blank_reason_is_none(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"version\":1,\"query\":\"find\",\"reason\":\"   \",\"case_number\":\"1\"}"),
        ERR_INPUT);
    assert_non_null(strstr(why.text, "reason"));
}

static void an_image_is_asked_for_by_its_id(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":1,\"query\":\"image\"," WHO
                           ",\"id\":\"00112233445566778899aabbccddeeff\"}"),
                     ERR_OK);
    assert_int_equal(q.kind, QUERY_IMAGE);
    assert_int_equal(q.id[1], 0x11);
    assert_int_equal(q.id[15], 0xff);
}

static void status_needs_no_reason(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":1,\"query\":\"status\"}"), ERR_OK);
    assert_int_equal(q.kind, QUERY_STATUS);
}

/* Each of these must be refused, and the fault must name the member. */
static const struct {
    const char *text, *name;
} wrong[] = {
    {FIND ",\"plate\":\"AB-123\"}", "plate"},
    {FIND ",\"plate\":\"???123\"}", "plate"},
    {FIND ",\"plate\":\"??\"}", "plate"},
    {FIND ",\"plate\":\"abc123\"}", "plate"},
    {FIND ",\"plate\":\"ABCDEFGHIJKLM\"}", "plate"},
    {FIND ",\"plate\":7}", "plate"},
    {FIND ",\"look_alike\":1}", "look_alike"},
    {FIND ",\"lane\":\"a b\"}", "lane"},
    {FIND ",\"limit\":0}", "limit"},
    {FIND ",\"limit\":51}", "limit"},
    {FIND ",\"limit\":1.5}", "limit"},
    {FIND ",\"limit\":\"5\"}", "limit"},
    {FIND ",\"from\":-1}", "from"},
    {FIND ",\"from\":5,\"to\":4}", "from"},
    {FIND ",\"to\":99999999999999}", "to"},
    {FIND ",\"id\":\"00\"}", "find"},
    {FIND ",\"offset\":1}", "find"},
    {"{\"version\":2,\"query\":\"find\"," WHO "}", "version"},
    {"{\"query\":\"find\"," WHO "}", "version"},
    {"{\"version\":1,\"query\":\"dump\"," WHO "}", "query"},
    {"{\"version\":1," WHO "}", "query"},
    {"{\"version\":1,\"query\":\"image\"," WHO "}", "id"},
    {"{\"version\":1,\"query\":\"image\"," WHO ",\"id\":\"00112233445566778899aabbccddeef\"}",
     "id"},
    {"{\"version\":1,\"query\":\"image\"," WHO ",\"id\":\"00112233445566778899aabbccddeegg\"}",
     "id"},
    {"{\"version\":1,\"query\":\"status\"," WHO "}", "status"},
    {"{\"version\":1,\"query\":\"status\",\"seen\":0}", "seen"},
    {"{\"version\":1,\"query\":\"status\",\"seen\":-4}", "seen"},
    {FIND ",\"ticket\":\"1a2b3c4\"}", "ticket"},
    {FIND ",\"ticket\":\"1A2B3C4D\"}", "ticket"},
    {FIND ",\"ticket\":7}", "ticket"},
    {FIND ",\"signature\":\"Zg==\"}", "find"},
    {"{\"version\":1,\"query\":\"pending\"," WHO "}", "pending"},
    {APPROVE "}", "ticket"},
    {APPROVE ",\"ticket\":\"1a2b3c4d\",\"signature\":\"\"}", "signature"},
    {APPROVE ",\"ticket\":\"1a2b3c4d\",\"signature\":\"Zh==\"}", "signature"},
    {APPROVE ",\"ticket\":\"1a2b3c4d\",\"signature\":5}", "signature"},
    {EXPORT "}", "ids"},
    {EXPORT ",\"ids\":[],\"recipient\":\"a\"}", "ids"},
    {EXPORT ",\"ids\":[\"" ID "\",\"" ID "\"],\"recipient\":\"a\"}", "ids"},
    {EXPORT ",\"ids\":[7],\"recipient\":\"a\"}", "ids"},
    {EXPORT ",\"ids\":[\"" ID "\"]}", "recipient"},
    {EXPORT ",\"ids\":[\"" ID "\"],\"recipient\":\"../a\"}", "recipient"},
    {EXPORT ",\"ids\":[\"" ID "\"],\"recipient\":\".a\"}", "recipient"},
    {EXPORT ",\"ids\":[\"" ID "\"],\"recipient\":\"a\",\"ticket\":\"1a2b3c4d\"}", "ticket"},
    {"{\"version\":1,\"query\":\"log\"," WHO "}", "first"},
    {"{\"version\":1,\"query\":\"log\"," WHO ",\"first\":-1}", "first"},
    {"{\"version\":1,\"query\":\"log\",\"first\":1}", "reason"},
    {"{\"version\":1,\"query\":\"prove\"," WHO ",\"first\":1}", "prove"},
    {"{\"version\":1,\"query\":\"prove\"," WHO "}", "index"},
    {"{\"version\":1,\"query\":\"posture\",\"failed\":1}", "digest"},
    {"{\"version\":1,\"query\":\"posture\",\"digest\":\"" ID ID "\"}", "failed"},
    {"{\"version\":1,\"query\":\"posture\",\"digest\":\"" ID "\",\"failed\":0}", "digest"},
    {"{\"version\":1,\"query\":\"quality\",\"lane\":\"north\"}", "quality"},
    {"[]", "object"},
    {"7", "JSON"},
    {"", "JSON"},
    {"{", "JSON"},
    {FIND "} x", "JSON"},
    {FIND ",\"plate\":\"A\",\"plate\":\"B\"}", "JSON"},
    {FIND ",\"plate\":\"A\\u0000B\"}", "JSON"},
    {FIND ",\"from\":99999999999999999999}", "JSON"},
    {"{\"version\":1,\"query\":\"find\",\"reason\":\"a\\nb\",\"case_number\":\"1\"}", "reason"},
    {"{\"version\":1,\"query\":\"find\",\"reason\":[],\"case_number\":\"1\"}", "reason"},
};

static void what_is_wrong_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i].text), ERR_INPUT);
        if (strstr(why.text, wrong[i].name) == NULL)
            fail_msg("%s: said \"%s\", which does not name %s", wrong[i].text, why.text,
                     wrong[i].name);
    }
}

static void an_approval_names_its_ticket(void **state)
{
    (void)state;
    assert_int_equal(parse(APPROVE ",\"ticket\":\"1a2b3c4d\",\"signature\":\"AAEC\"}"), ERR_OK);
    assert_int_equal(q.kind, QUERY_APPROVE);
    assert_string_equal(q.ticket, "1a2b3c4d");
    assert_int_equal(q.signature.size, 3);
    assert_memory_equal(q.signature.der, "\0\1\2", 3);
    assert_int_equal(parse(APPROVE ",\"ticket\":\"1a2b3c4d\"}"), ERR_OK);
    assert_int_equal(q.signature.size, 0);
}

static void an_export_is_asked_for_by_ids_or_by_its_ticket(void **state)
{
    (void)state;
    assert_int_equal(parse(EXPORT ",\"ids\":[\"" ID "\"],\"recipient\":\"port-1\",\"seen\":9}"),
                     ERR_OK);
    assert_int_equal(q.n_ids, 1);
    assert_int_equal(q.ids[0][15], 0xff);
    assert_string_equal(q.recipient, "port-1");
    assert_int_equal(q.seen_size, 9);
    assert_int_equal(parse(EXPORT ",\"ticket\":\"1a2b3c4d\"}"), ERR_OK);
    assert_int_equal(q.n_ids, 0);
    assert_string_equal(q.ticket, "1a2b3c4d");
}

static void maintenance_asks_for_state_and_totals_only(void **state)
{
    (void)state;
    static const char *const others[] = {FIND "}", "{\"version\":1,\"query\":\"image\"," WHO "}",
                                         APPROVE "}", "{\"version\":1,\"query\":\"pending\"}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        memset(&q, 0, sizeof q);
        assert_int_equal(query_parse(others[i], strlen(others[i]), QUERY_MAINTENANCE, &q, &why),
                         ERR_DENIED);
        assert_non_null(strstr(why.text, "query: "));
        assert_true(q.kind != 0); /* for the record of the refusal */
        assert_string_equal(q.reason, "");
    }
    static const char posture[] =
        "{\"version\":1,\"query\":\"posture\",\"digest\":\"" ID ID "\",\"failed\":2}";
    assert_int_equal(query_parse(posture, sizeof posture - 1, QUERY_MAINTENANCE, &q, &why), ERR_OK);
    assert_int_equal(q.n_failed, 2);
    assert_int_equal(q.digest[31], 0xff);
}

static void the_largest_question_of_each_kind_fits(void **state)
{
    (void)state;
    char text[QUERY_MAX_BYTES];
    struct query asked = {.first = INT64_MAX, .seen_size = INT64_MAX, .n_failed = 1000};
    memset(asked.reason, '"', sizeof asked.reason - 1);
    memset(asked.case_number, '\\', sizeof asked.case_number - 1);
    memset(asked.recipient, 'r', sizeof asked.recipient - 1);
    for (int kind = QUERY_FIND; kind < QUERY_LIMIT; kind++) {
        asked.kind = (enum query_kind)kind;
        asked.n_ids = kind == QUERY_EXPORT ? QUERY_MAX_EXPORT : 0;
        asked.signature.size = kind == QUERY_APPROVE ? SIGNATURE_MAX : 0;
        for (uint32_t i = 0; i < asked.n_ids; i++)
            memset(asked.ids[i], (int)i, ROW_ID_SIZE);
        snprintf(asked.ticket, sizeof asked.ticket, "%s", kind == QUERY_APPROVE ? "1a2b3c4d" : "");
        size_t size = query_text(&asked, text);
        memset(&q, 0, sizeof q);
        if (query_parse(text, size, QUERY_ALL, &q, &why) != ERR_OK)
            fail_msg("%s: %s", text, why.text);
        assert_true(q.seen_size == INT64_MAX);
        assert_int_equal(q.n_ids, asked.n_ids);
        assert_memory_equal(q.ids, asked.ids, sizeof q.ids[0] * asked.n_ids);
        assert_int_equal(q.signature.size, asked.signature.size);
        assert_true(q.first == (kind == QUERY_LOG || kind == QUERY_PROVE ? INT64_MAX : 0));
    }
}

static void a_refusal_never_repeats_the_plate(void **state)
{
    (void)state;
    assert_int_equal(parse(FIND ",\"plate\":\"XYZ-PLATE\"}"), ERR_INPUT);
    assert_null(strstr(why.text, "XYZ"));
    assert_int_equal(parse(FIND ",\"XYZPLATE\":1}"), ERR_INPUT);
    assert_null(strstr(why.text, "XYZ"));
}

static void a_question_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[QUERY_MAX_BYTES + 2];
    memset(text, ' ', sizeof text);
    assert_int_equal(query_parse(text, QUERY_MAX_BYTES + 1, QUERY_ALL, &q, &why), ERR_LIMIT);
}

static void what_the_client_writes_the_desk_understands(void **state)
{
    (void)state;
    char text[QUERY_MAX_BYTES];
    struct query asked = {.kind = QUERY_FIND,
                          .find = {.plate = "A?1",
                                   .look_alike = true,
                                   .lane = "south",
                                   .from_ms = 5,
                                   .to_ms = 9,
                                   .limit = 3}};
    memset(asked.reason, '"', sizeof asked.reason - 1); /* every byte is escaped */
    snprintf(asked.case_number, sizeof asked.case_number, "Zürich \\ 7");
    for (int kind = QUERY_FIND; kind <= QUERY_IMAGE; kind++) {
        asked.kind = (enum query_kind)kind;
        memset(asked.id, kind == QUERY_IMAGE ? 0xc5 : 0, sizeof asked.id);
        size_t size = query_text(&asked, text);
        assert_int_equal(size, strlen(text));
        memset(&q, 0, sizeof q);
        assert_int_equal(query_parse(text, size, QUERY_ALL, &q, &why), ERR_OK);
        if (kind == QUERY_IMAGE)
            memset(&asked.find, 0, sizeof asked.find);
        assert_int_equal(q.kind, asked.kind);
        assert_string_equal(q.reason, asked.reason);
        assert_string_equal(q.case_number, asked.case_number);
        assert_memory_equal(q.id, asked.id, sizeof q.id);
        assert_string_equal(q.find.plate, kind == QUERY_FIND ? "A?1" : "");
        assert_int_equal(q.find.limit, kind == QUERY_FIND ? 3 : 0);
        asked.find.limit = 3;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_with_all_members_is_understood),
        cmocka_unit_test(a_question_may_leave_all_but_the_reason_and_case_out),
        cmocka_unit_test(words_that_would_hide_what_stands_beside_them_are_refused),
        cmocka_unit_test(a_question_without_a_reason_is_refused),
        cmocka_unit_test(a_question_without_a_case_number_is_refused),
        cmocka_unit_test(a_blank_reason_is_none),
        cmocka_unit_test(an_image_is_asked_for_by_its_id),
        cmocka_unit_test(status_needs_no_reason),
        cmocka_unit_test(what_is_wrong_is_refused_by_name),
        cmocka_unit_test(an_approval_names_its_ticket),
        cmocka_unit_test(an_export_is_asked_for_by_ids_or_by_its_ticket),
        cmocka_unit_test(maintenance_asks_for_state_and_totals_only),
        cmocka_unit_test(the_largest_question_of_each_kind_fits),
        cmocka_unit_test(a_refusal_never_repeats_the_plate),
        cmocka_unit_test(a_question_that_is_too_long_is_refused),
        cmocka_unit_test(what_the_client_writes_the_desk_understands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
