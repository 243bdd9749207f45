/* Enrolment by hand. The store is opened as the keeper opens it, and as the same user, so that what
 * is bound here is found by the keeper. */
#include "daemon/enrol.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/log.h"
#include "daemon/house.h"
#include "daemon/parent.h"
#include "daemon/vault.h"
#include "storage/suspend.h"

/* A SubjectPublicKeyInfo of P-256 (RFC 5480) up to the point. */
static const uint8_t spki[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static void print_key(const uint8_t point[SIGNATURE_PUBLIC_SIZE])
{
    enum { SIZE = sizeof spki + SIGNATURE_PUBLIC_SIZE, LINE = 64 };
    uint8_t der[SIZE];
    char text[2 * SIZE + 1];
    memcpy(der, spki, sizeof spki);
    memcpy(der + sizeof spki, point, SIGNATURE_PUBLIC_SIZE);
    (void)base64_encode(der, sizeof der, text);
    printf("-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0, length = strlen(text); at < length; at += LINE)
        printf("%.*s\n", LINE, text + at);
    printf("-----END PUBLIC KEY-----\n");
}

static void print_binding(const struct keyring_state *keys)
{
    printf("binding    %s%s\n", binding_name(keys->binding),
           keys->with_credential ? ", with the credential " BINDING_CREDENTIAL : "");
    if (keys->binding == BINDING_TPM) {
        printf("PCRs      ");
        for (unsigned i = 0; i < 24; i++)
            if (keys->pcr_mask >> i & 1)
                printf(" %u", i);
        printf("%s\n", keys->is_suspended ? " (suspended until the next start)" : "");
    }
    printf("epoch      %llu\n", (unsigned long long)keys->epoch);
}

static void print_state(const struct keyring_state *keys)
{
    char host[2 * sizeof keys->host + 1], point[2 * SIGNATURE_PUBLIC_SIZE + 1];
    hex_encode(keys->host, sizeof keys->host, host);
    hex_encode(keys->public_point, sizeof keys->public_point, point);
    print_binding(keys);
    printf("host       %s\nlog key    %s\n\n", host, point);
    print_key(keys->public_point);
    printf("\nGive host and log key to the auditor and to whoever keeps the log's heads: heads of "
           "this host are\nsigned with this key, and none else is to be believed.\n");
    if (keys->binding == BINDING_SOFTWARE)
        printf("\nThis binding is software: who copies the whole disk has the keys too, and what "
               "was forgotten can\nbe brought back from an old copy. A TPM 2.0 (option tpm) ends "
               "both.\n");
}

/* Reads the configuration, becomes the daemon's user, opens the store. */
static enum err open_vault(struct vault *vault, const char *path, struct fault *why)
{
    static struct config config;
    static struct counters counters;
    static struct role_env env;
    env = (struct role_env){.role = ROLE_KEEPER, .config = &config, .counters = &counters};
    enum err err = parent_load(path, &config, why);
    if (err == ERR_OK)
        err = house_folders(&config, why);
    if (err == ERR_OK)
        err = house_credential(&env.secret_fd, why);
    if (err == ERR_OK)
        err = house_become_user(&config, why);
    return err == ERR_OK ? vault_open(vault, &env, why) : err;
}

static enum err record_enrolment(struct vault *vault, struct fault *why)
{
    struct entry entry = {.kind = ENTRY_KEY, .name = "enrolled"};
    return audit_keys(vault->store).is_new ? vault_record(vault, &entry, NULL, NULL, why) : ERR_OK;
}

static enum err sign_head(struct vault *vault, struct fault *why)
{
    struct head head;
    return audit_sign(vault->store, counters_now_ms(), NULL, &head, why);
}

/* Opens the store, does `step` if there is one, and leaves both in the log, under a signed head. */
static enum err carry_out(struct vault *vault, const char *config_path,
                          enum err (*step)(struct store *, struct fault *), struct fault *why)
{
    enum err err = open_vault(vault, config_path, why);
    if (err == ERR_OK)
        err = record_enrolment(vault, why);
    if (err == ERR_OK && step != NULL)
        err = step(vault->store, why);
    return err == ERR_OK ? sign_head(vault, why) : err;
}

static int fail(struct vault *vault, const struct fault *why)
{
    log_fault(LOG_LEVEL_ERROR, why);
    if (strstr(why->text, "another process") != NULL)
        fprintf(stderr, "lanewardd: stop the daemon first (systemctl stop lanewardd)\n");
    vault_close(vault);
    return 1;
}

int enrol_run(const char *config_path)
{
    static struct vault vault;
    struct fault why;
    if (carry_out(&vault, config_path, NULL, &why) != ERR_OK)
        return fail(&vault, &why);
    struct keyring_state keys = audit_keys(vault.store);
    printf("%s\n\n", keys.is_new ? "The state folder is bound to this host now."
                                 : "The state folder was bound to this host before.");
    if (keys.took_credential)
        printf("The credential " BINDING_CREDENTIAL " has its part in it from now on.\n\n");
    if (keys.was_resealed)
        printf(
            "The binding was suspended; now it is sealed to the boot state of this moment. If the "
            "planned change\nis still to come, run `laneward reseal` again.\n\n");
    print_state(&keys);
    vault_close(&vault);
    return 0;
}

int enrol_suspend(const char *config_path)
{
    static struct vault vault;
    struct fault why;
    if (carry_out(&vault, config_path, suspend_store, &why) != ERR_OK)
        return fail(&vault, &why);
    struct keyring_state keys = audit_keys(vault.store);
    print_binding(&keys);
    printf("\nMake the change and reboot now. The next start of the daemon seals the store to the "
           "boot state of then.\n");
    vault_close(&vault);
    return 0;
}
