/* The herald: brings the newest signed head of the log to the witness's server, and tells the
 * keeper which was kept. It holds nothing else. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "base/log.h"
#include "daemon/lookup.h"
#include "daemon/post.h"
#include "evidence/head.h"

enum {
    TICK_MS = 500,
    FIRST_PAUSE_MS = 1000, /* before a head is tried again; doubles */
    LAST_PAUSE_MS = 30000,
    LOOK_UP_MS = 600000, /* a name that leads nowhere for so long is looked up anew, in a new
                          * process; one without a number after a tenth of it */
    LAST_MS = 800,       /* at the end: how long the last head is tried */
};

struct packet {
    size_t size; /* 0: none */
    uint8_t head[HEAD_MAX_BYTES];
};

struct herald {
    const struct role_env *env;
    struct packet newest; /* to be brought to the witness */
    struct packet on_way; /* is being posted */
    struct packet kept;   /* by the witness, last; one byte: none by this process */
    bool is_told;         /* to the keeper; that byte makes it send the newest */
    bool is_failing;      /* the last try has failed */
    int64_t retry_ms;     /* steady: not before */
    int64_t reached_ms;   /* steady: the last time at which nothing was due */
    int pause_ms;
};

static bool is_same(const struct packet *a, const struct packet *b)
{
    return a->size == b->size && memcmp(a->head, b->head, a->size) == 0;
}

/* Of all that wait only the last; the keeper may send one again to a herald that has just begun.
 * What is no head does not leave this host. */
static void take_heads(struct herald *herald)
{
    struct packet in;
    struct head head;
    for (;;) {
        ssize_t n = recv(herald->env->keeper_fd, in.head, sizeof in.head, MSG_DONTWAIT | MSG_TRUNC);
        if (n <= 0)
            return;
        in.size = (size_t)n;
        if (in.size <= sizeof in.head && head_parse(in.head, in.size, &head, NULL) == ERR_OK &&
            !is_same(&in, &herald->on_way) && !is_same(&in, &herald->kept))
            herald->newest = in;
    }
}

static void tell_keeper(struct herald *herald)
{
    const struct packet *kept = &herald->kept;
    herald->is_told = send(herald->env->keeper_fd, kept->head, kept->size,
                           MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)kept->size;
}

static void succeeded(struct herald *herald)
{
    if (herald->is_failing)
        log_write(LOG_LEVEL_NOTICE, "heads are kept again");
    herald->is_failing = false;
    herald->pause_ms = FIRST_PAUSE_MS;
    herald->kept = herald->on_way;
    herald->on_way.size = 0;
    herald->is_told = false;
}

/* Said once until one is kept again. */
static void failed(struct herald *herald, const struct fault *why)
{
    log_write(herald->is_failing ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
              "a head is not kept: %s; trying again", why->text);
    herald->is_failing = true;
    if (herald->newest.size == 0)
        herald->newest = herald->on_way;
    herald->on_way.size = 0;
    herald->retry_ms = counters_steady_ms() + herald->pause_ms;
    herald->pause_ms = 2 * herald->pause_ms < LAST_PAUSE_MS ? 2 * herald->pause_ms : LAST_PAUSE_MS;
}

/* The same line as in the witness's file. */
static void begin(struct herald *herald)
{
    struct fault why;
    char line[BASE64_LENGTH(HEAD_MAX_BYTES) + 2];
    size_t length = base64_encode(herald->newest.head, herald->newest.size, line);
    snprintf(line + length, sizeof line - length, "\n");
    herald->on_way = herald->newest;
    herald->newest.size = 0;
    if (post_begin(line, &why) != ERR_OK)
        failed(herald, &why);
}

static enum err check_name(struct herald *herald, struct fault *why)
{
    int64_t now = counters_steady_ms();
    if (herald->newest.size == 0 && herald->on_way.size == 0)
        herald->reached_ms = now;
    bool has_number = lookup_result()[0] != '\0';
    if (lookup_is_name() && now - herald->reached_ms > (has_number ? LOOK_UP_MS : LOOK_UP_MS / 10))
        return fault_set(why, ERR_IO, "the witness's name is to be looked up anew");
    return ERR_OK;
}

static enum err turn(struct herald *herald, bool ends, struct fault *why)
{
    const int fds[] = {herald->env->keeper_fd, herald->env->stop_fd};
    role_show_alive(herald->env);
    take_heads(herald);
    if (!herald->is_told)
        tell_keeper(herald);
    if (herald->newest.size > 0 && herald->on_way.size == 0 &&
        counters_steady_ms() >= herald->retry_ms)
        begin(herald);
    enum err err = post_turn(fds, ends ? 1 : 2, TICK_MS, why);
    if (err == ERR_OK)
        succeeded(herald);
    else if (err == ERR_IO)
        failed(herald, why);
    else if (err != ERR_AGAIN)
        return err;
    return check_name(herald, why);
}

static bool is_asked_to_stop(const struct role_env *env)
{
    struct pollfd wait = {.fd = env->stop_fd, .events = POLLIN};
    return poll(&wait, 1, 0) > 0;
}

/* The parent ends the herald after the keeper, whose last head has come by then. */
static enum err bring_last(struct herald *herald, struct fault *why)
{
    int64_t until = counters_steady_ms() + LAST_MS;
    enum err err = ERR_OK;
    take_heads(herald);
    while (err == ERR_OK && !herald->is_failing && counters_steady_ms() < until &&
           (herald->newest.size > 0 || herald->on_way.size > 0))
        err = turn(herald, true, why);
    return err;
}

enum err herald_run(const struct role_env *env, struct fault *why)
{
    static struct herald herald = {.kept.size = 1, .pause_ms = FIRST_PAUSE_MS};
    herald.env = env;
    enum err err = post_open(why);
    if (err != ERR_OK)
        return err;
    herald.reached_ms = counters_steady_ms();
    while (err == ERR_OK && !is_asked_to_stop(env))
        err = turn(&herald, false, why);
    if (err == ERR_OK)
        err = bring_last(&herald, why);
    post_close();
    return err;
}
