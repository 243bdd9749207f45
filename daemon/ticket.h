/* What waits for a second person: a request, its number, its signed text. Pure; the caller gives
 * time and randomness. */
#ifndef LANEWARD_DAEMON_TICKET_H
#define LANEWARD_DAEMON_TICKET_H

#include "daemon/limits.h"

enum {
    TICKET_ROOM = 16, /* waiting at once */
    TICKET_ROOM_A_USER = 4,
    TICKET_MS = 900000, /* an unapproved one lives 15 minutes, and so long again when approved */
    TICKET_TEXT_SIZE = 4096,
};

enum ticket_state { TICKET_WAITING = 1, TICKET_APPROVED };

struct ticket {
    enum ticket_state state;
    char number[ASK_TICKET_SIZE];
    int64_t until_ms; /* steady */
    int64_t asked_ms; /* Unix */
    struct ask ask;   /* what was asked, by whom */
    char approver[ENTRY_NAME_SIZE];
};

struct tickets {
    struct ticket ticket[TICKET_ROOM]; /* state 0: free */
};

/* The text that the second person reads and signs: one line a fact, "laneward approval 1" first;
 * the same bytes from the same request. Returns its length, with `out` of TICKET_TEXT_SIZE. */
size_t ticket_text(const struct ticket *ticket, char *out);

/* The same question of the same user that waits already keeps its ticket. ERR_LIMIT: too many wait.
 * `random` gives the number. */
enum err ticket_take(struct tickets *tickets, const struct ask *ask, uint32_t random,
                     struct limits_moment moment, struct ticket **out, struct fault *why) MUST_USE;
/* NULL: none of this number, or over. Drops those whose time is over. */
struct ticket *ticket_find(struct tickets *tickets, const char *number, int64_t steady_ms);

/* ERR_DENIED: nobody approves his own. ERR_INPUT: it is approved already. */
enum err ticket_approve(struct ticket *ticket, const struct ask *by, int64_t steady_ms,
                        struct fault *why) MUST_USE;

/* Whether an approved ticket covers this ask: same uid, same question with the same words; an
 * EXPORT may name its ticket alone. */
bool ticket_covers(const struct ticket *ticket, const struct ask *ask);

#endif
