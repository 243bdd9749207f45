/* lanewardd: the command line of the daemon, and the door through which its roles are started
 * again. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "daemon/enrol.h"
#include "daemon/entry.h"
#include "daemon/parent.h"
#include "daemon/probe.h"
#include "daemon/spawn.h"

static const char default_config[] = "/etc/laneward/laneward.conf";

static void show_usage(FILE *to)
{
    fprintf(
        to,
        "usage: lanewardd [OPTION]...\n\n"
        "Reads plates at a border lane and keeps passages in an encrypted store. Stays in the "
        "foreground;\n"
        "SIGTERM stops it, SIGHUP reads the configuration anew.\n\n"
        "  -c, --config FILE  configuration (default %s)\n"
        "      --check        only check the configuration: complaints on stderr, status 1 if any\n"
        "      --options      list every option of the configuration\n"
        "      --enroll       bind the state folder to this host, if it is not, and show the "
        "binding "
        "and the\n"
        "                     log's key; with the daemon stopped\n"
        "      --suspend      before a planned change of the boot state: the next start seals the "
        "keys anew\n"
        "      --probe ROLE   try to break out of a role (capture, recognizer, keeper, desk, "
        "herald,\n"
        "                     all): JSON, status 1 if anything could be done that it has no right "
        "to\n"
        "      --version\n"
        "  -h, --help\n",
        default_config);
}

static int show_options(void)
{
    static char text[32768];
    size_t size = config_options_text(false, text, sizeof text);
    return fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : 1;
}

static int check(const char *path)
{
    static struct config config;
    struct fault why;
    if (parent_load(path, &config, &why) != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        return 1;
    }
    printf("%s: no complaints, %u cameras\n", path, (unsigned)config.n_cameras);
    return 0;
}

static int run(const char *path)
{
    struct fault why;
    if (parent_run(path, &why) == ERR_OK)
        return 0;
    log_fault(LOG_LEVEL_ERROR, &why);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 1 && spawn_is_role(argv[0]))
        return entry_run();
    enum { CHECK = 256, OPTIONS, PROBE, ENROLL, SUSPEND, VERSION };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, CHECK},
                                            {"options", no_argument, NULL, OPTIONS},
                                            {"version", no_argument, NULL, VERSION},
                                            {"probe", required_argument, NULL, PROBE},
                                            {"enroll", no_argument, NULL, ENROLL},
                                            {"suspend", no_argument, NULL, SUSPEND},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *config = default_config, *probed = NULL;
    int (*mode)(const char *config) = run;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case CHECK:
            mode = check;
            break;
        case ENROLL:
            mode = enrol_run;
            break;
        case SUSPEND:
            mode = enrol_suspend;
            break;
        case PROBE:
            probed = optarg;
            break;
        case OPTIONS:
            return show_options();
        case VERSION:
            printf("lanewardd %s\n", LANEWARD_VERSION);
            return 0;
        case 'h':
            show_usage(stdout);
            return 0;
        default:
            show_usage(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lanewardd: what is %s?\n", argv[optind]);
        return 2;
    }
    log_open("lanewardd", LOG_LEVEL_INFO);
    return probed != NULL ? probe_run(probed, config) : mode(config);
}
