/* laneward audit: the log of looks, checked, shown, proved, copied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/audit.h"
#include "tools/command.h"
#include "tools/when.h"

static const char usage[] =
    "usage: laneward audit verify [COPY] [--witness FILE] [OPTION]...\n"
    "       laneward audit show [COPY] [--auditor-key KEY.pem] [--since TIME] [--json] "
    "[OPTION]...\n"
    "       laneward audit prove INDEX [--json] [OPTION]...\n"
    "       laneward audit copy OUTPUT [OPTION]...\n"
    "       laneward audit honey --secret FILE --lane LANE [OPTION]...\n"
    "       laneward audit accept [--yes]\n\n"
    "The log of looks: each query, picture, export, refusal and change of keys, in an order that "
    "cannot be changed\n"
    "afterwards without notice. Without a COPY the daemon is asked; that is itself recorded, and "
    "needs\n"
    "--reason and --case.\n\n"
    "  verify   every record against the newest signed head, against what this client has seen, "
    "and with\n"
    "           --witness against each head that a witness has kept\n"
    "  show     the records; details are opened with the auditor's private key, else \"(sealed)\"\n"
    "  prove    that one record is in the log; --json prints what somebody else needs to check it\n"
    "  copy     the records, the newest head and the key as a file for verify and show\n"
    "  honey    plans honey plates for a lane; see laneward audit honey --help\n"
    "  accept   after the log was found wrong, and the auditor has agreed: sets aside what was "
    "remembered\n\n"
    "      --reason TEXT     why you ask (mandatory without a COPY)\n"
    "      --case NUMBER     the case's number (the same)\n"
    "      --witness FILE    heads in base64, one a line, as witness_file keeps them, or the "
    "daemon's "
    "journal\n"
    "      --auditor-key KEY the private key of [audit] auditor_key\n"
    "      --since TIME      show records of this time or later (2026-11-22T10:30:00Z, 10:30, 2h)\n"
    "      --json            one object a line\n"
    "      --yes             accept without asking\n" WHO_HELP "\n" WHO_STATUS;

static const struct {
    const char *name;
    int (*run)(struct audit *audit);
    int most;              /* words after the name */
    bool needs_word, asks; /* the word is needed; the daemon is always asked */
} subcommands[] = {
    {"verify", audit_verify, 1, false, false}, {"show", audit_show, 1, false, false},
    {"prove", audit_prove, 1, true, true},     {"copy", audit_copy, 1, true, true},
    {"accept", audit_accept, 0, false, false},
};

enum { WITNESS = 256, AUDITOR_KEY, SINCE, JSON, YES };

static const struct option options[] = {{"witness", required_argument, NULL, WITNESS},
                                        {"auditor-key", required_argument, NULL, AUDITOR_KEY},
                                        {"since", required_argument, NULL, SINCE},
                                        {"json", no_argument, NULL, JSON},
                                        {"yes", no_argument, NULL, YES},
                                        WHO_OPTIONS};

static int take_option(int option, struct audit *audit)
{
    struct fault why;
    switch (option) {
    case WITNESS:
        audit->witness = optarg;
        return 0;
    case AUDITOR_KEY:
        audit->auditor_key = optarg;
        return 0;
    case SINCE:
        return when_parse(optarg, when_now(), &audit->since_ms, &why) == ERR_OK
                   ? 0
                   : who_complain(&audit->who, why.text);
    case JSON:
        audit->as_json = true;
        return 0;
    case YES:
        audit->yes = true;
        return 0;
    default:
        return who_take(&audit->who, option, optarg);
    }
}

static bool take_index(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && value <= INT64_MAX;
}

/* The words after the options: the subcommand and what it is about. */
static int run(struct audit *audit, int n_words, char **words)
{
    size_t i = 0, n = sizeof subcommands / sizeof *subcommands;
    while (i < n && (n_words == 0 || strcmp(words[0], subcommands[i].name) != 0))
        i++;
    if (i == n)
        return who_complain(&audit->who, "verify, show, prove, copy or accept? See --help");
    const char *word = n_words > 1 ? words[1] : NULL;
    if (n_words - 1 > subcommands[i].most || (word == NULL && subcommands[i].needs_word))
        return who_complain(&audit->who, "too few or too many words; see --help");
    if (subcommands[i].run == audit_copy)
        audit->output = word;
    else if (subcommands[i].run != audit_prove)
        audit->file = word;
    else if (!take_index(word, &audit->index))
        return who_complain(&audit->who, "prove: a record's number, from 0");
    bool asks = subcommands[i].asks || (subcommands[i].most > 0 && audit->file == NULL);
    int status = asks ? who_check(&audit->who) : 0;
    return status == 0 ? subcommands[i].run(audit) : status;
}

int command_audit(int argc, char **argv)
{
    struct audit audit = {.who = {.command = "audit", .query = {.kind = QUERY_LOG}}};
    if (argc > 1 && strcmp(argv[1], "honey") == 0) /* asks no daemon */
        return command_honey(argc - 1, argv + 1);
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(usage, client_socket(NULL));
            return 0;
        }
        int status = take_option(option, &audit);
        if (status != 0)
            return status;
    }
    return run(&audit, argc - optind, argv + optind);
}
