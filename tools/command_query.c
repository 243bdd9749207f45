/* laneward query: an officer's question, answered as a table, JSON or CSV, or a plate's picture
 * into a file. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "tools/command.h"
#include "tools/files.h"
#include "tools/listing.h"
#include "tools/sealed.h"
#include "tools/when.h"
#include "tools/who.h"

struct asked {
    struct who who;
    const char *output, *port_key;
    enum listing_form form;
};

static const char usage[] =
    "usage: laneward query --reason TEXT --case NUMBER [OPTION]...\n"
    "       laneward query --reason TEXT --case NUMBER --image ID [--port-key KEY.pem] --output "
    "FILE\n\n"
    "Asks the daemon for passages, the newest first. Who asks, why, and for which case is recorded "
    "before the\n"
    "answer is given.\n\n"
    "      --reason TEXT     why you ask (mandatory)\n"
    "      --case NUMBER     the case's number (mandatory)\n"
    "  -p, --plate PLATE     this plate; '?' stands for one unknown character, at most two of "
    "them\n"
    "  -a, --look-alike      O/0/D/Q, I/1, B/8, S/5, Z/2 and G/6 count as the same\n"
    "  -l, --lane LANE       this lane only\n"
    "      --from TIME       seen at this time or later\n"
    "      --to TIME         seen at this time or before\n"
    "      --last LENGTH     the same as --from, so long ago: 90s, 10m, 2h, 3d\n"
    "  -n, --limit N         at most N passages (default: as many as the lane's configuration "
    "allows)\n"
    "      --json            one alpr_group object a line; gaps as objects of data_type "
    "laneward_gap\n"
    "      --csv             comma-separated, with a heading\n"
    "      --image ID        the picture of this passage's plate, a JPEG ...\n"
    "  -o, --output FILE     ... into this file (- is standard output)\n"
    "      --port-key KEY    opens a picture that is sealed to the port's key; without it FILE is "
    "what\n"
    "                        `laneward open` opens\n"
    "      --ticket TICKET   what a supervisor has approved; ask the same as then\n" WHO_HELP "\n"
    "Without --plate a --lane is needed and at most ten minutes of it. Passages older than a day "
    "need "
    "a supervisor:\n"
    "the refusal tells the ticket. Without --from or --last the last day is looked at.\n"
    "TIME is 2026-11-22T10:30:00Z, \"2026-11-22 10:30\" or 10:30 (local time), or 10m: so long "
    "ago.\n"
    "A gap is a time in which passages could not be stored: what is missing then was not seen to "
    "be absent.\n\n"
    "Each answer shows the log of looks: it is checked against what you saw of it before. Exit "
    "status: 0 answered\n"
    "(also when nothing was found), 1 error, 2 wrong use, 3 the log of looks is not what it was.\n";

/* Capital letters and digits; spaces and dashes, as they stand on plates, are left out. */
static bool set_plate(struct query *query, const char *text)
{
    size_t n = 0;
    memset(query->find.plate, 0, sizeof query->find.plate);
    for (; *text != '\0'; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        if (n == sizeof query->find.plate - 1)
            return false;
        query->find.plate[n++] = (char)toupper((unsigned char)*text);
    }
    return n > 0;
}

static bool set_limit(struct query *query, const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    query->find.limit = (uint32_t)value;
    return errno == 0 && end != text && *end == '\0' && value >= 1 && value <= STORE_MAX_ROWS;
}

enum { FROM = 256, TO, LAST, JSON, CSV, IMAGE, PORT_KEY, TICKET };

static const struct option options[] = {{"plate", required_argument, NULL, 'p'},
                                        {"look-alike", no_argument, NULL, 'a'},
                                        {"lane", required_argument, NULL, 'l'},
                                        {"from", required_argument, NULL, FROM},
                                        {"to", required_argument, NULL, TO},
                                        {"last", required_argument, NULL, LAST},
                                        {"limit", required_argument, NULL, 'n'},
                                        {"json", no_argument, NULL, JSON},
                                        {"csv", no_argument, NULL, CSV},
                                        {"image", required_argument, NULL, IMAGE},
                                        {"output", required_argument, NULL, 'o'},
                                        {"port-key", required_argument, NULL, PORT_KEY},
                                        {"ticket", required_argument, NULL, TICKET},
                                        WHO_OPTIONS};

/* A time option; the complaint is printed. */
static int take_time(int option, const char *text, struct who *who)
{
    struct query *query = &who->query;
    struct fault why;
    int64_t now = when_now(), length;
    enum err err;
    if (option == LAST) {
        err = when_parse_length(text, &length, &why);
        if (err == ERR_OK)
            query->find.from_ms = now - length;
        if (err == ERR_OK && query->find.to_ms == 0)
            query->find.to_ms = now; /* exactly so long: ten minutes of a lane are the most */
    } else {
        err =
            when_parse(text, now, option == FROM ? &query->find.from_ms : &query->find.to_ms, &why);
    }
    return err == ERR_OK ? 0 : who_complain(who, why.text);
}

/* One option; 0, or the exit status after a complaint. */
static int take_option(int option, struct asked *asked)
{
    struct who *who = &asked->who;
    struct query *query = &who->query;
    switch (option) {
    case 'p':
        return set_plate(query, optarg)
                   ? 0
                   : who_complain(who, "--plate: a plate has 1 to 12 letters and digits");
    case 'a':
        query->find.look_alike = true;
        return 0;
    case 'l':
        return who_text(query->find.lane, sizeof query->find.lane, optarg)
                   ? 0
                   : who_complain(who, "--lane: at most 31 bytes");
    case FROM:
    case TO:
    case LAST:
        return take_time(option, optarg, who);
    case 'n':
        return set_limit(query, optarg) ? 0 : who_complain(who, "--limit: a number from 1 to 50");
    case IMAGE:
        query->kind = QUERY_IMAGE;
        return who_id(optarg, query->id)
                   ? 0
                   : who_complain(who,
                                  "--image: an id has 32 digits (0-9 a-f); the table shows it");
    case TICKET:
        return who_text(query->ticket, sizeof query->ticket, optarg) && optarg[0] != '\0'
                   ? 0
                   : who_complain(who, "--ticket: a ticket has 8 digits (0-9 a-f)");
    case 'o':
        asked->output = optarg;
        return 0;
    case PORT_KEY:
        asked->port_key = optarg;
        return 0;
    case JSON:
    case CSV:
        asked->form = option == JSON ? LISTING_JSON : LISTING_CSV;
        return 0;
    default:
        return who_take(who, option, optarg);
    }
}

static int check(const struct asked *asked, int n_left)
{
    const struct who *who = &asked->who;
    const struct query *query = &who->query;
    if (n_left > 0)
        return who_complain(who, "only options are understood; a plate is asked for with --plate");
    int status = who_check(who);
    if (status != 0)
        return status;
    if (query->find.look_alike && query->find.plate[0] == '\0')
        return who_complain(who, "--look-alike needs --plate");
    if ((query->kind == QUERY_IMAGE) != (asked->output != NULL))
        return who_complain(who, "--image ID and --output FILE belong together");
    if (asked->port_key != NULL && query->kind != QUERY_IMAGE)
        return who_complain(who, "--port-key is for --image");
    return 0;
}

/* The sealed picture, opened if there is a key for it. */
static enum err save_sealed(const struct asked *asked, const json_t *answer, struct fault *why)
{
    uint8_t *jpeg = malloc(ROW_MAX_CROP);
    size_t size = 0;
    struct signature_key *key = NULL;
    const char *uuid = client_text(answer, "uuid"), *sealed = client_text(answer, "sealed_jpeg");
    char *text = asked->port_key == NULL ? sealed_file(uuid, sealed) : NULL;
    enum err err = ERR_OK;
    if (jpeg == NULL || (asked->port_key == NULL && text == NULL))
        err = fault_set(why, ERR_MEMORY, "no memory for a picture");
    else if (asked->port_key != NULL)
        err = files_read_key(asked->port_key, &key, why);
    if (err == ERR_OK && key != NULL)
        err = sealed_open(uuid, sealed, key, jpeg, &size, why);
    if (err == ERR_OK)
        err = key != NULL ? files_write(asked->output, jpeg, size, why)
                          : files_write(asked->output, text, strlen(text), why);
    if (err == ERR_OK && key == NULL)
        fprintf(stderr,
                "laneward query: the picture is sealed to the port's key; where that is: laneward "
                "open %s --key KEY.pem --output plate.jpg\n",
                asked->output);
    signature_key_free(&key);
    free(text);
    free(jpeg);
    return err;
}

static enum err save_image(const struct asked *asked, const json_t *answer, struct fault *why)
{
    static uint8_t jpeg[ROW_MAX_CROP];
    const char *text = client_text(answer, "image");
    size_t size = 0;
    if (client_true(answer, "sealed"))
        return save_sealed(asked, answer, why);
    if (!base64_decode(text, strlen(text), jpeg, sizeof jpeg, &size) || size == 0)
        return fault_set(why, ERR_INPUT, "the daemon's picture is not understood");
    return files_write(asked->output, jpeg, size, why);
}

static int show(const struct asked *asked, const json_t *answer)
{
    struct fault why;
    enum err err = ERR_OK;
    if (asked->who.query.kind == QUERY_IMAGE)
        err = save_image(asked, answer, &why);
    else
        listing_print(answer, asked->form);
    if (err == ERR_OK && (fflush(stdout) != 0 || ferror(stdout)))
        err = fault_errno(&why, ERR_IO, errno, "cannot write the answer");
    if (err == ERR_OK)
        return CLIENT_ANSWERED;
    fprintf(stderr, "laneward query: %s\n", why.text);
    return CLIENT_ERROR;
}

int command_query(int argc, char **argv)
{
    struct asked asked = {.who = {.command = "query", .query = {.kind = QUERY_FIND}}};
    for (int option; (option = getopt_long(argc, argv, "p:al:n:o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(usage, client_socket(NULL));
            return 0;
        }
        int status = take_option(option, &asked);
        if (status != 0)
            return status;
    }
    int status = check(&asked, argc - optind);
    struct talk talk;
    json_t *answer = NULL;
    if (status == 0)
        status = who_ask(&asked.who, &talk, &answer);
    if (status != 0)
        return status;
    status = talk_status(&talk, show(&asked, answer));
    json_decref(answer);
    return status;
}
