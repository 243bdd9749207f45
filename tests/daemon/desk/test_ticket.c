/* What waits for a second person: numbers, lives, texts, and what an approval covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/ticket.h"

static struct tickets tickets;
static struct ticket *ticket;
static struct limits_moment moment;
static struct fault why;

static int begin(void **state)
{
    (void)state;
    memset(&tickets, 0, sizeof tickets);
    moment = (struct limits_moment){.now_ms = 1795309886578, .steady_ms = 1000};
    return 0;
}

static struct ask find_of(uint32_t uid, const char *plate)
{
    struct ask ask = {.kind = ASK_FIND,
                      .uid = uid,
                      .user = "officer",
                      .reason = "stolen vehicle",
                      .case_number = "26-114",
                      .find = {.from_ms = 1795000000000, .limit = 50}};
    snprintf(ask.find.plate, sizeof ask.find.plate, "%s", plate);
    return ask;
}

static struct ask export_of(uint32_t uid)
{
    struct ask ask = find_of(uid, "");
    ask.kind = ASK_EXPORT;
    ask.n_ids = 2;
    memset(ask.ids[0], 0x11, ROW_ID_SIZE);
    memset(ask.ids[1], 0x22, ROW_ID_SIZE);
    snprintf(ask.recipient, sizeof ask.recipient, "port");
    return ask;
}

static enum err open_ticket(const struct ask *ask)
{
    static uint32_t random = 0x1a2b3c4d;
    return ticket_take(&tickets, ask, random, moment, &ticket, &why);
}

static void a_request_gets_a_number_and_is_found_by_it(void **state)
{
    (void)state;
    struct ask ask = find_of(1, "ABC123"), other = find_of(2, "ABC123");
    assert_int_equal(open_ticket(&ask), ERR_OK);
    assert_string_equal(ticket->number, "1a2b3c4d");
    assert_int_equal(open_ticket(&other), ERR_OK); /* the same random number again */
    assert_string_equal(ticket->number, "1a2b3c4e");
    assert_int_equal(ticket_find(&tickets, "1a2b3c4d", 1000)->ask.uid, 1);
    assert_null(ticket_find(&tickets, "1a2b3c4f", 1000));
    assert_null(ticket_find(&tickets, "", 1000));
}

static void the_same_question_keeps_its_ticket(void **state)
{
    (void)state;
    struct ask ask = find_of(1, "ABC123");
    assert_int_equal(open_ticket(&ask), ERR_OK);
    struct ticket *first = ticket;
    moment.steady_ms += 60000;
    assert_int_equal(open_ticket(&ask), ERR_OK);
    assert_ptr_equal(ticket, first);
    assert_int_equal(ticket->until_ms, 1000 + TICKET_MS); /* which lives no longer for it */
}

static void four_of_a_user_and_sixteen_of_all_wait(void **state)
{
    (void)state;
    char plate[16];
    for (uint32_t uid = 0; uid < 4; uid++)
        for (int i = 0; i < 5; i++) {
            snprintf(plate, sizeof plate, "P%d", i);
            struct ask ask = find_of(uid, plate);
            assert_int_equal(open_ticket(&ask), i < 4 ? ERR_OK : ERR_LIMIT);
        }
    struct ask ask = find_of(9, "P");
    assert_int_equal(open_ticket(&ask), ERR_LIMIT);
    moment.steady_ms += TICKET_MS;
    assert_int_equal(open_ticket(&ask), ERR_OK);
}

static void a_ticket_lives_fifteen_minutes_and_so_long_again_when_approved(void **state)
{
    (void)state;
    struct ask ask = find_of(1, "ABC123"), by = {.uid = 2, .user = "chief"};
    assert_int_equal(open_ticket(&ask), ERR_OK);
    assert_non_null(ticket_find(&tickets, "1a2b3c4d", 1000 + TICKET_MS - 1));
    assert_int_equal(ticket_approve(ticket, &by, 1000 + TICKET_MS - 1, &why), ERR_OK);
    assert_non_null(ticket_find(&tickets, "1a2b3c4d", 1000 + 2 * TICKET_MS - 2));
    assert_null(ticket_find(&tickets, "1a2b3c4d", 1000 + 2 * TICKET_MS - 1));
    assert_null(
        ticket_find(&tickets, "1a2b3c4d", 1000)); /* a clock that goes back revives nothing */
}

static void nobody_approves_his_own(void **state)
{
    (void)state;
    struct ask ask = find_of(1, "ABC123"), own = {.uid = 1, .user = "other-name"};
    struct ask by = {.uid = 2, .user = "chief"};
    assert_int_equal(open_ticket(&ask), ERR_OK);
    assert_int_equal(ticket_approve(ticket, &own, 1000, &why), ERR_DENIED);
    assert_false(ticket_covers(ticket, &ask));
    assert_int_equal(ticket_approve(ticket, &by, 1000, &why), ERR_OK);
    assert_string_equal(ticket->approver, "chief");
    assert_true(ticket_covers(ticket, &ask));
    assert_int_equal(ticket_approve(ticket, &by, 1000, &why), ERR_INPUT);
}

static void an_approval_covers_the_same_question_of_the_same_user(void **state)
{
    (void)state;
    struct ask ask = find_of(1, "ABC123"), by = {.uid = 2};
    assert_int_equal(open_ticket(&ask), ERR_OK);
    assert_int_equal(ticket_approve(ticket, &by, 1000, &why), ERR_OK);
    struct ask other = ask;
    other.seen_size = 77; /* not part of the question */
    snprintf(other.ticket, sizeof other.ticket, "1a2b3c4d");
    assert_true(ticket_covers(ticket, &other));
    other = ask, other.uid = 3;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.plate[0] = 'X';
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.from_ms--;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.to_ms = 5;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.look_alike = true;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.limit--;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.find.lane[0] = 'n';
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.reason[0] = 'X';
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.case_number[0] = 'X';
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.kind = ASK_IMAGE;
    assert_false(ticket_covers(ticket, &other));
}

static void an_export_is_covered_by_its_ticket_alone(void **state)
{
    (void)state;
    struct ask ask = export_of(1), by = {.uid = 2};
    assert_int_equal(open_ticket(&ask), ERR_OK);
    struct ask bare = ask;
    bare.n_ids = 0;
    bare.recipient[0] = '\0';
    assert_false(ticket_covers(ticket, &bare));
    assert_int_equal(ticket_approve(ticket, &by, 1000, &why), ERR_OK);
    assert_true(ticket_covers(ticket, &ask));
    assert_true(ticket_covers(ticket, &bare));
    bare.reason[0] = 'X';
    assert_false(ticket_covers(ticket, &bare));
    struct ask other = ask;
    other.ids[1][15] ^= 1;
    assert_false(ticket_covers(ticket, &other));
    other = ask, other.recipient[0] = 'q';
    assert_false(ticket_covers(ticket, &other));
}

static void the_text_says_one_fact_a_line(void **state)
{
    (void)state;
    static char text[TICKET_TEXT_SIZE], again[TICKET_TEXT_SIZE];
    struct ask ask = find_of(1000, "ABC12?");
    ask.find.look_alike = true;
    ask.find.to_ms = 1795000600000;
    snprintf(ask.find.lane, sizeof ask.find.lane, "north");
    assert_int_equal(open_ticket(&ask), ERR_OK);
    size_t size = ticket_text(ticket, text);
    assert_string_equal(text, "laneward approval 1\n"
                              "ticket: 1a2b3c4d\n"
                              "asked: 2026-11-22T01:11:26.578Z\n"
                              "user: officer (1000)\n"
                              "reason: stolen vehicle\n"
                              "case number: 26-114\n"
                              "what: query\n"
                              "plate: ABC12?\n"
                              "look-alikes: too\n"
                              "lane: north\n"
                              "from: 2026-11-18T11:06:40.000Z\n"
                              "to: 2026-11-18T11:16:40.000Z\n"
                              "limit: 50\n");
    assert_int_equal(size, strlen(text));
    /* What the approver signs does not change by the approval. */
    struct ask by = {.uid = 2, .user = "chief"};
    assert_int_equal(ticket_approve(ticket, &by, 1000, &why), ERR_OK);
    assert_int_equal(ticket_text(ticket, again), size);
    assert_memory_equal(text, again, size);
}

static void the_largest_text_fits(void **state)
{
    (void)state;
    static char text[TICKET_TEXT_SIZE];
    struct ask ask = export_of(UINT32_MAX);
    ask.n_ids = ASK_MAX_EXPORT;
    memset(ask.user, 'u', sizeof ask.user - 1);
    memset(ask.reason, 'r', sizeof ask.reason - 1);
    memset(ask.case_number, 'c', sizeof ask.case_number - 1);
    memset(ask.recipient, 'p', sizeof ask.recipient - 1);
    assert_int_equal(open_ticket(&ask), ERR_OK);
    size_t size = ticket_text(ticket, text);
    assert_int_equal(size, strlen(text));
    assert_non_null(strstr(text, "\nrecipient: ppp"));
}

#define TICKET_TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TICKET_TEST(a_request_gets_a_number_and_is_found_by_it),
        TICKET_TEST(the_same_question_keeps_its_ticket),
        TICKET_TEST(four_of_a_user_and_sixteen_of_all_wait),
        TICKET_TEST(a_ticket_lives_fifteen_minutes_and_so_long_again_when_approved),
        TICKET_TEST(nobody_approves_his_own),
        TICKET_TEST(an_approval_covers_the_same_question_of_the_same_user),
        TICKET_TEST(an_export_is_covered_by_its_ticket_alone),
        TICKET_TEST(the_text_says_one_fact_a_line),
        TICKET_TEST(the_largest_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
