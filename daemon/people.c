/* The host's files, read anew for each client, so that a change counts at once. */
#include "daemon/people.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"

/* *gid: of the user's first group; UINT32_MAX when he is not in the list. */
static void find_user(const char *path, struct person *person, uint32_t *gid)
{
    const struct passwd *user;
    FILE *users = fopen(path, "re");
    *gid = UINT32_MAX;
    if (users == NULL)
        return;
    while ((user = fgetpwent(users)) != NULL)
        if (user->pw_uid == person->uid && strlen(user->pw_name) < sizeof person->name &&
            words_are_plain(user->pw_name)) {
            snprintf(person->name, sizeof person->name, "%s", user->pw_name);
            *gid = user->pw_gid;
            break;
        }
    fclose(users);
}

static bool has_member(const struct group *group, const char *name)
{
    for (char **member = group->gr_mem; *member != NULL; member++)
        if (strcmp(*member, name) == 0)
            return true;
    return false;
}

static const struct {
    uint32_t role;
    size_t offset; /* of the group's name */
} roles[] = {{ASK_OFFICER, offsetof(struct config, socket_group)},
             {ASK_SUPERVISOR, offsetof(struct config, supervisor_group)},
             {ASK_AUDITOR, offsetof(struct config, auditor_group)},
             {ASK_MAINTENANCE, offsetof(struct config, maintenance_group)}};

enum { N_ROLES = sizeof roles / sizeof roles[0] };

static const char *group_of(const struct config *config, int role)
{
    return (const char *)config + roles[role].offset;
}

static uint32_t roles_by_group(const char *path, const struct config *config,
                               const struct person *person, uint32_t gid)
{
    const struct group *group;
    uint32_t found = 0;
    FILE *groups = fopen(path, "re");
    if (groups == NULL)
        return 0;
    while ((group = fgetgrent(groups)) != NULL)
        for (int i = 0; i < N_ROLES; i++)
            if (strcmp(group->gr_name, group_of(config, i)) == 0 &&
                (group->gr_gid == gid || has_member(group, person->name)))
                found |= roles[i].role;
    fclose(groups);
    return found;
}

void people_know(const struct people *people, const struct config *config, uint32_t uid,
                 struct person *out)
{
    uint32_t gid;
    *out = (struct person){.uid = uid};
    snprintf(out->name, sizeof out->name, "uid %u", (unsigned)uid);
    find_user(people->users, out, &gid);
    if (gid != UINT32_MAX)
        out->roles = roles_by_group(people->groups, config, out, gid);
    if (out->roles & ASK_MAINTENANCE)
        out->roles = ASK_MAINTENANCE;
    if (out->roles & ASK_AUDITOR)
        out->roles &= ~(uint32_t)(ASK_OFFICER | ASK_SUPERVISOR);
    if (uid != 0 && uid != people->own_uid)
        return;
    out->roles |= ASK_OFFICER;
    for (int i = 0; i < N_ROLES; i++)
        if (group_of(config, i)[0] == '\0')
            out->roles |= roles[i].role;
}
