/* The keeper as a process of its own, with a real store, real sockets, and real kills. */
#include "house.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/courier.h"
#include "daemon/outbox.h"

static struct passage passage;

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void rest(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static struct courier *new_courier(struct house *h, uint64_t first_seq)
{
    struct courier *courier = NULL;
    assert_int_equal(courier_new(&courier, h->recognizer_side[0], first_seq, "north", &h->why),
                     ERR_OK);
    return courier;
}

/* Lets a courier work until all is acknowledged; fails after `limit_ms`. */
static void work_until_idle(struct house *h, struct courier *courier, int64_t limit_ms)
{
    int64_t until = steady_ms() + limit_ms;
    while (!courier_state(courier, steady_ms()).idle ||
           !courier_state(courier, steady_ms()).welcomed) {
        assert_true(steady_ms() < until);
        assert_int_equal(courier_work(courier, steady_ms(), &h->why), ERR_OK);
        rest(2);
    }
}

static bool is_stored(struct store *store, uint32_t n)
{
    static uint8_t crop[STORE_MAX_CROP];
    struct fault why;
    bool is_sealed;
    struct row row;
    size_t n_rows = 0, size = 0;
    house_passage(n, &passage);
    struct store_query query = {.limit = 1};
    memcpy(query.plate, passage.row.plate, sizeof query.plate);
    return store_find(store, &query, &row, &n_rows, &why) == ERR_OK && n_rows == 1 &&
           memcmp(row.id, passage.row.id, ROW_ID_SIZE) == 0 &&
           store_crop(store, row.id, crop, &size, &is_sealed, &why) == ERR_OK &&
           size == passage.row.crop_size && memcmp(crop, passage.crop, size) == 0;
}

static void assert_rows(struct house *h, uint64_t n)
{
    struct store_stats stats;
    struct store *store = house_open_store(h);
    assert_int_equal(store_stats(store, &stats, &h->why), ERR_OK);
    assert_int_equal(stats.n_rows, n);
    house_close_store(&store);
}

static void a_passage_is_stored_and_acknowledged(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    assert_int_equal(atomic_load(&h->counters->binding), BINDING_SOFTWARE);
    struct courier *courier = new_courier(h, 1000);
    house_passage(7, &passage);
    assert_true(courier_put(courier, &passage, 1));
    assert_int_equal(courier_state(courier, steady_ms()).unacknowledged, 1);
    work_until_idle(h, courier, 5000);
    courier_free(&courier);
    house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    assert_true(is_stored(store, 7));
    house_close_store(&store);
}

static void a_resend_is_harmless(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    for (int life = 0; life < 3; life++) {
        struct courier *courier = new_courier(h, 1000 * ((uint64_t)life + 1));
        for (uint32_t n = 0; n < 10; n++) {
            house_passage(n, &passage);
            courier_put(courier, &passage, n);
        }
        work_until_idle(h, courier, 5000);
        courier_free(&courier);
    }
    house_stop(&h->keeper, &h->keeper_stop);
    assert_rows(h, 10);
}

/* The real loss would be: acknowledged, and not there. So what the courier drops after an
 * acknowledgement is counted against what the store holds after each kill. */
static void killing_the_keeper_loses_nothing_acknowledged(void **state)
{
    enum { KILLS = 12, ALL = 400 };
    struct house *h = *state;
    struct courier *courier = new_courier(h, 1000000);
    uint32_t next = 0;
    unsigned noise = 99, kills = 0;
    house_start_keeper(h);
    int64_t kill_at = steady_ms() + 20, until = steady_ms() + 40000;
    while (next < ALL || !courier_state(courier, steady_ms()).idle) {
        assert_true(steady_ms() < until);
        if (next < ALL && courier_state(courier, steady_ms()).unacknowledged < 40) {
            house_passage(next, &passage);
            assert_true(courier_put(courier, &passage, next));
            next++;
        }
        assert_int_equal(courier_work(courier, steady_ms(), &h->why), ERR_OK);
        if (kills < KILLS && steady_ms() >= kill_at) {
            uint32_t settled = (uint32_t)courier_state(courier, steady_ms())
                                   .oldest; /* all before are acknowledged */
            house_kill(&h->keeper, &h->keeper_stop);
            kills++;
            struct store *store = house_open_store(h);
            for (uint32_t n = 0; n < settled && n < next; n++)
                if (!is_stored(store, n))
                    fail_msg("kill %u: passage %u was acknowledged and is lost", kills, n);
            house_close_store(&store);
            house_start_keeper(h);
            noise = noise * 1103515245u + 12345u;
            kill_at = steady_ms() + 5 + (noise >> 16) % 60;
        }
    }
    assert_int_equal(kills, KILLS);
    courier_free(&courier);
    house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    for (uint32_t n = 0; n < ALL; n++)
        assert_true(is_stored(store, n));
    house_close_store(&store);
    assert_rows(h, ALL);
}

static void the_folders_position_outlives_the_keeper(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    struct courier *courier = new_courier(h, 1000);
    work_until_idle(h, courier, 5000);
    assert_string_equal(courier_state(courier, 0).resume, "");
    courier_settle(courier, "2026-11-22/000123.jpg");
    work_until_idle(h, courier, 5000);
    courier_free(&courier);
    house_kill(&h->keeper, &h->keeper_stop);
    house_start_keeper(h);
    courier = new_courier(h, 2000);
    work_until_idle(h, courier, 5000);
    assert_string_equal(courier_state(courier, 0).resume, "2026-11-22/000123.jpg");
    courier_free(&courier);
}

static void limit_files(pid_t pid, rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void an_unwritable_store_refuses_and_records_the_gap_afterwards(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    struct courier *courier = new_courier(h, 1000);
    work_until_idle(h, courier, 5000);
    limit_files(h->keeper, 4096); /* no file can grow: to SQLite the disk is full */
    for (uint32_t n = 0; n < 5; n++) {
        house_passage(n, &passage);
        courier_put(courier, &passage, n);
    }
    for (int i = 0; i < 300; i++) {
        assert_int_equal(courier_work(courier, steady_ms(), &h->why), ERR_OK);
        rest(2);
    }
    assert_int_equal(courier_state(courier, steady_ms()).unacknowledged, 5);
    assert_true(atomic_load(&h->counters->store_errors) >= 1);
    limit_files(h->keeper, RLIM_INFINITY);
    work_until_idle(h, courier, 10000);
    courier_free(&courier);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_rows(h, 5);
    struct store *store = house_open_store(h);
    struct ledger_gap gaps[8];
    size_t n_gaps = 0;
    struct store_query query = {.lane = "south"};
    assert_int_equal(ledger_gaps(store, &query, gaps, 8, &n_gaps, &h->why), ERR_OK);
    assert_int_equal(n_gaps, 1);
    assert_string_equal(gaps[0].why, "store unwritable");
    assert_true(gaps[0].to_ms - gaps[0].from_ms >= 400 && gaps[0].to_ms - gaps[0].from_ms < 20000);
    query.lane[0] = '\0';
    assert_int_equal(ledger_gaps(store, &query, gaps, 8, &n_gaps, &h->why), ERR_OK);
    assert_int_equal(n_gaps, 2); /* one a lane */
    house_close_store(&store);
}

static void what_overflows_the_ring_leaves_a_gap(void **state)
{
    struct house *h = *state;
    struct courier *courier = new_courier(h, 1000);
    for (uint32_t n = 0; n < OUTBOX_ROOM + 6; n++) { /* no keeper runs */
        house_passage(n, &passage);
        assert_int_equal(courier_put(courier, &passage, n), n < OUTBOX_ROOM);
    }
    house_start_keeper(h);
    work_until_idle(h, courier, 20000);
    courier_free(&courier);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_rows(h, OUTBOX_ROOM);
    struct store *store = house_open_store(h);
    struct ledger_gap gaps[8];
    size_t n_gaps = 0;
    struct store_query query = {.lane = "north"};
    assert_int_equal(ledger_gaps(store, &query, gaps, 8, &n_gaps, &h->why), ERR_OK);
    assert_int_equal(n_gaps, 1);
    house_passage(0, &passage);
    assert_true(gaps[0].from_ms == passage.row.first_ms);
    house_passage(5, &passage);
    assert_true(gaps[0].to_ms == passage.row.last_ms);
    assert_false(is_stored(store, 5));
    assert_true(is_stored(store, 6));
    house_close_store(&store);
}

static void a_recognizer_that_is_mad_does_not_fill_the_log(void **state)
{
    enum { TOLD = 40, AT_ONCE = 30 };
    struct house *h = *state;
    int n_ack = 0, n_nack = 0;
    house_start_keeper(h);
    struct message *m = &h->out;
    m->type = MESSAGE_GAP;
    m->n_gaps = 1;
    m->gaps[0] = (struct ledger_gap){.from_ms = 1, .to_ms = 2, .lane = "south", .why = "mad"};
    for (int i = 0; i < TOLD; i++) {
        m->seq = (uint64_t)i;
        assert_int_equal(message_send(h->recognizer_side[1], m, h->scratch, &h->why), ERR_OK);
        house_receive(h, h->recognizer_side[1]);
        n_ack += h->in.type == MESSAGE_ACK;
        n_nack += h->in.type == MESSAGE_NACK;
    }
    assert_int_equal(n_ack + n_nack, TOLD);
    assert_in_range(n_ack, AT_ONCE, AT_ONCE + 1);
    house_stop(&h->keeper, &h->keeper_stop);
}

static void a_recognizer_cannot_speak_for_another_camera(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    struct message *m = &h->out;
    m->type = MESSAGE_PASSAGE;
    m->seq = 5;
    house_passage(1, &m->passage); /* of north-1, sent over south-1's socket */
    assert_int_equal(message_send(h->recognizer_side[1], m, h->scratch, &h->why), ERR_OK);
    snprintf(m->passage.row.camera, sizeof m->passage.row.camera, "south-1");
    snprintf(m->passage.row.lane, sizeof m->passage.row.lane,
             "south"); /* the id is still north-1's */
    assert_int_equal(message_send(h->recognizer_side[1], m, h->scratch, &h->why), ERR_OK);
    m->type = MESSAGE_HELLO; /* what follows is still heard */
    assert_int_equal(message_send(h->recognizer_side[1], m, h->scratch, &h->why), ERR_OK);
    house_receive(h, h->recognizer_side[1]);
    assert_int_equal(h->in.type, MESSAGE_WELCOME);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_rows(h, 0);
}

static void garbage_between_processes_changes_nothing(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    srand(3);
    for (int i = 0; i < 200; i++) {
        uint8_t bytes[200];
        size_t size = 2 + (size_t)rand() % (sizeof bytes - 2);
        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)rand();
        bytes[0] = 2; /* the version, so that what follows is looked at */
        bytes[1] = (uint8_t)(1 + rand() % (MESSAGE_COUNT - 1));
        int to = i % 2 ? h->recognizer_side[0] : h->desk_side;
        (void)!send(to, bytes, size, MSG_DONTWAIT);
        rest(1);
    }
    struct courier *courier = new_courier(h, 1000);
    house_passage(3, &passage);
    courier_put(courier, &passage, 1);
    work_until_idle(h, courier, 5000);
    courier_free(&courier);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_rows(h, 1);
}

/* Stores ten passages and leaves a keeper running. */
static void store_ten(struct house *h)
{
    house_start_keeper(h);
    struct courier *courier = new_courier(h, 1000);
    for (uint32_t n = 0; n < 10; n++) {
        house_passage(n, &passage);
        courier_put(courier, &passage, n);
    }
    work_until_idle(h, courier, 5000);
    courier_free(&courier);
}

static void ask(struct house *h, enum ask_kind kind, const char *reason, uint32_t limit)
{
    struct message *m = &h->out;
    memset(m, 0, sizeof *m);
    m->type = MESSAGE_ASK;
    m->seq = 77;
    m->ask = (struct ask){.kind = kind,
                          .uid = 1000,
                          .roles = ASK_OFFICER,
                          .user = "officer",
                          .case_number = "26-114",
                          .find = {.lane = "north", .limit = limit}};
    m->ask.find.from_ms = house_begin_ms();
    m->ask.find.to_ms = house_begin_ms() + 600000;
    snprintf(m->ask.reason, sizeof m->ask.reason, "%s", reason);
    house_passage(4, &passage);
    memcpy(m->ask.id, passage.row.id, ROW_ID_SIZE);
    assert_int_equal(message_send(h->desk_side, m, h->scratch, &h->why), ERR_OK);
}

/* The first packet of an answer, behind the log's head. */
static void receive_answer(struct house *h)
{
    house_receive(h, h->desk_side);
    assert_int_equal(h->in.type, MESSAGE_EVIDENCE);
    assert_int_equal(h->in.seq, 77);
    house_receive(h, h->desk_side);
}

static int count_looks(struct house *h, const char *kind)
{
    struct store *store = house_open_store(h);
    int count = house_count_looks(store, kind);
    house_close_store(&store);
    return count;
}

static void a_question_is_answered_with_the_newest_first(void **state)
{
    struct house *h = *state;
    store_ten(h);
    ask(h, ASK_FIND, "stolen", 4);
    for (uint32_t left = 4; left > 0; left--) {
        if (left == 4)
            receive_answer(h);
        else
            house_receive(h, h->desk_side);
        assert_int_equal(h->in.type, MESSAGE_ROWS);
        assert_int_equal(h->in.seq, 77);
        assert_int_equal(h->in.n_left, left);
        house_passage(5 + left, &passage);
        assert_string_equal(h->in.passage.row.plate, passage.row.plate);
    }
    house_receive(h, h->desk_side);
    assert_int_equal(h->in.n_left, 0);
    assert_int_equal(h->in.n_gaps, 0);
    ask(h, ASK_IMAGE, "stolen", 0);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_CROP);
    house_passage(4, &passage);
    assert_int_equal(h->in.n_data, passage.row.crop_size);
    assert_memory_equal(h->in.data, passage.crop, passage.row.crop_size);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_int_equal(count_looks(h, "query"), 1);
    assert_int_equal(count_looks(h, "image"), 1);
}

static void the_look_is_on_disk_before_the_answers_first_byte(void **state)
{
    struct house *h = *state;
    store_ten(h);
    for (int i = 1; i <= 5; i++) {
        ask(h, ASK_FIND, "stolen", 10);
        house_receive(h, h->desk_side); /* the first packet of eleven */
        house_kill(&h->keeper, &h->keeper_stop);
        assert_int_equal(count_looks(h, "query"), i);
        while (message_receive(h->desk_side, &h->in, h->scratch, &h->why) == ERR_OK)
            continue;
        house_start_keeper(h);
    }
}

static void a_look_that_cannot_be_recorded_is_not_answered(void **state)
{
    struct house *h = *state;
    store_ten(h);
    limit_files(h->keeper, 4096);
    ask(h, ASK_FIND, "stolen", 10);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_REFUSED);
    assert_int_equal(h->in.fault.code, ERR_IO);
    ask(h, ASK_IMAGE, "stolen", 0);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_REFUSED);
    limit_files(h->keeper, RLIM_INFINITY);
    ask(h, ASK_FIND, "stolen", 1);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_ROWS);
}

static void a_look_without_a_reason_is_refused_and_recorded(void **state)
{
    struct house *h = *state;
    store_ten(h);
    ask(h, ASK_FIND, "  ", 10);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_REFUSED);
    assert_int_equal(h->in.fault.code, ERR_DENIED);
    assert_non_null(strstr(h->in.fault.text, "reason"));
    ask(h, ASK_IMAGE, "", 0);
    receive_answer(h);
    assert_int_equal(h->in.type, MESSAGE_REFUSED);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_int_equal(count_looks(h, "refused"), 2);
    assert_int_equal(count_looks(h, "query"), 0);
    assert_int_equal(count_looks(h, "image"), 0);
}

static void more_rows_than_the_configuration_allows_are_refused(void **state)
{
    struct house *h = *state;
    store_ten(h);
    static const uint32_t limits[] = {0, 41, 4000000000u};
    for (int i = 0; i < 3; i++) {
        ask(h, ASK_FIND, "stolen", limits[i]);
        receive_answer(h);
        assert_int_equal(h->in.type, MESSAGE_REFUSED);
        assert_non_null(strstr(h->in.fault.text, "limit"));
    }
    house_stop(&h->keeper, &h->keeper_stop);
    assert_int_equal(count_looks(h, "refused"), 3);
}

static void status_is_told_without_a_record(void **state)
{
    struct house *h = *state;
    store_ten(h);
    ask(h, ASK_STATUS, "", 0);
    house_receive(h, h->desk_side);
    assert_int_equal(h->in.type, MESSAGE_STATS);
    assert_int_equal(h->in.stats.n_rows, 10);
    house_passage(0, &passage);
    assert_true(h->in.stats.oldest_ms == passage.row.first_ms);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_int_equal(count_looks(h, "status"), 0);
}

#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_passage_is_stored_and_acknowledged),
        HOUSE_TEST(a_resend_is_harmless),
        HOUSE_TEST(killing_the_keeper_loses_nothing_acknowledged),
        HOUSE_TEST(the_folders_position_outlives_the_keeper),
        HOUSE_TEST(an_unwritable_store_refuses_and_records_the_gap_afterwards),
        HOUSE_TEST(what_overflows_the_ring_leaves_a_gap),
        HOUSE_TEST(a_recognizer_that_is_mad_does_not_fill_the_log),
        HOUSE_TEST(a_recognizer_cannot_speak_for_another_camera),
        HOUSE_TEST(garbage_between_processes_changes_nothing),
        HOUSE_TEST(a_question_is_answered_with_the_newest_first),
        HOUSE_TEST(the_look_is_on_disk_before_the_answers_first_byte),
        HOUSE_TEST(a_look_that_cannot_be_recorded_is_not_answered),
        HOUSE_TEST(a_look_without_a_reason_is_refused_and_recorded),
        HOUSE_TEST(more_rows_than_the_configuration_allows_are_refused),
        HOUSE_TEST(status_is_told_without_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
