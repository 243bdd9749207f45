/* A stop between a step of the keys and its record: whatever ends a process, each epoch that has
 * begun is in the log once, at the latest after the next opening. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "steps.h"
#include "storage/audit.h"
#include "storage/inside.h"
#include "storage/suspend.h"
#include "swtpm.h"

static struct swtpm here;
static char trash[96];

static int setup_software(void **state)
{
    (void)fixture_setup(state);
    struct fixture *f = *state;
    (void)snprintf(trash, sizeof trash, "%s/trash", f->root);
    assert_int_equal(mkdir(trash, 0700), 0);
    f->store_options.terms = (struct store_terms){.other = KEYRING_DAY_MS};
    fixture_reopen(f);
    return 0;
}

/* The same store, begun anew with a TPM. */
static int setup(void **state)
{
    (void)setup_software(state);
    struct fixture *f = *state;
    store_close(&f->store);
    fixture_remove_folder(f->dir);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    swtpm_new(&here, f->root, "here");
    f->store_options.binding.tpm = here.tcti;
    assert_int_equal(fixture_open(f), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(&f->store);
    swtpm_off(&here);
    return fixture_teardown(state);
}

static void must(struct fixture *f, enum err result)
{
    if (result != ERR_OK)
        fail_msg("%s: %s", err_name(result), f->why.text);
}

static bool next_entry(struct fixture *f, uint64_t index, struct entry *out)
{
    static uint8_t bytes[ENTRY_MAX_BYTES + 2];
    const uint8_t *sealed;
    size_t sealed_size;
    struct audit_page page = {.first = index, .room = 1, .out = bytes, .out_size = sizeof bytes};
    must(f, audit_read(f->store, &page, &f->why));
    if (page.n == 1)
        must(f, entry_parse(bytes + 2, page.size - 2, out, &sealed, &sealed_size, &f->why));
    return page.n == 1;
}

/* What the log tells of the keys, in letters: f, s, r for a forgetting, a suspension and its end,
 * in capitals where it is late. Every epoch must be told of, once and in its turn. */
static const char *story(struct fixture *f)
{
    static char letters[256];
    struct entry entry;
    const struct keyring_state keys = keyring_state(f->store->keyring);
    uint64_t told = keys.first_epoch;
    size_t n = 0;
    for (uint64_t i = 0; next_entry(f, i, &entry); i++) {
        if (entry.kind != ENTRY_FORGET && entry.kind != ENTRY_KEY)
            continue;
        bool is_late = strcmp(entry.name, "late") == 0 || (entry.kind == ENTRY_KEY && entry.n > 0);
        char letter = entry.kind == ENTRY_FORGET ? 'f' : entry.name[0];
        assert_true(n < sizeof letters - 1);
        letters[n++] = is_late ? (char)(letter - 'a' + 'A') : letter;
        told += is_late ? entry.n : 1;
        if (told != entry.number)
            fail_msg("%.*s: the record tells of epoch %lu, the next is %lu", (int)n, letters,
                     (unsigned long)entry.number, (unsigned long)told);
    }
    letters[n] = '\0';
    if (told != keys.epoch)
        fail_msg("%s: told up to epoch %lu, it is %lu", letters, (unsigned long)told,
                 (unsigned long)keys.epoch);
    return letters;
}

/* What the log has got since it told `before`; telling it again adds nothing. */
static void expect_more(struct fixture *f, const char *before, const char *const wanted[])
{
    char now[256];
    (void)snprintf(now, sizeof now, "%s", story(f));
    fixture_reopen(f);
    assert_int_equal(f->store->n_late, 0);
    assert_string_equal(story(f), now);
    assert_int_equal(strncmp(now, before, strlen(before)), 0);
    for (int i = 0; wanted[i] != NULL; i++)
        if (strcmp(now + strlen(before), wanted[i]) == 0)
            return;
    fail_msg("after \"%s\" came \"%s\"", before, now + strlen(before));
}

static enum err do_forget(struct fixture *f)
{
    uint32_t n;
    return store_forget(f->store, fixture_now_ms, &n, &f->why);
}

static enum err do_suspend(struct fixture *f)
{
    return suspend_store(f->store, &f->why);
}

static enum err do_nothing(struct fixture *f)
{
    (void)f;
    return ERR_OK;
}

/* A child opens the store and does `what`, and dies at the `nth` step of that, or of all of it;
 * false: it came through. The store is closed here meanwhile, and open again afterwards. */
static bool die_in(struct fixture *f, enum err (*what)(struct fixture *), bool opening_too,
                   uint32_t nth)
{
    int status;
    store_close(&f->store);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (opening_too)
            steps_begin(STEPS_KILL, nth, trash);
        if (fixture_open(f) != ERR_OK)
            _exit(1);
        if (!opening_too)
            steps_begin(STEPS_KILL, nth, trash);
        _exit(what(f) == ERR_OK ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != STEPS_STATUS)
        fail_msg("the child ended with %d", WEXITSTATUS(status));
    must(f, fixture_open(f));
    return WEXITSTATUS(status) == STEPS_STATUS;
}

/* Dies at every step of a forgetting in turn. */
static void forget_dying(struct fixture *f)
{
    static const char *const wanted[] = {"", "f", "F", NULL};
    char before[256];
    uint32_t nth = 0, n_late = 0;
    bool is_cut = true;
    while (is_cut) {
        fixture_now_ms += 2 * (int64_t)KEYRING_DAY_MS; /* all that there is goes */
        must(f, do_forget(f));                         /* and there is something again */
        fixture_now_ms += 2 * (int64_t)KEYRING_DAY_MS;
        (void)snprintf(before, sizeof before, "%s", story(f));
        is_cut = die_in(f, do_forget, false, ++nth);
        n_late += f->store->n_late;
        expect_more(f, before, wanted);
    }
    print_message("%u cuts, after %u of them a forgetting was recorded late\n", nth - 1, n_late);
    assert_true(n_late > 0 && n_late < nth - 1);
}

static void a_forgetting_is_recorded_wherever_it_ends(void **state)
{
    forget_dying(*state);
}

static void a_suspension_is_recorded_wherever_it_ends(void **state)
{
    /* The opening that finds it suspended ends that. */
    static const char *const wanted[] = {"", "sr", "Sr", NULL};
    struct fixture *f = *state;
    char before[256];
    uint32_t n_late = 0, nth = 0;
    bool is_cut = true;
    while (is_cut) {
        (void)snprintf(before, sizeof before, "%s", story(f));
        is_cut = die_in(f, do_suspend, false, ++nth);
        n_late += f->store->n_late;
        expect_more(f, before, wanted);
    }
    print_message("%u cuts, after %u of them a suspension was recorded late\n", nth - 1, n_late);
    assert_true(n_late > 0 && n_late < nth - 1);
}

static void its_end_is_recorded_wherever_it_ends(void **state)
{
    static const char *const wanted[] = {"r", "R", NULL};
    struct fixture *f = *state;
    char before[256];
    uint32_t n_late = 0, nth = 0;
    bool is_cut = true;
    while (is_cut) {
        must(f, do_suspend(f));
        (void)snprintf(before, sizeof before, "%s", story(f));
        is_cut = die_in(f, do_nothing, true, ++nth);
        n_late += f->store->n_late;
        expect_more(f, before, wanted);
    }
    print_message("%u cuts, after %u of them its end was recorded late\n", nth - 1, n_late);
    assert_true(n_late > 0 && n_late < nth - 1);
}

/* Opens the keys without the log, `turns` times suspends them, and closes them. */
static void turn_unseen(struct fixture *f, int turns)
{
    store_close(&f->store);
    for (int i = 0; i < turns; i++) {
        struct keyring *keys = NULL;
        must(f, keyring_open(&keys, &f->store_options.binding, &f->why));
        must(f, keyring_suspend(keys, &f->why));
        keyring_close(&keys);
    }
    must(f, fixture_open(f));
}

/* The first suspension and its end are seen by nobody: the keys show the last alone. */
static void what_several_stops_have_left_out_is_recorded_together(void **state)
{
    static const char *const wanted[] = {"Sr", NULL};
    struct fixture *f = *state;
    turn_unseen(f, 1);
    assert_int_equal(f->store->n_late, 1);
    expect_more(f, "", wanted);
    turn_unseen(f, 2);
    assert_int_equal(f->store->n_late, 3);
    expect_more(f, "Sr", wanted);
}

static void without_a_tpm_too_a_forgetting_is_recorded_wherever_it_ends(void **state)
{
    forget_dying(*state);
}

/* The opening with the credential dies at its n-th call; false: it came through. */
static bool take_dying(struct fixture *f, uint32_t nth)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = NULL;
        steps_begin(STEPS_KILL, nth, trash);
        enum err result = store_open(&store, &f->store_options, &f->why);
        (void)steps_end();
        _exit(result == ERR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WEXITSTATUS(status) == STEPS_STATUS;
}

/* Beside a forgetting that nobody has recorded, too. */
static void a_credential_s_taking_in_is_recorded_wherever_it_ends(void **state)
{
    static const char *const wanted[] = {"Fc", "F", NULL}; /* F alone: both are told of by it */
    static const uint8_t secret[BINDING_MIN_CREDENTIAL] = "what systemd keeps for this host";
    static const uint32_t first_kept[KEYRING_PERIODIC] = {[KEYRING_OTHER] = 2};
    struct fixture *f = *state;
    char copy[160];
    uint32_t n, n_late = 0, nth = 0;
    struct keyring *keys = NULL;
    store_close(&f->store);
    must(f, keyring_open(&keys, &f->options, &f->why));
    must(f, keyring_make(keys, KEYRING_OTHER, 1, 1, &f->why));
    must(f, keyring_forget(keys, first_kept, &n, &f->why));
    assert_int_equal(n, 1);
    keyring_close(&keys);
    f->store_options.binding.credential = secret;
    f->store_options.binding.credential_size = sizeof secret;
    do {
        (void)snprintf(copy, sizeof copy, "%s/take-%u", f->root, (unsigned)++nth);
        fixture_copy_folder(f->dir, copy);
        f->store_options.binding.dir = copy;
        bool died = take_dying(f, nth);
        must(f, fixture_open(f));
        assert_int_equal(keyring_state(f->store->keyring).with_credential, 1);
        n_late += strcmp(story(f), "F") == 0;
        expect_more(f, "", wanted);
        store_close(&f->store);
        if (!died)
            break;
    } while (nth < 100);
    print_message("%u openings, of %u all was recorded late\n", (unsigned)nth, (unsigned)n_late);
    assert_true(nth > 6 && nth < 100 && n_late > 0 && n_late < nth);
}

/* Somebody takes the looks of the last epochs away with the whole file; the keys go on. */
static void a_log_that_is_put_back_is_told_by_the_keys(void **state)
{
    static const char *const wanted[] = {"F", NULL};
    struct fixture *f = *state;
    char copy[160], ledger[160];
    struct head head;
    must(f, audit_sign(f->store, fixture_now_ms, NULL, &head, &f->why));
    store_close(&f->store);
    (void)snprintf(copy, sizeof copy, "%s/copy", f->root);
    fixture_copy_folder(f->dir, copy);
    must(f, fixture_open(f));
    for (int i = 0; i < 4; i++) {
        must(f, do_forget(f));
        fixture_now_ms += 2 * (int64_t)KEYRING_DAY_MS;
    }
    assert_string_equal(story(f), "fff");
    store_close(&f->store);
    (void)snprintf(copy, sizeof copy, "%s/copy/ledger.db", f->root);
    (void)snprintf(ledger, sizeof ledger, "%s/ledger.db", f->dir);
    assert_int_equal(rename(copy, ledger), 0);
    must(f, fixture_open(f));
    assert_int_equal(f->store->n_late, 3);
    expect_more(f, "", wanted);
}

int main(void)
{
    if (!swtpm_is_installed()) {
        puts("skipped: swtpm is not installed");
        return 77;
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define S(name) cmocka_unit_test_setup_teardown(name, setup_software, teardown)
    const struct CMUnitTest tests[] = {
        T(a_forgetting_is_recorded_wherever_it_ends),
        T(a_suspension_is_recorded_wherever_it_ends),
        T(its_end_is_recorded_wherever_it_ends),
        T(what_several_stops_have_left_out_is_recorded_together),
        S(without_a_tpm_too_a_forgetting_is_recorded_wherever_it_ends),
        S(a_credential_s_taking_in_is_recorded_wherever_it_ends),
        S(a_log_that_is_put_back_is_told_by_the_keys),
    };
    return cmocka_run_group_tests_name("late", tests, NULL, NULL);
}
