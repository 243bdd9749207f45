/* laneward export: a few passages as one file for a named recipient, with a second person's yes. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "tools/command.h"
#include "tools/files.h"
#include "tools/who.h"

static const char usage[] =
    "usage: laneward export --reason TEXT --case NUMBER --recipient NAME --id ID...\n"
    "       laneward export --reason TEXT --case NUMBER --ticket TICKET --output FILE\n\n"
    "The only way out for more than a look: at most 20 passages with their pictures, encrypted to "
    "one recipient whose\n"
    "certificate the lane has. First it is asked for; then a supervisor approves the ticket; then "
    "the file is fetched.\n\n"
    "      --reason TEXT     why (mandatory; the same both times)\n"
    "      --case NUMBER     the case's number (the same)\n"
    "      --recipient NAME  whose certificate, by its name on the lane\n"
    "      --id ID           a passage, as `laneward query` shows it; up to 20 times\n"
    "      --ticket TICKET   what was approved\n"
    "  -o, --output FILE     the file, CMS in DER: openssl cms -decrypt opens it\n" WHO_HELP
    "\n" WHO_STATUS;

struct order {
    struct who who;
    const char *output;
};

enum { RECIPIENT = 256, ID, TICKET };

static int take_option(int option, struct order *order)
{
    struct who *who = &order->who;
    struct query *query = &who->query;
    switch (option) {
    case RECIPIENT:
        return who_text(query->recipient, sizeof query->recipient, optarg)
                   ? 0
                   : who_complain(who, "--recipient: at most 31 bytes");
    case ID:
        if (query->n_ids == QUERY_MAX_EXPORT)
            return who_complain(who, "--id: at most 20 passages");
        return who_id(optarg, query->ids[query->n_ids++])
                   ? 0
                   : who_complain(who, "--id: an id has 32 digits (0-9 a-f)");
    case TICKET:
        return who_text(query->ticket, sizeof query->ticket, optarg) && optarg[0] != '\0'
                   ? 0
                   : who_complain(who, "--ticket: a ticket has 8 digits (0-9 a-f)");
    case 'o':
        order->output = optarg;
        return 0;
    default:
        return who_take(who, option, optarg);
    }
}

static int check(const struct order *order, int n_left)
{
    const struct who *who = &order->who;
    const struct query *query = &who->query;
    bool fetches = query->ticket[0] != '\0';
    if (n_left > 0)
        return who_complain(who, "only options are understood; see --help");
    int status = who_check(who);
    if (status != 0)
        return status;
    if (fetches && (query->n_ids > 0 || query->recipient[0] != '\0'))
        return who_complain(who, "--ticket stands for --id and --recipient");
    if (!fetches && (query->n_ids == 0 || query->recipient[0] == '\0'))
        return who_complain(who, "--recipient NAME and at least one --id ID are missing");
    if (fetches != (order->output != NULL))
        return who_complain(who, "--ticket TICKET and --output FILE belong together");
    return 0;
}

static enum err save(const struct order *order, const json_t *answer, struct fault *why)
{
    const char *text = client_text(answer, "cms");
    size_t room = strlen(text) / 4 * 3 + 3, size = 0;
    uint8_t *cms = malloc(room), digest[32];
    char digits[65];
    enum err err = ERR_OK;
    if (cms == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the file");
    if (!base64_decode(text, strlen(text), cms, room, &size) || size == 0 ||
        EVP_Digest(cms, size, digest, NULL, EVP_sha256(), NULL) != 1)
        err = fault_set(why, ERR_INPUT, "the daemon's file is not understood");
    if (err == ERR_OK) {
        hex_encode(digest, sizeof digest, digits);
        if (strcmp(digits, client_text(answer, "sha256")) != 0)
            err = fault_set(why, ERR_CORRUPT, "the file is not the one that is in the log");
    }
    if (err == ERR_OK)
        err = files_write(order->output, cms, size, why);
    free(cms);
    if (err == ERR_OK)
        fprintf(stderr,
                "export %lld, %zu bytes, SHA-256 %s\n"
                "Its recipient opens it with:\n"
                "  openssl cms -decrypt -inform DER -in %s -inkey KEY.pem -out export.json\n"
                "and pictures that are sealed to the port's key with:\n"
                "  laneward open export.json --key PORT-KEY.pem --output FOLDER\n",
                (long long)client_number(answer, "number"), size, digits, order->output);
    return err;
}

static enum err show_ticket(const json_t *answer, struct fault *why)
{
    const char *ticket = client_text(answer, "ticket");
    if (ticket[0] == '\0')
        return fault_set(why, ERR_INPUT, "the daemon's answer is not understood");
    printf("%s\n", ticket);
    fprintf(stderr,
            "A supervisor, not you, says yes within 15 minutes with:\n"
            "  laneward approve %s --reason ... --case ...\n"
            "Then fetch the file with:\n"
            "  laneward export --reason ... --case ... --ticket %s --output FILE\n",
            ticket, ticket);
    return ERR_OK;
}

int command_export(int argc, char **argv)
{
    static const struct option options[] = {{"recipient", required_argument, NULL, RECIPIENT},
                                            {"id", required_argument, NULL, ID},
                                            {"ticket", required_argument, NULL, TICKET},
                                            {"output", required_argument, NULL, 'o'},
                                            WHO_OPTIONS};
    struct order self = {.who = {.command = "export", .query = {.kind = QUERY_EXPORT}}};
    for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(usage, client_socket(NULL));
            return 0;
        }
        int status = take_option(option, &self);
        if (status != 0)
            return status;
    }
    int status = check(&self, argc - optind);
    struct talk talk;
    struct fault why;
    json_t *answer = NULL;
    if (status == 0)
        status = who_ask(&self.who, &talk, &answer);
    if (status != 0)
        return status;
    enum err err = self.output != NULL ? save(&self, answer, &why) : show_ticket(answer, &why);
    json_decref(answer);
    if (err != ERR_OK)
        fprintf(stderr, "laneward export: %s\n", why.text);
    return talk_status(&talk, err == ERR_OK ? CLIENT_ANSWERED : CLIENT_ERROR);
}
