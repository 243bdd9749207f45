/* What an operator does to the keys while the daemon is stopped: `lanewardd --enroll`, `--suspend`.
 */
#ifndef LANEWARD_DAEMON_ENROL_H
#define LANEWARD_DAEMON_ENROL_H

/* Binds the state folder to this host, or finds it bound, and prints the binding and the key of the
 * log. Returns the exit status. */
int enrol_run(const char *config_path);

/* Takes the boot state out of the binding until the next start. */
int enrol_suspend(const char *config_path);

#endif
