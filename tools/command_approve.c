/* laneward pending, laneward approve: the second person's side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "tools/command.h"
#include "tools/files.h"
#include "tools/when.h"
#include "tools/who.h"

static const char pending_usage[] =
    "usage: laneward pending [--json]\n\n"
    "Shows what waits for a supervisor: older passages, exports.\n\n"
    "      --json            the daemon's answer as it is\n" WHO_HELP "\n" WHO_STATUS;

static const char approve_usage[] =
    "usage: laneward approve TICKET --reason TEXT --case NUMBER [--key KEY.pem] [--yes]\n\n"
    "Shows the request that waits under TICKET, asks, and says yes to it. Nobody can approve what "
    "he has asked for.\n\n"
    "      --reason TEXT     why you say yes (mandatory; it is recorded)\n"
    "      --case NUMBER     the case's number (the same)\n"
    "      --key KEY.pem     your private key, with which the request's text is signed, where the "
    "lane keeps\n"
    "                        supervisors' keys\n"
    "      --yes             do not ask\n" WHO_HELP "\n" WHO_STATUS;

/* What a supervisor's key signs, and nothing else that somebody might send. */
static const char first_line[] = "laneward approval 1\n";

/* A text of several lines from the daemon, indented; nothing in it moves the cursor. */
static void print_text(const char *text, FILE *to)
{
    bool is_begin = true;
    for (size_t odd; *text != '\0'; text += odd > 0 ? odd : 1) {
        if (is_begin)
            fputs("  ", to);
        is_begin = *text == '\n';
        odd = is_begin ? 0 : words_odd(text);
        fputc(odd > 0 ? '?' : *text, to);
    }
    if (!is_begin)
        fputc('\n', to);
}

static void print_pending(const json_t *answer)
{
    size_t i;
    const json_t *request, *list = json_object_get(answer, "pending");
    json_array_foreach(list, i, request)
    {
        char asked[WHEN_TEXT_SIZE];
        when_text(client_number(request, "asked"), asked);
        printf("%s  %s  %s\n", client_text(request, "ticket"), asked, client_text(request, "user"));
        print_text(client_text(request, "text"), stdout);
    }
    printf("%zu waiting\n", json_array_size(list));
}

int command_pending(int argc, char **argv)
{
    enum { JSON = 256 };
    static const struct option options[] = {{"json", no_argument, NULL, JSON}, WHO_OPTIONS};
    struct who who = {.command = "pending", .query = {.kind = QUERY_PENDING}};
    bool as_json = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(pending_usage, client_socket(NULL));
            return 0;
        }
        int status = option == JSON ? 0 : who_take(&who, option, optarg);
        if (status != 0)
            return status;
        as_json |= option == JSON;
    }
    if (optind < argc)
        return who_complain(&who, "only options are understood; see --help");
    struct talk talk;
    json_t *answer = NULL;
    int status = who_ask(&who, &talk, &answer);
    if (status != 0)
        return status;
    if (as_json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        print_pending(answer);
    }
    json_decref(answer);
    return talk_status(&talk, fflush(stdout) == 0 ? CLIENT_ANSWERED : CLIENT_ERROR);
}

struct approve {
    struct who who;
    struct talk talk;
    const char *key_path;
    bool yes;
};

/* The request's text under the ticket; NULL: there is none. Valid as long as the answer. */
static const char *find_text(const json_t *answer, const char *ticket)
{
    size_t i;
    const json_t *request;
    json_array_foreach(json_object_get(answer, "pending"), i, request)
    {
        if (strcmp(client_text(request, "ticket"), ticket) == 0)
            return client_text(request, "text");
    }
    return NULL;
}

static enum err sign(struct approve *approve, const char *text, struct fault *why)
{
    struct signature_key *key = NULL;
    if (approve->key_path == NULL)
        return ERR_OK;
    if (strncmp(text, first_line, sizeof first_line - 1) != 0)
        return fault_set(why, ERR_INPUT, "what the daemon wants signed is no request");
    enum err err = files_read_key(approve->key_path, &key, why);
    if (err == ERR_OK)
        err = signature_make(key, text, strlen(text), &approve->who.query.signature, why);
    signature_key_free(&key);
    return err;
}

static enum err say_yes(struct approve *approve, struct fault *why)
{
    json_t *answer = NULL;
    approve->who.query.kind = QUERY_APPROVE;
    enum err err = talk_ask(&approve->talk, &approve->who.query, &answer, why);
    if (err == ERR_OK)
        err = client_error(answer, why);
    if (err == ERR_OK && !client_true(answer, "approved"))
        err = fault_set(why, ERR_INPUT, "the daemon's answer is not understood");
    json_decref(answer);
    return err;
}

static int approve(struct approve *approve)
{
    struct who *who = &approve->who;
    struct query question = who->query;
    struct fault why;
    json_t *answer = NULL;
    who->query = (struct query){.kind = QUERY_PENDING};
    int status = who_ask(who, &approve->talk, &answer);
    if (status != 0)
        return status;
    who->query = question;
    const char *text = find_text(answer, who->query.ticket);
    enum err err = ERR_OK;
    if (text == NULL)
        err = fault_set(&why, ERR_NOT_FOUND, "nothing waits under this ticket (any more)");
    if (err == ERR_OK) {
        print_text(text, stderr);
        if (!approve->yes && !who_agrees(who, "Approve this?")) {
            json_decref(answer);
            fprintf(stderr, "laneward approve: not approved\n");
            return talk_status(&approve->talk, CLIENT_ERROR);
        }
        err = sign(approve, text, &why);
    }
    json_decref(answer);
    if (err == ERR_OK)
        err = say_yes(approve, &why);
    if (err == ERR_OK)
        printf("approved %s\n", who->query.ticket);
    else
        fprintf(stderr, "laneward approve: %s\n", why.text);
    return talk_status(&approve->talk, err == ERR_OK ? CLIENT_ANSWERED : CLIENT_ERROR);
}

int command_approve(int argc, char **argv)
{
    enum { KEY = 256, YES };
    static const struct option options[] = {
        {"key", required_argument, NULL, KEY}, {"yes", no_argument, NULL, YES}, WHO_OPTIONS};
    struct approve self = {.who = {.command = "approve"}};
    struct who *who = &self.who;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(approve_usage, client_socket(NULL));
            return 0;
        }
        int status = option == KEY || option == YES ? 0 : who_take(who, option, optarg);
        if (status != 0)
            return status;
        self.yes |= option == YES;
        self.key_path = option == KEY ? optarg : self.key_path;
    }
    if (argc - optind != 1 ||
        !who_text(who->query.ticket, sizeof who->query.ticket, argv[optind]) ||
        strlen(argv[optind]) != sizeof who->query.ticket - 1)
        return who_complain(who, "one ticket of 8 digits is wanted; `laneward pending` shows them");
    int status = who_check(who);
    return status == 0 ? approve(&self) : status;
}
