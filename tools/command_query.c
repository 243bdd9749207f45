/* laneward query: an officer's question, answered as a table, JSON or CSV, or a plate's picture
 * into a file. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/command.h"
#include "tools/sheet.h"
#include "tools/when.h"

enum form { FORM_TABLE, FORM_JSON, FORM_CSV };

struct asked {
    const char *socket_path, *output;
    enum form form;
    struct query query;
};

static const char usage[] =
    "usage: laneward query --reason TEXT --case NUMBER [OPTION]...\n"
    "       laneward query --reason TEXT --case NUMBER --image ID --output FILE\n\n"
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
    "      --socket PATH     the daemon's socket (default: $LANEWARD_SOCKET, or %s)\n"
    "  -h, --help\n\n"
    "TIME is 2026-11-22T10:30:00Z, \"2026-11-22 10:30\" or 10:30 (local time), or 10m: so long "
    "ago.\n"
    "A gap is a time in which passages could not be stored: what is missing then was not seen to "
    "be absent.\n\n"
    "Exit status: 0 answered (also when nothing was found), 1 error, 2 wrong use.\n";

static int complain(const char *text)
{
    fprintf(stderr, "laneward query: %s\n", text);
    return CLIENT_USAGE;
}

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

static bool set_text(char *out, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return false;
    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    return true;
}

static bool set_limit(struct query *query, const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    query->find.limit = (uint32_t)value;
    return errno == 0 && end != text && *end == '\0' && value >= 1 && value <= STORE_MAX_ROWS;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool set_id(struct query *query, const char *text)
{
    query->kind = QUERY_IMAGE;
    if (strlen(text) != 2 * ROW_ID_SIZE)
        return false;
    for (int i = 0; i < ROW_ID_SIZE; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        query->id[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

enum { REASON = 256, CASE, FROM, TO, LAST, JSON, CSV, IMAGE, SOCKET };

static const struct option options[] = {{"reason", required_argument, NULL, REASON},
                                        {"case", required_argument, NULL, CASE},
                                        {"plate", required_argument, NULL, 'p'},
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
                                        {"socket", required_argument, NULL, SOCKET},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

/* A time option; the complaint is printed. */
static int take_time(int option, const char *text, struct query *query)
{
    struct fault why;
    int64_t now = when_now(), length;
    enum err err;
    if (option == LAST) {
        err = when_parse_length(text, &length, &why);
        if (err == ERR_OK)
            query->find.from_ms = now - length;
    } else {
        err =
            when_parse(text, now, option == FROM ? &query->find.from_ms : &query->find.to_ms, &why);
    }
    return err == ERR_OK ? 0 : complain(why.text);
}

/* One option; 0, or the exit status after a complaint. */
static int take_option(int option, struct asked *asked)
{
    struct query *query = &asked->query;
    switch (option) {
    case REASON:
        return set_text(query->reason, sizeof query->reason, optarg)
                   ? 0
                   : complain("--reason: at most 127 bytes");
    case CASE:
        return set_text(query->case_number, sizeof query->case_number, optarg)
                   ? 0
                   : complain("--case: at most 127 bytes");
    case 'p':
        return set_plate(query, optarg)
                   ? 0
                   : complain("--plate: a plate has 1 to 12 letters and digits");
    case 'a':
        query->find.look_alike = true;
        return 0;
    case 'l':
        return set_text(query->find.lane, sizeof query->find.lane, optarg)
                   ? 0
                   : complain("--lane: at most 31 bytes");
    case FROM:
    case TO:
    case LAST:
        return take_time(option, optarg, query);
    case 'n':
        return set_limit(query, optarg) ? 0 : complain("--limit: a number from 1 to 50");
    case IMAGE:
        return set_id(query, optarg)
                   ? 0
                   : complain("--image: an id has 32 digits (0-9 a-f); the table shows it");
    case 'o':
        asked->output = optarg;
        return 0;
    case SOCKET:
        asked->socket_path = optarg;
        return 0;
    default:
        asked->form = option == JSON ? FORM_JSON : FORM_CSV;
        return 0;
    }
}

static int check(const struct asked *asked, int n_left)
{
    const struct query *query = &asked->query;
    if (n_left > 0)
        return complain("only options are understood; a plate is asked for with --plate");
    if (query->reason[strspn(query->reason, " ")] == '\0')
        return complain("--reason TEXT is missing; it is recorded with every look at the store");
    if (query->case_number[strspn(query->case_number, " ")] == '\0')
        return complain("--case NUMBER is missing; it is recorded with every look at the store");
    if (query->find.look_alike && query->find.plate[0] == '\0')
        return complain("--look-alike needs --plate");
    if ((query->kind == QUERY_IMAGE) != (asked->output != NULL))
        return complain("--image ID and --output FILE belong together");
    return 0;
}

static double percent(const json_t *group)
{
    return json_number_value(json_object_get(group, "best_confidence"));
}

/* What an officer has to know before trusting the line. */
static void note_text(const json_t *group, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s",
             strcmp(client_text(group, "state"), "lost") != 0 ? "in view " : "",
             client_true(group, "needs_review") ? "check-picture " : "",
             client_true(group, "clock_synchronised") ? "" : "clock-unsure");
}

static void print_table(const json_t *results)
{
    static struct sheet sheet;
    size_t i;
    const json_t *group;
    sheet_begin(&sheet, "SEEN|>FOR|PLATE|>CONF|REGION|LANE|>FRAMES|NOTE|ID");
    json_array_foreach(results, i, group)
    {
        char seen[WHEN_TEXT_SIZE], note[SHEET_CELL_SIZE];
        int64_t start = client_number(group, "epoch_start"),
                end = client_number(group, "epoch_end");
        const char *plate = client_text(group, "best_plate_number");
        when_text(start, seen);
        note_text(group, note, sizeof note);
        sheet_line(&sheet);
        sheet_cell(&sheet, "%s", seen);
        sheet_cell(&sheet, "%.1f s", (double)(end - start) / 1000);
        sheet_cell(&sheet, "%s", plate[0] != '\0' ? plate : "(not read)");
        if (plate[0] != '\0')
            sheet_cell(&sheet, "%.1f %%", percent(group));
        else
            sheet_cell(&sheet, "-");
        sheet_cell(&sheet, "%s", client_text(group, "best_region"));
        sheet_cell(&sheet, "%s", client_text(group, "lane"));
        sheet_cell(&sheet, "%lld", (long long)client_number(group, "frames"));
        sheet_cell(&sheet, "%s", note);
        sheet_cell(&sheet, "%s", client_text(group, "best_uuid"));
    }
    if (json_array_size(results) > 0)
        sheet_print(&sheet, stdout);
}

static void print_json(const json_t *answer)
{
    size_t i;
    json_t *object;
    json_array_foreach(json_object_get(answer, "results"), i, object)
    {
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_array_foreach(json_object_get(answer, "gaps"), i, object)
    {
        json_object_set_new(object, "data_type", json_string("laneward_gap"));
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
    }
}

static void print_csv(const json_t *results)
{
    size_t i;
    const json_t *group;
    puts("epoch_start,epoch_end,plate,confidence,region,lane,camera,frames,state,needs_review,"
         "clock_synchronised,uuid");
    json_array_foreach(results, i, group) printf(
        "%lld,%lld,%s,%.2f,%s,%s,%s,%lld,%s,%d,%d,%s\n",
        (long long)client_number(group, "epoch_start"),
        (long long)client_number(group, "epoch_end"), client_text(group, "best_plate_number"),
        percent(group), client_text(group, "best_region"), client_text(group, "lane"),
        client_text(group, "camera_id"), (long long)client_number(group, "frames"),
        client_text(group, "state"), client_true(group, "needs_review"),
        client_true(group, "clock_synchronised"), client_text(group, "best_uuid"));
}

/* What the passages alone do not tell: blind times, a full page. JSON holds the gaps itself. */
static void print_remarks(const json_t *answer, enum form form)
{
    size_t i;
    const json_t *gap;
    FILE *to = form == FORM_TABLE ? stdout : stderr;
    json_array_foreach(json_object_get(answer, "gaps"), i, gap)
    {
        char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE];
        when_text(client_number(gap, "from"), from);
        when_text(client_number(gap, "to"), until);
        if (form != FORM_JSON)
            fprintf(to, "gap: lane %s, %s to %s: %s\n", client_text(gap, "lane"), from, until,
                    client_text(gap, "why"));
    }
    size_t n = json_array_size(json_object_get(answer, "results"));
    if (form == FORM_TABLE)
        printf("%zu passage%s, binding=%s\n", n, n == 1 ? "" : "s", client_text(answer, "binding"));
    if (client_true(answer, "limit_reached"))
        fprintf(to,
                "There may be more: the answer is limited to %lld. Narrow it with --plate, --lane, "
                "--from or --to.\n",
                (long long)client_number(answer, "limit"));
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Strict base64; returns the bytes written, 0 when it is malformed or too long. */
static size_t decode(const char *text, uint8_t *out, size_t room)
{
    size_t n = 0, length = strlen(text);
    if (length % 4 != 0)
        return 0;
    for (size_t i = 0; i < length; i += 4) {
        int pad = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        uint32_t four = 0;
        for (int k = 0; k < 4; k++) {
            int value = k >= 4 - pad ? 0 : base64_value(text[i + (size_t)k]);
            if (value < 0 || (pad > 0 && i + 4 != length))
                return 0;
            four = four << 6 | (uint32_t)value;
        }
        for (int k = 0; k < 3 - pad; k++) {
            if (n == room)
                return 0;
            out[n++] = (uint8_t)(four >> (16 - 8 * k));
        }
    }
    return n;
}

static int save_image(const struct asked *asked, const json_t *answer)
{
    static uint8_t jpeg[ROW_MAX_CROP];
    size_t size = decode(client_text(answer, "image"), jpeg, sizeof jpeg), written = 0;
    if (size == 0) {
        fprintf(stderr, "laneward query: the daemon's picture is not understood\n");
        return CLIENT_ERROR;
    }
    bool to_stdout = strcmp(asked->output, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO
                       : open(asked->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (fd >= 0 && written < size) {
        ssize_t n = write(fd, jpeg + written, size - written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        written += (size_t)n;
    }
    if (fd < 0 || written < size || (!to_stdout && close(fd) != 0)) {
        fprintf(stderr, "laneward query: cannot write %s: %s\n", asked->output, strerror(errno));
        return CLIENT_ERROR;
    }
    return CLIENT_ANSWERED;
}

static int show(const struct asked *asked, const json_t *answer)
{
    const json_t *results = json_object_get(answer, "results");
    if (asked->query.kind == QUERY_IMAGE)
        return save_image(asked, answer);
    if (asked->form == FORM_JSON)
        print_json(answer);
    else if (asked->form == FORM_CSV)
        print_csv(results);
    else
        print_table(results);
    print_remarks(answer, asked->form);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "laneward query: cannot write the answer: %s\n", strerror(errno));
        return CLIENT_ERROR;
    }
    return CLIENT_ANSWERED;
}

int command_query(int argc, char **argv)
{
    struct asked asked = {.query = {.kind = QUERY_FIND}};
    for (int option; (option = getopt_long(argc, argv, "p:al:n:o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(usage, client_socket(NULL));
            return 0;
        }
        if (option == '?') {
            fprintf(stderr, "`laneward query --help` tells the options.\n");
            return CLIENT_USAGE;
        }
        int status = take_option(option, &asked);
        if (status != 0)
            return status;
    }
    int status = check(&asked, argc - optind);
    if (status != 0)
        return status;
    struct fault why;
    json_t *answer = NULL;
    if (client_ask(asked.socket_path, &asked.query, &answer, &why) != ERR_OK) {
        fprintf(stderr, "laneward query: %s\n", why.text);
        return CLIENT_ERROR;
    }
    status = show(&asked, answer);
    json_decref(answer);
    return status;
}
