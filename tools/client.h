/* Asking the desk: one question over the officers' socket, one answer. */
#ifndef LANEWARD_TOOLS_CLIENT_H
#define LANEWARD_TOOLS_CLIENT_H

#include <jansson.h>

#include "daemon/query.h"

/* Exit statuses of the commands that ask. */
enum {
    CLIENT_ANSWERED = 0,
    CLIENT_ERROR = 1,
    CLIENT_USAGE = 2,
    CLIENT_TAMPERED = 3, /* the log of looks is not what it was */
};

/* Where the desk listens: `socket_path` if it is not NULL, else $LANEWARD_SOCKET, else the default
 * configuration's place. */
const char *client_socket(const char *socket_path);

/* Asks, and hands over the answer's object (json_decref it), which may tell of an error. */
enum err client_talk(const char *socket_path, const struct query *query, json_t **out,
                     struct fault *why) MUST_USE;

/* The error that an answer tells of, as a fault; ERR_OK: it is none. */
enum err client_error(const json_t *answer, struct fault *why) MUST_USE;

/* Both: an answer that is an error comes back as a fault. The fault says what to do: the daemon
 * does not run, the group whose member may ask,
 * ... */
enum err client_ask(const char *socket_path, const struct query *query, json_t **out,
                    struct fault *why) MUST_USE;

/* Members of an answer, without a check at each use: "" , 0 and false where there is none. */
const char *client_text(const json_t *object, const char *name);
int64_t client_number(const json_t *object, const char *name);
bool client_true(const json_t *object, const char *name);

#endif
