/* The officers' socket from the client's side. */
#include "tools/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/config.h"

enum { PATIENCE_MS = 30000 }; /* longer than the desk takes before it gives up itself */

const char *client_socket(const char *socket_path)
{
    static char path[CONFIG_PATH_SIZE + 32];
    static struct config config;
    const char *environment = getenv("LANEWARD_SOCKET");
    if (socket_path != NULL)
        return socket_path;
    if (environment != NULL && environment[0] != '\0')
        return environment;
    config_defaults(&config);
    snprintf(path, sizeof path, "%s/laneward.sock", config.run_dir);
    return path;
}

/* Why a connection was refused, and what helps. */
static enum err explain(const char *path, int errnum, struct fault *why)
{
    struct stat info;
    if (errnum == ENOENT || errnum == ECONNREFUSED)
        return fault_set(
            why, ERR_CLOSED,
            "no daemon listens at %s: is lanewardd running? If it uses another run_dir, name "
            "its socket with --socket PATH",
            path);
    if (errnum != EACCES && errnum != EPERM)
        return fault_errno(why, ERR_IO, errnum, "cannot connect to %s", path);
    if (stat(path, &info) != 0)
        return fault_set(why, ERR_DENIED, "you have no right to look into the folder of %s", path);
    const struct group *group = getgrgid(info.st_gid);
    return fault_set(
        why, ERR_DENIED,
        "you have no right to %s: its users are the members of group %s; an administrator "
        "adds you with: usermod -aG %s YOUR-NAME",
        path, group != NULL ? group->gr_name : "(unknown)",
        group != NULL ? group->gr_name : "GROUP");
}

static enum err connect_desk(const char *path, int *out, struct fault *why)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof place.sun_path)
        return fault_set(why, ERR_INPUT, "the socket's path has more than %zu bytes",
                         sizeof place.sun_path - 1);
    memcpy(place.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&place, sizeof place) != 0) {
        int errnum = errno;
        close(fd);
        return explain(path, errnum, why);
    }
    *out = fd;
    return ERR_OK;
}

static enum err send_question(int fd, const struct query *query, struct fault *why)
{
    char text[QUERY_MAX_BYTES + 1];
    size_t size = query_text(query, text), sent = 0;
    text[size++] = '\n';
    while (sent < size) {
        ssize_t n = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE)
            return ERR_OK; /* the desk sends us away: its answer says why */
        if (n < 0 && errno != EINTR)
            return fault_errno(why, ERR_IO, errno, "cannot ask the daemon");
        sent += n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}

/* Until the desk closes. `text` has room for QUERY_MAX_ANSWER. */
static enum err receive_answer(int fd, char *text, size_t *size, struct fault *why)
{
    *size = 0;
    for (;;) {
        struct pollfd there = {.fd = fd, .events = POLLIN};
        int n = poll(&there, 1, PATIENCE_MS);
        if (n == 0)
            return fault_set(why, ERR_AGAIN, "the daemon does not answer within %d s",
                             PATIENCE_MS / 1000);
        ssize_t got = n < 0 ? -1 : recv(fd, text + *size, QUERY_MAX_ANSWER - *size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != ECONNRESET)
            return fault_errno(why, ERR_IO, errno, "cannot hear the daemon");
        if (got <= 0)
            return ERR_OK;
        *size += (size_t)got;
        if (*size == QUERY_MAX_ANSWER)
            return fault_set(why, ERR_LIMIT, "the daemon's answer is longer than it may be");
    }
}

static enum err code_named(const char *name)
{
    for (int code = ERR_INPUT; code < ERR_COUNT; code++)
        if (strcmp(name, err_name((enum err)code)) == 0)
            return (enum err)code;
    return ERR_IO;
}

static enum err understand(const char *text, size_t size, json_t **out, struct fault *why)
{
    if (size == 0)
        return fault_set(why, ERR_CLOSED,
                         "the daemon closed the conversation without an answer: try again");
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object) || json_integer_value(json_object_get(object, "version")) != 1) {
        json_decref(object);
        return fault_set(why, ERR_INPUT,
                         "the daemon's answer is not understood: is it of another version?");
    }
    *out = object;
    return ERR_OK;
}

enum err client_error(const json_t *answer, struct fault *why)
{
    const json_t *error = json_object_get(answer, "error");
    if (error == NULL)
        return ERR_OK;
    return fault_set(why, code_named(client_text(error, "code")), "%s", client_text(error, "text"));
}

enum err client_talk(const char *socket_path, const struct query *query, json_t **out,
                     struct fault *why)
{
    int fd = -1;
    size_t size = 0;
    enum err err = connect_desk(client_socket(socket_path), &fd, why);
    if (err != ERR_OK)
        return err;
    char *text = malloc(QUERY_MAX_ANSWER);
    err = text == NULL ? fault_set(why, ERR_MEMORY, "no memory for an answer")
                       : send_question(fd, query, why);
    if (err == ERR_OK)
        err = receive_answer(fd, text, &size, why);
    if (err == ERR_OK)
        err = understand(text, size, out, why);
    free(text);
    close(fd);
    return err;
}

enum err client_ask(const char *socket_path, const struct query *query, json_t **out,
                    struct fault *why)
{
    json_t *answer = NULL;
    enum err err = client_talk(socket_path, query, &answer, why);
    if (err == ERR_OK)
        err = client_error(answer, why);
    if (err == ERR_OK)
        *out = answer;
    else
        json_decref(answer);
    return err;
}

const char *client_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

int64_t client_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool client_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}
