/* Questions to a keeper of flesh and blood: what is answered, to whom, and what the log holds of
 * it. */
#include "house.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"
#include "daemon/courier.h"
#include "daemon/witness.h"
#include "storage/audit.h"

enum { OFFICER = 1000, OTHER_OFFICER = 1001, SUPERVISOR = 2000, AUDITOR = 3000 };
enum { DAY_MS = 86400000, MINUTE_MS = 60000 };

static struct passage passage;
static struct message evidence; /* of the last answer */

static void rest(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void store_some(struct house *h, uint32_t n_passages)
{
    struct courier *courier = NULL;
    int64_t until = counters_steady_ms() + 20000;
    assert_int_equal(courier_new(&courier, h->recognizer_side[0], 1000, "north", &h->why), ERR_OK);
    for (uint32_t n = 0; n < n_passages; n++) {
        house_passage(n, &passage);
        courier_put(courier, &passage, n);
    }
    do {
        assert_true(counters_steady_ms() < until);
        assert_int_equal(courier_work(courier, counters_steady_ms(), &h->why), ERR_OK);
        rest(2);
    } while (!courier_state(courier, counters_steady_ms()).idle);
    courier_free(&courier);
}

static struct ask ask_of(enum ask_kind kind, uint32_t uid)
{
    struct ask ask = {.kind = kind, .uid = uid, .reason = "stolen", .case_number = "26-114"};
    ask.roles = uid == SUPERVISOR ? ASK_SUPERVISOR : uid == AUDITOR ? ASK_AUDITOR : ASK_OFFICER;
    snprintf(ask.user, sizeof ask.user, "user%u", (unsigned)uid);
    return ask;
}

static struct ask find_of(uint32_t uid, const char *plate)
{
    struct ask ask = ask_of(ASK_FIND, uid);
    ask.find.limit = 10;
    snprintf(ask.find.plate, sizeof ask.find.plate, "%s", plate);
    return ask;
}

/* Asks, and takes the answer's first packet; the log's head is in `evidence`. */
static enum message_type ask(struct house *h, const struct ask *what)
{
    static uint64_t seq = 100;
    struct message *m = &h->out;
    memset(m, 0, sizeof *m);
    m->type = MESSAGE_ASK;
    m->seq = ++seq;
    m->ask = *what;
    assert_int_equal(message_send(h->desk_side, m, h->scratch, &h->why), ERR_OK);
    house_receive(h, h->desk_side);
    assert_int_equal(h->in.seq, seq);
    assert_int_equal(h->in.type, MESSAGE_EVIDENCE);
    evidence = h->in;
    house_receive(h, h->desk_side);
    assert_int_equal(h->in.seq, seq);
    return h->in.type;
}

/* Takes what follows of an answer of rows or tickets; how many there were. */
static unsigned take_rest(struct house *h)
{
    unsigned n = 0;
    for (; h->in.n_left > 0; n++)
        house_receive(h, h->desk_side);
    return n;
}

static void assert_refused(struct house *h, const struct ask *what, enum err code, const char *word)
{
    assert_int_equal(ask(h, what), MESSAGE_REFUSED);
    assert_int_equal(h->in.fault.code, code);
    if (strstr(h->in.fault.text, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, h->in.fault.text);
}

static int count(struct house *h, const char *kind)
{
    if (h->keeper != 0)
        house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    int n = house_count_looks(store, kind);
    house_close_store(&store);
    return n;
}

static void every_answer_shows_that_the_log_has_only_grown(void **state)
{
    struct house *h = *state;
    struct head first, second;
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    assert_false(evidence.evidence.has_growth);
    assert_int_equal(head_parse(evidence.evidence.head, evidence.evidence.head_size, &first, NULL),
                     ERR_OK);
    struct signature_key *key = NULL;
    assert_int_equal(signature_key_from_point(&key, evidence.evidence.key, NULL), ERR_OK);
    assert_true(head_is_signed(&first, key));
    house_stop(&h->keeper, &h->keeper_stop); /* signs what no head has signed */
    house_start_keeper(h);
    what.seen_size = first.size;
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    assert_int_equal(head_parse(evidence.evidence.head, evidence.evidence.head_size, &second, NULL),
                     ERR_OK);
    assert_true(second.size > first.size);
    assert_true(evidence.evidence.has_growth);
    assert_true(head_is_signed(&second, key));
    assert_true(merkle_extends(&evidence.evidence.growth, first.size, &first.root, second.size,
                               &second.root));
    signature_key_free(&key);
}

static void a_client_that_has_seen_more_is_told_and_an_alarm_is_raised(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    what.seen_size = 100000;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(h, &what), MESSAGE_ROWS);
        take_rest(h);
        assert_false(evidence.evidence.has_growth);
        assert_non_null(strstr(evidence.evidence.error, "older"));
    }
    assert_int_equal(atomic_load(&h->counters->alarms), 1);
    assert_int_equal(count(h, "alarm"), 1);
}

static void a_question_without_a_plate_keeps_to_one_lane_and_ten_minutes(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    store_some(h, 10);
    struct ask what = find_of(OFFICER, "");
    assert_refused(h, &what, ERR_DENIED, "lane");
    snprintf(what.find.lane, sizeof what.find.lane, "north");
    assert_refused(h, &what, ERR_DENIED, "10 minutes");
    what.find.from_ms = house_begin_ms();
    what.find.to_ms = what.find.from_ms + 10 * MINUTE_MS + 1;
    assert_refused(h, &what, ERR_DENIED, "10 minutes");
    what.find.to_ms--;
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    assert_int_equal(take_rest(h), 10);
    assert_int_equal(count(h, "refused"), 3);
    assert_int_equal(count(h, "query"), 1);
}

static void a_robot_meets_the_cap_and_raises_the_alarm(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    int64_t begun = counters_steady_ms();
    int n_answered = 0, n_asked = 0;
    while (atomic_load(&h->counters->alarms) == 0) {
        assert_true(counters_steady_ms() < begun + 60000);
        n_answered += ask(h, &what) == MESSAGE_ROWS;
        n_asked++;
        if (h->in.type == MESSAGE_REFUSED)
            assert_int_equal(h->in.fault.code, ERR_LIMIT);
    }
    assert_in_range(n_answered, 60, 61);
    assert_in_range(n_asked, 70, 72);
    what.uid = OTHER_OFFICER; /* another is not held to it */
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    assert_int_equal(count(h, "alarm"), 1);
}

/* Killed at any time, the next keeper counts from the log. */
static void a_robot_that_waits_for_a_restart_gets_nothing_by_it(void **state)
{
    struct house *h = *state;
    h->config.queries_per_hour = 12;
    h->config.images_per_hour = 4;
    h->config.images_per_day = 6;
    house_start_keeper(h);
    store_some(h, 3);
    struct ask what = find_of(OFFICER, "TST0001"), picture = ask_of(ASK_IMAGE, OFFICER);
    house_passage(1, &passage);
    memcpy(picture.id, passage.row.id, ROW_ID_SIZE);
    int n_answered = 0, n_pictures = 0;
    for (int life = 0; life < 4; life++) {
        struct ask page = ask_of(ASK_LOG, AUDITOR);
        for (int i = 0; i < AUDIT_MAX_READ; i++)
            assert_int_equal(ask(h, &page), MESSAGE_LOG);
        for (int i = 0; i < (life == 0 ? 5 : 20); i++) {
            n_answered += ask(h, &what) == MESSAGE_ROWS;
            if (h->in.type == MESSAGE_ROWS)
                take_rest(h);
            n_pictures += ask(h, &picture) == MESSAGE_CROP;
        }
        house_kill(&h->keeper, &h->keeper_stop);
        house_start_keeper(h);
    }
    assert_int_equal(n_answered, 12); /* the next is 5 minutes away */
    assert_int_equal(n_pictures, 4);
    assert_refused(h, &what, ERR_LIMIT, "of one user");
    what.uid = picture.uid = OTHER_OFFICER;
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(h, &picture), MESSAGE_CROP);
    assert_refused(h, &picture, ERR_LIMIT, "of all users");
    house_kill(&h->keeper, &h->keeper_stop);
    house_start_keeper(h);
    assert_refused(h, &picture, ERR_LIMIT, "of all users");
    assert_int_equal(count(h, "image"), 6);
}

/* Records of an earlier life, made in the test's own process. */
static void append(struct store *store, enum entry_kind kind, uint32_t uid, int n, int64_t at_ms)
{
    struct fault why;
    for (int i = 0; i < n; i++) {
        struct entry entry = {.kind = kind, .uid = uid, .at_ms = at_ms};
        assert_int_equal(audit_append(store, &entry, NULL, NULL, &why), ERR_OK);
    }
}

static void what_was_asked_counts_by_its_age(void **state)
{
    static const struct {
        uint32_t uid;
        int minutes_ago, n, low, high;
    } looks[] =
        {
            {1, 3 * 24 * 60, 60, 60, 61}, {2, 61, 60, 60, 61}, {3, 30, 60, 30, 31},
            {4, 30, 10, 60, 61},          {5, 10, 20, 50, 51}, {6, 0, 59, 1, 2},
            {7, -600, 60, 0, 1}, /* by a clock that was wrong */
        };
    struct house *h = *state;
    struct store *store = house_open_store(h);
    int64_t now = counters_now_ms();
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        append(store, ENTRY_QUERY, looks[i].uid, looks[i].n,
               now - looks[i].minutes_ago * MINUTE_MS);
    append(store, ENTRY_GAP, UINT32_MAX, 3 * AUDIT_MAX_READ, 1); /* a recognizer that went mad */
    house_close_store(&store);
    house_start_keeper(h);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct ask what = find_of(looks[i].uid, "TST0001");
        int n = 0;
        for (; ask(h, &what) == MESSAGE_ROWS; n++)
            take_rest(h);
        assert_int_equal(h->in.fault.code, ERR_LIMIT);
        assert_in_range(n, looks[i].low, looks[i].high);
    }
}

/* Who was waiting asks again, and so does the second person. */
static void an_approval_does_not_outlive_its_keeper(void **state)
{
    struct house *h = *state;
    char number[ASK_TICKET_SIZE];
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003"), yes = ask_of(ASK_APPROVE, SUPERVISOR);
    what.find.from_ms = counters_now_ms() - 3 * (int64_t)DAY_MS;
    assert_int_equal(ask(h, &what), MESSAGE_REFUSED);
    memcpy(number, h->in.ticket, sizeof number);
    memcpy(yes.ticket, number, sizeof number);
    assert_int_equal(ask(h, &yes), MESSAGE_DONE);
    house_kill(&h->keeper, &h->keeper_stop);
    house_start_keeper(h);
    assert_refused(h, &yes, ERR_NOT_FOUND, "none of this number");
    memcpy(what.ticket, number, sizeof number);
    assert_refused(h, &what, ERR_NOT_FOUND, "none of this number");
    what.ticket[0] = '\0';
    assert_int_equal(ask(h, &what), MESSAGE_REFUSED);
    assert_true(h->in.needs_second && strcmp(h->in.ticket, number) != 0);
}

/* A ticket's text as the supervisor sees it. */
static void read_pending(struct house *h, const char *number, char text[TICKET_TEXT_SIZE])
{
    struct ask what = ask_of(ASK_PENDING, SUPERVISOR);
    what.reason[0] = what.case_number[0] = '\0';
    text[0] = '\0';
    assert_int_equal(ask(h, &what), MESSAGE_PENDING);
    while (h->in.n_left > 0) {
        if (strcmp(h->in.ticket, number) == 0)
            snprintf(text, TICKET_TEXT_SIZE, "%.*s", (int)h->in.n_data, (char *)h->in.data);
        house_receive(h, h->desk_side);
    }
}

/* The newest record of a kind, from the store of a stopped keeper. */
static struct entry last_look(struct house *h, const char *kind, struct entry_detail *detail)
{
    struct entry entry;
    if (h->keeper != 0)
        house_stop(&h->keeper, &h->keeper_stop);
    struct store *store = house_open_store(h);
    assert_true(house_last_look(store, kind, &entry, detail));
    house_close_store(&store);
    return entry;
}

static void what_is_old_takes_a_second_person_and_is_answered_once(void **state)
{
    struct house *h = *state;
    char number[ASK_TICKET_SIZE], text[TICKET_TEXT_SIZE];
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    what.find.from_ms = counters_now_ms() - 3 * (int64_t)DAY_MS;
    assert_refused(h, &what, ERR_DENIED, "second person");
    assert_true(h->in.needs_second);
    memcpy(number, h->in.ticket, sizeof number);
    memcpy(what.ticket, number, sizeof number);
    assert_refused(h, &what, ERR_DENIED, "no second person has approved");
    read_pending(h, number, text);
    assert_non_null(strstr(text, "plate: TST0003\n"));
    assert_non_null(strstr(text, "user: user1000 (1000)\n"));

    struct ask yes = ask_of(ASK_APPROVE, SUPERVISOR);
    memcpy(yes.ticket, number, sizeof number);
    yes.uid = OFFICER; /* in both groups, yet the same person */
    assert_refused(h, &yes, ERR_DENIED, "himself");
    yes.uid = SUPERVISOR;
    yes.roles = ASK_OFFICER;
    assert_refused(h, &yes, ERR_DENIED, "groups");
    yes.roles = ASK_SUPERVISOR;
    assert_int_equal(ask(h, &yes), MESSAGE_DONE);
    assert_refused(h, &yes, ERR_INPUT, "already");

    what.uid = OTHER_OFFICER;
    assert_refused(h, &what, ERR_NOT_FOUND, "yours");
    what.uid = OFFICER;
    what.find.plate[6] = '4';
    assert_refused(h, &what, ERR_DENIED, "another question");
    what.find.plate[6] = '3';
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    assert_refused(h, &what, ERR_NOT_FOUND, "ticket");
    assert_int_equal(count(h, "request"), 1);
    assert_int_equal(count(h, "approval"), 1);
    assert_int_equal(count(h, "query"), 1);
    struct entry_detail detail;
    assert_int_equal(last_look(h, "query", &detail).number, strtoull(number, NULL, 16));
}

/* A new P-256 key; its public half goes to NAME.pem of a folder. */
static struct signature_key *make_key(const char *dir, const char *name)
{
    char path[256], pem[2048];
    struct signature_key *key = NULL;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && PEM_write_PUBKEY(file, pair) == 1 && fclose(file) == 0);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL), 1);
    int size = BIO_read(bio, pem, sizeof pem);
    assert_int_equal(signature_key_parse(&key, pem, (size_t)size, NULL), ERR_OK);
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return key;
}

static void where_supervisors_have_keys_an_approval_is_signed(void **state)
{
    struct house *h = *state;
    char number[ASK_TICKET_SIZE], text[TICKET_TEXT_SIZE];
    snprintf(h->config.supervisor_keys, sizeof h->config.supervisor_keys, "%s", h->root);
    struct signature_key *key = make_key(h->root, "user2000"), *other = make_key(h->root, "other");
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    what.find.from_ms = counters_now_ms() - 3 * (int64_t)DAY_MS;
    assert_int_equal(ask(h, &what), MESSAGE_REFUSED);
    memcpy(number, h->in.ticket, sizeof number);
    read_pending(h, number, text);
    struct ask yes = ask_of(ASK_APPROVE, SUPERVISOR);
    memcpy(yes.ticket, number, sizeof number);
    assert_refused(h, &yes, ERR_DENIED, "signature: is missing");
    assert_int_equal(signature_make(other, text, strlen(text), &yes.signature, NULL), ERR_OK);
    assert_refused(h, &yes, ERR_DENIED, "not of this request");
    assert_int_equal(signature_make(key, text, strlen(text) - 1, &yes.signature, NULL), ERR_OK);
    assert_refused(h, &yes, ERR_DENIED, "not of this request");
    assert_int_equal(signature_make(key, text, strlen(text), &yes.signature, NULL), ERR_OK);
    snprintf(yes.user, sizeof yes.user, "nobody");
    assert_refused(h, &yes, ERR_DENIED, "no key under your user's name");
    snprintf(yes.user, sizeof yes.user, "user2000");
    assert_int_equal(ask(h, &yes), MESSAGE_DONE);
    struct entry_detail detail;
    assert_string_equal(last_look(h, "approval", &detail).credential, "uid+key");
    char signature[BASE64_LENGTH(SIGNATURE_MAX) + 1];
    (void)base64_encode(yes.signature.der, yes.signature.size, signature);
    assert_non_null(strstr(detail.what, signature));
    signature_key_free(&key);
    signature_key_free(&other);
}

static void run_openssl(const char *const argv[])
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(out, 1);
        dup2(out, 2);
        execvp("openssl", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* All parts of an exported file into a file of the house. */
static size_t take_file(struct house *h, const char *path, uint8_t digest[32])
{
    FILE *file = fopen(path, "wb");
    size_t size = 0;
    memcpy(digest, h->in.digest, 32);
    for (;;) {
        assert_int_equal(h->in.type, MESSAGE_BLOB);
        assert_int_equal(h->in.first, size);
        assert_int_equal(fwrite(h->in.data, 1, h->in.n_data, file), h->in.n_data);
        size += h->in.n_data;
        if (size == h->in.total)
            break;
        h->out.type = MESSAGE_MORE;
        h->out.seq = h->in.seq;
        h->out.first = size;
        assert_int_equal(message_send(h->desk_side, &h->out, h->scratch, &h->why), ERR_OK);
        house_receive(h, h->desk_side);
    }
    fclose(file);
    return size;
}

static void an_export_takes_two_and_only_its_recipient_opens_it(void **state)
{
    struct house *h = *state;
    char key[160], certificate[160], cms[160], plain[160], number[ASK_TICKET_SIZE];
    uint8_t digest[32], same[32];
    static char text[1 << 20];
    snprintf(h->config.recipients_dir, sizeof h->config.recipients_dir, "%s", h->root);
    snprintf(key, sizeof key, "%s/court.key", h->root);
    snprintf(certificate, sizeof certificate, "%s/court.pem", h->root);
    snprintf(cms, sizeof cms, "%s/file.cms", h->root);
    snprintf(plain, sizeof plain, "%s/file.json", h->root);
    run_openssl((const char *[]){"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                                 "-days", "2", "-subj", "/CN=court", "-keyout", key, "-out",
                                 certificate, NULL});
    house_start_keeper(h);
    store_some(h, 30);
    struct ask what = ask_of(ASK_EXPORT, OFFICER);
    snprintf(what.recipient, sizeof what.recipient, "nobody");
    what.n_ids = ASK_MAX_EXPORT;
    for (uint32_t n = 0; n < ASK_MAX_EXPORT; n++) {
        house_passage(n, &passage);
        memcpy(what.ids[n], passage.row.id, ROW_ID_SIZE);
    }
    assert_refused(h, &what, ERR_NOT_FOUND, "no such recipient");
    snprintf(what.recipient, sizeof what.recipient, "court");
    assert_int_equal(ask(h, &what), MESSAGE_TICKET);
    memcpy(number, h->in.ticket, sizeof number);

    struct ask again = ask_of(ASK_EXPORT, OFFICER);
    memcpy(again.ticket, number, sizeof number);
    assert_refused(h, &again, ERR_DENIED, "no second person");
    struct ask yes = ask_of(ASK_APPROVE, SUPERVISOR);
    memcpy(yes.ticket, number, sizeof number);
    assert_int_equal(ask(h, &yes), MESSAGE_DONE);
    assert_int_equal(ask(h, &again), MESSAGE_BLOB);
    size_t size = take_file(h, cms, digest);
    assert_refused(h, &again, ERR_NOT_FOUND, "ticket");

    static uint8_t file[1 << 20];
    FILE *in = fopen(cms, "rb");
    assert_int_equal(fread(file, 1, sizeof file, in), size);
    fclose(in);
    assert_int_equal(EVP_Digest(file, size, same, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(digest, same, 32);
    run_openssl((const char *[]){"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in",
                                 cms, "-inkey", key, "-out", plain, NULL});
    in = fopen(plain, "rb");
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    assert_non_null(strstr(text, "\"TST0000\""));
    assert_non_null(strstr(text, "\"TST0019\""));
    assert_null(strstr(text, "\"TST0020\""));
    assert_non_null(strstr(text, "\"approved_by\": \"user2000\""));
    assert_int_equal(count(h, "export"), 1);
    assert_int_equal(count(h, "approval"), 1);
}

static void a_honey_plate_that_is_answered_raises_an_alarm(void **state)
{
    struct house *h = *state;
    char minute[32], text[128];
    time_t now = time(NULL) - 60;
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(minute, sizeof minute, "%Y-%m-%d %H:%M", &tm);
    snprintf(h->config.honey_file, sizeof h->config.honey_file, "%s/honey", h->root);
    int size =
        snprintf(text, sizeof text, "%s north SWEET77 us-tx\n%s east NOLANE1\n", minute, minute);
    int fd = open(h->config.honey_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, (size_t)size), size);
    close(fd);
    for (int life = 0; life < 2; life++) {
        house_start_keeper(h);
        struct ask what = find_of(OFFICER, "TST0001");
        assert_int_equal(ask(h, &what), MESSAGE_ROWS);
        take_rest(h);
        assert_int_equal(atomic_load(&h->counters->alarms), life);
        what = find_of(OFFICER, "SWEET77");
        assert_int_equal(ask(h, &what), MESSAGE_ROWS);
        assert_int_equal(h->in.n_left, 1);
        assert_string_equal(h->in.passage.row.camera, "north-1");
        assert_int_equal(take_rest(h), 1);
        assert_int_equal(atomic_load(&h->counters->alarms), life + 1);
        house_stop(&h->keeper, &h->keeper_stop);
    }
    assert_int_equal(count(h, "alarm"), 2);
}

static void the_log_is_for_auditors_who_can_prove_each_record(void **state)
{
    struct house *h = *state;
    struct head head;
    struct entry entry;
    const uint8_t *sealed;
    size_t sealed_size;
    house_start_keeper(h);
    struct ask what = find_of(OFFICER, "TST0003");
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    house_stop(&h->keeper, &h->keeper_stop);
    house_start_keeper(h);
    what = ask_of(ASK_LOG, OFFICER);
    assert_refused(h, &what, ERR_DENIED, "groups");
    what = ask_of(ASK_LOG, AUDITOR);
    what.case_number[0] = '\0';
    assert_refused(h, &what, ERR_DENIED, "case_number");
    what = ask_of(ASK_LOG, AUDITOR);
    assert_int_equal(ask(h, &what), MESSAGE_LOG);
    assert_int_equal(h->in.first, 0);
    assert_true(h->in.n_left >= 4 && h->in.total > h->in.n_left);
    const uint8_t *at = h->in.data;
    bool has_query = false;
    for (uint32_t i = 0; i < h->in.n_left; i++) {
        size_t size = at[0] | (size_t)at[1] << 8;
        assert_int_equal(entry_parse(at + 2, size, &entry, &sealed, &sealed_size, NULL), ERR_OK);
        assert_int_equal(entry.index, i);
        if (entry.kind == ENTRY_QUERY) {
            struct merkle_hash leaf = merkle_leaf(at + 2, size);
            what = ask_of(ASK_PROVE, AUDITOR);
            what.first = i;
            has_query = true;
            assert_int_equal(ask(h, &what), MESSAGE_PROOF);
            assert_int_equal(
                head_parse(evidence.evidence.head, evidence.evidence.head_size, &head, NULL),
                ERR_OK);
            assert_true(merkle_includes(&h->in.proof, &leaf, i, head.size, &head.root));
            break;
        }
        at += 2 + size;
    }
    assert_true(has_query);
    what = ask_of(ASK_PROVE, AUDITOR);
    what.first = 1 << 20;
    assert_refused(h, &what, ERR_INPUT, "");
}

static void maintenance_sees_no_passage_and_leaves_its_posture(void **state)
{
    struct house *h = *state;
    struct head head;
    house_start_keeper(h);
    store_some(h, 3);
    struct ask what = find_of(OFFICER, "TST0001");
    what.roles = ASK_MAINTENANCE;
    assert_refused(h, &what, ERR_DENIED, "groups");
    what.kind = ASK_IMAGE;
    assert_refused(h, &what, ERR_DENIED, "groups");
    what.kind = ASK_PENDING;
    assert_refused(h, &what, ERR_DENIED, "groups");
    what = ask_of(ASK_POSTURE, OFFICER);
    assert_refused(h, &what, ERR_DENIED, "groups");
    what.roles = ASK_MAINTENANCE;
    memset(what.digest, 0x5a, sizeof what.digest);
    assert_int_equal(ask(h, &what), MESSAGE_DONE);
    rest(600);
    what = find_of(OFFICER, "TST0001");
    assert_int_equal(ask(h, &what), MESSAGE_ROWS);
    take_rest(h);
    assert_int_equal(head_parse(evidence.evidence.head, evidence.evidence.head_size, &head, NULL),
                     ERR_OK);
    assert_int_equal(head.posture[0], 0x5a);
    assert_int_equal(head.posture[31], 0x5a);
}

static void what_happens_to_the_host_is_recorded_once(void **state)
{
    struct house *h = *state;
    atomic_store(&h->counters->started_ms, 1);
    atomic_store(&h->counters->media, 2);
    atomic_store(&h->counters->config_digest[0], 77);
    atomic_store(&h->counters->config_turn, 1);
    for (int life = 0; life < 3; life++) {
        house_start_keeper(h);
        house_stop(&h->keeper, &h->keeper_stop);
    }
    assert_int_equal(count(h, "start"), 3);
    assert_int_equal(count(h, "key"), 1); /* enrolled */
    assert_int_equal(count(h, "media"), 1);
    assert_int_equal(count(h, "login"), 0);
    assert_int_equal(count(h, "config"), 1);
    atomic_store(&h->counters->logins, 5);
    atomic_store(&h->counters->config_digest[0], 78);
    house_start_keeper(h);
    house_stop(&h->keeper, &h->keeper_stop);
    assert_int_equal(count(h, "media"), 1);
    assert_int_equal(count(h, "login"), 1);
    assert_int_equal(count(h, "config"), 2);
}

static void each_head_is_in_the_witness_file(void **state)
{
    struct house *h = *state;
    char line[1024];
    struct head head, before = {.size = 0};
    int n = 0;
    snprintf(h->config.witness_file, sizeof h->config.witness_file, "%s/heads", h->root);
    witness_prepare(h->config.witness_file); /* as the role does before its rights go */
    for (int life = 0; life < 2; life++) {
        house_start_keeper(h);
        struct ask what = find_of(OFFICER, "TST0003");
        assert_int_equal(ask(h, &what), MESSAGE_ROWS);
        take_rest(h);
        house_stop(&h->keeper, &h->keeper_stop);
    }
    witness_prepare("");
    FILE *file = fopen(h->config.witness_file, "r");
    for (; fgets(line, sizeof line, file) != NULL; n++) {
        uint8_t bytes[HEAD_MAX_BYTES];
        line[strcspn(line, "\n")] = '\0';
        int size = EVP_DecodeBlock(bytes, (unsigned char *)line, (int)strlen(line));
        size -= (int)(strlen(line) - strcspn(line, "="));
        assert_int_equal(head_parse(bytes, (size_t)size, &head, NULL), ERR_OK);
        assert_true(head.size > before.size);
        if (n > 0) {
            struct merkle_hash digest = head_digest(&before);
            assert_memory_equal(&head.previous, &digest, sizeof digest);
        }
        before = head;
    }
    fclose(file);
    assert_int_equal(n, 4); /* at the start and at the end of each life */
}

static void limit_files(pid_t pid, rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void without_a_log_nothing_is_answered(void **state)
{
    struct house *h = *state;
    house_start_keeper(h);
    store_some(h, 5);
    limit_files(h->keeper, 4096);
    struct ask what = find_of(OFFICER, "TST0003");
    assert_refused(h, &what, ERR_IO, "cannot be recorded");
    what = ask_of(ASK_LOG, AUDITOR);
    assert_refused(h, &what, ERR_IO, "cannot be recorded");
    what = ask_of(ASK_IMAGE, OFFICER);
    house_passage(3, &passage);
    memcpy(what.id, passage.row.id, ROW_ID_SIZE);
    assert_refused(h, &what, ERR_IO, "cannot be recorded");
    limit_files(h->keeper, RLIM_INFINITY);
    assert_int_equal(ask(h, &what), MESSAGE_CROP);
    assert_int_equal(h->in.n_data, passage.row.crop_size);
    assert_int_equal(count(h, "gap"), 2); /* one a lane */
}

#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(every_answer_shows_that_the_log_has_only_grown),
        HOUSE_TEST(a_client_that_has_seen_more_is_told_and_an_alarm_is_raised),
        HOUSE_TEST(a_question_without_a_plate_keeps_to_one_lane_and_ten_minutes),
        HOUSE_TEST(a_robot_meets_the_cap_and_raises_the_alarm),
        HOUSE_TEST(a_robot_that_waits_for_a_restart_gets_nothing_by_it),
        HOUSE_TEST(what_was_asked_counts_by_its_age),
        HOUSE_TEST(an_approval_does_not_outlive_its_keeper),
        HOUSE_TEST(what_is_old_takes_a_second_person_and_is_answered_once),
        HOUSE_TEST(where_supervisors_have_keys_an_approval_is_signed),
        HOUSE_TEST(an_export_takes_two_and_only_its_recipient_opens_it),
        HOUSE_TEST(a_honey_plate_that_is_answered_raises_an_alarm),
        HOUSE_TEST(the_log_is_for_auditors_who_can_prove_each_record),
        HOUSE_TEST(maintenance_sees_no_passage_and_leaves_its_posture),
        HOUSE_TEST(what_happens_to_the_host_is_recorded_once),
        HOUSE_TEST(each_head_is_in_the_witness_file),
        HOUSE_TEST(without_a_log_nothing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
