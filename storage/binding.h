/* What the state folder is bound to: this host's identity, and its TPM where there is one. The
 * keyring's lower layer. */
#ifndef LANEWARD_STORAGE_BINDING_H
#define LANEWARD_STORAGE_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/keyfile.h"
#include "storage/tpm.h"

enum binding_kind { BINDING_SOFTWARE = 1, BINDING_TPM = 2 };

enum {
    BINDING_KEY_SIZE = 32,
    BINDING_ID_SIZE = 64,
    BINDING_DEFAULT_NV = 0x01804C57,
    BINDING_MIN_CREDENTIAL = 32, /* bytes */
    BINDING_MAX_CREDENTIAL = 128,
};

/* What the service manager calls the host's credential. */
#define BINDING_CREDENTIAL "laneward.host"

/* "software" or "tpm". */
const char *binding_name(enum binding_kind kind);

struct binding_options {
    const char *dir; /* state folder, mode 0700: holds host.key or tpm.blob */
    const char *tpm; /* "auto", "none", or a TCTI such as "device:/dev/tpmrm0", "swtpm:port=2321" */
    const char *machine_id; /* path of machine-id; NULL = /etc/machine-id */
    const char *dmi_serial; /* path of the DMI serial; NULL = /sys/class/dmi/id/product_serial; may
                               be missing */
    uint32_t pcr_mask;      /* of a folder that is enrolled now: bit n = PCR n; 0 = PCR 7 */
    uint32_t nv_index;      /* of its counter in the TPM; 0 = BINDING_DEFAULT_NV */
    /* What the host keeps for the store outside of this folder: in software it has its part in the
     * keys from the first opening with it on. NULL: nothing. */
    const uint8_t *credential;
    size_t credential_size;
};

/* What tells this host from another. */
struct binding_identity {
    char machine[BINDING_ID_SIZE], serial[BINDING_ID_SIZE]; /* zero-filled */
    int serial_errno; /* why there is no serial; 0: there is one */
};

struct binding {
    enum binding_kind kind;
    struct binding_identity identity;
    struct keyfile file;
};

/* The folder's file, and whether it belongs to this host. Without a file, and without a store that
 * would need it: *is_there = false, and the identity alone. A folder enrolled with a TPM never
 * falls back to software. ERR_IDENTITY: this host is not the one that it was bound to, or its file
 * is lost. ERR_DENIED: the file may be read by others. ERR_CORRUPT: it is damaged. ERR_IO: no
 * machine-id. */
enum err binding_read(struct binding *out, const struct binding_options *options, bool *is_there,
                      struct fault *why) MUST_USE;

/* A fresh binding for the identity that binding_read has found; binding_write makes it durable. */
enum err binding_draw(struct binding *binding, enum binding_kind kind, uint32_t pcr_mask,
                      struct fault *why) MUST_USE;
enum err binding_write(const struct binding *binding, const char *dir, bool may_replace,
                       struct fault *why) MUST_USE;

/* A key for the purpose of `label` out of `secret` (32 bytes, or NULL) and this binding. */
enum err binding_derive(const struct binding *binding, const uint8_t *secret, const char *label,
                        uint8_t out[BINDING_KEY_SIZE], struct fault *why) MUST_USE;

/* The TPM's address: "auto" is /dev/tpmrm0. */
const char *binding_tcti(const struct binding_options *options);

#endif
