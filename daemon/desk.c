/* The desk: the officers' Unix socket. Parses a question, knows the asker from the kernel, asks the
 * keeper, answers. No keys, no files but the list of users. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/answer.h"
#include "daemon/message.h"
#include "daemon/query.h"
#include "daemon/role.h"

enum {
    MAX_GUESTS = 16,       /* conversations at once */
    MAX_GUESTS_A_USER = 8, /* so that one user's robot leaves room for others */
    QUESTION_MS = 5000,    /* absolute, from the connection to the question's end */
    KEEPER_MS = 4000,      /* for the keeper to answer one question */
    WAITING_MS = 15000,    /* for questions of others before one's own */
    ANSWER_MS = 10000,     /* absolute, for the client to take the answer */
    ALIVE_MS = 500,
    RETRY_MS = 20,
    SAY_EVERY_MS = 10000,  /* about what a robot can repeat */
    REFUSALS_AT_ONCE = 10, /* refused questions recorded in a burst; then one a second */
};

enum stage { FREE, ASKING, WAITING, ASKED, ANSWERING };

/* One conversation. */
struct guest {
    enum stage stage;
    int fd;
    int64_t until_ms; /* steady clock; then it is closed, or told that the store does not answer */
    uint32_t uid;
    uint64_t ticket; /* order of questions */
    struct query query;
    size_t n_in;
    char in[QUERY_MAX_BYTES + 1];
    char *out; /* owned */
    size_t n_out, at_out;
};

struct desk {
    const struct role_env *env;
    struct guest guests[MAX_GUESTS];
    struct guest *asked; /* whose question is with the keeper, one at a time */
    uint64_t seq, next_ticket;
    int refusals_left;
    int64_t refusals_at_ms;
    unsigned n_unrecorded;
    int64_t unrecorded_said_ms;
    bool said_full, said_bad;
    struct answer_rows rows;
    struct message in, ask;
    uint8_t scratch[MESSAGE_MAX];
};

static void leave(struct desk *d, struct guest *g)
{
    if (d->asked == g)
        d->asked = NULL;
    close(g->fd);
    free(g->out);
    explicit_bzero(g->in, sizeof g->in);
    g->out = NULL;
    g->stage = FREE;
}

/* The answer goes out from now on; NULL: no memory for it. */
static void give(struct desk *d, struct guest *g, char *text)
{
    if (d->asked == g)
        d->asked = NULL;
    if (text == NULL) {
        leave(d, g);
        return;
    }
    g->out = text;
    g->n_out = strlen(text);
    g->at_out = 0;
    g->stage = ANSWERING;
    g->until_ms = counters_steady_ms() + ANSWER_MS;
}

static void give_error(struct desk *d, struct guest *g, const struct fault *why)
{
    give(d, g, answer_error(why));
}

/* The kernel's word for who asks. Users that are not in the host's list are called by their number.
 */
static void name_user(uint32_t uid, char out[ROW_NAME_SIZE])
{
    snprintf(out, ROW_NAME_SIZE, "uid %u", (unsigned)uid);
    FILE *users = fopen("/etc/passwd", "re");
    if (users == NULL)
        return;
    const struct passwd *user;
    while ((user = fgetpwent(users)) != NULL)
        if (user->pw_uid == uid && strlen(user->pw_name) < ROW_NAME_SIZE) {
            snprintf(out, ROW_NAME_SIZE, "%s", user->pw_name);
            break;
        }
    fclose(users);
}

static const enum ask_kind kinds[QUERY_LIMIT] = {
    [QUERY_FIND] = ASK_FIND, [QUERY_IMAGE] = ASK_IMAGE, [QUERY_STATUS] = ASK_STATUS};

static void make_ask(struct desk *d, const struct guest *g, enum ask_kind kind)
{
    struct ask *ask = &d->ask.ask;
    memset(ask, 0, sizeof *ask);
    d->ask.type = MESSAGE_ASK;
    d->ask.seq = ++d->seq;
    ask->kind = kind;
    ask->uid = g->uid;
    ask->roles = ASK_OFFICER;
    name_user(g->uid, ask->user);
    memcpy(ask->reason, g->query.reason, sizeof ask->reason);
    memcpy(ask->case_number, g->query.case_number, sizeof ask->case_number);
    if (g->query.kind == QUERY_FIND)
        ask->find = g->query.find;
    memcpy(ask->id, g->query.id, sizeof ask->id);
}

/* A question that was meant as a look is recorded even when it is refused here; a robot's flood of
 * them is only logged. */
static void record_refusal(struct desk *d, const struct guest *g)
{
    struct fault why;
    int64_t now = counters_steady_ms();
    if (g->query.kind != QUERY_FIND && g->query.kind != QUERY_IMAGE)
        return;
    int64_t earned = (now - d->refusals_at_ms) / 1000;
    if (earned > 0) {
        d->refusals_left = earned < REFUSALS_AT_ONCE - d->refusals_left
                               ? d->refusals_left + (int)earned
                               : REFUSALS_AT_ONCE;
        d->refusals_at_ms = now;
    }
    bool is_recorded = d->refusals_left > 0;
    if (is_recorded) {
        make_ask(d, g, ASK_REFUSED);
        is_recorded = message_send(d->env->keeper_fd, &d->ask, d->scratch, &why) == ERR_OK;
        d->refusals_left--;
    }
    d->n_unrecorded += !is_recorded;
    if (d->n_unrecorded > 0 && now - d->unrecorded_said_ms >= SAY_EVERY_MS) {
        log_write(LOG_LEVEL_WARNING,
                  "%u refused questions were not recorded, too many or the keeper is behind; the "
                  "last was of uid %u",
                  d->n_unrecorded, (unsigned)g->uid);
        d->n_unrecorded = 0;
        d->unrecorded_said_ms = now;
    }
}

static void understand(struct desk *d, struct guest *g)
{
    struct fault why;
    memset(&g->query, 0, sizeof g->query);
    enum err err = query_parse(
        g->in, g->n_in, QUERY_BIT(QUERY_FIND) | QUERY_BIT(QUERY_IMAGE) | QUERY_BIT(QUERY_STATUS),
        &g->query, &why);
    explicit_bzero(g->in, g->n_in);
    if (err != ERR_OK) {
        record_refusal(d, g);
        give_error(d, g, &why);
        return;
    }
    if (g->query.kind == QUERY_FIND && g->query.find.limit == 0)
        g->query.find.limit = d->env->config->max_rows;
    g->stage = WAITING;
    g->ticket = d->next_ticket++;
    g->until_ms = counters_steady_ms() + WAITING_MS;
}

/* Reads what is there. The question ends with a line feed, or with the client's end of writing. */
static void listen_to(struct desk *d, struct guest *g)
{
    ssize_t got = recv(g->fd, g->in + g->n_in, sizeof g->in - g->n_in, MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            leave(d, g);
        return;
    }
    const char *end = got > 0 ? memchr(g->in + g->n_in, '\n', (size_t)got) : NULL;
    g->n_in += (size_t)got;
    if (got == 0 && g->n_in == 0) {
        leave(d, g);
    } else if (got == 0 || end != NULL) {
        g->n_in = end != NULL ? (size_t)(end - g->in) : g->n_in;
        understand(d, g);
    } else if (g->n_in == sizeof g->in) {
        struct fault why;
        fault_set(&why, ERR_LIMIT, "a question has at most %d bytes", QUERY_MAX_BYTES);
        give_error(d, g, &why);
    }
}

static void answer_guest(struct desk *d, struct guest *g)
{
    ssize_t sent =
        send(g->fd, g->out + g->at_out, g->n_out - g->at_out, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            leave(d, g);
        return;
    }
    g->at_out += (size_t)sent;
    if (g->at_out == g->n_out)
        leave(d, g);
}

/* The oldest waiting question goes to the keeper when no other is there. */
static void ask_next(struct desk *d)
{
    struct guest *next = NULL;
    struct fault why;
    if (d->asked != NULL)
        return;
    for (int i = 0; i < MAX_GUESTS; i++) {
        struct guest *g = &d->guests[i];
        if (g->stage == WAITING && (next == NULL || g->ticket < next->ticket))
            next = g;
    }
    if (next == NULL)
        return;
    make_ask(d, next, kinds[next->query.kind]);
    if (message_send(d->env->keeper_fd, &d->ask, d->scratch, &why) != ERR_OK)
        return; /* tried again in the next turn, until its time is over */
    next->stage = ASKED;
    next->until_ms = counters_steady_ms() + KEEPER_MS;
    d->asked = next;
    memset(&d->rows, 0, sizeof d->rows);
    d->rows.limit = next->query.find.limit;
}

static void take_row(struct desk *d, struct guest *g)
{
    struct answer_rows *rows = &d->rows;
    if (d->in.n_left > 0) {
        if (rows->n_rows < STORE_MAX_ROWS)
            rows->rows[rows->n_rows++] = d->in.passage.row;
        return;
    }
    static_assert((int)ANSWER_MAX_GAPS == (int)MESSAGE_MAX_GAPS,
                  "all gaps of a message fit an answer");
    rows->n_gaps = d->in.n_gaps;
    memcpy(rows->gaps, d->in.gaps, sizeof rows->gaps);
    rows->binding = (enum binding_kind)atomic_load(&d->env->counters->binding);
    if (rows->binding != BINDING_TPM)
        rows->binding = BINDING_SOFTWARE;
    give(d, g, answer_find(rows));
}

/* What the keeper says, if it is about the question that is with it. */
static void hear_keeper(struct desk *d)
{
    struct guest *g = d->asked;
    if (g == NULL || d->in.seq != d->seq)
        return; /* too late, or about a refusal that was recorded */
    enum query_kind kind = g->query.kind;
    if (d->in.type == MESSAGE_REFUSED && kind == QUERY_STATUS)
        give(d, g, answer_status(d->env->counters, d->env->config, NULL, counters_now_ms()));
    else if (d->in.type == MESSAGE_REFUSED)
        give_error(d, g, &d->in.fault);
    else if (d->in.type == MESSAGE_ROWS && kind == QUERY_FIND)
        take_row(d, g);
    else if (d->in.type == MESSAGE_CROP && kind == QUERY_IMAGE)
        give(d, g, answer_image(d->in.id, d->in.data, d->in.n_data));
    else if (d->in.type == MESSAGE_STATS && kind == QUERY_STATUS)
        give(d, g,
             answer_status(d->env->counters, d->env->config, &d->in.stats, counters_now_ms()));
}

static enum err hear_all(struct desk *d, struct fault *why)
{
    for (;;) {
        enum err err = message_receive(d->env->keeper_fd, &d->in, d->scratch, why);
        if (err == ERR_AGAIN)
            return ERR_OK;
        if (err == ERR_OK)
            hear_keeper(d);
        else if (err != ERR_INPUT)
            return err;
        else if (!d->said_bad)
            log_fault(LOG_LEVEL_WARNING, why);
        d->said_bad |= err == ERR_INPUT;
    }
}

static void end_in_time(struct desk *d, struct guest *g, int64_t now)
{
    struct fault why;
    if (g->stage == FREE || now < g->until_ms)
        return;
    if (g->stage == ASKING) {
        fault_set(&why, ERR_LIMIT, "the question did not end within %d s", QUESTION_MS / 1000);
        give_error(d, g, &why);
        answer_guest(d, g); /* once; who writes so slowly does not get time to read */
        if (g->stage != FREE)
            leave(d, g);
    } else if (g->stage == ANSWERING) {
        leave(d, g);
    } else if (g->query.kind == QUERY_STATUS) {
        give(d, g, answer_status(d->env->counters, d->env->config, NULL, counters_now_ms()));
    } else {
        fault_set(&why, ERR_IO,
                  "the store does not answer; `laneward status` and the daemon's log tell more");
        give_error(d, g, &why);
    }
}

static struct guest *free_guest(struct desk *d, uint32_t uid)
{
    struct guest *found = NULL;
    int of_user = 0;
    for (int i = 0; i < MAX_GUESTS; i++) {
        struct guest *g = &d->guests[i];
        of_user += g->stage != FREE && g->uid == uid;
        if (g->stage == FREE)
            found = g;
    }
    return of_user < MAX_GUESTS_A_USER ? found : NULL;
}

/* No room: told if one packet does it, and closed. */
static void send_away(struct desk *d, int fd, uint32_t uid)
{
    struct fault why;
    fault_set(&why, ERR_LIMIT, "too many questions of one user, or of all, are open: try again");
    char *text = answer_error(&why);
    if (text != NULL) {
        ssize_t ignored = send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)ignored;
    }
    free(text);
    close(fd);
    if (!d->said_full)
        log_write(LOG_LEVEL_WARNING,
                  "uid %u has too many questions open; more are sent away without a word here",
                  (unsigned)uid);
    d->said_full = true;
}

static void accept_guest(struct desk *d)
{
    int fd = accept4(d->env->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred who = {.uid = UINT32_MAX};
    socklen_t size = sizeof who;
    struct guest *g = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid != UINT32_MAX)
        g = free_guest(d, who.uid);
    if (g == NULL) {
        send_away(d, fd, who.uid);
        return;
    }
    memset(g, 0, sizeof *g);
    *g = (struct guest){
        .stage = ASKING, .fd = fd, .uid = who.uid, .until_ms = counters_steady_ms() + QUESTION_MS};
}

static bool has_room(const struct desk *d)
{
    for (int i = 0; i < MAX_GUESTS; i++)
        if (d->guests[i].stage == FREE)
            return true;
    return false;
}

static int wait_time(const struct desk *d)
{
    int64_t wait = ALIVE_MS, now = counters_steady_ms();
    for (int i = 0; i < MAX_GUESTS; i++) {
        const struct guest *g = &d->guests[i];
        if (g->stage != FREE && g->until_ms - now < wait)
            wait = g->until_ms - now;
        if (g->stage == WAITING && d->asked == NULL && wait > RETRY_MS)
            wait = RETRY_MS;
    }
    return wait < 0 ? 0 : (int)wait;
}

static enum err turn(struct desk *d, bool *ends, struct fault *why)
{
    enum { STOP = MAX_GUESTS, KEEPER, DOOR, N_FDS };
    struct pollfd fds[N_FDS];
    for (int i = 0; i < MAX_GUESTS; i++) {
        const struct guest *g = &d->guests[i];
        short events = g->stage == ASKING ? POLLIN : g->stage == ANSWERING ? POLLOUT : 0;
        fds[i] = (struct pollfd){.fd = g->stage != FREE ? g->fd : -1, .events = events};
    }
    fds[STOP] = (struct pollfd){.fd = d->env->stop_fd, .events = POLLIN};
    fds[KEEPER] = (struct pollfd){.fd = d->env->keeper_fd, .events = POLLIN};
    fds[DOOR] = (struct pollfd){.fd = has_room(d) ? d->env->listen_fd : -1, .events = POLLIN};
    if (poll(fds, N_FDS, wait_time(d)) < 0) {
        if (errno != EINTR)
            return fault_errno(why, ERR_IO, errno, "the desk cannot wait");
        return ERR_OK;
    }
    role_show_alive(d->env);
    *ends = fds[STOP].revents != 0;
    enum err err = fds[KEEPER].revents != 0 ? hear_all(d, why) : ERR_OK;
    int64_t now = counters_steady_ms();
    for (int i = 0; i < MAX_GUESTS && err == ERR_OK; i++) {
        struct guest *g = &d->guests[i];
        if (fds[i].revents != 0 && g->stage == ASKING)
            listen_to(d, g);
        else if (fds[i].revents != 0 && g->stage == ANSWERING)
            answer_guest(d, g);
        else if (fds[i].revents & (POLLHUP | POLLERR) && g->stage != FREE)
            leave(d, g); /* gone before the answer; the look stays recorded */
        end_in_time(d, g, now);
    }
    if (fds[DOOR].revents != 0)
        accept_guest(d);
    ask_next(d);
    return err;
}

enum err desk_run(const struct role_env *env, struct fault *why)
{
    struct desk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the desk");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    d->env = env;
    /* What the keeper still says to an earlier life of the desk must not fit. */
    d->seq = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    d->refusals_left = REFUSALS_AT_ONCE;
    d->refusals_at_ms = counters_steady_ms();
    d->unrecorded_said_ms = d->refusals_at_ms - SAY_EVERY_MS;
    role_show_alive(env); /* the first says that it is ready */
    bool ends = false;
    enum err err = ERR_OK;
    while (err == ERR_OK && !ends)
        err = turn(d, &ends, why);
    for (int i = 0; i < MAX_GUESTS; i++)
        if (d->guests[i].stage != FREE)
            leave(d, &d->guests[i]);
    free(d);
    return err;
}
