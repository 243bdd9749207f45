/* Running another program and taking what it prints. */
#ifndef LANEWARD_TOOLS_PROGRAM_H
#define LANEWARD_TOOLS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Runs argv[0], looked for in PATH, without a shell; its standard error goes nowhere. `*out` is
 * what it printed, with a closing zero, malloc'ed, at most 1 MiB. false: it could not be started,
 * was ended by a signal, or printed more. */
bool program_run(char *const argv[], char **out, int *status);

/* The path of a program that lies beside this one. */
void program_beside(const char *name, char *out, size_t size);

#endif
