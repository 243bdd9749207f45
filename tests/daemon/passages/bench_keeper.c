/* How many passages a second the keeper makes durable through its sockets, and what the log adds to
 * a question. SECONDS in the environment: for how long (5). */
#include "house.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/courier.h"
#include "daemon/recall.h"
#include "storage/audit.h"

enum { CROP_BYTES = 4096, QUESTIONS = 50, RECORDS = 500, LOG_RECORDS = 100000, STARTS = 9 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_key(const char *path)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && PEM_write_PUBKEY(file, pair) == 1 && fclose(file) == 0);
    EVP_PKEY_free(pair);
}

/* Passage n of camera c, with a picture of CROP_BYTES. */
static void make_passage(const struct house *h, unsigned c, uint32_t n, struct passage *out)
{
    house_passage(n % 3000, out);
    const struct config_camera *camera = &h->config.cameras[c];
    snprintf(out->row.camera, sizeof out->row.camera, "%s", camera->name);
    snprintf(out->row.lane, sizeof out->row.lane, "%s", camera->lane);
    passage_id(camera->name, "bench", n, 0, out->row.id);
    out->row.crop_size = CROP_BYTES;
    for (uint32_t i = 0; i < CROP_BYTES; i++)
        out->crop[i] = (uint8_t)(i * 7 + n);
}

/* Of a process that runs, user and system; its clock ticks are 10 ms. */
static double processor_s(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    assert_true(file != NULL && fgets(text, sizeof text, file) != NULL);
    fclose(file);
    const char *at = strrchr(text, ')');
    assert_int_equal(
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void measure_ingest(struct house *h, double seconds)
{
    double used = processor_s(h->keeper);
    static struct passage passage;
    struct courier *couriers[2];
    uint32_t put[2] = {0, 0};
    uint64_t n_stored = 0;
    for (unsigned c = 0; c < 2; c++)
        assert_int_equal(courier_new(&couriers[c], h->recognizer_side[c], 1000,
                                     h->config.cameras[c].lane, &h->why),
                         ERR_OK);
    double begun = now_s(), ended = begun;
    for (bool is_over = false; !is_over; ended = now_s()) {
        struct pollfd fds[2];
        is_over = ended - begun > seconds;
        for (unsigned c = 0; c < 2; c++) {
            while (!is_over && courier_state(couriers[c], 0).unacknowledged < 32) {
                make_passage(h, c, put[c], &passage);
                courier_put(couriers[c], &passage, put[c]++);
            }
            assert_int_equal(courier_work(couriers[c], (int64_t)(now_s() * 1000), &h->why), ERR_OK);
            fds[c] = (struct pollfd){.fd = h->recognizer_side[c], .events = POLLIN};
        }
        (void)poll(fds, 2, 5);
    }
    for (unsigned c = 0; c < 2; c++) {
        n_stored += put[c] - courier_state(couriers[c], 0).unacknowledged;
        courier_free(&couriers[c]);
    }
    used = processor_s(h->keeper) - used;
    printf("the keeper's processor time: %.2f ms a passage, %.0f passages a second and core\n",
           used * 1000 / (double)n_stored, (double)n_stored / used);
    printf(
        "passages made durable: %.0f a second (%llu in %.1f s, pictures of %d bytes, 2 cameras)\n",
        (double)n_stored / (ended - begun), (unsigned long long)n_stored, ended - begun,
        CROP_BYTES);
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void show(const char *what, double *times, int n)
{
    qsort(times, (size_t)n, sizeof *times, by_size);
    printf("%s: median %.2f ms, 95 %% %.2f ms, longest %.2f ms (%d)\n", what, times[n / 2] * 1000,
           times[n * 95 / 100] * 1000, times[n - 1] * 1000, n);
}

static void measure_questions(struct house *h)
{
    double times[QUESTIONS];
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct message *m = &h->out;
        memset(m, 0, sizeof *m);
        m->type = MESSAGE_ASK;
        m->seq = i + 1;
        m->ask = (struct ask){.kind = ASK_FIND,
                              .uid = 1000,
                              .roles = ASK_OFFICER,
                              .user = "officer",
                              .reason = "stolen",
                              .case_number = "26-114",
                              .seen_size = 1,
                              .find = {.limit = 20}};
        snprintf(m->ask.find.plate, sizeof m->ask.find.plate, "TST%04u", (unsigned)i % 10000);
        double begun = now_s();
        assert_int_equal(message_send(h->desk_side, m, h->scratch, &h->why), ERR_OK);
        do
            house_receive(h, h->desk_side);
        while (h->in.type != MESSAGE_ROWS || h->in.n_left > 0);
        times[i] = now_s() - begun;
    }
    show("a question by plate, answered", times, QUESTIONS);
}

static void measure_records(struct house *h)
{
    double times[RECORDS];
    struct store *store = house_open_store(h);
    struct entry_detail detail = {.reason = "stolen", .case_number = "26-114", .n_ids = 20};
    for (int i = 0; i < RECORDS; i++) {
        struct entry entry = {.kind = ENTRY_QUERY, .uid = 1000, .user = "officer"};
        double begun = now_s();
        assert_int_equal(audit_append(store, &entry, &detail, "TST0001", &h->why), ERR_OK);
        times[i] = now_s() - begun;
    }
    show("of that, its record in the log", times, RECORDS);
    for (int i = 0; i < 50; i++) {
        struct head head;
        double begun = now_s();
        assert_int_equal(audit_sign(store, 1, NULL, &head, &h->why), ERR_OK);
        times[i] = now_s() - begun;
    }
    show("a signed head", times, 50);
    house_close_store(&store);
}

/* What the limits cost at a start, when the whole log is of the last hour. */
static void measure_starts(struct house *h)
{
    double opening[STARTS], recalling[STARTS];
    const struct role_env env = {
        .role = ROLE_KEEPER, .config = &h->config, .counters = h->counters};
    struct vault vault;
    struct limits *limits = NULL;
    struct entry_detail detail = {.reason = "stolen", .case_number = "26-114", .n_ids = 1};
    struct store *store = house_open_store(h);
    for (int i = RECORDS; i < LOG_RECORDS; i++) {
        struct entry entry = {.kind = ENTRY_QUERY, .uid = 1000 + (uint32_t)i % 50};
        assert_int_equal(audit_append(store, &entry, &detail, "TST0001", &h->why), ERR_OK);
    }
    house_close_store(&store);
    for (int i = 0; i < STARTS; i++) {
        double begun = now_s();
        assert_int_equal(vault_open(&vault, &env, &h->why), ERR_OK);
        opening[i] = now_s() - begun;
        begun = now_s();
        assert_int_equal(recall_limits(&limits, &vault, &h->why), ERR_OK);
        recalling[i] = now_s() - begun;
        limits_free(&limits);
        vault_close(&vault);
    }
    show("a start with 100,000 records: the store", opening, STARTS);
    show("the limits, from the newest 65,536 of them", recalling, STARTS);
}

static void bench(void **state)
{
    struct house *h = *state;
    const char *seconds = getenv("SECONDS");
    snprintf(h->config.port_key, sizeof h->config.port_key, "%s/port.pem", h->root);
    snprintf(h->config.auditor_key, sizeof h->config.auditor_key, "%s/auditor.pem", h->root);
    write_key(h->config.port_key);
    write_key(h->config.auditor_key);
    house_start_keeper(h);
    measure_ingest(h, seconds != NULL ? strtod(seconds, NULL) : 5);
    measure_questions(h);
    house_stop(&h->keeper, &h->keeper_stop);
    measure_records(h);
    measure_starts(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bench, house_setup, house_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
