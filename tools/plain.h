/* A command that asks one plain question and shows the answer: `laneward status`, `laneward
 * quality`. */
#ifndef LANEWARD_TOOLS_PLAIN_H
#define LANEWARD_TOOLS_PLAIN_H

#include <jansson.h>

#include "daemon/query.h"

struct plain {
    const char *name;   /* of the command, for its complaints */
    const char *socket; /* where it asks when --socket does not say */
    void (*help)(const char *socket);
    enum query_kind kind;
    void (*print)(const json_t *answer); /* for people; --json prints the answer itself */
};

/* Reads --json, --socket and --help, asks, shows. Returns the exit status. */
int plain_run(const struct plain *plain, int argc, char **argv);

#endif
