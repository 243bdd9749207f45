/* The keeper: alone with the keys and the store. Takes passages, a batch at a time, and
 * acknowledges what is durable; gives questions to its clerk, and what is due to its rounds. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/clerk.h"
#include "daemon/rounds.h"

enum {
    ALIVE_MS = 500,
    TURN_MESSAGES = 16, /* of one socket before the others have their turn */
    BATCH = 16,         /* passages that become durable together */
    ROUNDS_MS = 250,    /* between two looks at what is due */
    GAPS_AT_ONCE = 30,  /* of one camera: each is a record of the log, which is never forgotten */
    GAP_EVERY_MS = 10000,
    LAST_CALLS_MS = 400, /* at the end: how long what is still on its way is taken */
    QUIET_MS = 30,       /* and silence that means that nothing is */
};

struct keeper {
    const struct role_env *env;
    const struct config *config;
    struct vault vault;
    struct clerk *clerk;
    struct rounds *rounds;
    int64_t rounds_ms; /* steady */
    int recognizer_fd[CONFIG_MAX_CAMERAS];
    int desk_fd;
    bool said_bad[CONFIG_MAX_CAMERAS + 1];
    struct {
        int taken;
        int64_t at_ms; /* steady: when `taken` was last made less */
    } gaps[CONFIG_MAX_CAMERAS];
    /* Passages of the batch: whom to tell. */
    size_t n_batch;
    struct {
        int fd;
        uint64_t seq;
    } batch[BATCH];
    struct message in, out;
    uint8_t scratch[MESSAGE_MAX];
};

static void close_all(struct keeper **keeper)
{
    struct keeper *k = *keeper;
    clerk_free(&k->clerk);
    rounds_free(&k->rounds);
    vault_close(&k->vault);
    explicit_bzero(k, sizeof *k);
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
    enum err err = vault_open(&k->vault, env, why);
    if (err == ERR_OK)
        err = clerk_new(&k->clerk, &k->vault, env->desk_fd, why);
    if (err == ERR_OK)
        err = rounds_new(&k->rounds, &k->vault, why);
    if (err != ERR_OK)
        close_all(&k);
    else
        *out = k;
    return err;
}

/* Never blocks: who is behind asks or sends again. */
static void reply(struct keeper *k, int fd)
{
    struct fault why;
    if (message_send(fd, &k->out, k->scratch, &why) != ERR_OK && why.code != ERR_AGAIN)
        log_fault(LOG_LEVEL_WARNING, &why);
}

/* Tells a recognizer what has become of what it sent. */
static void acknowledge(struct keeper *k, int fd, uint64_t seq, enum err err,
                        const struct fault *why)
{
    k->out.seq = seq;
    k->out.type = err == ERR_OK ? MESSAGE_ACK : MESSAGE_NACK;
    if (err != ERR_OK)
        k->out.fault = *why;
    reply(k, fd);
}

/* The same for what is not part of a batch. */
static void acknowledge_one(struct keeper *k, int fd, enum err err, const struct fault *why)
{
    if (err == ERR_OK)
        vault_worked(&k->vault);
    else
        vault_failed(&k->vault, why);
    acknowledge(k, fd, k->in.seq, err, why);
}

/* The batch becomes durable, or none of it is acknowledged. */
static void settle(struct keeper *k)
{
    struct fault why;
    if (k->n_batch == 0)
        return;
    enum err err = store_commit(k->vault.store, &why);
    if (err == ERR_OK)
        vault_worked(&k->vault);
    else
        vault_failed(&k->vault, &why);
    for (size_t i = 0; i < k->n_batch; i++)
        acknowledge(k, k->batch[i].fd, k->batch[i].seq, err, &why);
    k->n_batch = 0;
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
    struct passage *p = &k->in.passage;
    if (!is_own_passage(k, camera, &p->row)) {
        say_bad(k, camera, "a passage that is not its own");
        return;
    }
    p->row.is_hit = false; /* no recognizer says so */
    vault_take(true);
    enum err err = store_put(k->vault.store, &p->row, p->row.crop_size > 0 ? p->crop : NULL, &why);
    vault_take(false);
    explicit_bzero(p->crop, p->row.crop_size);
    if (err == ERR_INPUT) { /* it never will be stored, and must not stop those behind it */
        atomic_fetch_add(&k->env->counters->store_errors, 1);
        say_bad(k, camera, "a passage that the store does not take");
        acknowledge(k, fd, k->in.seq, ERR_OK, NULL);
        return;
    }
    rounds_saw(k->rounds, camera, &p->row);
    k->batch[k->n_batch].fd = fd;
    k->batch[k->n_batch++].seq = k->in.seq;
    if (k->n_batch == BATCH)
        settle(k);
}

static void take_cursor(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    enum err err =
        ledger_set_cursor(k->vault.store, k->config->cameras[camera].name, k->in.cursor, &why);
    acknowledge_one(k, fd, err, &why);
}

/* A recognizer that went mad does not fill the log: its gap waits with it, and grows there. */
static bool may_tell_gap(struct keeper *k, unsigned camera)
{
    int64_t now = counters_steady_ms(), passed = (now - k->gaps[camera].at_ms) / GAP_EVERY_MS;
    if (passed > 0) {
        int taken = k->gaps[camera].taken;
        k->gaps[camera].taken = passed < taken ? taken - (int)passed : 0;
        k->gaps[camera].at_ms = now;
    }
    if (k->gaps[camera].taken >= GAPS_AT_ONCE)
        return false;
    k->gaps[camera].taken++;
    return true;
}

static void take_gap(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    const struct ledger_gap *gap = &k->in.gaps[0];
    if (strcmp(gap->lane, k->config->cameras[camera].lane) != 0) {
        say_bad(k, camera, "a gap of another lane");
        return;
    }
    if (!may_tell_gap(k, camera)) {
        fault_set(&why, ERR_LIMIT, "too many gaps of one camera");
        acknowledge(k, fd, k->in.seq, ERR_LIMIT, &why);
        return;
    }
    struct entry entry = {
        .kind = ENTRY_GAP, .at_ms = gap->to_ms, .number = (uint64_t)(gap->to_ms - gap->from_ms)};
    memcpy(entry.name, gap->lane, sizeof entry.name);
    enum err err = ledger_gap(k->vault.store, gap, &why);
    if (err == ERR_OK)
        err = vault_record(&k->vault, &entry, NULL, NULL, &why);
    acknowledge_one(k, fd, err, &why);
}

static void welcome(struct keeper *k, unsigned camera, int fd)
{
    struct fault why;
    enum err err = ledger_cursor(k->vault.store, k->config->cameras[camera].name, k->out.cursor,
                                 sizeof k->out.cursor, &why);
    if (err != ERR_OK) {
        vault_failed(&k->vault, &why); /* no answer: the recognizer says hello again */
        return;
    }
    k->out.type = MESSAGE_WELCOME;
    k->out.seq = k->in.seq;
    reply(k, fd);
}

static void hear_recognizer(struct keeper *k, unsigned camera, int fd)
{
    if (k->in.type == MESSAGE_PASSAGE) {
        take_passage(k, camera, fd);
        return;
    }
    settle(k);
    switch (k->in.type) {
    case MESSAGE_HELLO:
        welcome(k, camera, fd);
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
        else if (from < CONFIG_MAX_CAMERAS)
            hear_recognizer(k, from, fd);
        else if (!clerk_hear(k->clerk, &k->in))
            say_bad(k, from, "a message out of place");
    }
    return true;
}

static void work_rounds(struct keeper *k)
{
    int64_t now = counters_steady_ms();
    if (now - k->rounds_ms < ROUNDS_MS)
        return;
    k->rounds_ms = now;
    rounds_work(k->rounds);
}

/* One turn of the loop. *quiet: nobody had anything to say. */
static enum err turn(struct keeper *k, int wait_ms, bool *ends, bool *quiet, struct fault *why)
{
    enum { DESK = CONFIG_MAX_CAMERAS, STOP, HERALD, N_FDS };
    struct pollfd fds[N_FDS];
    fds[HERALD] = (struct pollfd){.fd = k->vault.dispatch.fd, .events = POLLIN};
    fds[STOP] = (struct pollfd){.fd = *ends ? -1 : k->env->stop_fd, .events = POLLIN};
    fds[DESK] = (struct pollfd){.fd = k->desk_fd, .events = POLLIN};
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        fds[i] = (struct pollfd){.fd = k->recognizer_fd[i], .events = POLLIN};
    int n = poll(fds, N_FDS, wait_ms);
    if (n < 0 && errno != EINTR)
        return fault_errno(why, ERR_IO, errno, "the keeper cannot wait");
    *quiet = n == 0;
    role_show_alive(k->env);
    for (unsigned i = 0; n > 0 && i < CONFIG_MAX_CAMERAS; i++)
        if (fds[i].revents != 0 && !hear(k, i, fds[i].fd, fds[i].revents))
            k->recognizer_fd[i] = -1;
    settle(k);
    if (n > 0 && fds[DESK].revents != 0 && !hear(k, DESK, k->desk_fd, fds[DESK].revents))
        k->desk_fd = -1;
    if (n > 0 && fds[HERALD].revents != 0)
        dispatch_hear(&k->vault.dispatch, counters_steady_ms());
    work_rounds(k);
    *ends |= n > 0 && fds[STOP].revents != 0;
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
    if (err == ERR_OK)
        rounds_end(k->rounds);
    close_all(&k);
    return err;
}
