/* The keeper: alone with the key and the store. Takes passages and acknowledges what is durable;
 * answers the desk after the look has been recorded. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/message.h"
#include "daemon/role.h"
#include "storage/audit.h"

enum {
    ALIVE_MS = 500,
    TURN_MESSAGES = 16,  /* of one socket before the others have their turn */
    LAST_CALLS_MS = 400, /* at the end: how long what is still on its way is taken */
    QUIET_MS = 30,       /* and silence that means that nothing is */
};

struct keeper {
    const struct role_env *env;
    const struct config *config;
    struct store *store;
    int recognizer_fd[CONFIG_MAX_CAMERAS];
    int desk_fd;
    int64_t failing_since_ms; /* Unix; 0: the store takes what it is given */
    uint64_t n_failed;
    bool said_bad[CONFIG_MAX_CAMERAS + 1];
    struct row rows[STORE_MAX_ROWS];
    struct message in, out;
    uint8_t scratch[MESSAGE_MAX];
};

static void close_all(struct keeper **keeper)
{
    struct keeper *k = *keeper;
    if (k->store != NULL)
        store_close(&k->store);
    free(k);
    *keeper = NULL;
}

static enum err open_all(struct keeper **out, const struct role_env *env, struct fault *why)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (k == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the keeper");
    k->env = env;
    k->config = env->config;
    k->desk_fd = env->desk_fd;
    memcpy(k->recognizer_fd, env->recognizer_fd, sizeof k->recognizer_fd);
    struct store_options options = {
        .binding = {.dir = k->config->state_dir,
                    .tpm = k->config->tpm,
                    .pcr_mask = k->config->pcr_mask,
                    .nv_index = k->config->tpm_nv_index},
        .terms = {.hit = k->config->hit_term_s * 1000LL,
                  .other = k->config->other_term_s * 1000LL,
                  .hit_crop = k->config->hit_crop_term_s * 1000LL,
                  .other_crop = k->config->other_crop_term_s * 1000LL},
    };
    struct store_stats stats = {0};
    uint32_t n_gone = 0;
    enum err err = store_open(&k->store, &options, why);
    if (err == ERR_OK)
        err = store_forget(k->store, counters_now_ms(), &n_gone, why);
    if (err == ERR_OK)
        err = store_stats(k->store, &stats, why);
    if (err != ERR_OK) {
        atomic_fetch_add(&env->counters->store_errors, 1);
        close_all(&k);
        return err;
    }
    atomic_store(&env->counters->binding, (uint32_t)stats.binding);
    log_write(LOG_LEVEL_INFO, "store is open, binding=%s", binding_name(stats.binding));
    *out = k;
    return ERR_OK;
}

/* One gap a lane, for all of them had the same store. */
static enum err record_gap(struct keeper *k, int64_t from_ms, int64_t to_ms, struct fault *why)
{
    for (uint32_t i = 0; i < k->config->n_cameras; i++) {
        const char *lane = k->config->cameras[i].lane;
        bool is_repeated = false;
        for (uint32_t j = 0; j < i; j++)
            is_repeated |= strcmp(k->config->cameras[j].lane, lane) == 0;
        if (is_repeated)
            continue;
        struct ledger_gap gap = {.from_ms = from_ms, .to_ms = to_ms, .why = "store unwritable"};
        snprintf(gap.lane, sizeof gap.lane, "%s", lane);
        enum err err = ledger_gap(k->store, &gap, why);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static void note_failure(struct keeper *k, const struct fault *why)
{
    atomic_fetch_add(&k->env->counters->store_errors, 1);
    k->n_failed++;
    if (k->failing_since_ms != 0)
        return;
    k->failing_since_ms = counters_now_ms();
    log_write(LOG_LEVEL_ERROR,
              "the store cannot be written; recognition goes on, passages wait: %s (%s)", why->text,
              err_name(why->code));
}

/* Something was written: if it could not be before, that time is recorded as a gap. */
static void note_success(struct keeper *k)
{
    struct fault why;
    if (k->failing_since_ms == 0)
        return;
    int64_t now = counters_now_ms();
    if (record_gap(k, k->failing_since_ms, now > k->failing_since_ms ? now : k->failing_since_ms,
                   &why) != ERR_OK)
        return;
    log_write(LOG_LEVEL_NOTICE,
              "the store is writable again after %lld s and %llu failures; a gap is recorded",
              (long long)(now - k->failing_since_ms) / 1000, (unsigned long long)k->n_failed);
    k->failing_since_ms = 0;
    k->n_failed = 0;
}

/* Never blocks: who is behind asks or sends again. */
static void reply(struct keeper *k, int fd)
{
    struct fault why;
    if (message_send(fd, &k->out, k->scratch, &why) != ERR_OK && why.code != ERR_AGAIN)
        log_fault(LOG_LEVEL_WARNING, &why);
}

/* Tells the recognizer what has become of what it sent. */
static void acknowledge(struct keeper *k, int fd, enum err err, const struct fault *why)
{
    k->out.seq = k->in.seq;
    k->out.type = err == ERR_OK ? MESSAGE_ACK : MESSAGE_NACK;
    if (err == ERR_OK) {
        note_success(k);
    } else {
        k->out.fault = *why;
        note_failure(k, why);
    }
    reply(k, fd);
}

static void say_bad(struct keeper *k, unsigned from, const char *what)
{
    if (!k->said_bad[from])
        log_write(LOG_LEVEL_WARNING, "%s of %s is refused; more are refused in silence", what,
                  from < CONFIG_MAX_CAMERAS ? k->config->cameras[from].name : "the desk");
    k->said_bad[from] = true;
}

/* A recognizer speaks for its own camera only, and never in the place of a passage of another. */
static bool is_own_passage(const struct keeper *k, unsigned camera, const struct row *row)
{
    uint8_t tag[PASSAGE_TAG_SIZE];
    passage_tag(k->config->cameras[camera].name, tag);
    return memcmp(row->id, tag, sizeof tag) == 0 &&
           strcmp(row->camera, k->config->cameras[camera].name) == 0 &&
           strcmp(row->lane, k->config->cameras[camera].lane) == 0;
}

static void take_passage(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    const struct passage *p = &k->in.passage;
    if (!is_own_passage(k, camera, &p->row)) {
        say_bad(k, camera, "a passage that is not its own");
        return;
    }
    enum err err = store_put(k->store, &p->row, p->row.crop_size > 0 ? p->crop : NULL, &why);
    if (err != ERR_INPUT) /* the batch's own failure is told there, too */
        err = store_commit(k->store, &why);
    if (err == ERR_INPUT) { /* it never will be stored, and must not stop those behind it */
        atomic_fetch_add(&k->env->counters->store_errors, 1);
        say_bad(k, camera, "a passage that the store does not take");
        err = ERR_OK;
    }
    acknowledge(k, fd, err, &why);
}

static void take_cursor(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    enum err err = ledger_set_cursor(k->store, k->config->cameras[camera].name, k->in.cursor, &why);
    acknowledge(k, fd, err, &why);
}

static void take_gap(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    if (strcmp(k->in.gaps[0].lane, k->config->cameras[camera].lane) != 0) {
        say_bad(k, camera, "a gap of another lane");
        return;
    }
    enum err err = ledger_gap(k->store, &k->in.gaps[0], &why);
    acknowledge(k, fd, err, &why);
}

static void welcome(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    enum err err = ledger_cursor(k->store, k->config->cameras[camera].name, k->out.cursor,
                                 sizeof k->out.cursor, &why);
    if (err != ERR_OK) {
        note_failure(k, &why); /* no answer: the recognizer says hello again */
        return;
    }
    k->out.type = MESSAGE_WELCOME;
    k->out.seq = k->in.seq;
    reply(k, fd);
}

static void hear_recognizer(struct keeper *k, unsigned camera, int fd)
{
    switch (k->in.type) {
    case MESSAGE_HELLO:
        welcome(k, camera, fd);
        break;
    case MESSAGE_PASSAGE:
        take_passage(k, camera, fd);
        break;
    case MESSAGE_CURSOR:
        take_cursor(k, camera, fd);
        break;
    case MESSAGE_GAP:
        take_gap(k, camera, fd);
        break;
    default:
        say_bad(k, camera, "a message out of place");
    }
}

static void refuse(struct keeper *k, const struct fault *why)
{
    k->out.type = MESSAGE_REFUSED;
    k->out.fault = *why;
    k->out.needs_second = false;
    k->out.ticket[0] = '\0';
    reply(k, k->desk_fd);
}

/* The look is on disk before a byte of the answer leaves; what cannot be recorded is not answered.
 */
static bool record_look(struct keeper *k, const char *kind, uint32_t n_answered)
{
    struct fault why;
    const struct ask *ask = &k->in.ask;
    struct entry entry = {.kind = strcmp(kind, "query") == 0   ? ENTRY_QUERY
                                  : strcmp(kind, "image") == 0 ? ENTRY_IMAGE
                                                               : ENTRY_REFUSED,
                          .uid = ask->uid,
                          .credential = "uid",
                          .n = n_answered};
    struct entry_detail detail = {0};
    memcpy(entry.user, ask->user, sizeof entry.user);
    memcpy(detail.reason, ask->reason, sizeof detail.reason);
    memcpy(detail.case_number, ask->case_number, sizeof detail.case_number);
    snprintf(detail.what, sizeof detail.what, "%s", kind);
    if (audit_append(k->store, &entry, &detail, ask->find.plate, &why) == ERR_OK) {
        note_success(k);
        return true;
    }
    note_failure(k, &why);
    fault_context(&why, "the look cannot be recorded, so it is not answered");
    refuse(k, &why);
    return false;
}

/* Recorded as refused, then told. */
static void record_refusal(struct keeper *k, const struct fault *why)
{
    if (record_look(k, "refused", 0))
        refuse(k, why);
}

static bool has_text(const char *text)
{
    return text[strspn(text, " ")] != '\0';
}

static enum err check_look(const struct keeper *k, const struct ask *ask, struct fault *why)
{
    if (!has_text(ask->reason))
        return fault_set(why, ERR_DENIED,
                         "reason: is missing; it is recorded with every look at the store");
    if (!has_text(ask->case_number))
        return fault_set(why, ERR_DENIED,
                         "case_number: is missing; it is recorded with every look at the store");
    if (ask->kind == ASK_FIND && (ask->find.limit < 1 || ask->find.limit > k->config->max_rows))
        return fault_set(why, ERR_DENIED, "limit: this lane answers at most %u passages at once",
                         (unsigned)k->config->max_rows);
    return ERR_OK;
}

static void send_rows(struct keeper *k, size_t n_rows)
{
    k->out.type = MESSAGE_ROWS;
    k->out.n_gaps = 0;
    for (size_t i = 0; i < n_rows; i++) {
        k->out.n_left = (uint32_t)(n_rows - i);
        k->out.passage.row = k->rows[i];
        reply(k, k->desk_fd);
    }
    struct fault why;
    size_t n_gaps = 0;
    k->out.n_left = 0;
    if (ledger_gaps(k->store, &k->in.ask.find, k->out.gaps, MESSAGE_MAX_GAPS, &n_gaps, &why) !=
        ERR_OK) {
        refuse(k, &why); /* without the gaps the answer would claim too much */
        return;
    }
    k->out.n_gaps = (uint32_t)n_gaps;
    reply(k, k->desk_fd);
}

static void answer_query(struct keeper *k)
{
    struct fault why;
    size_t n_rows = 0;
    if (store_find(k->store, &k->in.ask.find, k->rows, &n_rows, &why) != ERR_OK)
        record_refusal(k, &why);
    else if (record_look(k, "query", (uint32_t)n_rows))
        send_rows(k, n_rows);
}

static void answer_image(struct keeper *k)
{
    struct fault why;
    size_t size = 0;
    bool is_sealed = false;
    static_assert((int)MESSAGE_MAX_DATA >= (int)STORE_MAX_CROP, "a picture fits a message");
    enum err err = store_crop(k->store, k->in.ask.id, k->out.data, &size, &is_sealed, &why);
    if (!record_look(k, "image", err == ERR_OK))
        return;
    if (err != ERR_OK) {
        refuse(k, &why);
        return;
    }
    k->out.type = MESSAGE_CROP;
    memcpy(k->out.id, k->in.ask.id, sizeof k->out.id);
    k->out.is_sealed = is_sealed;
    k->out.n_data = (uint32_t)size;
    reply(k, k->desk_fd);
}

static void answer_status(struct keeper *k)
{
    struct fault why;
    k->out.type = MESSAGE_STATS;
    k->out.health = (struct health){.epoch = 0};
    if (store_stats(k->store, &k->out.stats, &why) == ERR_OK)
        reply(k, k->desk_fd);
    else
        refuse(k, &why);
}

static void hear_desk(struct keeper *k)
{
    struct fault why;
    const struct ask *ask = &k->in.ask;
    k->out.seq = k->in.seq;
    if (k->in.type != MESSAGE_ASK) {
        say_bad(k, CONFIG_MAX_CAMERAS, "a message out of place");
        return;
    }
    if (ask->kind == ASK_STATUS) { /* tells of no vehicle: not recorded */
        answer_status(k);
        return;
    }
    enum err err = ERR_OK;
    if (ask->kind == ASK_REFUSED) /* the desk has refused it already */
        err = fault_set(&why, ERR_DENIED, "refused");
    else if (ask->kind != ASK_FIND && ask->kind != ASK_IMAGE)
        err = fault_set(&why, ERR_DENIED, "this store does not answer such questions yet");
    else
        err = check_look(k, ask, &why);
    if (err != ERR_OK)
        record_refusal(k, &why);
    else if (ask->kind == ASK_FIND)
        answer_query(k);
    else
        answer_image(k);
}

/* What one socket has to say; false: its other end is gone. `from` is a camera or
 * CONFIG_MAX_CAMERAS, the desk. */
static bool hear(struct keeper *k, unsigned from, int fd, short events)
{
    struct fault why;
    for (int i = 0; i < TURN_MESSAGES; i++) {
        enum err err = message_receive(fd, &k->in, k->scratch, &why);
        if (err == ERR_AGAIN)
            return true;
        /* An empty packet looks like an end, too: only the kernel's own word counts. */
        if (err == ERR_CLOSED || err == ERR_IO)
            return !(events & (POLLHUP | POLLERR));
        if (err == ERR_INPUT)
            say_bad(k, from, "a malformed message");
        else if (from == CONFIG_MAX_CAMERAS)
            hear_desk(k);
        else
            hear_recognizer(k, from, fd);
    }
    return true;
}

/* One turn of the loop. *quiet: nobody had anything to say. */
static enum err turn(struct keeper *k, int wait_ms, bool *ends, bool *quiet, struct fault *why)
{
    struct pollfd fds[CONFIG_MAX_CAMERAS + 2];
    fds[CONFIG_MAX_CAMERAS + 1] =
        (struct pollfd){.fd = *ends ? -1 : k->env->stop_fd, .events = POLLIN};
    fds[CONFIG_MAX_CAMERAS] = (struct pollfd){.fd = k->desk_fd, .events = POLLIN};
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        fds[i] = (struct pollfd){.fd = k->recognizer_fd[i], .events = POLLIN};
    int n = poll(fds, CONFIG_MAX_CAMERAS + 2, wait_ms);
    if (n < 0 && errno != EINTR)
        return fault_errno(why, ERR_IO, errno, "the keeper cannot wait");
    *quiet = n == 0;
    role_show_alive(k->env);
    for (unsigned i = 0; n > 0 && i < CONFIG_MAX_CAMERAS; i++)
        if (fds[i].revents != 0 && !hear(k, i, fds[i].fd, fds[i].revents))
            k->recognizer_fd[i] = -1;
    if (n > 0 && fds[CONFIG_MAX_CAMERAS].revents != 0 &&
        !hear(k, CONFIG_MAX_CAMERAS, k->desk_fd, fds[CONFIG_MAX_CAMERAS].revents))
        k->desk_fd = -1;
    *ends |= n > 0 && fds[CONFIG_MAX_CAMERAS + 1].revents != 0;
    return ERR_OK;
}

/* The parent ends the keeper last; what the others left in the sockets is taken until there is
 * silence. */
static enum err take_last_calls(struct keeper *k, struct fault *why)
{
    int64_t until = counters_steady_ms() + LAST_CALLS_MS;
    bool ends = true, quiet = false;
    enum err err = ERR_OK;
    while (err == ERR_OK && !quiet && counters_steady_ms() < until)
        err = turn(k, QUIET_MS, &ends, &quiet, why);
    return err;
}

enum err keeper_run(const struct role_env *env, struct fault *why)
{
    struct keeper *k = NULL;
    enum err err = open_all(&k, env, why);
    if (err != ERR_OK)
        return err;
    role_show_alive(env); /* the first says that it is ready */
    bool ends = false, quiet;
    while (err == ERR_OK && !ends)
        err = turn(k, ALIVE_MS, &ends, &quiet, why);
    if (err == ERR_OK)
        err = take_last_calls(k, why);
    close_all(&k);
    return err;
}
