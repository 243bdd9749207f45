/* kill -9 while passages are written: what was acknowledged is there afterwards. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

enum { ROUNDS = 50, CROP = 9000 };

/* The writer: opens the store itself, puts passages from `first` on, and reports each once it is
 * durable. */
static _Noreturn void write_passages(struct fixture *f, uint32_t first, int acks)
{
    struct fault why;
    struct store *store = NULL;
    if (store_open(&store, &f->store_options, &why) != ERR_OK)
        _exit(1);
    for (uint32_t n = first;; n++) {
        if (fixture_put(store, n, n % 3 == 0 ? 0 : CROP, &why) != ERR_OK)
            _exit(1);
        if (write(acks, &n, sizeof n) != sizeof n)
            _exit(1);
    }
}

/* Lets a writer live for so long, kills it, and returns the number after the last passage that it
 * reported. */
static uint32_t run_writer(struct fixture *f, uint32_t first, long microseconds)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        write_passages(f, first, ends[1]);
    }
    (void)close(ends[1]);
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    uint32_t next = first, n;
    while (read(ends[0], &n, sizeof n) == sizeof n) {
        assert_int_equal(n, next);
        next++;
    }
    (void)close(ends[0]);
    return next;
}

static void killing_the_writer_loses_nothing_that_was_acknowledged(void **state)
{
    struct fixture *f = *state;
    store_close(&f->store);
    uint32_t next = 0, before = 0;
    unsigned noise = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        noise = noise * 1103515245U + 12345;
        next = run_writer(f, next, 3000 + noise / 65536 % 60000);
        if (fixture_open(f) != ERR_OK)
            fail_msg("round %d: %s", round, f->why.text);
        /* Of older rounds only the last passages, so that the test stays short; all of them at the
         * end. */
        for (uint32_t n = before > 20 ? before - 20 : 0; n < next; n++)
            if (!fixture_has(f->store, n, n % 3 == 0 ? 0 : CROP))
                fail_msg("round %d: passage %u of %u is lost", round, n, next);
        fixture_check(f);
        before = next;
        /* The next writer begins with a number that may be stored already, unacknowledged: a
         * resend. */
        store_close(&f->store);
    }
    assert_int_equal(fixture_open(f), ERR_OK);
    for (uint32_t n = 0; n < next; n++)
        assert_true(fixture_has(f->store, n, n % 3 == 0 ? 0 : CROP));
    struct store_stats stats;
    assert_int_equal(store_stats(f->store, &stats, &f->why), ERR_OK);
    assert_true(stats.n_rows == next || stats.n_rows == next + 1);
    print_message("%d kills, %u passages acknowledged, 0 lost\n", ROUNDS, next);
    assert_true(next > ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killing_the_writer_loses_nothing_that_was_acknowledged,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
