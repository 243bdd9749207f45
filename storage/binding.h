/* The store's key, made from what only this host has: its TPM, or a key file mixed with the host's
 * identity. */
#ifndef LANEWARD_STORAGE_BINDING_H
#define LANEWARD_STORAGE_BINDING_H

#include <stdint.h>

#include "base/err.h"

enum binding_kind { BINDING_SOFTWARE = 1, BINDING_TPM = 2 };

enum { BINDING_KEY_SIZE = 32 };

/* Lives in locked memory that is left out of core files; owned by the caller, wiped by
 * binding_close. */
struct binding_key {
    enum binding_kind kind;
    uint8_t key[BINDING_KEY_SIZE];
};

struct binding_options {
    const char *dir; /* state folder, mode 0700: holds host.key or tpm.blob */
    const char *tpm; /* "auto", "none", or a TCTI such as "device:/dev/tpmrm0", "swtpm:port=2321" */
    const char *machine_id; /* path of machine-id; NULL = /etc/machine-id */
    const char *dmi_serial; /* path of the DMI serial; NULL = /sys/class/dmi/id/product_serial; may
                               be missing */
    uint32_t pcr_mask;      /* of a folder that is enrolled now: bit n = PCR n; 0 = PCR 7 */
};

/* Makes the key: at the first call for this folder a fresh one is created and bound, afterwards the
 * same is found again. A folder enrolled with a TPM never falls back to software. ERR_IDENTITY:
 * this host is not the one that it was bound to. ERR_DENIED: the key file may be read by others.
 * ERR_CORRUPT: it is damaged. ERR_IO: no TPM answers, no machine-id. ERR_LIMIT: memory cannot be
 * locked. */
enum err binding_open(struct binding_key **out, const struct binding_options *options,
                      struct fault *why) MUST_USE;
void binding_close(struct binding_key **key);

/* "software" or "tpm". */
const char *binding_name(enum binding_kind kind);

#endif
