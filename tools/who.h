/* The options that all commands share which ask the desk: why and for which case, and how to reach
 * it. */
#ifndef LANEWARD_TOOLS_WHO_H
#define LANEWARD_TOOLS_WHO_H

#include <getopt.h>

#include "tools/talk.h"

enum { WHO_REASON = 512, WHO_CASE, WHO_SOCKET, WHO_LOG_KEY };

/* Rows of a command's table for getopt_long. */
#define WHO_OPTIONS                                                                                \
    {"reason", required_argument, NULL, WHO_REASON}, {"case", required_argument, NULL, WHO_CASE},  \
        {"socket", required_argument, NULL, WHO_SOCKET},                                           \
        {"log-key", required_argument, NULL, WHO_LOG_KEY}, {"help", no_argument, NULL, 'h'},       \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }

/* Their lines of a command's help; %s is client_socket(NULL). */
#define WHO_HELP                                                                                   \
    "      --socket PATH     the daemon's socket (default: $LANEWARD_SOCKET, or %s)\n"             \
    "      --log-key FILE    the key that the log of looks must be signed with, before the first " \
    "sight\n"                                                                                      \
    "  -h, --help\n"

#define WHO_STATUS                                                                                 \
    "Exit status: 0 done, 1 error, 2 wrong use, 3 the log of looks is not what it was.\n"

struct who {
    const char *command; /* "query" */
    const char *socket_path, *log_key;
    struct query query;
};

/* Says `laneward COMMAND: TEXT`; returns CLIENT_USAGE. */
int who_complain(const struct who *who, const char *text);

/* Takes one of the options above; 0, or the exit status after a complaint. */
int who_take(struct who *who, int option, const char *value);

/* That reason and case are there; 0, or the exit status after a complaint. */
int who_check(const struct who *who);

/* 32 digits of a passage, and a text; false: they are not so, or too long. */
bool who_id(const char *text, uint8_t out[ROW_ID_SIZE]);
bool who_text(char *out, size_t size, const char *text);

/* Opens a talk and asks once. CLIENT_ANSWERED: *answer is to be given to json_decref. Else the exit
 * status after a complaint; an answer that is an error is complained about too. */
int who_ask(struct who *who, struct talk *talk, json_t **answer);

/* The question of a command that does something: "... [y/N]" on the terminal. */
bool who_agrees(const struct who *who, const char *question);

#endif
