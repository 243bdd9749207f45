/* laneward: the command line, a table of commands. */
#include <stdio.h>
#include <string.h>

#include "tools/command.h"

static const struct {
    const char *name;
    command_fn *run;
    const char *help;
} commands[] = {
    {"read", command_read, "read the plates in pictures, without a daemon"},
    {"bench", command_bench, "measure accuracy and time on labelled pictures"},
    {"query", command_query, "ask the daemon for passages, or for a plate's picture"},
    {"status", command_status, "show cameras, store and key binding"},
    {"doctor", command_doctor, "look whether this host is as it should be"},
    {"selftest", command_selftest, "read the pictures that come with the program"},
    {"quality", command_quality, "show how well the lane reads, in totals"},
    {"pending", command_pending, "show what waits for a supervisor"},
    {"approve", command_approve, "say yes to it, as a supervisor"},
    {"export", command_export, "get passages as a file for a named recipient"},
    {"open", command_open, "open pictures that are sealed to the port's key"},
    {"audit", command_audit, "check, show and copy the log of looks"},
    {"enroll", command_enroll, "bind the store to this host, show its log key"},
    {"reseal", command_reseal, "before a planned change of firmware or boot loader"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void show_usage(FILE *to)
{
    fprintf(to, "usage: laneward COMMAND [OPTION]...\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n`laneward COMMAND --help` tells the options of a command.\n");
}

int main(int argc, char **argv)
{
    if (argc >= 2) {
        for (int i = 0; i < N_COMMANDS; i++)
            if (strcmp(argv[1], commands[i].name) == 0)
                return commands[i].run(argc - 1, argv + 1);
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
            show_usage(stdout);
            return 0;
        }
        if (strcmp(argv[1], "--version") == 0) {
            printf("laneward %s\n", LANEWARD_VERSION);
            return 0;
        }
        fprintf(stderr, "laneward: no such command: %s\n", argv[1]);
    }
    show_usage(stderr);
    return 2;
}
