/* laneward enroll, laneward reseal: what is done to the keys while the daemon is stopped. The work
 * is lanewardd's, which is the only program with keys. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/program.h"

static const char enroll_usage[] =
    "usage: laneward enroll [--config FILE]\n\n"
    "Binds the state folder to this host, before the daemon's first start, or tells of the binding "
    "that there is:\n"
    "TPM or software, its PCRs, the host's id, and the public key that signs the log's heads. Give "
    "the last two to\n"
    "the auditor and to whoever keeps the heads: it is by them that a log is told from a forged "
    "one. Without this\n"
    "command the daemon does the same at its first start.\n\n"
    "Where systemd keeps a credential laneward.host for the store, run it as\n"
    "    systemd-run --pipe --wait -p LoadCredentialEncrypted=laneward.host laneward enroll\n\n"
    "  -c, --config FILE  the daemon's configuration (default /etc/laneward/laneward.conf)\n"
    "  -h, --help\n\n"
    "Run it as root or as the daemon's user, with the daemon stopped. Exit status: 0 done, 1 not, "
    "2 wrong use.\n";

static const char reseal_usage[] =
    "usage: laneward reseal [--config FILE]\n\n"
    "Before a planned change of firmware, Secure Boot or boot loader: takes the boot state out of "
    "the binding, once.\n"
    "The store stays bound to this TPM, its counter and this host. The next start of the daemon "
    "seals it to the boot\n"
    "state of then, and to the option pcrs of then. So:\n\n"
    "    systemctl stop lanewardd\n"
    "    laneward reseal\n"
    "    (make the change, and reboot; or change pcrs, and start the daemon)\n\n"
    "Until then whoever starts this host in another way, with its disk and its TPM, can open the "
    "store: do it at\n"
    "once. Both steps are in the log of looks.\n\n"
    "  -c, --config FILE  the daemon's configuration (default /etc/laneward/laneward.conf)\n"
    "  -h, --help\n\n"
    "Run it as root or as the daemon's user, with the daemon stopped. Exit status: 0 done, 1 not, "
    "2 wrong use.\n";

/* Becomes lanewardd. */
static int hand_over(int argc, char **argv, const char *usage, const char *mode)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *config = NULL;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option != 'c') {
            fputs(usage, stderr);
            return 2;
        }
        config = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "laneward: what is %s?\n", argv[optind]);
        return 2;
    }
    char program[PATH_MAX];
    program_beside("lanewardd", program, sizeof program);
    if (config != NULL)
        execl(program, "lanewardd", mode, "--config", config, (char *)NULL);
    else
        execl(program, "lanewardd", mode, (char *)NULL);
    fprintf(stderr, "laneward: %s cannot be started: %s\n", program, strerror(errno));
    return 1;
}

int command_enroll(int argc, char **argv)
{
    return hand_over(argc, argv, enroll_usage, "--enroll");
}

int command_reseal(int argc, char **argv)
{
    return hand_over(argc, argv, reseal_usage, "--suspend");
}
