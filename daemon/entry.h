/* Where a role's process begins. */
#ifndef LANEWARD_DAEMON_ENTRY_H
#define LANEWARD_DAEMON_ENTRY_H

/* In a process that spawn_role has started: takes over what it was given, gives up its rights, runs
 * the role. Returns the exit status. */
int entry_run(void);

#endif
