/* Between the keys' code and the system: the n-th call that changes the disk fails, or is the
 * process's last. Linked with --wrap (STEPS_WRAPPED in CMakeLists.txt). */
#ifndef LANEWARD_TESTS_STORAGE_STEPS_H
#define LANEWARD_TESTS_STORAGE_STEPS_H

#include <stdbool.h>
#include <stdint.h>

enum steps_mode {
    STEPS_COUNT, /* all calls are made */
    STEPS_FAIL,  /* the n-th gives EIO */
    STEPS_KILL,  /* the process ends before the n-th; what was done is done */
    STEPS_POWER, /* and nothing survives of what was not synced */
};

/* From now on; nth = 1 is the next call. `trash` is a folder on the same file system, for what a
 * power cut brings back. */
void steps_begin(enum steps_mode mode, uint32_t nth, const char *trash);
/* Ends it; returns how many calls there were. */
uint32_t steps_end(void);
bool steps_has_failed(void);

/* One more call that counts (steps_tpm.c); false: it must fail. */
bool steps_may(void);
/* With steps_tpm.c: called after each step of a TPM's counter, before anybody learns of it. */
extern void (*steps_after_increment)(void);

/* The exit status of a process that steps have ended. */
enum { STEPS_STATUS = 77 };

#endif
