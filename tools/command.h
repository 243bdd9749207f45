/* The commands of `laneward`; each gets its own argc and argv, argv[0] being its name, and returns
 * the exit status. */
#ifndef LANEWARD_TOOLS_COMMAND_H
#define LANEWARD_TOOLS_COMMAND_H

int command_read(int argc, char **argv);   /* pictures to text, without a daemon */
int command_bench(int argc, char **argv);  /* accuracy and time on labelled pictures */
int command_query(int argc, char **argv);  /* ask the desk for passages or a plate's picture */
int command_honey(int argc, char **argv);  /* a plan of honey plates */
int command_status(int argc, char **argv); /* cameras, store and binding */

#endif
