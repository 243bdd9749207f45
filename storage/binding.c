/* From the host's identity, and its TPM where there is one, to the store's key. */
#include "storage/binding.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/derive.h"

enum { MIX_SIZE = 2 * KEYFILE_SECRET_SIZE + 2 * BINDING_ID_SIZE };
static const char software_name[] = "host.key", tpm_name[] = "tpm.blob",
                  device[] = "device:/dev/tpmrm0", check_label[] = "laneward check 1";

const char *binding_name(enum binding_kind kind)
{
    assert(kind == BINDING_SOFTWARE || kind == BINDING_TPM);
    return kind == BINDING_TPM ? "tpm" : "software";
}

/* The first line of a small file, without white space at its ends. Returns 0 or errno; ENODATA when
 * it is empty. */
static int read_line(const char *path, char out[BINDING_ID_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    char text[BINDING_ID_SIZE] = "";
    ssize_t size = read(fd, text, sizeof text - 1);
    int because = size < 0 ? errno : 0;
    (void)close(fd);
    if (because != 0)
        return because;
    text[strcspn(text, "\n")] = '\0';
    char *begin = text + strspn(text, " \t");
    size_t length = strlen(begin);
    while (length > 0 && strchr(" \t\r", begin[length - 1]) != NULL)
        length--;
    if (length == 0)
        return ENODATA;
    memset(out, 0, BINDING_ID_SIZE);
    memcpy(out, begin, length);
    return 0;
}

static enum err read_identity(const struct binding_options *options, struct binding_identity *out,
                              struct fault *why)
{
    struct binding_identity identity = {0};
    const char *machine = options->machine_id != NULL ? options->machine_id : "/etc/machine-id";
    const char *serial =
        options->dmi_serial != NULL ? options->dmi_serial : "/sys/class/dmi/id/product_serial";
    int because = read_line(machine, identity.machine);
    if (because != 0 || strcmp(identity.machine, "uninitialized") == 0)
        return fault_errno(
            why, ERR_IO, because != 0 ? because : ENODATA,
            "this host has no identity to bind the store to (systemd-machine-id-setup makes "
            "one): %s",
            machine);
    identity.serial_errno = read_line(serial, identity.serial);
    *out = identity;
    return ERR_OK;
}

/* secret (or zero) || random || identity, through HKDF. */
enum err binding_derive(const struct binding *binding, const uint8_t *secret, const char *label,
                        uint8_t out[BINDING_KEY_SIZE], struct fault *why)
{
    uint8_t mix[MIX_SIZE] = {0}, *at = mix;
    if (secret != NULL)
        memcpy(at, secret, KEYFILE_SECRET_SIZE);
    at += KEYFILE_SECRET_SIZE;
    memcpy(at, binding->file.random, sizeof binding->file.random);
    at += sizeof binding->file.random;
    memcpy(at, binding->identity.machine, BINDING_ID_SIZE);
    if (binding->file.with_serial)
        memcpy(at + BINDING_ID_SIZE, binding->identity.serial, BINDING_ID_SIZE);
    enum err result = derive_key(mix, sizeof mix, label, out, BINDING_KEY_SIZE, why);
    OPENSSL_cleanse(mix, sizeof mix);
    return result;
}

static const char *name_of(enum binding_kind kind)
{
    return kind == BINDING_TPM ? tpm_name : software_name;
}

/* Before any key is made: does the file belong to this host? */
static enum err check_identity(const struct binding *binding, struct fault *why)
{
    const char *name = name_of(binding->kind);
    if (binding->file.with_serial && binding->identity.serial_errno != 0)
        return fault_errno(
            why, ERR_IDENTITY, binding->identity.serial_errno,
            "%s was bound to the host's DMI serial, which cannot be read now (start as root, or "
            "this is another host)",
            name);
    uint8_t check[BINDING_KEY_SIZE];
    enum err result = binding_derive(binding, NULL, check_label, check, why);
    if (result == ERR_OK && CRYPTO_memcmp(check, binding->file.check, sizeof check) != 0)
        result = fault_set(why, ERR_IDENTITY,
                           "%s was made on a host with another machine-id or serial: the "
                           "store opens on that host only; to begin anew here, move the "
                           "state folder away",
                           name);
    return result;
}

static bool is_automatic(const struct binding_options *options)
{
    return strcmp(options->tpm, "auto") == 0;
}

const char *binding_tcti(const struct binding_options *options)
{
    return is_automatic(options) ? device : options->tpm;
}

/* tpm.blob goes before host.key: such a folder never falls back. */
static enum err find(struct binding *binding, const struct binding_options *options,
                     struct fault *why)
{
    bool never = strcmp(options->tpm, "none") == 0;
    binding->kind = BINDING_TPM;
    enum err result = keyfile_read(options->dir, tpm_name, &binding->file, why);
    if (result == ERR_OK && never)
        return fault_set(why, ERR_IDENTITY,
                         "the store is bound to a TPM (%s), and the configuration says "
                         "tpm = none",
                         tpm_name);
    if (result != ERR_NOT_FOUND)
        return result;
    binding->kind = BINDING_SOFTWARE;
    result = keyfile_read(options->dir, software_name, &binding->file, why);
    if (result == ERR_OK && !never && !is_automatic(options))
        return fault_set(why, ERR_IDENTITY,
                         "the store is bound in software (%s), and the configuration names "
                         "a TPM: say tpm = auto, or move the state folder away",
                         software_name);
    return result;
}

/* A key must not be made anew beside a store that it cannot open. */
static enum err check_no_store(const char *dir, struct fault *why)
{
    static const char *const stores[] = {"laneward.db", "ledger.db", "segments"};
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", dir, stores[i]);
        if (length < 0 || length >= (int)sizeof path)
            return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
        if (access(path, F_OK) == 0)
            return fault_set(why, ERR_IDENTITY,
                             "%s has lost its key (%s or %s): bring it back, or move the store "
                             "away to begin anew",
                             path, software_name, tpm_name);
    }
    return ERR_OK;
}

enum err binding_read(struct binding *out, const struct binding_options *options, bool *is_there,
                      struct fault *why)
{
    struct binding binding = {0};
    enum err result = read_identity(options, &binding.identity, why);
    if (result != ERR_OK)
        return result;
    result = find(&binding, options, why);
    bool found = result == ERR_OK;
    if (found)
        result = check_identity(&binding, why);
    else if (result == ERR_NOT_FOUND)
        result = check_no_store(options->dir, why);
    if (result == ERR_OK) {
        *is_there = found;
        *out = binding;
    }
    OPENSSL_cleanse(&binding, sizeof binding);
    return result;
}

enum err binding_draw(struct binding *binding, enum binding_kind kind, uint32_t pcr_mask,
                      struct fault *why)
{
    binding->kind = kind;
    binding->file = (struct keyfile){.with_serial = binding->identity.serial_errno == 0,
                                     .pcr_mask = kind == BINDING_TPM ? pcr_mask : 0};
    if (RAND_priv_bytes(binding->file.random, sizeof binding->file.random) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    return binding_derive(binding, NULL, check_label, binding->file.check, why);
}

enum err binding_write(const struct binding *binding, const char *dir, bool may_replace,
                       struct fault *why)
{
    return keyfile_write(dir, name_of(binding->kind), &binding->file, may_replace, why);
}
