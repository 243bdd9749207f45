/* bench_storage FOLDER [ROWS]: puts a second, time of an opening and of each kind of query, on the
 * disk of FOLDER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/audit.h"
#include "storage/inside.h"

enum { CROP = 12 * 1024, QUERIES = 200, TIMED = 8000 };

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void die(const struct fault *why)
{
    fprintf(stderr, "%s: %s\n", err_name(why->code), why->text);
    exit(1);
}

/* Median and 99th percentile of a query whose plate and time vary. */
static void measure(struct store *store, const char *name, struct store_query query,
                    uint32_t n_rows)
{
    double times[QUERIES];
    struct row rows[STORE_MAX_ROWS];
    struct fault why;
    size_t n = 0, found = 0;
    double cpu = cpu_ms();
    for (uint32_t i = 0; i < QUERIES; i++) {
        uint32_t pick = i * 7919U % n_rows;
        struct row row = fixture_row(pick);
        struct store_query q = query;
        for (size_t at = 0; q.plate[at] != '\0'; at++)
            if (q.plate[at] == '#')
                q.plate[at] = row.plate[at];
        if (q.from_ms != 0) {
            q.from_ms = row.first_ms;
            q.to_ms = row.first_ms + 600000;
        }
        double begin = now_ms();
        if (store_find(store, &q, rows, &n, &why) != ERR_OK)
            die(&why);
        times[i] = now_ms() - begin;
        found += n;
    }
    cpu = (cpu_ms() - cpu) / QUERIES;
    qsort(times, QUERIES, sizeof times[0], by_value);
    printf("find, %-32s p50 %6.2f ms  p99 %6.2f ms  CPU %5.2f ms  (%.1f rows)\n", name,
           times[QUERIES / 2], times[QUERIES * 99 / 100], cpu, (double)found / QUERIES);
}

static void measure_finds(struct store *store, uint32_t n_rows)
{
    measure(store, "exact plate", (struct store_query){.plate = "#########", .limit = 50}, n_rows);
    measure(store, "two wildcards at the end",
            (struct store_query){.plate = "#######??", .limit = 50}, n_rows);
    measure(store, "two wildcards in front",
            (struct store_query){.plate = "??#######", .limit = 50}, n_rows);
    measure(store, "look-alike",
            (struct store_query){.plate = "#########", .look_alike = true, .limit = 50}, n_rows);
    measure(store, "look-alike, wildcard in front",
            (struct store_query){.plate = "?########", .look_alike = true, .limit = 50}, n_rows);
    measure(store, "lane, ten minutes",
            (struct store_query){.lane = "north-1", .from_ms = 1, .limit = 50}, n_rows);
    measure(store, "the newest 50", (struct store_query){.limit = 50}, n_rows);
}

static void put_row(struct store *store, uint32_t n, bool with_crop)
{
    static uint8_t crop[CROP];
    struct fault why;
    struct row row = fixture_row(n);
    row.crop_size = with_crop ? CROP : 0;
    if (with_crop)
        fixture_crop(n, crop, CROP);
    if (store_put(store, &row, with_crop ? crop : NULL, &why) != ERR_OK)
        die(&why);
}

static void commit(struct store *store)
{
    struct fault why;
    if (store_commit(store, &why) != ERR_OK)
        die(&why);
}

/* Rows first..first+n-1 with a crop, so many a commit. */
static void measure_puts(struct store *store, uint32_t first, uint32_t n, uint32_t batch)
{
    double begin = now_ms(), cpu = cpu_ms();
    for (uint32_t i = 0; i < n; i++) {
        put_row(store, first + i, true);
        if ((i + 1) % batch == 0 || i + 1 == n)
            commit(store);
    }
    double took = now_ms() - begin;
    printf("put, %d KB crop, %2u a commit            %.0f a second (%.2f ms of CPU each)\n",
           CROP / 1024, batch, n / took * 1e3, (cpu_ms() - cpu) / n);
}

static void measure_looks(struct store *store, const char *name)
{
    enum { LOOKS = 500 };
    double times[LOOKS], cpu = cpu_ms();
    struct fault why;
    for (int i = 0; i < LOOKS; i++) {
        double begin = now_ms();
        if (fixture_look(store, &why) != ERR_OK)
            die(&why);
        times[i] = now_ms() - begin;
    }
    cpu = (cpu_ms() - cpu) / LOOKS;
    qsort(times, LOOKS, sizeof times[0], by_value);
    printf("audit_append, %-24s p50 %6.2f ms  p99 %6.2f ms  CPU %5.2f ms\n", name, times[LOOKS / 2],
           times[LOOKS * 99 / 100], cpu);
}

/* The log grows to n records in one transaction; then some durable ones are timed. */
static void measure_log(struct store *store, uint32_t n)
{
    struct fault why;
    struct head head;
    if (database_run(store->ledger, SQL_BEGIN, SQLITE_OK, &why) != ERR_OK)
        die(&why);
    for (uint32_t i = 0; i < n; i++)
        if (fixture_look(store, &why) != ERR_OK)
            die(&why);
    if (database_end(store->ledger, ERR_OK, &why) != ERR_OK)
        die(&why);
    measure_looks(store, "after 100000 records");
    double begin = now_ms();
    if (audit_sign(store, fixture_now_ms, NULL, &head, &why) != ERR_OK)
        die(&why);
    printf("audit_sign                             %.2f ms\n", now_ms() - begin);
    struct merkle_proof proof;
    begin = now_ms();
    if (audit_prove_growth(store, n / 3 + 1, &proof, &why) != ERR_OK)
        die(&why);
    printf("audit_prove_growth                     %.3f ms (%zu hashes)\n", now_ms() - begin,
           proof.n);
}

static void measure_crops(struct store *store, uint32_t first)
{
    static uint8_t crop[STORE_MAX_CROP];
    struct fault why;
    size_t size;
    bool is_sealed;
    double begin = now_ms();
    for (uint32_t i = 0; i < 1000; i++)
        if (store_crop(store, fixture_row(first + i).id, crop, &size, &is_sealed, &why) != ERR_OK)
            die(&why);
    printf("crop                                   %.3f ms\n", (now_ms() - begin) / 1000);
}

static struct store *open_store(const struct store_options *options, const char *what)
{
    struct store *store = NULL;
    struct fault why;
    double begin = now_ms();
    if (store_open(&store, options, &why) != ERR_OK)
        die(&why);
    printf("%-38s %.1f ms\n", what, now_ms() - begin);
    return store;
}

static void measure_rest(struct store *store, uint32_t n_rows, uint32_t log_size)
{
    struct fault why;
    struct store_stats stats;
    uint32_t n_gone = 0;
    measure_crops(store, n_rows - TIMED);
    measure_log(store, log_size);
    double begin = now_ms();
    if (store_forget(store, fixture_now_ms, &n_gone, &why) != ERR_OK)
        die(&why);
    printf("forget: %u keys                         %.2f ms\n", n_gone, now_ms() - begin);
    begin = now_ms();
    if (store_stats(store, &stats, &why) != ERR_OK)
        die(&why);
    printf("stats                                  %.2f ms (%lu rows, %.1f MB)\n", now_ms() - begin,
           (unsigned long)stats.n_rows, (double)stats.bytes / 1e6);
    measure_finds(store, n_rows);
}

int main(int argc, char **argv)
{
    static const uint8_t scalar[32] = {[31] = 7};
    char dir[256];
    struct fault why;
    struct signature_key *port = NULL;
    uint32_t n_rows = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000;
    if (argc < 2 || n_rows < TIMED ||
        snprintf(dir, sizeof dir, "%s/bench-XXXXXX", argv[1]) >= (int)sizeof dir ||
        mkdtemp(dir) == NULL || signature_key_from_scalar(&port, scalar, &why) != ERR_OK) {
        fprintf(stderr, "usage: %s FOLDER [ROWS, at least %d]\n", argv[0], TIMED);
        return 2;
    }
    struct store_options options = {.binding = {.dir = dir, .tpm = "none"},
                                    .terms = {259200000, 259200000, 259200000, 86400000},
                                    .port_key = port,
                                    .clock = fixture_clock};
    setvbuf(stdout, NULL, _IOLBF, 0);
    fixture_now_ms = fixture_row(n_rows).last_ms;
    struct store *store = open_store(&options, "first opening: keys and files made");
    for (uint32_t i = 0; i < n_rows - TIMED; i++) {
        put_row(store, i, false);
        if ((i + 1) % STORE_MAX_BATCH == 0)
            commit(store);
    }
    commit(store);
    measure_puts(store, n_rows - TIMED, TIMED / 4, 1);
    measure_puts(store, n_rows - TIMED * 3 / 4, TIMED / 4, 16);
    measure_rest(store, n_rows, 100000);
    double begin = now_ms();
    store_close(&store);
    printf("close, with its checkpoints            %.1f ms\n", now_ms() - begin);
    store = open_store(&options, "opening, with the whole log checked");
    store_close(&store);
    options.port_key = NULL;
    options.auditor_key = port;
    store = open_store(&options, "once more");
    measure_looks(store, "sealed to the auditor");
    printf("without the port's key:\n");
    measure_puts(store, n_rows - TIMED / 2, TIMED / 4, 16);
    store_close(&store);
    signature_key_free(&port);
    printf("left in %s\n", dir);
    return 0;
}
