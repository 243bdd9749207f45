/* Token buckets that fill evenly with time, kept in whole numbers, and the rules of shape and age.
 */
#include "daemon/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600000, DAY_MS = 86400000, MINUTE_MS = 60000, SECOND_MS = 1000 };
enum { REFUSALS_AT_ONCE = 10 };

/* `room` tokens at most, filled within period_ms. A token is period_ms of level. */
struct bucket {
    uint32_t room, period_ms;
    int64_t level, at_ms; /* steady */
};

struct user {
    bool is_used;
    uint32_t uid;
    int64_t seen_ms;
    struct bucket queries, images, refusals, records;
    /* The last refusals for rate, a ring; and when the alarm was last told. */
    int64_t refused_ms[LIMITS_ALARM_REFUSALS];
    uint32_t n_refused;
    int64_t told_ms;
};

struct limits {
    uint32_t queries_per_hour, images_per_hour, lane_minutes, free_age_s;
    int64_t since_ms;              /* steady: no bucket had anything then */
    struct bucket queries, images; /* of the host */
    uint32_t n_left_out;
    struct user others; /* all that the table has no room for */
    struct user users[LIMITS_USERS];
};

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static struct bucket empty(uint32_t room, uint32_t period_ms, int64_t steady_ms)
{
    return (struct bucket){.room = room, .period_ms = period_ms, .at_ms = steady_ms};
}

/* A clock that steps back gives nothing and takes nothing. */
static void fill(struct bucket *bucket, int64_t steady_ms)
{
    int64_t most = (int64_t)bucket->room * bucket->period_ms, passed = steady_ms - bucket->at_ms;
    if (passed <= 0)
        return;
    if (passed > bucket->period_ms)
        passed = bucket->period_ms;
    bucket->level += passed * bucket->room;
    if (bucket->level > most)
        bucket->level = most;
    bucket->at_ms = steady_ms;
}

static bool has(const struct bucket *bucket, uint32_t tokens)
{
    return bucket->level >= (int64_t)tokens * bucket->period_ms;
}

static void take(struct bucket *bucket, uint32_t tokens)
{
    bucket->level -= (int64_t)tokens * bucket->period_ms;
}

/* What was given out is gone, also when by what is known here there was not so much. */
static void retake(struct bucket *bucket, uint32_t tokens, int64_t steady_ms)
{
    fill(bucket, steady_ms);
    take(bucket, tokens);
    if (bucket->level < 0)
        bucket->level = 0;
}

/* Until so many are there; INT64_MAX: never. */
static int64_t wait_ms(const struct bucket *bucket, uint32_t tokens)
{
    if (tokens > bucket->room)
        return INT64_MAX;
    int64_t lacking = (int64_t)tokens * bucket->period_ms - bucket->level;
    return lacking <= 0 ? 0 : (lacking + bucket->room - 1) / bucket->room;
}

enum err limits_new(struct limits **out, const struct config *config, int64_t since_ms,
                    struct fault *why)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (limits == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the limits");
    limits->queries_per_hour = lesser(config->queries_per_hour, LIMITS_QUERIES_PER_HOUR);
    limits->images_per_hour = lesser(config->images_per_hour, LIMITS_IMAGES_PER_HOUR);
    limits->lane_minutes = lesser(config->lane_minutes, LIMITS_LANE_MINUTES);
    limits->free_age_s = lesser(config->free_age_s, LIMITS_FREE_AGE_HOURS * 3600);
    limits->since_ms = since_ms;
    limits->queries =
        empty(lesser(config->queries_per_day, LIMITS_QUERIES_PER_DAY), DAY_MS, since_ms);
    limits->images = empty(lesser(config->images_per_day, LIMITS_IMAGES_PER_DAY), DAY_MS, since_ms);
    *out = limits;
    return ERR_OK;
}

void limits_free(struct limits **limits)
{
    free(*limits);
    *limits = NULL;
}

static void begin_user(const struct limits *limits, struct user *user, uint32_t uid,
                       int64_t steady_ms)
{
    *user = (struct user){.is_used = true, .uid = uid, .seen_ms = steady_ms};
    user->queries = empty(limits->queries_per_hour, HOUR_MS, limits->since_ms);
    user->images = empty(limits->images_per_hour, HOUR_MS, limits->since_ms);
    user->refusals = empty(REFUSALS_AT_ONCE, REFUSALS_AT_ONCE * SECOND_MS, limits->since_ms);
    user->records = empty(LIMITS_RECORDS_PER_HOUR, HOUR_MS, limits->since_ms);
    user->told_ms = INT64_MIN;
}

/* A user unseen for an hour has full buckets again, and is as good as new: his place is free. */
static struct user *find_user(struct limits *limits, uint32_t uid, int64_t steady_ms)
{
    struct user *place = NULL;
    for (int i = 0; i < LIMITS_USERS; i++) {
        struct user *user = &limits->users[i];
        if (user->is_used && user->uid == uid) {
            user->seen_ms = steady_ms > user->seen_ms ? steady_ms : user->seen_ms;
            return user;
        }
        if (place == NULL && (!user->is_used || steady_ms - user->seen_ms > HOUR_MS))
            place = user;
    }
    if (place != NULL) {
        begin_user(limits, place, uid, steady_ms);
        return place;
    }
    if (!limits->others.is_used)
        begin_user(limits, &limits->others, UINT32_MAX, steady_ms);
    return &limits->others;
}

/* From here on nobody needs a second person. */
static int64_t free_from(const struct limits *limits, struct limits_moment moment)
{
    int64_t latest = moment.latest_ms > moment.now_ms ? moment.latest_ms : moment.now_ms;
    return latest - (int64_t)limits->free_age_s * 1000;
}

void limits_complete(const struct limits *limits, struct ask *ask, struct limits_moment moment)
{
    struct store_query *find = &ask->find;
    int64_t now_ms = moment.now_ms;
    if (ask->kind != ASK_FIND)
        return;
    int64_t free_ms = free_from(limits, moment);
    if (find->plate[0] == '\0') {
        int64_t most_ms = (int64_t)limits->lane_minutes * MINUTE_MS;
        if (find->to_ms == 0) {
            find->to_ms = now_ms;
            /* "The last ten minutes" have become a little more on their way here. */
            int64_t over_ms = now_ms - find->from_ms - most_ms;
            if (find->from_ms != 0 && over_ms > 0 && over_ms <= MINUTE_MS)
                find->from_ms += over_ms;
        }
    } else if (find->from_ms == 0 && (find->to_ms == 0 || find->to_ms >= free_ms)) {
        find->from_ms = free_ms > 1 ? free_ms : 1;
    }
    /* "The last 24 hours", too. */
    if (find->from_ms < free_ms && free_ms - find->from_ms <= MINUTE_MS)
        find->from_ms = free_ms;
}

static enum err check_lane(const struct limits *limits, const struct store_query *find,
                           struct fault *why)
{
    if (limits->lane_minutes == 0)
        return fault_set(why, ERR_DENIED, "plate: this lane answers no question without one");
    if (find->lane[0] == '\0')
        return fault_set(why, ERR_DENIED,
                         "plate: a question without one needs a lane, and at most %" PRIu32
                         " minutes",
                         limits->lane_minutes);
    if (find->from_ms == 0 || find->to_ms < find->from_ms ||
        find->to_ms - find->from_ms > (int64_t)limits->lane_minutes * MINUTE_MS)
        return fault_set(why, ERR_DENIED,
                         "from, to: without a plate they are at most %" PRIu32 " minutes apart",
                         limits->lane_minutes);
    return ERR_OK;
}

static enum err check_shape(const struct limits *limits, const struct ask *ask, struct fault *why)
{
    switch (ask->kind) {
    case ASK_FIND:
        return ask->find.plate[0] != '\0' ? ERR_OK : check_lane(limits, &ask->find, why);
    case ASK_IMAGE:
        return ERR_OK;
    case ASK_EXPORT:
        if (ask->n_ids < 1 || ask->n_ids > ASK_MAX_EXPORT || ask->recipient[0] == '\0')
            return fault_set(why, ERR_DENIED,
                             "ids: an export is of 1 to %d passages, for one "
                             "recipient",
                             ASK_MAX_EXPORT);
        return ERR_OK;
    case ASK_LOG:
    case ASK_PROVE:
    case ASK_POSTURE:
        return ERR_OK;
    default:
        return fault_set(why, ERR_DENIED, "this question has no limits to keep to");
    }
}

static bool is_old(const struct limits *limits, const struct ask *ask, struct limits_moment moment)
{
    int64_t from = ask->find.from_ms;
    if (ask->kind == ASK_EXPORT)
        return true; /* however young: an export always takes two */
    if (ask->kind != ASK_FIND && ask->kind != ASK_IMAGE)
        return false;
    if (ask->kind == ASK_IMAGE && from == 0)
        return false;
    return from < free_from(limits, moment);
}

/* Ten refusals for rate within a minute; told once a minute. */
static bool is_robot(struct user *user, int64_t steady_ms)
{
    int64_t *slot = &user->refused_ms[user->n_refused % LIMITS_ALARM_REFUSALS];
    int64_t oldest =
        user->refused_ms[(user->n_refused + 1) % LIMITS_ALARM_REFUSALS]; /* after this one */
    *slot = steady_ms;
    user->n_refused++;
    if (user->n_refused < LIMITS_ALARM_REFUSALS || steady_ms - oldest > MINUTE_MS)
        return false;
    if (user->told_ms != INT64_MIN && steady_ms - user->told_ms < MINUTE_MS)
        return false;
    user->told_ms = steady_ms;
    return true;
}

static enum err say_when(int64_t wait, const char *what, const char *whose, struct fault *why)
{
    if (wait == INT64_MAX)
        return fault_set(why, ERR_LIMIT, "%s: this lane's limit does not allow so many", what);
    int64_t seconds = (wait + 999) / 1000;
    return fault_set(why, ERR_LIMIT, "too many %s of %s: again in %" PRId64 " %s", what, whose,
                     seconds < 120 ? seconds : (seconds + 59) / 60, seconds < 120 ? "s" : "min");
}

/* What was asked, as far as its price goes. */
struct order {
    enum ask_kind kind;
    bool approved;
    uint32_t n_ids; /* of an EXPORT */
};

/* What it costs: of whose bucket, how many. */
struct cost {
    struct bucket *of_user, *of_host; /* NULL: the other's alone */
    uint32_t tokens;
    const char *what;
};

static struct cost cost_of(struct limits *limits, struct user *user, struct order order)
{
    if (order.kind == ASK_IMAGE)
        return (struct cost){&user->images, &limits->images, 1, "pictures"};
    if (order.kind == ASK_EXPORT && order.approved)
        return (struct cost){NULL, &limits->images, order.n_ids, "pictures"};
    if (order.kind == ASK_LOG || order.kind == ASK_PROVE)
        return (struct cost){&user->records, NULL, 1, "pages of the log"};
    if (order.kind == ASK_POSTURE)
        return (struct cost){&user->records, NULL,
                             LIMITS_RECORDS_PER_HOUR / LIMITS_POSTURES_PER_HOUR, "reports"};
    return (struct cost){&user->queries, &limits->queries, 1, "questions"};
}

static enum err pay(const struct cost *cost, int64_t steady_ms, struct fault *why)
{
    if (cost->of_host != NULL)
        fill(cost->of_host, steady_ms);
    if (cost->of_user != NULL)
        fill(cost->of_user, steady_ms);
    if (cost->of_user != NULL && !has(cost->of_user, cost->tokens))
        return say_when(wait_ms(cost->of_user, cost->tokens), cost->what, "one user", why);
    if (cost->of_host != NULL && !has(cost->of_host, cost->tokens))
        return say_when(wait_ms(cost->of_host, cost->tokens), cost->what, "all users", why);
    if (cost->of_user != NULL)
        take(cost->of_user, cost->tokens);
    if (cost->of_host != NULL)
        take(cost->of_host, cost->tokens);
    return ERR_OK;
}

enum err limits_check(struct limits *limits, const struct ask *ask, bool approved,
                      struct limits_moment moment, struct limits_verdict *verdict,
                      struct fault *why)
{
    *verdict = (struct limits_verdict){.needs_second = false};
    enum err err = check_shape(limits, ask, why);
    if (err != ERR_OK)
        return err;
    struct user *user = find_user(limits, ask->uid, moment.steady_ms);
    struct cost cost = cost_of(limits, user, (struct order){ask->kind, approved, ask->n_ids});
    err = pay(&cost, moment.steady_ms, why);
    if (err != ERR_OK) {
        verdict->is_robot = is_robot(user, moment.steady_ms);
        return err;
    }
    if (approved || !is_old(limits, ask, moment))
        return ERR_OK;
    verdict->needs_second = true;
    return ask->kind == ASK_EXPORT
               ? fault_set(why, ERR_DENIED, "an export needs a second person's approval")
               : fault_set(why, ERR_DENIED,
                           "what is older than %" PRIu32 " h needs a second person's approval",
                           (limits->free_age_s + 3599) / 3600);
}

/* false: it costs nothing. */
static bool order_of(const struct entry *entry, struct order *out)
{
    *out = (struct order){.n_ids = entry->n};
    switch (entry->kind) {
    case ENTRY_QUERY: /* one with a name has read the log */
        out->kind = entry->name[0] == '\0' ? ASK_FIND : ASK_LOG;
        return true;
    case ENTRY_IMAGE:
        out->kind = ASK_IMAGE;
        return true;
    case ENTRY_REQUEST:
        out->kind = strcmp(entry->name, "image") == 0    ? ASK_IMAGE
                    : strcmp(entry->name, "export") == 0 ? ASK_EXPORT
                                                         : ASK_FIND;
        return true;
    case ENTRY_EXPORT:
        out->kind = ASK_EXPORT;
        out->approved = true;
        return true;
    case ENTRY_POSTURE:
        out->kind = ASK_POSTURE;
        return true;
    default:
        return false;
    }
}

void limits_recall(struct limits *limits, const struct entry *entry, int64_t steady_ms)
{
    struct order order;
    if (!order_of(entry, &order))
        return;
    struct cost cost = cost_of(limits, find_user(limits, entry->uid, steady_ms), order);
    if (cost.of_user != NULL)
        retake(cost.of_user, cost.tokens, steady_ms);
    if (cost.of_host != NULL)
        retake(cost.of_host, cost.tokens, steady_ms);
}

bool limits_records(struct limits *limits, uint32_t uid, int64_t steady_ms, uint32_t *n_left_out)
{
    struct bucket *refusals = &find_user(limits, uid, steady_ms)->refusals;
    fill(refusals, steady_ms);
    if (!has(refusals, 1)) {
        limits->n_left_out++;
        return false;
    }
    take(refusals, 1);
    *n_left_out = limits->n_left_out;
    limits->n_left_out = 0;
    return true;
}
