/* laneward audit honey: an auditor's plan of honey plates for a lane. */
#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ocr/file.h"
#include "tools/bait.h"
#include "tools/command.h"
#include "tools/engine.h"

static const char command[] = "audit honey";
static const char usage[] =
    "usage: laneward audit honey --secret FILE --lane LANE [OPTION]...\n\n"
    "Plans plates of vehicles that never come, for storage of the lane's honey_file. Whoever is "
    "answered one\n"
    "of them raises an alarm. The plan follows from the secret, which stays with the auditor: a "
    "plate that\n"
    "turns up elsewhere names its lane and day.\n\n"
    "      --secret FILE   at least 16 random bytes, as `openssl rand -out FILE 32` makes them\n"
    "      --lane LANE     the lane, as the configuration names it\n"
    "      --days N        so many days (default 7, at most 366)\n"
    "      --from DAY      from this day on: 2026-11-22, UTC (default: today)\n"
    "      --per-day N     plates a day (default 3, at most 24)\n"
    "      --country CC    plates of these regions only: us, us-tx (default: of all)\n"
    "      --regions DIR   pattern files (default: beside the program)\n"
    "  -h, --help\n";

struct plan {
    struct bait_source source;
    struct pattern_list patterns;
    struct file secret;
    char regions[PATH_MAX + 64];
    unsigned days, per_day;
    time_t first;
};

static int complain(const char *text)
{
    fprintf(stderr, "laneward %s: %s\n", command, text);
    return 2;
}

static int is_conf(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static enum err read_patterns(struct plan *plan, struct fault *why)
{
    struct dirent **entries = NULL;
    enum err err = ERR_OK;
    int n = scandir(plan->regions, &entries, is_conf, alphasort);
    if (n < 0)
        return fault_set(why, ERR_IO, "cannot read the folder %s", plan->regions);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX + 512];
        struct file file;
        snprintf(path, sizeof path, "%s/%s", plan->regions, entries[i]->d_name);
        free(entries[i]);
        if (err != ERR_OK)
            continue;
        err = file_read(path, 1 << 20, &file, why);
        if (err != ERR_OK)
            continue;
        err = pattern_parse((const char *)file.bytes, file.size, path, &plan->patterns, why);
        file_release(&file);
    }
    free(entries);
    return err;
}

static bool read_day(const char *text, time_t *out)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || *end != '\0' || strlen(text) != 10)
        return false;
    *out = timegm(&tm);
    return true;
}

static int show(struct plan *plan)
{
    for (unsigned d = 0; d < plan->days; d++) {
        struct bait baits[BAIT_MAX];
        char day[16];
        struct tm tm;
        time_t at = plan->first + (time_t)d * 86400;
        gmtime_r(&at, &tm);
        strftime(day, sizeof day, "%Y-%m-%d", &tm);
        if (!bait_day(&plan->source, day, plan->per_day, baits))
            return complain("--country: no region of that name has plates");
        for (unsigned i = 0; i < plan->per_day; i++)
            printf("%s %02d:%02d %s %s %s\n", day, baits[i].minute / 60, baits[i].minute % 60,
                   plan->source.lane, baits[i].plate, baits[i].region);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int make(struct plan *plan, const char *secret)
{
    struct fault why;
    if (file_read(secret, 4096, &plan->secret, &why) != ERR_OK ||
        read_patterns(plan, &why) != ERR_OK) {
        fprintf(stderr, "laneward %s: %s\n", command, why.text);
        return 1;
    }
    if (plan->secret.size < BAIT_MIN_SECRET)
        return complain("--secret: the file has fewer than 16 bytes");
    plan->source.secret = plan->secret.bytes;
    plan->source.secret_size = plan->secret.size;
    plan->source.patterns = &plan->patterns;
    return show(plan);
}

/* 0: go on; else leave with this status less one. */
static int read_options(int argc, char **argv, struct plan *plan, const char **secret)
{
    enum { SECRET = 256, LANE, DAYS, FROM, PER_DAY, COUNTRY, REGIONS };
    static const struct option options[] = {{"secret", required_argument, NULL, SECRET},
                                            {"lane", required_argument, NULL, LANE},
                                            {"days", required_argument, NULL, DAYS},
                                            {"from", required_argument, NULL, FROM},
                                            {"per-day", required_argument, NULL, PER_DAY},
                                            {"country", required_argument, NULL, COUNTRY},
                                            {"regions", required_argument, NULL, REGIONS},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    bool ok = true;
    for (int option; ok && (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (option) {
        case SECRET:
            *secret = optarg;
            break;
        case LANE:
            plan->source.lane = optarg;
            break;
        case DAYS:
            ok = engine_number(command, "--days", optarg, 1, 366, &plan->days);
            break;
        case FROM:
            ok = read_day(optarg, &plan->first) ||
                 complain("--from: a day is written 2026-11-22") == 0;
            break;
        case PER_DAY:
            ok = engine_number(command, "--per-day", optarg, 1, BAIT_MAX, &plan->per_day);
            break;
        case COUNTRY:
            plan->source.country = optarg;
            break;
        case REGIONS:
            snprintf(plan->regions, sizeof plan->regions, "%s", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            ok = false;
        }
    }
    return ok ? 0 : 1 + 2;
}

int command_honey(int argc, char **argv)
{
    struct plan plan = {.days = 7, .per_day = 3, .first = time(NULL)};
    const char *secret = NULL, *lane_letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    engine_beside("regions", plan.regions, sizeof plan.regions);
    int leave = read_options(argc, argv, &plan, &secret);
    if (leave != 0)
        return leave - 1;
    const char *lane = plan.source.lane;
    if (optind < argc || secret == NULL || lane == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    if (lane[0] == '\0' || strlen(lane) > 31 || lane[strspn(lane, lane_letters)] != '\0')
        return complain("--lane: a lane's name is made of a-z, 0-9 and -");
    int status = make(&plan, secret);
    file_release(&plan.secret);
    pattern_list_release(&plan.patterns);
    return status;
}
