/* laneward doctor: is this host as it should be? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/command.h"
#include "tools/doctor.h"
#include "tools/pictures.h"

static const char default_config[] = "/etc/laneward/laneward.conf";

static const char usage[] =
    "usage: laneward doctor [OPTION]...\n\n"
    "Looks at this host and at the daemon: what binds the store, boot, disk, swap, core files, "
    "USB, "
    "clock, modes\n"
    "and owners, anything in the clear; and tries to break out of every role. Each line is pass, "
    "warn, fail or\n"
    "skip (could not be looked at), with what to do. Asks as root, or as the daemon's user: others "
    "see less.\n\n"
    "  -c, --config FILE  the daemon's configuration (%s)\n"
    "      --json         one JSON object\n"
    "      --submit       give the result's digest to the daemon, which puts it into its signed "
    "log\n"
    "  -h, --help\n\n"
    "Exit status: 0 nothing failed, 1 something has, 2 wrong use.\n";

/* A complaint, if there is one, goes to doctor->config_complaint; the rest is then the default. */
static void load_config(struct doctor *doctor)
{
    static struct config_report report;
    struct fault why;
    uint8_t *bytes = NULL;
    size_t size = 0;
    config_defaults(&doctor->config);
    enum err err = pictures_load(doctor->config_path, &bytes, &size, &why);
    if (err == ERR_OK)
        err = config_parse((const char *)bytes, size, doctor->config_path, &doctor->config, &report,
                           &why);
    free(bytes);
    if (err == ERR_OK)
        return;
    if (report.n_complaints > 0)
        config_complaint_text(&report.complaints[0], doctor->config_complaint,
                              sizeof doctor->config_complaint);
    else
        snprintf(doctor->config_complaint, sizeof doctor->config_complaint, "%.200s", why.text);
}

/* Who listens at a socket, by the kernel's word; 0: nobody, or not for us. */
static pid_t listener_of(const char *path)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    struct ucred who = {.pid = 0};
    socklen_t size = sizeof who;
    if (strlen(path) >= sizeof place.sun_path)
        return 0;
    memcpy(place.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)&place, sizeof place) != 0 ||
                    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0))
        who.pid = 0;
    if (fd >= 0)
        close(fd);
    return who.pid;
}

/* Over the socket that may be used: officers', or maintenance's. NULL: over neither. */
static json_t *ask_status(struct doctor *doctor)
{
    static const char *const names[] = {"laneward.sock", "maintenance.sock"};
    json_t *answer = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && answer == NULL; i++) {
        char path[CONFIG_PATH_SIZE + 32];
        struct query query = {.kind = QUERY_STATUS};
        struct fault why;
        snprintf(path, sizeof path, "%s/%s", doctor->config.run_dir, names[i]);
        if (client_ask(path, &query, &answer, &why) == ERR_OK)
            doctor->daemon = listener_of(path);
    }
    return answer;
}

static void print_checks(const json_t *checks, const char *digest)
{
    size_t i;
    const json_t *check;
    json_array_foreach(checks, i, check)
    {
        const char *advice = client_text(check, "advice"), *verdict = client_text(check, "verdict");
        printf("%-4s  %-13s  %s\n", verdict, client_text(check, "check"),
               client_text(check, "found"));
        if (advice[0] != '\0' && strcmp(verdict, "pass") != 0)
            printf("%-21s-> %s\n", "", advice);
    }
    printf("\n%d pass, %d warn, %d fail, %d skip\ndigest %s\n", doctor_count(checks, DOCTOR_PASS),
           doctor_count(checks, DOCTOR_WARN), doctor_count(checks, DOCTOR_FAIL),
           doctor_count(checks, DOCTOR_SKIP), digest);
}

static bool show(json_t *checks, const char *digest, bool as_json)
{
    if (!as_json) {
        print_checks(checks, digest);
    } else {
        json_t *all = json_pack("{s:i, s:O, s:i, s:s}", "version", 1, "checks", checks, "failed",
                                doctor_count(checks, DOCTOR_FAIL), "digest", digest);
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* The digest and the count alone; that they are of this round is the log's word. */
static bool submit(const struct doctor *doctor, const char *digest, int n_failed)
{
    char path[CONFIG_PATH_SIZE + 32];
    struct query query = {.kind = QUERY_POSTURE, .n_failed = (uint32_t)n_failed};
    struct fault why;
    json_t *answer = NULL;
    for (size_t i = 0; i < sizeof query.digest; i++)
        if (sscanf(digest + 2 * i, "%2hhx", &query.digest[i]) != 1)
            return false;
    snprintf(path, sizeof path, "%s/maintenance.sock", doctor->config.run_dir);
    if (client_ask(path, &query, &answer, &why) != ERR_OK) {
        fprintf(stderr, "laneward doctor: --submit: %s\n", why.text);
        return false;
    }
    json_decref(answer);
    return true;
}

static int examine(struct doctor *doctor, bool as_json, bool must_submit)
{
    char digest[DOCTOR_DIGEST_SIZE];
    json_t *status = ask_status(doctor);
    doctor->status = status;
    json_t *checks = doctor_run(doctor);
    bool ok = doctor_digest(checks, digest);
    if (!ok)
        fprintf(stderr, "laneward doctor: no memory\n");
    ok = ok && show(checks, digest, as_json);
    int n_failed = doctor_count(checks, DOCTOR_FAIL);
    if (ok && must_submit)
        ok = submit(doctor, digest, n_failed);
    json_decref(checks);
    json_decref(status);
    return ok && n_failed == 0 ? 0 : 1;
}

int command_doctor(int argc, char **argv)
{
    enum { JSON = 256, SUBMIT };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, JSON},
                                            {"submit", no_argument, NULL, SUBMIT},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct doctor doctor = {.root = "", .config_path = default_config};
    bool as_json = false, must_submit = false;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf(usage, default_config);
            return 0;
        }
        if (option == '?' || option == ':')
            return CLIENT_USAGE;
        as_json |= option == JSON;
        must_submit |= option == SUBMIT;
        doctor.config_path = option == 'c' ? optarg : doctor.config_path;
    }
    if (optind < argc) {
        fprintf(stderr, "laneward doctor: only options are understood; see --help\n");
        return CLIENT_USAGE;
    }
    load_config(&doctor);
    return examine(&doctor, as_json, must_submit);
}
