/* Who a client is: the name and the roles behind the kernel's uid. */
#ifndef LANEWARD_DAEMON_PEOPLE_H
#define LANEWARD_DAEMON_PEOPLE_H

#include <stdint.h>

#include "config/config.h"
#include "daemon/ask.h"

/* Users that are not in the host's list, or by a name too long or with control characters, are
 * called by their number, and are in no group. */
struct person {
    uint32_t uid;
    uint32_t roles; /* enum ask_role */
    char name[ENTRY_NAME_SIZE];
};

/* Where the host lists its users and groups. */
struct people {
    const char *users, *groups;
    uint32_t own_uid; /* the daemon's */
};

/* By membership, a user's first group included. socket_group makes an officer, supervisor_group a
 * supervisor, auditor_group an auditor, maintenance_group the maintenance. Who is of the
 * maintenance is nothing else, and an auditor is no officer and no supervisor: who watches does not
 * act. Root and the daemon's own user are officers, and of a role whose group is not configured. */
void people_know(const struct people *people, const struct config *config, uint32_t uid,
                 struct person *out);

#endif
