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
#include "storage/keyfile.h"
#include "storage/secret.h"
#include "storage/tpm.h"

enum { ID_SIZE = 64, MIX_SIZE = 2 * KEYFILE_SECRET_SIZE + 2 * ID_SIZE };
static const char software_name[] = "host.key", tpm_name[] = "tpm.blob",
                  device[] = "device:/dev/tpmrm0";

/* What tells this host from another. */
struct identity {
    char machine[ID_SIZE], serial[ID_SIZE]; /* zero-filled */
    int serial_errno;                       /* why there is no serial; 0: there is one */
};

const char *binding_name(enum binding_kind kind)
{
    assert(kind == BINDING_SOFTWARE || kind == BINDING_TPM);
    return kind == BINDING_TPM ? "tpm" : "software";
}

/* The first line of a small file, without white space at its ends. Returns 0 or errno; ENODATA when
 * it is empty. */
static int read_line(const char *path, char out[ID_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    char text[ID_SIZE] = "";
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
    memset(out, 0, ID_SIZE);
    memcpy(out, begin, length);
    return 0;
}

static enum err read_identity(const struct binding_options *options, struct identity *out,
                              struct fault *why)
{
    struct identity identity = {0};
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

/* sealed secret (zero in software) || random || identity, through HKDF. */
static enum err derive(const struct keyfile *file, const struct identity *identity,
                       const uint8_t *sealed, const char *label, uint8_t out[BINDING_KEY_SIZE],
                       struct fault *why)
{
    uint8_t mix[MIX_SIZE] = {0}, *at = mix;
    if (sealed != NULL)
        memcpy(at, sealed, KEYFILE_SECRET_SIZE);
    at += KEYFILE_SECRET_SIZE;
    memcpy(at, file->random, sizeof file->random);
    at += sizeof file->random;
    memcpy(at, identity->machine, ID_SIZE);
    if (file->with_serial)
        memcpy(at + ID_SIZE, identity->serial, ID_SIZE);
    enum err result = derive_key(mix, sizeof mix, label, out, BINDING_KEY_SIZE, why);
    OPENSSL_cleanse(mix, sizeof mix);
    return result;
}

/* Before any key is made: does the file belong to this host? */
static enum err check_identity(const struct keyfile *file, const struct identity *identity,
                               const char *name, struct fault *why)
{
    if (file->with_serial && identity->serial_errno != 0)
        return fault_errno(
            why, ERR_IDENTITY, identity->serial_errno,
            "%s was bound to the host's DMI serial, which cannot be read now (start as root, or "
            "this is another host)",
            name);
    uint8_t check[BINDING_KEY_SIZE];
    enum err result = derive(file, identity, NULL, "laneward check 1", check, why);
    if (result == ERR_OK && CRYPTO_memcmp(check, file->check, sizeof check) != 0)
        result = fault_set(why, ERR_IDENTITY,
                           "%s was made on a host with another machine-id or serial: the "
                           "store opens on that host only; to begin anew here, move the "
                           "state folder away",
                           name);
    return result;
}

static enum err open_existing(struct binding_key *key, const char *tcti, const struct keyfile *file,
                              const struct identity *identity, struct fault *why)
{
    enum err result =
        check_identity(file, identity, key->kind == BINDING_TPM ? tpm_name : software_name, why);
    if (result != ERR_OK || key->kind == BINDING_SOFTWARE)
        return result != ERR_OK ? result
                                : derive(file, identity, NULL, "laneward key 1", key->key, why);
    uint8_t auth[KEYFILE_SECRET_SIZE], sealed[KEYFILE_SECRET_SIZE];
    result = derive(file, identity, NULL, "laneward tpm auth 1", auth, why);
    if (result == ERR_OK)
        result = tpm_unseal(tcti, auth, file, sealed, why);
    if (result == ERR_OK)
        result = derive(file, identity, sealed, "laneward key 1", key->key, why);
    OPENSSL_cleanse(auth, sizeof auth);
    OPENSSL_cleanse(sealed, sizeof sealed);
    return result;
}

static enum err random_bytes(uint8_t *out, int size, struct fault *why)
{
    if (RAND_bytes(out, size) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    return ERR_OK;
}

/* Seals a fresh secret and writes tpm.blob. */
static enum err enrol_tpm(const char *dir, const char *tcti, struct keyfile *file,
                          const struct identity *identity, struct fault *why)
{
    uint8_t auth[KEYFILE_SECRET_SIZE], secret[KEYFILE_SECRET_SIZE];
    enum err result = derive(file, identity, NULL, "laneward tpm auth 1", auth, why);
    if (result == ERR_OK)
        result = random_bytes(secret, sizeof secret, why);
    if (result == ERR_OK)
        result = tpm_seal(tcti, auth, secret, file, why);
    if (result == ERR_OK)
        result = keyfile_write(dir, tpm_name, file, why);
    OPENSSL_cleanse(auth, sizeof auth);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

/* The first call for a folder: makes the file that later calls open. */
static enum err enrol(const struct binding_options *options, const struct identity *identity,
                      enum binding_kind *kind, struct keyfile *file, struct fault *why)
{
    *file = (struct keyfile){.with_serial = identity->serial_errno == 0};
    enum err result = random_bytes(file->random, sizeof file->random, why);
    if (result == ERR_OK)
        result = derive(file, identity, NULL, "laneward check 1", file->check, why);
    if (result != ERR_OK)
        return result;
    bool automatic = strcmp(options->tpm, "auto") == 0;
    bool wanted =
        automatic ? access("/dev/tpmrm0", R_OK | W_OK) == 0 : strcmp(options->tpm, "none") != 0;
    if (wanted) {
        file->pcr_mask = options->pcr_mask != 0 ? options->pcr_mask : TPM_DEFAULT_PCRS;
        *kind = BINDING_TPM;
        result = enrol_tpm(options->dir, automatic ? device : options->tpm, file, identity, why);
        if (result == ERR_OK || !automatic)
            return result;
        file->pcr_mask = 0; /* there, and not usable */
        file->sealed_size = 0;
    }
    *kind = BINDING_SOFTWARE;
    return keyfile_write(options->dir, software_name, file, why);
}

/* A key must not be made anew beside a store that it cannot open. */
static enum err check_no_store(const char *dir, struct fault *why)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/laneward.db", dir);
    if (length < 0 || length >= (int)sizeof path)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    if (access(path, F_OK) == 0)
        return fault_set(why, ERR_IDENTITY,
                         "%s has lost its key (%s or %s): bring it back, or move the store "
                         "away to begin anew",
                         path, software_name, tpm_name);
    return ERR_OK;
}

/* Finds the folder's file, or makes it. tpm.blob goes before host.key: such a folder never falls
 * back. */
static enum err find(const struct binding_options *options, const struct identity *identity,
                     enum binding_kind *kind, struct keyfile *file, struct fault *why)
{
    bool never = strcmp(options->tpm, "none") == 0, automatic = strcmp(options->tpm, "auto") == 0;
    *kind = BINDING_TPM;
    enum err result = keyfile_read(options->dir, tpm_name, file, why);
    if (result == ERR_OK && never)
        return fault_set(why, ERR_IDENTITY,
                         "the store is bound to a TPM (%s), and the configuration says "
                         "tpm = none",
                         tpm_name);
    if (result != ERR_NOT_FOUND)
        return result;
    *kind = BINDING_SOFTWARE;
    result = keyfile_read(options->dir, software_name, file, why);
    if (result == ERR_OK && !never && !automatic)
        return fault_set(why, ERR_IDENTITY,
                         "the store is bound in software (%s), and the configuration names "
                         "a TPM: say tpm = auto, or move the state folder away",
                         software_name);
    if (result != ERR_NOT_FOUND)
        return result;
    result = check_no_store(options->dir, why);
    return result == ERR_OK ? enrol(options, identity, kind, file, why) : result;
}

enum err binding_open(struct binding_key **out, const struct binding_options *options,
                      struct fault *why)
{
    struct identity identity;
    enum err result = read_identity(options, &identity, why);
    if (result != ERR_OK)
        return result;
    void *memory = NULL;
    result = secret_new(&memory, sizeof(struct binding_key), why);
    if (result != ERR_OK)
        return result;
    struct binding_key *key = memory;
    struct keyfile file;
    result = find(options, &identity, &key->kind, &file, why);
    /* What was made just now is opened like what was made long ago: enrolling proves itself. */
    if (result == ERR_OK)
        result = open_existing(key, strcmp(options->tpm, "auto") == 0 ? device : options->tpm,
                               &file, &identity, why);
    OPENSSL_cleanse(&file, sizeof file);
    if (result != ERR_OK)
        secret_free(&memory, sizeof(struct binding_key));
    *out = result == ERR_OK ? key : *out;
    return result;
}

void binding_close(struct binding_key **key)
{
    void *memory = *key;
    secret_free(&memory, sizeof(struct binding_key));
    *key = NULL;
}
