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
    return query_parse(text, strlen(text), &q, &why);
}

#define WHO "\"reason\":\"stolen vehicle\",\"case_number\":\"26-114\""
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
static void what_is_wrong_is_refused_by_name(void **state)
{
    (void)state;
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
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i].text), ERR_INPUT);
        if (strstr(why.text, wrong[i].name) == NULL)
            fail_msg("%s: said \"%s\", which does not name %s", wrong[i].text, why.text,
                     wrong[i].name);
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
    assert_int_equal(query_parse(text, QUERY_MAX_BYTES + 1, &q, &why), ERR_LIMIT);
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
        assert_int_equal(query_parse(text, size, &q, &why), ERR_OK);
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
        cmocka_unit_test(a_question_without_a_reason_is_refused),
        cmocka_unit_test(a_question_without_a_case_number_is_refused),
        cmocka_unit_test(a_blank_reason_is_none),
        cmocka_unit_test(an_image_is_asked_for_by_its_id),
        cmocka_unit_test(status_needs_no_reason),
        cmocka_unit_test(what_is_wrong_is_refused_by_name),
        cmocka_unit_test(a_refusal_never_repeats_the_plate),
        cmocka_unit_test(a_question_that_is_too_long_is_refused),
        cmocka_unit_test(what_the_client_writes_the_desk_understands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
