/* The commands of `laneward`; each gets its own argc and argv, argv[0] being its name, and returns
 * the exit status. */
#ifndef LANEWARD_TOOLS_COMMAND_H
#define LANEWARD_TOOLS_COMMAND_H

typedef int command_fn(int argc, char **argv);

command_fn command_read;     /* pictures to text, without a daemon */
command_fn command_bench;    /* accuracy and time on labelled pictures */
command_fn command_query;    /* ask the desk for passages or a plate's picture */
command_fn command_honey;    /* audit honey: a plan of honey plates */
command_fn command_status;   /* cameras, store and binding */
command_fn command_doctor;   /* is this host as it should be */
command_fn command_selftest; /* do the models read here as they should */
command_fn command_quality;  /* how well the lane reads, in totals */
command_fn command_pending;  /* what waits for a second person */
command_fn command_approve;  /* the second person's yes */
command_fn command_export;   /* passages for a named recipient */
command_fn command_open;     /* pictures sealed to the port's key */
command_fn command_audit;    /* the log of looks */
command_fn command_enroll;   /* binds the store to this host */
command_fn command_reseal;   /* before a planned change of the boot state */

#endif
