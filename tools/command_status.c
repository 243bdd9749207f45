/* laneward status: cameras, store and key binding, as the daemon tells them. */
#include <string.h>

#include "config/config.h"
#include "tools/client.h"
#include "tools/command.h"
#include "tools/plain.h"
#include "tools/sheet.h"
#include "tools/when.h"

static const char usage[] =
    "usage: laneward status [--json] [--socket PATH]\n\n"
    "Shows each camera's pictures and readings, the store, and what the store's key is bound to. "
    "Tells of no\n"
    "vehicle, so it needs no reason.\n\n"
    "      --json         one JSON object\n"
    "      --socket PATH  the daemon's socket (default: $LANEWARD_SOCKET, or %s)\n"
    "  -h, --help\n\n"
    "DROPPED: pictures overtaken by newer ones. BAD: not readable as pictures. UNREAD: vehicles "
    "whose plate was\n"
    "seen and not read. WAITING: passages that are not durable yet; LOST: given up because the "
    "store did not\n"
    "take them. P50, P99: milliseconds from a picture's last byte to its reading.\n\n"
    "Exit status: 0 answered, 1 error, 2 wrong use.\n";

static void print_cameras(const json_t *cameras)
{
    static struct sheet sheet;
    static const char *const counts[] = {"frames", "dropped", "bad_frames", "reconnects"};
    static const char *const results[] = {"passages", "unread", "unacknowledged", "lost_passages"};
    size_t i;
    const json_t *camera;
    sheet_begin(&sheet, "CAMERA|STATE|>FRAMES|>DROPPED|>BAD|>RECONN|>FPS|LAST "
                        "READ|>P50|>P99|>PASSAGES|>UNREAD|>WAITING|"
                        ">LOST");
    json_array_foreach(cameras, i, camera)
    {
        char read[WHEN_TEXT_SIZE];
        if (i >= CONFIG_MAX_CAMERAS)
            break;
        when_text(client_number(camera, "last_read"), read);
        sheet_line(&sheet);
        sheet_cell(&sheet, "%s", client_text(camera, "camera_id"));
        sheet_cell(&sheet, "%s", client_true(camera, "connected") ? "connected" : "away");
        for (size_t k = 0; k < 4; k++)
            sheet_cell(&sheet, "%lld", (long long)client_number(camera, counts[k]));
        sheet_cell(&sheet, "%.1f", json_number_value(json_object_get(camera, "fps")));
        sheet_cell(&sheet, "%s", read);
        sheet_cell(&sheet, "%.1f", json_number_value(json_object_get(camera, "latency_p50_ms")));
        sheet_cell(&sheet, "%.1f", json_number_value(json_object_get(camera, "latency_p99_ms")));
        for (size_t k = 0; k < 4; k++)
            sheet_cell(&sheet, "%lld", (long long)client_number(camera, results[k]));
    }
    sheet_print(&sheet, stdout);
}

/* 259200 as "72 h", 90 as "90 s". */
static void print_term(const json_t *terms, const char *name, const char *label)
{
    long long s = (long long)client_number(terms, name);
    printf("%s%lld %s", label, s % 3600 == 0 ? s / 3600 : s, s % 3600 == 0 ? "h" : "s");
}

static void print_binding(const json_t *answer)
{
    const char *binding = client_text(answer, "binding");
    size_t i;
    const json_t *pcr;
    printf("\nbinding  binding=%s", binding[0] != '\0' ? binding : "unknown");
    if (strcmp(binding, "software") == 0)
        printf(": a copy of the whole disk opens elsewhere");
    if (client_true(answer, "credential"))
        printf(", with the host's credential");
    json_array_foreach(json_object_get(answer, "pcrs"), i, pcr)
        printf("%s%lld", i == 0 ? ", boot state PCR " : " ", (long long)json_integer_value(pcr));
    if (json_object_get(answer, "epoch") != NULL)
        printf(", epoch %lld", (long long)client_number(answer, "epoch"));
    if (client_true(answer, "suspended"))
        printf(", SUSPENDED until the next start");
    putchar('\n');
}

/* Behind the witness's file, and the end of the line. */
static void print_server(const char *server)
{
    if (server[0] != '\0' && strcmp(server, "none") != 0)
        printf(", server=%s%s", server,
               strcmp(server, "failing") == 0 ? ": IT KEEPS NO HEADS" : "");
    putchar('\n');
}

/* Pictures, terms, the log and alarms, as far as the daemon tells of them. */
static void print_evidence(const json_t *answer)
{
    const json_t *terms = json_object_get(answer, "terms"), *log = json_object_get(answer, "log");
    const char *crops = client_text(answer, "crops"), *witness = client_text(log, "witness");
    if (crops[0] != '\0')
        printf("pictures crops=%s\n", crops);
    if (terms != NULL) {
        print_term(terms, "hit_s", "terms    passages ");
        print_term(terms, "other_s", " (hit), ");
        print_term(terms, "hit_crop_s", " (other); pictures ");
        print_term(terms, "other_crop_s", " (hit), ");
        printf(" (other)\n");
    }
    if (log != NULL) {
        const json_t *age = json_object_get(log, "head_age_s");
        printf("log      %lld records, %lld of them signed", (long long)client_number(log, "size"),
               (long long)client_number(log, "head_size"));
        if (json_is_integer(age))
            printf(", %lld s ago", (long long)json_integer_value(age));
        printf(", details=%s, witness=%s%s", client_text(log, "details"), witness,
               strcmp(witness, "failing") == 0 ? ": ITS FILE CANNOT BE WRITTEN" : "");
        print_server(client_text(log, "witness_server"));
    }
    if (client_number(answer, "alarms") > 0)
        printf("ALARMS   %lld since the start: see the daemon's log, and tell the auditor\n",
               (long long)client_number(answer, "alarms"));
}

static void print_store(const json_t *answer)
{
    const json_t *store = json_object_get(answer, "store");
    char oldest[WHEN_TEXT_SIZE];
    when_text(client_number(store, "oldest"), oldest);
    printf("\nstore    ");
    if (client_true(store, "available"))
        printf("%lld passages, %.1f MiB, oldest %s", (long long)client_number(store, "passages"),
               (double)client_number(store, "bytes") / (1024 * 1024), oldest);
    else
        printf("NOT AVAILABLE: the daemon's log tells why; recognition goes on");
    if (client_number(store, "errors") > 0)
        printf(", %lld errors since the start", (long long)client_number(store, "errors"));
    print_binding(answer);
    print_evidence(answer);
    long long up = (long long)client_number(answer, "uptime_s");
    printf("daemon   up %lld d %02lld:%02lld:%02lld, %lld restarts of roles\n", up / 86400,
           up / 3600 % 24, up / 60 % 60, up % 60, (long long)client_number(answer, "restarts"));
    printf("clock    %s\n",
           client_true(answer, "clock_synchronised") ? "synchronised" : "NOT SYNCHRONISED");
}

static void print_help(const char *socket)
{
    printf(usage, socket);
}

static void print_status(const json_t *answer)
{
    print_cameras(json_object_get(answer, "cameras"));
    print_store(answer);
}

int command_status(int argc, char **argv)
{
    const struct plain plain = {"status", client_socket(NULL), print_help, QUERY_STATUS,
                                print_status};
    return plain_run(&plain, argc, argv);
}
