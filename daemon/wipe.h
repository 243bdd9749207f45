/* Taking away what a passage has left in a process's memory. */
#ifndef LANEWARD_DAEMON_WIPE_H
#define LANEWARD_DAEMON_WIPE_H

/* What the functions that were called before have left on the stack, half a MiB deep: nobody else
 * writes over it. What is freed is written over by itself, see spawn.c. */
void wipe_stack(void);

#endif
