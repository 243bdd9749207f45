/* How much may be asked: shapes, rates, age, and who is a robot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/option.h"
#include "daemon/limits.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t day = 24 * (int64_t)HOUR;

static struct limits *limits;
static struct limits_moment moment;
static struct limits_verdict verdict;
static struct config config;
static struct fault why;

static void restart(void)
{
    if (limits != NULL)
        limits_free(&limits);
    assert_int_equal(limits_new(&limits, &config, moment.steady_ms - 2 * day, &why), ERR_OK);
}

static int begin(void **state)
{
    (void)state;
    config_defaults(&config);
    moment = (struct limits_moment){.now_ms = 1800000000000, .steady_ms = 5 * HOUR};
    restart();
    return 0;
}

static int end(void **state)
{
    (void)state;
    limits_free(&limits);
    return 0;
}

static void pass(int64_t ms)
{
    moment.now_ms += ms;
    moment.steady_ms += ms;
}

/* A young question with a plate. */
static struct ask plate_of(uint32_t uid)
{
    struct ask ask = {.kind = ASK_FIND, .uid = uid, .find = {.plate = "ABC123", .limit = 10}};
    ask.find.from_ms = moment.now_ms - HOUR;
    return ask;
}

static enum err find(uint32_t uid)
{
    struct ask ask = plate_of(uid);
    return limits_check(limits, &ask, false, moment, &verdict, &why);
}

static enum err image(uint32_t uid)
{
    struct ask ask = {.kind = ASK_IMAGE, .uid = uid, .find = {.from_ms = moment.now_ms - HOUR}};
    return limits_check(limits, &ask, false, moment, &verdict, &why);
}

static void assert_shape(const char *plate, const char *lane, int64_t minutes, enum err expected)
{
    struct ask ask = {.kind = ASK_FIND, .uid = 1, .find = {.limit = 10}};
    snprintf(ask.find.plate, sizeof ask.find.plate, "%s", plate);
    snprintf(ask.find.lane, sizeof ask.find.lane, "%s", lane);
    ask.find.to_ms = moment.now_ms;
    ask.find.from_ms = moment.now_ms - minutes * MINUTE;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), expected);
    assert_false(verdict.needs_second);
}

static void a_question_has_a_plate_or_a_lane_and_ten_minutes(void **state)
{
    (void)state;
    assert_shape("ABC123", "", 600, ERR_OK);
    assert_shape("", "north", 10, ERR_OK);
    assert_shape("", "north", 11, ERR_DENIED);
    assert_non_null(strstr(why.text, "10 minutes"));
    assert_shape("", "", 5, ERR_DENIED);
    assert_shape("", "north", -1, ERR_DENIED); /* ends before it begins */
    config.lane_minutes = 3;
    restart();
    assert_shape("", "north", 3, ERR_OK);
    assert_shape("", "north", 4, ERR_DENIED);
    config.lane_minutes = 0;
    restart();
    assert_shape("", "north", 0, ERR_DENIED);
    assert_shape("ABC123", "north", 0, ERR_OK);
}

static void what_is_left_out_is_put_in(void **state)
{
    (void)state;
    struct ask ask = {.kind = ASK_FIND, .find = {.plate = "ABC123"}};
    limits_complete(limits, &ask, moment);
    assert_true(ask.find.from_ms == moment.now_ms - day && ask.find.to_ms == 0);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_OK);
    /* An end that lies farther back is no young question. */
    ask.find.from_ms = 0, ask.find.to_ms = moment.now_ms - day - 1;
    limits_complete(limits, &ask, moment);
    assert_true(ask.find.from_ms == 0);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_true(verdict.needs_second);
    /* Without a plate, the beginning has to be said. */
    ask = (struct ask){.kind = ASK_FIND, .find = {.lane = "north"}};
    limits_complete(limits, &ask, moment);
    assert_true(ask.find.from_ms == 0 && ask.find.to_ms == moment.now_ms);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_false(verdict.needs_second);
}

static void what_was_the_last_ten_minutes_when_it_was_asked_is_so_when_it_comes(void **state)
{
    (void)state;
    const int64_t ten = 600000;
    struct ask ask = {.kind = ASK_FIND, .find = {.lane = "north", .limit = 1}};
    ask.find.from_ms = moment.now_ms - ten - 900;
    limits_complete(limits, &ask, moment);
    assert_true(ask.find.from_ms == moment.now_ms - ten && ask.find.to_ms == moment.now_ms);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_OK);
    ask.find.from_ms = moment.now_ms - ten - 60001;
    ask.find.to_ms = 0;
    limits_complete(limits, &ask, moment);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    ask = (struct ask){.kind = ASK_FIND, .find = {.plate = "ABC123", .limit = 1}};
    ask.find.from_ms = moment.now_ms - day - 900;
    limits_complete(limits, &ask, moment);
    assert_true(ask.find.from_ms == moment.now_ms - day);
}

static void what_is_old_stays_old_when_the_clock_is_set_back(void **state)
{
    (void)state;
    struct ask ask = plate_of(1);
    ask.find.from_ms = moment.now_ms - day - HOUR;
    moment.latest_ms = moment.now_ms;
    moment.now_ms -= 2 * day;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_true(verdict.needs_second);
    /* What is left out does not need one. */
    ask.find.from_ms = 0;
    limits_complete(limits, &ask, moment);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_OK);
}

static void what_is_old_needs_a_second_person(void **state)
{
    (void)state;
    struct ask ask = plate_of(1);
    ask.find.from_ms = moment.now_ms - day;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_OK);
    ask.find.from_ms--;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_true(verdict.needs_second);
    assert_non_null(strstr(why.text, "24 h"));
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_OK);
    assert_false(verdict.needs_second);
    ask.kind = ASK_IMAGE;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_true(verdict.needs_second);
    ask.find.from_ms = 0; /* no such passage */
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_OK);
}

static void a_second_person_mends_no_shape(void **state)
{
    (void)state;
    struct ask ask = {.kind = ASK_FIND, .find = {.lane = "north", .from_ms = 1}};
    ask.find.to_ms = moment.now_ms;
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_DENIED);
    assert_false(verdict.needs_second);
}

static void an_export_always_takes_two(void **state)
{
    (void)state;
    struct ask ask = {.kind = ASK_EXPORT, .uid = 1, .n_ids = 20, .recipient = "port"};
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_true(verdict.needs_second);
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_OK);
    ask.n_ids = 21;
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_DENIED);
    assert_false(verdict.needs_second);
    ask.n_ids = 0;
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_DENIED);
}

static void one_user_asks_sixty_times_an_hour(void **state)
{
    (void)state;
    for (int i = 0; i < LIMITS_QUERIES_PER_HOUR; i++)
        assert_int_equal(find(1), ERR_OK);
    assert_int_equal(find(1), ERR_LIMIT);
    assert_non_null(strstr(why.text, "again in 60 s"));
    assert_int_equal(find(2), ERR_OK); /* another user has his own */
    assert_int_equal(image(1), ERR_OK);
    pass(MINUTE - 1);
    assert_int_equal(find(1), ERR_LIMIT);
    pass(1);
    assert_int_equal(find(1), ERR_OK);
    assert_int_equal(find(1), ERR_LIMIT);
    pass(10 * HOUR); /* no more than an hour's is saved up */
    for (int i = 0; i < LIMITS_QUERIES_PER_HOUR; i++)
        assert_int_equal(find(1), ERR_OK);
    assert_int_equal(find(1), ERR_LIMIT);
}

static void a_needed_second_person_costs_a_question_too(void **state)
{
    (void)state;
    struct ask ask = plate_of(1);
    ask.find.from_ms = 1;
    for (int i = 0; i < LIMITS_QUERIES_PER_HOUR; i++)
        assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_LIMIT);
    assert_false(verdict.needs_second);
}

static void the_host_gives_three_hundred_pictures_a_day(void **state)
{
    (void)state;
    int given = 0;
    for (uint32_t uid = 0; uid < 100; uid++)
        while (image(uid) == ERR_OK)
            given++;
    assert_int_equal(given, LIMITS_IMAGES_PER_DAY);
    assert_non_null(strstr(why.text, "all users"));
    struct ask ask = {.kind = ASK_EXPORT, .uid = 1, .n_ids = 20, .recipient = "port"};
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_LIMIT);
    pass(day / LIMITS_IMAGES_PER_DAY * 20);
    assert_int_equal(limits_check(limits, &ask, true, moment, &verdict, &why), ERR_OK);
    assert_int_equal(image(77), ERR_LIMIT);
}

static void ten_thousand_users_get_what_the_host_gives(void **state)
{
    (void)state;
    int given = 0;
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t uid = 0; uid < 10000; uid++)
            given += find(uid) == ERR_OK;
    assert_int_equal(given, LIMITS_QUERIES_PER_DAY);
    pass(2 * HOUR); /* their places are free again */
    assert_int_equal(find(123456), ERR_OK);
    for (int i = 0; i < 59; i++)
        assert_int_equal(find(123456), ERR_OK);
    assert_int_equal(find(123456), ERR_LIMIT);
}

static void users_beyond_the_table_cannot_fill_their_own_buckets(void **state)
{
    (void)state;
    for (uint32_t uid = 0; uid < LIMITS_USERS; uid++)
        assert_int_equal(find(uid), ERR_OK);
    int given = 0;
    for (uint32_t uid = 5000; uid < 5200; uid++)
        given += find(uid) == ERR_OK;
    assert_int_equal(given, LIMITS_QUERIES_PER_HOUR);
    assert_int_equal(find(3), ERR_OK); /* who has a place keeps it */
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < LIMITS_QUERIES_PER_HOUR; i++)
        assert_int_equal(find(1), ERR_OK);
    struct limits_moment before = moment;
    for (int i = 0; i < 50; i++) {
        moment.steady_ms = before.steady_ms - (i % 2 == 0 ? 4 * HOUR : 0);
        moment.now_ms = before.now_ms - 3 * day;
        assert_int_equal(find(1), ERR_LIMIT);
    }
    /* The wall clock forward buys no questions either. */
    moment = before;
    moment.now_ms += 30 * day;
    assert_int_equal(find(1), ERR_LIMIT);
    moment = before;
    pass(MINUTE);
    assert_int_equal(find(1), ERR_OK);
}

static void a_robot_is_told_once_a_minute(void **state)
{
    (void)state;
    int told = 0;
    int64_t first_ms = 0, begun_ms = moment.steady_ms;
    for (int i = 0; i < 2000; i++, pass(100)) { /* 200 s at ten a second */
        if (find(1) != ERR_LIMIT || !verdict.is_robot)
            continue;
        first_ms = told == 0 ? moment.steady_ms - begun_ms : first_ms;
        told++;
    }
    assert_int_equal(told, 4);
    assert_in_range(first_ms, 6000, 8000);
}

static void an_impatient_officer_is_no_robot(void **state)
{
    (void)state;
    while (find(1) == ERR_OK)
        ;
    for (int i = 0; i < 100; i++) { /* nine a minute, with answers in between */
        pass(MINUTE / 9 + 1);
        if (find(1) == ERR_LIMIT)
            assert_false(verdict.is_robot);
    }
}

static void refusals_are_recorded_ten_at_once_then_one_a_second(void **state)
{
    (void)state;
    uint32_t left_out = 0;
    int recorded = 0;
    for (int i = 0; i < 100; i++)
        recorded += limits_records(limits, 1, moment.steady_ms, &left_out);
    assert_int_equal(recorded, 10);
    assert_true(limits_records(limits, 2, moment.steady_ms, &left_out));
    assert_int_equal(left_out, 90);
    pass(999);
    assert_false(limits_records(limits, 1, moment.steady_ms, &left_out));
    pass(1);
    assert_true(limits_records(limits, 1, moment.steady_ms, &left_out));
    assert_int_equal(left_out, 1);
}

static void the_option_table_has_the_compiled_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        double most;
    } bounds[] = {
        {"queries_per_hour", LIMITS_QUERIES_PER_HOUR}, {"images_per_hour", LIMITS_IMAGES_PER_HOUR},
        {"images_per_day", LIMITS_IMAGES_PER_DAY},     {"queries_per_day", LIMITS_QUERIES_PER_DAY},
        {"lane_minutes", LIMITS_LANE_MINUTES},         {"free_age", LIMITS_FREE_AGE_HOURS * 3600}};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        assert_true(option_find("desk", bounds[i].key)->max == bounds[i].most);
}

static void a_configuration_beyond_the_compiled_bounds_gains_nothing(void **state)
{
    (void)state;
    config.queries_per_hour = config.queries_per_day = 1000000;
    config.lane_minutes = 1000;
    config.free_age_s = 1000000;
    restart();
    int given = 0;
    while (find(1) == ERR_OK)
        given++;
    assert_int_equal(given, LIMITS_QUERIES_PER_HOUR);
    pass(HOUR);
    assert_shape("", "north", 11, ERR_DENIED);
    struct ask ask = plate_of(1);
    ask.find.from_ms = moment.now_ms - day - 1;
    assert_int_equal(limits_check(limits, &ask, false, moment, &verdict, &why), ERR_DENIED);
}

/* Each of these is a record of the log, which is never forgotten. */
static void reports_and_pages_of_the_log_have_a_rate_too(void **state)
{
    (void)state;
    struct ask report = {.kind = ASK_POSTURE, .uid = 1}, page = {.kind = ASK_LOG, .uid = 2};
    for (int i = 0; i < LIMITS_POSTURES_PER_HOUR; i++)
        assert_int_equal(limits_check(limits, &report, false, moment, &verdict, &why), ERR_OK);
    assert_int_equal(limits_check(limits, &report, false, moment, &verdict, &why), ERR_LIMIT);
    assert_int_equal(find(1), ERR_OK); /* nothing of it is an officer's */
    for (int i = 0; i < LIMITS_RECORDS_PER_HOUR; i++)
        assert_int_equal(limits_check(limits, &page, false, moment, &verdict, &why), ERR_OK);
    page.kind = ASK_PROVE;
    assert_int_equal(limits_check(limits, &page, false, moment, &verdict, &why), ERR_LIMIT);
    assert_false(verdict.needs_second);
    pass(HOUR);
    assert_int_equal(limits_check(limits, &page, false, moment, &verdict, &why), ERR_OK);
    assert_int_equal(limits_check(limits, &report, false, moment, &verdict, &why), ERR_OK);
}

/* How many questions a user has left. */
static int questions_left(uint32_t uid)
{
    int n = 0;
    while (find(uid) == ERR_OK)
        n++;
    return n;
}

/* Records of an earlier life: each as the keeper writes it, and when. */
static struct past {
    struct entry entry;
    int64_t at_ms;
} past[4096];
static int n_past;

static void record(enum entry_kind kind, const char *name, uint32_t uid, uint32_t n)
{
    assert_true(n_past < 4096);
    struct past *p = &past[n_past++];
    *p = (struct past){.entry = {.kind = kind, .uid = uid, .n = n}, .at_ms = moment.steady_ms};
    snprintf(p->entry.name, sizeof p->entry.name, "%s", name);
}

/* A new life that knows what was recorded since then. */
static void restart_knowing(int64_t since_ms)
{
    limits_free(&limits);
    assert_int_equal(limits_new(&limits, &config, since_ms, &why), ERR_OK);
    for (int i = 0; i < n_past; i++)
        if (past[i].at_ms >= since_ms)
            limits_recall(limits, &past[i].entry, past[i].at_ms);
}

static void a_restart_fills_no_bucket(void **state)
{
    (void)state;
    struct ask report = {.kind = ASK_POSTURE, .uid = 1}, page = {.kind = ASK_LOG, .uid = 1};
    struct ask file = {.kind = ASK_EXPORT, .uid = 9, .n_ids = 20, .recipient = "port"};
    n_past = 0;
    for (uint32_t i = 0; i < 20; i++) {
        record(ENTRY_QUERY, "", 1, 50);
        record(ENTRY_REQUEST, "query", 1, 0);
        record(ENTRY_REQUEST, "export", 1, 0);
        record(ENTRY_IMAGE, "", 1, i % 2);
        record(ENTRY_REFUSED, "", 2, 0); /* got nothing, and costs nothing */
        record(ENTRY_APPROVAL, "", 2, 0);
        record(ENTRY_ALARM, "robot", 2, 0);
    }
    for (uint32_t i = 0; i < 10; i++)
        record(ENTRY_REQUEST, "image", 1, 0);
    for (uint32_t uid = 10; uid < 23; uid++) /* 260 of the host's pictures */
        record(ENTRY_EXPORT, "", uid, 20);
    for (uint32_t i = 0; i < LIMITS_POSTURES_PER_HOUR - 1; i++)
        record(ENTRY_POSTURE, "", 1, 3);
    restart_knowing(moment.steady_ms - 2 * day);
    assert_int_equal(find(1), ERR_LIMIT);
    assert_int_equal(image(1), ERR_LIMIT);
    assert_non_null(strstr(why.text, "one user"));
    assert_int_equal(questions_left(2), LIMITS_QUERIES_PER_HOUR);
    for (int i = 0; i < 10; i++) /* of 300: thirty are user 1's */
        assert_int_equal(image(2), ERR_OK);
    assert_int_equal(image(2), ERR_LIMIT);
    assert_non_null(strstr(why.text, "all users"));
    assert_int_equal(limits_check(limits, &file, true, moment, &verdict, &why), ERR_LIMIT);
    assert_int_equal(limits_check(limits, &report, false, moment, &verdict, &why), ERR_OK);
    assert_int_equal(limits_check(limits, &report, false, moment, &verdict, &why), ERR_LIMIT);
    n_past = 0;
    for (uint32_t i = 0; i < LIMITS_RECORDS_PER_HOUR / 10; i++)
        record(ENTRY_QUERY, i % 2 == 0 ? "log" : "proof", 1, 64);
    restart_knowing(moment.steady_ms - 2 * day);
    for (int i = 0; i < LIMITS_RECORDS_PER_HOUR * 9 / 10; i++)
        assert_int_equal(limits_check(limits, &page, false, moment, &verdict, &why), ERR_OK);
    assert_int_equal(limits_check(limits, &page, false, moment, &verdict, &why), ERR_LIMIT);
    assert_int_equal(questions_left(1), LIMITS_QUERIES_PER_HOUR);
}

/* Two lives side by side: the second never has more than the first had, and the same where what is
 * known of it reaches back far enough. */
static void a_restart_leaves_what_was_left(void **state)
{
    enum { LIVES = 200, ASKED = 300 };
    (void)state;
    uint32_t noise = 7;
    int n_same = 0;
    for (int life = 0; life < LIVES; life++) {
        n_past = 0;
        restart();
        for (int i = 0; i < ASKED; i++) {
            noise = noise * 1664525 + 1013904223;
            pass(noise / 65536 % (life % 4 == 0 ? 30 : 180) * SECOND);
            uint32_t uid = 1 + noise / 256 % 2;
            if (find(uid) == ERR_OK)
                record(ENTRY_QUERY, "", uid, 1);
        }
        struct limits *first = limits;
        limits = NULL;
        assert_int_equal(limits_new(&limits, &config, 0, &why), ERR_OK);
        restart_knowing(moment.steady_ms - (life % 2 == 0 ? 2 * day : 2 * HOUR));
        for (uint32_t uid = 1; uid <= 2; uid++) {
            int after = questions_left(uid);
            struct limits *second = limits;
            limits = first;
            int before = questions_left(uid);
            limits = second;
            assert_in_range(after, 0, before);
            n_same += after == before;
            if (life % 2 == 0)
                assert_int_equal(after, before);
        }
        limits_free(&first);
    }
    assert_true(n_same > LIVES);
}

/* What was before the records that are known may have been the worst. */
static void what_is_not_known_counts_as_used(void **state)
{
    (void)state;
    n_past = 0;
    restart_knowing(moment.steady_ms);
    assert_int_equal(find(1), ERR_LIMIT);
    restart_knowing(moment.steady_ms - 10 * MINUTE);
    assert_int_equal(questions_left(1), 10);
    restart_knowing(moment.steady_ms - HOUR);
    assert_int_equal(questions_left(1), LIMITS_QUERIES_PER_HOUR);
    pass(MINUTE);
    assert_int_equal(questions_left(1), 1);
}

#define LIMITS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMITS_TEST(a_question_has_a_plate_or_a_lane_and_ten_minutes),
        LIMITS_TEST(what_is_left_out_is_put_in),
        LIMITS_TEST(what_was_the_last_ten_minutes_when_it_was_asked_is_so_when_it_comes),
        LIMITS_TEST(what_is_old_needs_a_second_person),
        LIMITS_TEST(what_is_old_stays_old_when_the_clock_is_set_back),
        LIMITS_TEST(a_second_person_mends_no_shape),
        LIMITS_TEST(an_export_always_takes_two),
        LIMITS_TEST(one_user_asks_sixty_times_an_hour),
        LIMITS_TEST(a_needed_second_person_costs_a_question_too),
        LIMITS_TEST(the_host_gives_three_hundred_pictures_a_day),
        LIMITS_TEST(ten_thousand_users_get_what_the_host_gives),
        LIMITS_TEST(users_beyond_the_table_cannot_fill_their_own_buckets),
        LIMITS_TEST(a_clock_that_goes_back_gives_nothing),
        LIMITS_TEST(a_robot_is_told_once_a_minute),
        LIMITS_TEST(an_impatient_officer_is_no_robot),
        LIMITS_TEST(refusals_are_recorded_ten_at_once_then_one_a_second),
        LIMITS_TEST(reports_and_pages_of_the_log_have_a_rate_too),
        LIMITS_TEST(a_restart_fills_no_bucket),
        LIMITS_TEST(a_restart_leaves_what_was_left),
        LIMITS_TEST(what_is_not_known_counts_as_used),
        LIMITS_TEST(the_option_table_has_the_compiled_bounds),
        LIMITS_TEST(a_configuration_beyond_the_compiled_bounds_gains_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
