/* Users, folders, and what the service manager has given. */
#include "daemon/house.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/binding.h"

/* The user that the daemon will be: itself, or the configured one when it is root. */
static enum err find_user(const struct config *config, uid_t *uid, gid_t *gid, struct fault *why)
{
    *uid = geteuid();
    *gid = getegid();
    if (*uid != 0)
        return ERR_OK;
    const struct passwd *user = getpwnam(config->user);
    if (user == NULL)
        return fault_set(why, ERR_NOT_FOUND, "there is no user %s to become; set daemon.user",
                         config->user);
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return ERR_OK;
}

static enum err make_folder(const char *path, mode_t mode, uid_t uid, gid_t gid, struct fault *why)
{
    if (mkdir(path, mode) != 0)
        return errno == EEXIST ? ERR_OK
                               : fault_errno(why, ERR_IO, errno, "cannot make the folder %s", path);
    if (chmod(path, mode) != 0 || (geteuid() == 0 && chown(path, uid, gid) != 0))
        return fault_errno(why, ERR_IO, errno, "cannot set the owner of %s", path);
    return ERR_OK;
}

enum err house_folders(const struct config *config, struct fault *why)
{
    uid_t uid;
    gid_t gid;
    struct stat info;
    enum err err = find_user(config, &uid, &gid, why);
    if (err == ERR_OK)
        err = make_folder(config->state_dir, 0700, uid, gid, why);
    if (err == ERR_OK)
        err = make_folder(config->run_dir, 0755, uid, gid, why);
    if (err != ERR_OK)
        return err;
    if (stat(config->state_dir, &info) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot look at %s", config->state_dir);
    if (info.st_uid != uid)
        return fault_set(why, ERR_DENIED, "state_dir %s belongs to user %u instead of %u",
                         config->state_dir, (unsigned)info.st_uid, (unsigned)uid);
    if ((info.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED,
                         "state_dir %s has mode %04o, others may look into it; it must be 0700",
                         config->state_dir, (unsigned)info.st_mode & 07777);
    return ERR_OK;
}

enum err house_credential(int *out, struct fault *why)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[CONFIG_PATH_SIZE + sizeof BINDING_CREDENTIAL + 1];
    struct stat info;
    *out = -1;
    if (dir == NULL)
        return ERR_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/" BINDING_CREDENTIAL, dir) >= sizeof path)
        return fault_set(why, ERR_LIMIT, "the path of the credentials' folder is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    /* In a container that does not pass mounts on, systemd leaves a folder that only root enters.
     */
    if (fd < 0)
        return errno == ENOENT || errno == EACCES
                   ? ERR_OK
                   : fault_errno(why, ERR_IO, errno, "cannot open the credential %s", path);
    /* systemd may give it to the daemon's user by an access list, which shows as the group's. */
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 07) != 0) {
        close(fd);
        return fault_set(why, ERR_DENIED, "the credential %s is no file, or others may read it",
                         path);
    }
    *out = fd;
    return ERR_OK;
}

enum err house_become_user(const struct config *config, struct fault *why)
{
    uid_t uid;
    gid_t gid;
    if (geteuid() != 0)
        return ERR_OK;
    enum err err = find_user(config, &uid, &gid, why);
    if (err != ERR_OK || uid == 0)
        return err;
    if (initgroups(config->user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot become user %s", config->user);
    return ERR_OK;
}

enum err house_data_dir(char *out, size_t size, struct fault *why)
{
    char program[CONFIG_PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return fault_errno(why, ERR_IO, errno, "cannot tell where the program is");
    program[length] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL)
            return fault_set(why, ERR_IO, "the program is in no folder");
        *slash = '\0';
    }
    if ((size_t)snprintf(out, size, "%s/share/laneward", program) >= size)
        return fault_set(why, ERR_LIMIT, "the program's path is too long");
    return ERR_OK;
}
