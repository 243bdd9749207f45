/* Options and first steps of the commands that ask the desk. */
#include "tools/who.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"

int who_complain(const struct who *who, const char *text)
{
    fprintf(stderr, "laneward %s: %s\n", who->command, text);
    return CLIENT_USAGE;
}

bool who_text(char *out, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return false;
    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    return true;
}

bool who_id(const char *text, uint8_t out[ROW_ID_SIZE])
{
    return strlen(text) == 2 * (size_t)ROW_ID_SIZE && hex_decode(text, out, ROW_ID_SIZE);
}

int who_take(struct who *who, int option, const char *value)
{
    struct query *query = &who->query;
    switch (option) {
    case WHO_REASON:
        return who_text(query->reason, sizeof query->reason, value)
                   ? 0
                   : who_complain(who, "--reason: at most 127 bytes");
    case WHO_CASE:
        return who_text(query->case_number, sizeof query->case_number, value)
                   ? 0
                   : who_complain(who, "--case: at most 127 bytes");
    case WHO_SOCKET:
        who->socket_path = value;
        return 0;
    case WHO_LOG_KEY:
        who->log_key = value;
        return 0;
    default:
        fprintf(stderr, "`laneward %s --help` tells the options.\n", who->command);
        return CLIENT_USAGE;
    }
}

int who_check(const struct who *who)
{
    const struct query *query = &who->query;
    if (query->reason[strspn(query->reason, " ")] == '\0')
        return who_complain(
            who, "--reason TEXT is missing; it is recorded with every look at the store");
    if (query->case_number[strspn(query->case_number, " ")] == '\0')
        return who_complain(
            who, "--case NUMBER is missing; it is recorded with every look at the store");
    return 0;
}

int who_ask(struct who *who, struct talk *talk, json_t **answer)
{
    struct fault why;
    json_t *got = NULL;
    enum err err = talk_open(talk, who->command, who->socket_path, who->log_key, &why);
    if (err != ERR_OK) {
        fprintf(stderr, "laneward %s: %s\n", who->command, why.text);
        return err == ERR_CORRUPT ? CLIENT_TAMPERED : CLIENT_ERROR;
    }
    err = talk_ask(talk, &who->query, &got, &why);
    if (err == ERR_OK && client_error(got, &why) != ERR_OK) {
        err = why.code;
        const char *ticket = client_text(got, "ticket");
        if (client_true(got, "needs_second") && ticket[0] != '\0')
            fprintf(stderr,
                    "laneward %s: %s\n"
                    "  A supervisor, not you, says yes with:  laneward approve %s --reason ... "
                    "--case ...\n"
                    "  Then ask the same again with:          --ticket %s\n",
                    who->command, why.text, ticket, ticket);
        else
            fprintf(stderr, "laneward %s: %s\n", who->command, why.text);
        json_decref(got);
    } else if (err != ERR_OK) {
        fprintf(stderr, "laneward %s: %s\n", who->command, why.text);
    }
    if (err != ERR_OK)
        return talk_status(talk, CLIENT_ERROR);
    *answer = got;
    return CLIENT_ANSWERED;
}

bool who_agrees(const struct who *who, const char *question)
{
    char line[16] = "";
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "laneward %s: there is no terminal to ask at; --yes says yes\n",
                who->command);
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}
