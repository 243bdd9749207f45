/* bench_storage FOLDER [ROWS]: puts a second, time of an opening and of each kind of query, on the
 * disk of FOLDER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "storage/ledger.h"

enum { CROP = 12 * 1024, QUERIES = 200 };

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
    qsort(times, QUERIES, sizeof times[0], by_value);
    printf("find, %-32s p50 %6.2f ms  p99 %6.2f ms  (%.1f rows)\n", name, times[QUERIES / 2],
           times[QUERIES * 99 / 100], (double)found / QUERIES);
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

static void measure_puts(struct store *store, uint32_t n_rows)
{
    struct fault why;
    uint32_t n = n_rows < 5000 ? n_rows : 5000;
    double begin = now_ms(), cpu = cpu_ms();
    for (uint32_t i = 0; i < n; i++)
        if (fixture_put(store, i, CROP, &why) != ERR_OK)
            die(&why);
    double took = now_ms() - begin;
    printf("put, %d KB crop, durable one by one    %.0f a second (%.2f ms of CPU each)\n",
           CROP / 1024, n / took * 1e3, (cpu_ms() - cpu) / n);
    for (uint32_t i = n; i < n_rows; i++)
        if (fixture_put(store, i, 0, &why) != ERR_OK)
            die(&why);
    begin = now_ms();
    for (uint32_t i = 0; i < 1000; i++) {
        struct ledger_look look = {
            .at_ms = 1, .user = "o", .reason = "r", .case_number = "c", .kind = "query"};
        if (ledger_look(store, &look, &why) != ERR_OK)
            die(&why);
    }
    printf("ledger_look, durable                   %.3f ms\n", (now_ms() - begin) / 1000);
    size_t size;
    static uint8_t crop[ROW_MAX_CROP];
    begin = now_ms();
    for (uint32_t i = 0; i < 1000; i++)
        if (store_crop(store, fixture_row(i).id, crop, &size, &why) != ERR_OK)
            die(&why);
    printf("crop                                   %.3f ms\n", (now_ms() - begin) / 1000);
}

int main(int argc, char **argv)
{
    char dir[256];
    struct fault why;
    uint32_t n_rows = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 50000;
    if (argc < 2 || n_rows == 0 ||
        snprintf(dir, sizeof dir, "%s/bench-XXXXXX", argv[1]) >= (int)sizeof dir ||
        mkdtemp(dir) == NULL) {
        fprintf(stderr, "usage: %s FOLDER [ROWS]\n", argv[0]);
        return 2;
    }
    struct binding_options options = {.dir = dir, .tpm = "none"};
    struct binding_key *key = NULL;
    struct store *store = NULL;
    double begin = now_ms();
    if (binding_open(&key, &options, &why) != ERR_OK ||
        store_open(&store, dir, key, &why) != ERR_OK)
        die(&why);
    printf("first opening: key and database made   %.1f ms\n", now_ms() - begin);
    measure_puts(store, n_rows);
    begin = now_ms();
    store_close(&store);
    printf("close, with its checkpoint             %.1f ms\n", now_ms() - begin);
    binding_close(&key);
    begin = now_ms();
    if (binding_open(&key, &options, &why) != ERR_OK)
        die(&why);
    double half = now_ms();
    if (store_open(&store, dir, key, &why) != ERR_OK)
        die(&why);
    struct store_stats stats;
    printf("opening: key %.2f ms, database %.2f ms\n", half - begin, now_ms() - half);
    begin = now_ms();
    if (store_stats(store, &stats, &why) != ERR_OK)
        die(&why);
    printf("stats                                  %.2f ms (%lu rows, %.1f MB)\n", now_ms() - begin,
           (unsigned long)stats.n_rows, (double)stats.bytes / 1e6);
    measure_finds(store, n_rows);
    store_close(&store);
    binding_close(&key);
    printf("left in %s\n", dir);
    return 0;
}
