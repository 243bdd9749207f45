/* A real TPM 2.0 in software (swtpm) on two neighbouring loopback ports, and a conversation of the
 * test's own with it. It talks to one client at a time. */
#ifndef LANEWARD_TESTS_STORAGE_SWTPM_H
#define LANEWARD_TESTS_STORAGE_SWTPM_H

#include <stdbool.h>
#include <sys/types.h>
#include <tss2/tss2_esys.h>

struct swtpm {
    pid_t pid;
    int port;
    char state[160], tcti[64];
    TSS2_TCTI_CONTEXT *transport;
    ESYS_CONTEXT *esys;
};

bool swtpm_is_installed(void);

/* Makes root/name for its state and switches it on. */
void swtpm_new(struct swtpm *chip, const char *root, const char *name);
void swtpm_on(struct swtpm *chip);
void swtpm_off(struct swtpm *chip);

/* chip->esys, from talk to hang_up. */
void swtpm_talk(struct swtpm *chip);
void swtpm_hang_up(struct swtpm *chip);

/* Changes a PCR; a fixed property, such as TPM2_PT_LOCKOUT_COUNTER. */
void swtpm_extend(struct swtpm *chip, unsigned pcr);
uint32_t swtpm_property(struct swtpm *chip, TPM2_PT wanted);

#endif
