/* The desk as a process of its own in front of a real keeper: officers, robots, and slow clients at
 * its socket. */
#include "house.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/answer.h"
#include "daemon/courier.h"

#define WHO "\"reason\":\"stolen vehicle\",\"case_number\":\"26-114\""

static char answer[QUERY_MAX_ANSWER];

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_at(const char *path)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    memcpy(place.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&place, sizeof place), 0);
    return fd;
}

static int connect_desk(const struct house *h)
{
    return connect_at(h->socket_path);
}

static void say(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* the desk has had enough */
        text += sent;
        size -= (size_t)sent;
    }
}

/* All until the desk closes, within `limit_ms`; returns the length. */
static size_t hear(int fd, int limit_ms)
{
    int64_t until = steady_ms() + limit_ms;
    size_t size = 0;
    for (;;) {
        struct pollfd there = {.fd = fd, .events = POLLIN};
        int64_t left = until - steady_ms();
        if (left <= 0 || poll(&there, 1, (int)left) != 1)
            fail_msg("the desk has not closed the conversation within %d ms", limit_ms);
        ssize_t got = recv(fd, answer + size, sizeof answer - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    answer[size] = '\0';
    close(fd);
    return size;
}

static json_t *talk_at(const char *path, const char *question)
{
    int fd = connect_at(path);
    say(fd, question, strlen(question));
    shutdown(fd, SHUT_WR);
    size_t size = hear(fd, 8000);
    assert_true(size > 0 && answer[size - 1] == '\n');
    json_error_t error;
    json_t *object = json_loads(answer, 0, &error);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "version")), 1);
    return object;
}

static json_t *talk(const struct house *h, const char *question)
{
    return talk_at(h->socket_path, question);
}

static const char *error_code(const json_t *object)
{
    const char *code = json_string_value(json_object_get(json_object_get(object, "error"), "code"));
    return code != NULL ? code : "";
}

static void assert_error(const struct house *h, const char *question, const char *code)
{
    json_t *object = talk(h, question);
    assert_string_equal(error_code(object), code);
    json_decref(object);
}

/* Ten passages in the store, and both roles running. */
static int open_house(void **state)
{
    house_setup(state);
    struct house *h = *state;
    static struct passage passage;
    struct courier *courier = NULL;
    house_start_keeper(h);
    assert_int_equal(courier_new(&courier, h->recognizer_side[0], 1000, "north", &h->why), ERR_OK);
    for (uint32_t n = 0; n < 10; n++) {
        house_passage(n, &passage);
        courier_put(courier, &passage, n);
    }
    while (!courier_state(courier, steady_ms()).idle)
        assert_int_equal(courier_work(courier, steady_ms(), &h->why), ERR_OK);
    courier_free(&courier);
    house_start_desk(h);
    return 0;
}

static void a_question_brings_passages_as_alpr_groups(void **state)
{
    struct house *h = *state;
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0003\"}\n");
    json_t *results = json_object_get(object, "results");
    assert_int_equal(json_array_size(results), 1);
    json_t *group = json_array_get(results, 0);
    assert_string_equal(json_string_value(json_object_get(group, "data_type")), "alpr_group");
    assert_string_equal(json_string_value(json_object_get(group, "best_plate_number")), "TST0003");
    assert_float_equal(json_number_value(json_object_get(group, "best_confidence")), 90, 0.01);
    assert_true(json_integer_value(json_object_get(group, "epoch_start")) ==
                house_begin_ms() + 3000);
    assert_true(json_integer_value(json_object_get(group, "epoch_end")) == house_begin_ms() + 3700);
    assert_string_equal(json_string_value(json_object_get(group, "camera_id")), "north-1");
    assert_string_equal(json_string_value(json_object_get(group, "lane")), "north");
    assert_int_equal(json_integer_value(json_object_get(group, "frames")), 3);
    json_t *best = json_object_get(group, "best_plate");
    assert_int_equal(json_array_size(json_object_get(best, "coordinates")), 4);
    assert_int_equal(json_array_size(json_object_get(group, "candidates")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(group, "uuids"), 0)),
                        json_string_value(json_object_get(group, "best_uuid")));
    assert_string_equal(json_string_value(json_object_get(object, "binding")), "software");
    json_decref(object);
}

static void a_question_without_a_limit_gets_what_the_configuration_allows(void **state)
{
    struct house *h = *state;
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST000?\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 10);
    assert_int_equal(json_integer_value(json_object_get(object, "limit")), 40);
    assert_true(json_is_false(json_object_get(object, "limit_reached")));
    json_decref(object);
    object =
        talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST000?\",\"limit\":3}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 3);
    assert_true(json_is_true(json_object_get(object, "limit_reached")));
    json_decref(object);
    assert_error(h,
                 "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST000?\",\"limit\":41}\n",
                 "denied");
}

static void an_image_comes_as_base64(void **state)
{
    struct house *h = *state;
    static struct passage passage;
    char question[300];
    house_passage(6, &passage);
    int used =
        snprintf(question, sizeof question, "{\"version\":1,\"query\":\"image\"," WHO ",\"id\":\"");
    for (int i = 0; i < ROW_ID_SIZE; i++)
        used +=
            snprintf(question + used, sizeof question - (size_t)used, "%02x", passage.row.id[i]);
    snprintf(question + used, sizeof question - (size_t)used, "\"}\n");
    json_t *object = talk(h, question);
    const char *image = json_string_value(json_object_get(object, "image"));
    assert_non_null(image);
    assert_int_equal(strlen(image), (passage.row.crop_size + 2) / 3 * 4);
    /* The first three bytes by hand. */
    uint32_t three =
        (uint32_t)passage.crop[0] << 16 | (uint32_t)passage.crop[1] << 8 | passage.crop[2];
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 4; i++)
        assert_int_equal(image[i], digits[three >> (18 - 6 * i) & 63]);
    json_decref(object);
    assert_error(h,
                 "{\"version\":1,\"query\":\"image\"," WHO
                 ",\"id\":\"00000000000000000000000000000000\"}\n",
                 "not-found");
}

static void a_question_without_a_reason_is_refused_and_recorded(void **state)
{
    struct house *h = *state;
    assert_error(h, "{\"version\":1,\"query\":\"find\",\"case_number\":\"26-114\"}\n", "input");
    assert_error(h, "{\"version\":1,\"query\":\"image\",\"reason\":\"stolen\",\"id\":\"00\"}\n",
                 "input");
    house_stop(&h->desk, &h->desk_stop);
    house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    assert_int_equal(house_count_looks(store, "refused"), 2);
    assert_int_equal(house_count_looks(store, "query"), 0);
    house_close_store(&store);
}

static void who_asks_is_the_kernels_word(void **state)
{
    struct house *h = *state;
    /* A member "user" is not a thing that can be said. */
    assert_error(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"user\":\"chief\"}\n", "input");
    json_decref(talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n"));
    house_stop(&h->keeper, &h->keeper_stop);
    char name[64];
    const struct passwd *self = getpwuid(getuid());
    snprintf(name, sizeof name, "uid %u", (unsigned)getuid());
    if (self != NULL)
        snprintf(name, sizeof name, "%s", self->pw_name);
    struct store *store = house_open_store(h);
    assert_int_equal(house_count_looks(store, "query"), 1);
    assert_int_equal(house_count_looks_by(store, getuid(), name, "stolen vehicle"),
                     2); /* the refused one too */
    house_close_store(&store);
}

static void status_tells_cameras_and_store(void **state)
{
    struct house *h = *state;
    atomic_store(&h->counters->cameras[1].frames, 123);
    atomic_store(&h->counters->cameras[1].connected, 1);
    atomic_store(&h->counters->started_ms, counters_now_ms() - 65000);
    json_t *object = talk(h, "{\"version\":1,\"query\":\"status\"}\n");
    json_t *cameras = json_object_get(object, "cameras");
    assert_int_equal(json_array_size(cameras), 2);
    json_t *south = json_array_get(cameras, 1);
    assert_string_equal(json_string_value(json_object_get(south, "camera_id")), "south-1");
    assert_int_equal(json_integer_value(json_object_get(south, "frames")), 123);
    assert_true(json_is_true(json_object_get(south, "connected")));
    assert_true(json_is_null(json_object_get(south, "last_read")));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(object, "store"), "passages")), 10);
    assert_in_range(json_integer_value(json_object_get(object, "uptime_s")), 65, 75);
    json_decref(object);
}

static void status_works_without_a_keeper(void **state)
{
    struct house *h = *state;
    house_kill(&h->keeper, &h->keeper_stop);
    int64_t begun = steady_ms();
    json_t *object = talk(h, "{\"version\":1,\"query\":\"status\"}\n");
    assert_true(json_is_false(json_object_get(json_object_get(object, "store"), "available")));
    assert_true(steady_ms() - begun < 6000);
    json_decref(object);
}

static void a_question_without_a_keeper_is_told_so(void **state)
{
    struct house *h = *state;
    house_kill(&h->keeper, &h->keeper_stop);
    assert_error(h, "{\"version\":1,\"query\":\"find\"," WHO "}\n", "io");
    house_start_keeper(h); /* it finds the old question, and its answer fits no one */
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 1);
    json_decref(object);
}

static void many_officers_at_once_each_get_their_own_answer(void **state)
{
    struct house *h = *state;
    enum { ROUNDS = 5, AT_ONCE = 8 };
    for (int round = 0; round < ROUNDS; round++) {
        int fds[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            char question[200];
            snprintf(question, sizeof question,
                     "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST%04d\"}\n", i);
            fds[i] = connect_desk(h);
            say(fds[i], question, strlen(question));
        }
        for (int i = 0; i < AT_ONCE; i++) {
            char plate[40];
            snprintf(plate, sizeof plate, "\"best_plate_number\":\"TST%04d\"", i);
            hear(fds[i], 8000);
            assert_non_null(strstr(answer, plate));
        }
    }
}

/* The test is the keeper here. */
static void a_refusal_that_is_recorded_meanwhile_costs_nobody_his_answer(void **state)
{
    struct house *h = *state;
    static const char question[] = "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"AB1\"}\n";
    int first = connect_desk(h);
    say(first, question, sizeof question - 1);
    house_receive(h, h->keeper_desk_side);
    assert_int_equal(h->in.ask.kind, ASK_FIND);
    uint64_t seq = h->in.seq;
    assert_error(h, "{\"version\":1,\"query\":\"find\",\"reason\":\"x\"}\n", "input");
    house_receive(h, h->keeper_desk_side);
    assert_int_equal(h->in.ask.kind, ASK_REFUSED);
    h->out.type = MESSAGE_ROWS;
    h->out.seq = seq;
    h->out.n_left = h->out.n_gaps = 0;
    assert_int_equal(message_send(h->keeper_desk_side, &h->out, h->scratch, &h->why), ERR_OK);
    hear(first, 2000);
    assert_non_null(strstr(answer, "\"results\":[]"));
}

static int open_house_without_keeper(void **state)
{
    house_setup(state);
    house_start_desk(*state);
    return 0;
}

static void a_question_in_pieces_is_understood(void **state)
{
    struct house *h = *state;
    static const char question[] =
        "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0002\"}\n";
    int fd = connect_desk(h);
    for (size_t i = 0; i < sizeof question - 1; i++) {
        say(fd, question + i, 1);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    hear(fd, 5000);
    assert_non_null(strstr(answer, "TST0002"));
}

static void a_robot_with_garbage_gets_an_error_and_harms_nobody(void **state)
{
    struct house *h = *state;
    srand(11);
    for (int i = 0; i < 150; i++) {
        static char bytes[3 * QUERY_MAX_BYTES];
        size_t size = (size_t)rand() % sizeof bytes;
        for (size_t k = 0; k < size; k++)
            bytes[k] = (char)rand();
        int fd = connect_desk(h);
        say(fd, bytes, size);
        shutdown(fd, SHUT_WR);
        hear(fd, 8000);
        if (answer[0] != '\0')
            assert_non_null(strstr(answer, "\"error\""));
    }
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 1);
    json_decref(object);
}

static void a_robots_flood_of_refusals_does_not_fill_the_store(void **state)
{
    struct house *h = *state;
    for (int i = 0; i < 100; i++)
        assert_error(h, "{\"version\":1,\"query\":\"find\",\"reason\":\"x\"}\n", "input");
    house_stop(&h->desk, &h->desk_stop);
    house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    assert_in_range(house_count_looks(store, "refused"), 10, 30);
    house_close_store(&store);
}

static void a_slow_client_is_sent_away_after_five_seconds(void **state)
{
    struct house *h = *state;
    int slow = connect_desk(h);
    int64_t begun = steady_ms();
    /* A byte a second does not buy more time: the deadline is absolute. */
    struct pollfd there = {.fd = slow, .events = POLLIN};
    do
        say(slow, "{", 1);
    while (steady_ms() - begun < 9000 && poll(&there, 1, 1000) == 0);
    assert_in_range(steady_ms() - begun, 4500, 6500);
    hear(slow, 1000);
    assert_non_null(strstr(answer, "5 s"));
}

static void idle_connections_leave_room_for_others(void **state)
{
    struct house *h = *state;
    int idle[7];
    for (int i = 0; i < 7; i++)
        idle[i] = connect_desk(h);
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 1);
    json_decref(object);
    int eighth = connect_desk(h), ninth = connect_desk(h);
    hear(ninth, 2000); /* one user has at most eight */
    assert_non_null(strstr(answer, "\"limit\""));
    for (int i = 0; i < 7; i++)
        close(idle[i]);
    close(eighth);
    object = talk(h, "{\"version\":1,\"query\":\"status\"}\n");
    json_decref(object);
}

static void a_client_that_leaves_harms_nobody(void **state)
{
    struct house *h = *state;
    static const char question[] = "{\"version\":1,\"query\":\"find\"," WHO "}\n";
    for (int i = 0; i < 30; i++) {
        int fd = connect_desk(h);
        say(fd, question, sizeof question - 1);
        close(fd);
    }
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 1);
    json_decref(object);
}

static void a_desk_that_is_killed_comes_back(void **state)
{
    struct house *h = *state;
    int fd = connect_desk(h);
    static const char question[] = "{\"version\":1,\"query\":\"find\"," WHO "}\n";
    say(fd, question, sizeof question - 1);
    house_kill(&h->desk, &h->desk_stop);
    close(fd);
    house_start_desk(h);
    json_t *object = talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0005\"}\n");
    assert_int_equal(json_array_size(json_object_get(object, "results")), 1);
    json_decref(object);
}

static void the_largest_answer_fits(void **state)
{
    (void)state;
    static struct answer_rows rows;
    rows.n_rows = STORE_MAX_ROWS;
    rows.n_gaps = ANSWER_MAX_GAPS;
    rows.binding = BINDING_TPM;
    for (int i = 0; i < STORE_MAX_ROWS; i++) {
        struct row *row = &rows.rows[i];
        row->state = ROW_LOST;
        row->first_ms = row->last_ms = 1800000000000;
        row->n_frames = UINT32_MAX;
        row->n_candidates = ROW_MAX_CANDIDATES;
        memset(row->plate, 'W', sizeof row->plate - 1);
        memset(row->lane, 'l', sizeof row->lane - 1);
        for (int k = 0; k < ROW_MAX_CANDIDATES; k++) {
            memset(row->candidates[k].plate, 'W', ROW_PLATE_SIZE - 1);
            row->candidates[k].confidence = 0.12345f;
        }
        for (int k = 0; k < 8; k++)
            row->corner[k] = -1e6f;
    }
    char *text = answer_find(&rows, NULL);
    assert_non_null(text);
    assert_true(strlen(text) < QUERY_MAX_ANSWER);
    free(text);
}

static void the_maintenance_gets_state_and_totals_and_nothing_else(void **state)
{
    struct house *h = *state;
    static const char *const others[] = {
        "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n",
        "{\"version\":1,\"query\":\"image\"," WHO ",\"id\":\"00000000000000000000000000000000\"}\n",
        "{\"version\":1,\"query\":\"export\"," WHO ",\"ticket\":\"00000000\"}\n",
        "{\"version\":1,\"query\":\"log\"," WHO ",\"first\":0}\n",
        "{\"version\":1,\"query\":\"pending\"}\n",
        "{\"version\":1,\"query\":\"approve\"," WHO ",\"ticket\":\"00000000\"}\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_t *object = talk_at(h->maintenance_path, others[i]);
        assert_string_equal(error_code(object), "denied");
        assert_int_equal(json_object_size(object), 2); /* and the version */
        json_decref(object);
    }
    json_t *object = talk_at(h->maintenance_path, "{\"version\":1,\"query\":\"status\"}\n");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(object, "store"), "passages")), 10);
    json_decref(object);
    atomic_store(&h->counters->cameras[0].read, 9);
    atomic_store(&h->counters->cameras[0].confidence[7], 4);
    object = talk_at(h->maintenance_path, "{\"version\":1,\"query\":\"quality\"}\n");
    json_t *north = json_array_get(json_object_get(object, "quality"), 0);
    assert_string_equal(json_string_value(json_object_get(north, "camera_id")), "north-1");
    assert_int_equal(json_integer_value(json_object_get(north, "read")), 9);
    json_t *bins = json_object_get(north, "confidence");
    assert_int_equal(json_array_size(bins), 10);
    assert_int_equal(json_integer_value(json_array_get(bins, 7)), 4);
    json_decref(object);
}

static void the_maintenance_leaves_room_for_officers(void **state)
{
    struct house *h = *state;
    int idle[4];
    for (int i = 0; i < 4; i++)
        idle[i] = connect_at(h->maintenance_path);
    json_t *object = talk_at(h->maintenance_path, "");
    assert_string_equal(error_code(object), "limit");
    json_decref(object);
    json_decref(talk(h, "{\"version\":1,\"query\":\"status\"}\n"));
    for (int i = 0; i < 4; i++)
        close(idle[i]);
}

/* With the group configured, even the daemon's own user is of it by membership only. */
static int open_house_with_groups(void **state)
{
    open_house(state);
    struct house *h = *state;
    house_stop(&h->desk, &h->desk_stop);
    snprintf(h->config.maintenance_group, sizeof h->config.maintenance_group, "no-such-group");
    house_start_desk(h);
    return 0;
}

static void who_is_not_of_the_maintenance_gets_no_totals(void **state)
{
    struct house *h = *state;
    assert_error(h, "{\"version\":1,\"query\":\"quality\"}\n", "denied");
    json_decref(talk(h, "{\"version\":1,\"query\":\"find\"," WHO ",\"plate\":\"TST0001\"}\n"));
    json_t *object = talk_at(h->maintenance_path, "{\"version\":1,\"query\":\"quality\"}\n");
    assert_non_null(json_object_get(object, "quality"));
    json_decref(object);
}

#define DESK_TEST(name) cmocka_unit_test_setup_teardown(name, open_house, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_answer_fits),
        DESK_TEST(a_question_brings_passages_as_alpr_groups),
        DESK_TEST(a_question_without_a_limit_gets_what_the_configuration_allows),
        DESK_TEST(an_image_comes_as_base64),
        DESK_TEST(a_question_without_a_reason_is_refused_and_recorded),
        DESK_TEST(who_asks_is_the_kernels_word),
        DESK_TEST(status_tells_cameras_and_store),
        DESK_TEST(status_works_without_a_keeper),
        DESK_TEST(a_question_without_a_keeper_is_told_so),
        DESK_TEST(many_officers_at_once_each_get_their_own_answer),
        cmocka_unit_test_setup_teardown(
            a_refusal_that_is_recorded_meanwhile_costs_nobody_his_answer, open_house_without_keeper,
            house_teardown),
        DESK_TEST(a_question_in_pieces_is_understood),
        DESK_TEST(a_robot_with_garbage_gets_an_error_and_harms_nobody),
        DESK_TEST(a_robots_flood_of_refusals_does_not_fill_the_store),
        DESK_TEST(a_slow_client_is_sent_away_after_five_seconds),
        DESK_TEST(idle_connections_leave_room_for_others),
        DESK_TEST(a_client_that_leaves_harms_nobody),
        DESK_TEST(a_desk_that_is_killed_comes_back),
        DESK_TEST(the_maintenance_gets_state_and_totals_and_nothing_else),
        DESK_TEST(the_maintenance_leaves_room_for_officers),
        cmocka_unit_test_setup_teardown(who_is_not_of_the_maintenance_gets_no_totals,
                                        open_house_with_groups, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
