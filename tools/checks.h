/* The checks of `laneward doctor`, by the file they are in. */
#ifndef LANEWARD_TOOLS_CHECKS_H
#define LANEWARD_TOOLS_CHECKS_H

#include "tools/doctor.h"

/* checks_host.c: the kernel, the firmware, the clock */
extern doctor_look_fn checks_secure_boot, checks_lockdown, checks_ptrace, checks_core,
    checks_memory_lock, checks_usb_storage, checks_clock, checks_machine_id;

/* checks_disk.c */
extern doctor_look_fn checks_disk, checks_swap;

/* checks_binding.c: configuration, daemon, TPM, log */
extern doctor_look_fn checks_config, checks_daemon, checks_tpm, checks_pcrs, checks_credential,
    checks_log;

/* checks_files.c: modes and owners, and what lies in the state folder */
extern doctor_look_fn checks_config_file, checks_state_folder, checks_credentials, checks_keys,
    checks_sockets, checks_programs, checks_plaintext;

/* checks_cell.c: the unit, and the roles' rights */
extern doctor_look_fn checks_unit, checks_roles;

#endif
