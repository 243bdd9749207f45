/* The desk: the officers' Unix socket, and the maintenance's. Parses a question, knows the asker
 * from the kernel, asks the keeper, answers. No keys, no files but the lists of users and groups.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/message.h"
#include "daemon/people.h"
#include "daemon/query.h"
#include "daemon/reply.h"
#include "daemon/role.h"
#include "daemon/wipe.h"

enum {
    MAX_GUESTS = 16,       /* conversations at once */
    MAX_GUESTS_A_USER = 8, /* so that one user's robot leaves room for others */
    MAX_MAINTENANCE = 4,   /* of the maintenance's socket */
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
    bool is_maintenance;  /* came by the maintenance's socket */
    struct person person; /* known with the question */
    uint64_t turn;        /* order of questions */
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
    struct reply reply;  /* to it */
    uint64_t asked_seq;  /* its number; a refusal that is recorded meanwhile has its own */
    bool wants_more;     /* the next part of a file is still to be asked for */
    uint64_t seq, next_turn;
    int refusals_left;
    int64_t refusals_at_ms;
    unsigned n_unrecorded;
    int64_t unrecorded_said_ms;
    bool said_full, said_bad;
    struct people people;
    struct message in, ask;
    uint8_t scratch[MESSAGE_MAX];
};

/* The question that is with the keeper is over. */
static void forget_asked(struct desk *d, const struct guest *g)
{
    if (d->asked != g)
        return;
    d->asked = NULL;
    d->wants_more = false;
    reply_end(&d->reply);
}

static void leave(struct desk *d, struct guest *g)
{
    forget_asked(d, g);
    free(g->out); /* gone when the guest sees the end */
    explicit_bzero(g->in, sizeof g->in);
    explicit_bzero(&g->query, sizeof g->query);
    g->out = NULL;
    close(g->fd);
    g->stage = FREE;
}

/* The answer goes out from now on; NULL: no memory for it. */
static void give(struct desk *d, struct guest *g, char *text)
{
    forget_asked(d, g);
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

static const enum ask_kind kinds[QUERY_LIMIT] = {
    [QUERY_FIND] = ASK_FIND,       [QUERY_IMAGE] = ASK_IMAGE,     [QUERY_STATUS] = ASK_STATUS,
    [QUERY_PENDING] = ASK_PENDING, [QUERY_APPROVE] = ASK_APPROVE, [QUERY_EXPORT] = ASK_EXPORT,
    [QUERY_LOG] = ASK_LOG,         [QUERY_PROVE] = ASK_PROVE,     [QUERY_POSTURE] = ASK_POSTURE,
    [QUERY_QUALITY] = ASK_QUALITY};

static void make_ask(struct desk *d, const struct guest *g, enum ask_kind kind)
{
    static_assert((int)ASK_MAX_EXPORT == (int)QUERY_MAX_EXPORT &&
                      (int)ASK_TICKET_SIZE == (int)QUERY_TICKET_SIZE,
                  "what a question holds, an ask holds");
    const struct query *q = &g->query;
    struct ask *ask = &d->ask.ask;
    d->ask.type = MESSAGE_ASK;
    d->ask.seq = ++d->seq;
    *ask = (struct ask){.kind = kind,
                        .uid = g->uid,
                        .roles = g->person.roles,
                        .signature = q->signature,
                        .n_ids = q->n_ids,
                        .first = q->first,
                        .n_failed = q->n_failed,
                        .seen_size = q->seen_size};
    memcpy(ask->user, g->person.name, sizeof ask->user);
    memcpy(ask->reason, q->reason, sizeof ask->reason);
    memcpy(ask->case_number, q->case_number, sizeof ask->case_number);
    if (q->kind == QUERY_FIND)
        ask->find = q->find;
    memcpy(ask->id, q->id, sizeof ask->id);
    memcpy(ask->ticket, q->ticket, sizeof ask->ticket);
    memcpy(ask->ids, q->ids, sizeof ask->ids);
    memcpy(ask->recipient, q->recipient, sizeof ask->recipient);
    memcpy(ask->digest, q->digest, sizeof ask->digest);
}

/* A question that was meant as a look is recorded even when it is refused here; a robot's flood of
 * them is only logged. */
static void record_refusal(struct desk *d, const struct guest *g)
{
    struct fault why;
    int64_t now = counters_steady_ms();
    if (!query_is_look(g->query.kind) && g->query.kind != QUERY_QUALITY)
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

static void refuse(struct desk *d, struct guest *g, const struct fault *why)
{
    record_refusal(d, g);
    give_error(d, g, why);
}

/* Who comes by the maintenance's socket is of the maintenance, whatever else he may be. */
static void know(const struct desk *d, struct guest *g)
{
    people_know(&d->people, d->env->config, g->uid, &g->person);
    if (g->is_maintenance)
        g->person.roles = ASK_MAINTENANCE;
}

static void understand(struct desk *d, struct guest *g)
{
    struct fault why;
    uint32_t wanted = g->is_maintenance ? QUERY_MAINTENANCE : QUERY_ALL;
    memset(&g->query, 0, sizeof g->query);
    enum err err = query_parse(g->in, g->n_in, wanted, &g->query, &why);
    explicit_bzero(g->in, g->n_in);
    know(d, g);
    if (err == ERR_OK && g->query.kind == QUERY_QUALITY) { /* the keeper is not needed for it */
        if (g->person.roles & ASK_MAINTENANCE) {
            give(d, g, answer_quality(d->env->counters, d->env->config));
            return;
        }
        err = fault_set(&why, ERR_DENIED, "this is for the maintenance");
    }
    if (err != ERR_OK) {
        refuse(d, g, &why);
        return;
    }
    if (g->query.kind == QUERY_FIND && g->query.find.limit == 0)
        g->query.find.limit = d->env->config->max_rows;
    g->stage = WAITING;
    g->turn = d->next_turn++;
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
        if (g->stage == WAITING && (next == NULL || g->turn < next->turn))
            next = g;
    }
    if (next == NULL)
        return;
    make_ask(d, next, kinds[next->query.kind]);
    if (message_send(d->env->keeper_fd, &d->ask, d->scratch, &why) != ERR_OK)
        return; /* tried again in the next turn, until its time is over */
    d->asked_seq = d->seq;
    next->stage = ASKED;
    next->until_ms = counters_steady_ms() + KEEPER_MS;
    d->asked = next;
    reply_begin(&d->reply, &next->query, d->env->counters, d->env->config);
}

/* The next part of a file, when there is room to ask for it; then the keeper has its time again. */
static void ask_more(struct desk *d)
{
    struct fault why;
    if (d->asked == NULL || !d->wants_more)
        return;
    d->ask.type = MESSAGE_MORE;
    d->ask.seq = d->asked_seq;
    d->ask.first = d->reply.n_file;
    if (message_send(d->env->keeper_fd, &d->ask, d->scratch, &why) != ERR_OK)
        return;
    d->wants_more = false;
    d->asked->until_ms = counters_steady_ms() + KEEPER_MS;
}

/* What the keeper says, if it is about the question that is with it. */
static void hear_keeper(struct desk *d)
{
    struct guest *g = d->asked;
    char *text = NULL;
    if (g == NULL || d->in.seq != d->asked_seq)
        return; /* too late, or about a refusal that was recorded */
    enum reply_step step = reply_take(&d->reply, &d->in, &text);
    if (step == REPLY_READY)
        give(d, g, text);
    d->wants_more |= step == REPLY_MORE;
}

/* An answer is on its way out as a text: nothing else of it stays here. */
static void forget_words(struct desk *d)
{
    if (d->asked != NULL)
        return;
    explicit_bzero(&d->in, sizeof d->in);
    explicit_bzero(&d->reply.rows, sizeof d->reply.rows);
    explicit_bzero(d->scratch, sizeof d->scratch);
    wipe_stack();
}

static enum err hear_all(struct desk *d, struct fault *why)
{
    for (;;) {
        enum err err = message_receive(d->env->keeper_fd, &d->in, d->scratch, why);
        if (err == ERR_AGAIN) {
            forget_words(d);
            return ERR_OK;
        }
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

static struct guest *free_guest(struct desk *d, uint32_t uid, bool is_maintenance)
{
    struct guest *found = NULL;
    int of_user = 0, of_maintenance = 0;
    for (int i = 0; i < MAX_GUESTS; i++) {
        struct guest *g = &d->guests[i];
        of_user += g->stage != FREE && g->uid == uid;
        of_maintenance += g->stage != FREE && g->is_maintenance;
        if (g->stage == FREE)
            found = g;
    }
    if (of_user >= MAX_GUESTS_A_USER || (is_maintenance && of_maintenance >= MAX_MAINTENANCE))
        return NULL;
    return found;
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

static void accept_guest(struct desk *d, int door)
{
    bool is_maintenance = door == d->env->maintenance_fd;
    int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred who = {.uid = UINT32_MAX};
    socklen_t size = sizeof who;
    struct guest *g = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid != UINT32_MAX)
        g = free_guest(d, who.uid, is_maintenance);
    if (g == NULL) {
        send_away(d, fd, who.uid);
        return;
    }
    memset(g, 0, sizeof *g);
    *g = (struct guest){.stage = ASKING,
                        .fd = fd,
                        .uid = who.uid,
                        .is_maintenance = is_maintenance,
                        .until_ms = counters_steady_ms() + QUESTION_MS};
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
        bool retries = (g->stage == WAITING && d->asked == NULL) || d->wants_more;
        if (retries && wait > RETRY_MS)
            wait = RETRY_MS;
    }
    return wait < 0 ? 0 : (int)wait;
}

static enum err turn(struct desk *d, bool *ends, struct fault *why)
{
    enum { STOP = MAX_GUESTS, KEEPER, DOOR, SIDE_DOOR, N_FDS };
    struct pollfd fds[N_FDS];
    for (int i = 0; i < MAX_GUESTS; i++) {
        const struct guest *g = &d->guests[i];
        short events = g->stage == ASKING ? POLLIN : g->stage == ANSWERING ? POLLOUT : 0;
        fds[i] = (struct pollfd){.fd = g->stage != FREE ? g->fd : -1, .events = events};
    }
    fds[STOP] = (struct pollfd){.fd = d->env->stop_fd, .events = POLLIN};
    fds[KEEPER] = (struct pollfd){.fd = d->env->keeper_fd, .events = POLLIN};
    bool room = has_room(d);
    fds[DOOR] = (struct pollfd){.fd = room ? d->env->listen_fd : -1, .events = POLLIN};
    fds[SIDE_DOOR] = (struct pollfd){.fd = room ? d->env->maintenance_fd : -1, .events = POLLIN};
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
    for (int i = DOOR; i <= SIDE_DOOR; i++)
        if (fds[i].revents != 0)
            accept_guest(d, fds[i].fd);
    ask_more(d);
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
    d->people = (struct people){"/etc/passwd", "/etc/group", geteuid()};
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
    reply_end(&d->reply);
    free(d);
    return err;
}
