/* Opening the store, and its records. */
#include "daemon/vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/pem.h"
#include "storage/secret.h"

static const char believed_name[] = "#believed"; /* no camera is called so */

/* For the store, which asks by a function without an argument. */
static struct {
    const struct clock_watch *watch;
    bool is_taking;
} time_of_store;

static int64_t store_clock(void)
{
    int64_t now = counters_now_ms();
    if (time_of_store.is_taking || time_of_store.watch == NULL)
        return now;
    int64_t believed = clock_watch_believed(time_of_store.watch);
    return believed > now ? believed : now;
}

struct clock_moment vault_moment(void)
{
    return (struct clock_moment){.wall_ms = counters_now_ms(),
                                 .steady_ms = counters_steady_ms(),
                                 .synchronised = counters_clock_synchronised()};
}

void vault_take(bool is_taking)
{
    time_of_store.is_taking = is_taking;
}

static struct store_terms terms_of(const struct config *config)
{
    return (struct store_terms){.hit = config->hit_term_s * INT64_C(1000),
                                .other = config->other_term_s * INT64_C(1000),
                                .hit_crop = config->hit_crop_term_s * INT64_C(1000),
                                .other_crop = config->other_crop_term_s * INT64_C(1000)};
}

/* Without a TPM what the configuration does not say is a day at most. */
static struct store_terms short_terms_of(const struct config *config)
{
    static const int64_t day = 86400000;
    struct store_terms terms = terms_of(config);
    const struct {
        uint32_t bit;
        int64_t *term;
    } all[] = {{CONFIG_HIT_TERM, &terms.hit},
               {CONFIG_OTHER_TERM, &terms.other},
               {CONFIG_HIT_CROP_TERM, &terms.hit_crop},
               {CONFIG_OTHER_CROP_TERM, &terms.other_crop}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!(config->terms_set & all[i].bit) && *all[i].term > day)
            *all[i].term = day;
    return terms;
}

enum { CREDENTIAL_ROOM = BINDING_MAX_CREDENTIAL + 1 }; /* what is too long is seen to be */

/* The host's credential in locked memory; *out = NULL: there is none. */
static enum err read_credential(int fd, void **out, size_t *size, struct fault *why)
{
    if (fd < 0)
        return ERR_OK;
    enum err err = secret_new(out, CREDENTIAL_ROOM, why);
    if (err != ERR_OK)
        return err;
    ssize_t got = pread(fd, *out, CREDENTIAL_ROOM, 0);
    if (got < 0) {
        err = fault_errno(why, ERR_IO, errno, "cannot read the credential " BINDING_CREDENTIAL);
        secret_free(out, CREDENTIAL_ROOM);
        return err;
    }
    *size = (size_t)got;
    return ERR_OK;
}

static enum err open_store(struct vault *vault, struct fault *why)
{
    const struct config *config = vault->config;
    struct signature_key *port = NULL, *auditor = NULL;
    struct store_terms without_tpm = short_terms_of(config);
    void *credential = NULL;
    size_t credential_size = 0;
    enum err err = ERR_OK;
    if (config->port_key[0] != '\0')
        err = pem_key(config->port_key, &port, why);
    if (err == ERR_OK && config->auditor_key[0] != '\0')
        err = pem_key(config->auditor_key, &auditor, why);
    if (err == ERR_OK)
        err = read_credential(vault->env->secret_fd, &credential, &credential_size, why);
    struct store_options options = {
        .binding = {.dir = config->state_dir,
                    .tpm = config->tpm,
                    .pcr_mask = config->pcr_mask,
                    .nv_index = config->tpm_nv_index,
                    .credential = credential,
                    .credential_size = credential_size},
        .terms = terms_of(config),
        .without_tpm = &without_tpm,
        .port_key = port,
        .auditor_key = auditor,
        .clock = store_clock,
    };
    if (err == ERR_OK)
        err = store_open(&vault->store, &options, why);
    vault->seals_crops = port != NULL;
    vault->seals_details = auditor != NULL;
    signature_key_free(&port);
    signature_key_free(&auditor);
    secret_free(&credential, CREDENTIAL_ROOM);
    return err;
}

/* What an earlier life has believed. */
static enum err begin_clock(struct vault *vault, struct fault *why)
{
    char text[32];
    enum err err = ledger_cursor(vault->store, believed_name, text, sizeof text, why);
    if (err != ERR_OK)
        return err;
    clock_watch_begin(&vault->clock, strtoll(text, NULL, 10), vault_moment());
    time_of_store.watch = &vault->clock;
    return ERR_OK;
}

enum err vault_open(struct vault *vault, const struct role_env *env, struct fault *why)
{
    struct store_stats stats;
    *vault = (struct vault){.env = env, .config = env->config, .dispatch = {.fd = env->herald_fd}};
    enum err err = open_store(vault, why);
    if (err == ERR_OK)
        err = begin_clock(vault, why);
    if (err == ERR_OK)
        err = store_stats(vault->store, &stats, why);
    if (err != ERR_OK) {
        atomic_fetch_add(&env->counters->store_errors, 1);
        vault_close(vault);
        return err;
    }
    atomic_store(&env->counters->binding, (uint32_t)stats.binding);
    log_write(LOG_LEVEL_INFO, "store is open, binding=%s epoch=%llu%s", binding_name(stats.binding),
              (unsigned long long)stats.epoch,
              audit_keys(vault->store).with_credential ? ", with the host's credential" : "");
    return ERR_OK;
}

void vault_close(struct vault *vault)
{
    time_of_store.watch = NULL;
    if (vault->store != NULL)
        store_close(&vault->store);
}

void vault_failed(struct vault *vault, const struct fault *because)
{
    atomic_fetch_add(&vault->env->counters->store_errors, 1);
    vault->n_failed++;
    if (vault->failing_since_ms != 0)
        return;
    vault->failing_since_ms = counters_now_ms();
    log_write(LOG_LEVEL_ERROR,
              "the store cannot be written; recognition goes on, passages wait: %s (%s)",
              because->text, err_name(because->code));
}

static enum err record_gap(struct vault *vault, const char *lane, int64_t to_ms, struct fault *why)
{
    int64_t from_ms = vault->failing_since_ms;
    if (to_ms < from_ms)
        to_ms = from_ms;
    struct ledger_gap gap = {.from_ms = from_ms, .to_ms = to_ms, .why = "store unwritable"};
    struct entry entry = {.kind = ENTRY_GAP,
                          .at_ms = to_ms,
                          .uid = UINT32_MAX,
                          .number = (uint64_t)(to_ms - from_ms)};
    snprintf(gap.lane, sizeof gap.lane, "%s", lane);
    snprintf(entry.name, sizeof entry.name, "%s", lane);
    enum err err = ledger_gap(vault->store, &gap, why);
    return err != ERR_OK ? err : audit_append(vault->store, &entry, NULL, NULL, why);
}

void vault_worked(struct vault *vault)
{
    struct fault why;
    const struct config *config = vault->config;
    if (vault->failing_since_ms == 0)
        return;
    int64_t now = counters_now_ms();
    for (uint32_t i = 0; i < config->n_cameras; i++) {
        bool is_repeated = false;
        for (uint32_t j = 0; j < i; j++)
            is_repeated |= strcmp(config->cameras[j].lane, config->cameras[i].lane) == 0;
        if (!is_repeated && record_gap(vault, config->cameras[i].lane, now, &why) != ERR_OK)
            return;
    }
    log_write(LOG_LEVEL_NOTICE,
              "the store is writable again after %lld s and %llu failures; a gap is recorded",
              (long long)(now - vault->failing_since_ms) / 1000,
              (unsigned long long)vault->n_failed);
    vault->failing_since_ms = 0;
    vault->n_failed = 0;
}

enum err vault_record(struct vault *vault, struct entry *entry, const struct ask *who,
                      struct entry_detail *detail, struct fault *why)
{
    if (who == NULL) {
        entry->uid = UINT32_MAX;
    } else {
        entry->uid = who->uid;
        memcpy(entry->user, who->user, sizeof entry->user);
        if (entry->credential[0] == '\0')
            snprintf(entry->credential, sizeof entry->credential, "uid");
        memcpy(detail->reason, who->reason, sizeof detail->reason);
        memcpy(detail->case_number, who->case_number, sizeof detail->case_number);
    }
    enum err err = audit_append(vault->store, entry, who != NULL ? detail : NULL,
                                who != NULL ? who->find.plate : NULL, why);
    if (err == ERR_OK)
        vault_worked(vault);
    else
        vault_failed(vault, why);
    return err;
}

void vault_alarm(struct vault *vault, const char *name, const struct ask *who, uint32_t n)
{
    struct fault why;
    struct entry entry = {.kind = ENTRY_ALARM, .n = n};
    struct entry_detail detail = {0};
    snprintf(entry.name, sizeof entry.name, "%s", name);
    atomic_fetch_add(&vault->env->counters->alarms, 1);
    if (who != NULL)
        log_write(LOG_LEVEL_ERROR, "ALARM %s: uid %u", name, (unsigned)who->uid);
    else
        log_write(LOG_LEVEL_ERROR, "ALARM %s", name);
    if (vault_record(vault, &entry, who, &detail, &why) != ERR_OK)
        log_fault(LOG_LEVEL_ERROR, &why);
}
