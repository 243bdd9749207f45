/* The store as the keeper holds it: opened with its keys, what is recorded in its log, and what is
 * said while it cannot be written. */
#ifndef LANEWARD_DAEMON_VAULT_H
#define LANEWARD_DAEMON_VAULT_H

#include "daemon/ask.h"
#include "daemon/clock_watch.h"
#include "daemon/dispatch.h"
#include "daemon/role.h"
#include "storage/audit.h"

struct vault {
    const struct role_env *env;
    const struct config *config;
    struct store *store;
    bool seals_crops, seals_details; /* to the port's key, to the auditor's */
    struct clock_watch clock;
    int64_t failing_since_ms; /* Unix; 0: the store takes what it is given */
    uint64_t n_failed;
    bool has_posture; /* to go into the next head */
    uint8_t posture[32];
    struct dispatch dispatch; /* of each head, to the herald */
};

/* Reads the keys and opens the store. ERR_INPUT: a key file holds no key. Else as store_open. On
 * failure nothing stays open. */
enum err vault_open(struct vault *vault, const struct role_env *env, struct fault *why) MUST_USE;
void vault_close(struct vault *vault);

/* Both clocks now. */
struct clock_moment vault_moment(void);

/* Passages are being put, or no longer: what comes in is measured by the wall clock, as its own
 * times are; what goes out by the later of that and the time that forgetting believes. */
void vault_take(bool is_taking);

/* Something could not be written: counted, and said once. Something was: if it could not be before,
 * that time is recorded as a gap of every lane. */
void vault_failed(struct vault *vault, const struct fault *because);
void vault_worked(struct vault *vault);

/* One record, durable on ERR_OK. `who` NULL: the program itself; else its user, reason, case number
 * and plate go with it, and `detail` may already hold more. ERR_IO: not recorded, so nothing may be
 * answered. */
enum err vault_record(struct vault *vault, struct entry *entry, const struct ask *who,
                      struct entry_detail *detail, struct fault *why) MUST_USE;

/* "robot", "honey", "rollback": recorded, counted, and cried in the journal. */
void vault_alarm(struct vault *vault, const char *name, const struct ask *who, uint32_t n);

#endif
