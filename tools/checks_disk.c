/* Checks of what lies under the state folder and under swap. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/checks.h"

enum ground { ENCRYPTED, CLEAR, MEMORY, UNKNOWN };

enum { MAX_DEPTH = 8 };

static bool is_crypt(const char *device)
{
    char path[PATH_MAX + 16], uuid[16] = "";
    snprintf(path, sizeof path, "%s/dm/uuid", device);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(uuid, sizeof uuid, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read && strncmp(uuid, "CRYPT-", 6) == 0;
}

static bool has(const char *device, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", device, name);
    return access(path, F_OK) == 0;
}

/* `device`: a folder of sysfs. RAID and LVM stand on others, which must all be encrypted. */
static bool stands_on_crypt(const char *device, int depth)
{
    char path[PATH_MAX];
    int n = 0, encrypted = 0;
    if (is_crypt(device))
        return true;
    if (depth >= MAX_DEPTH ||
        (size_t)snprintf(path, sizeof path, "%s/slaves", device) >= sizeof path)
        return false;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char below[PATH_MAX];
        if (entry->d_name[0] == '.' ||
            (size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= sizeof below)
            continue;
        n++;
        encrypted += stands_on_crypt(below, depth + 1);
    }
    if (dir != NULL)
        closedir(dir);
    if (n == 0 && has(device, "partition") &&
        (size_t)snprintf(path, sizeof path, "%s/..", device) < sizeof path)
        return stands_on_crypt(path, depth + 1);
    return n > 0 && encrypted == n;
}

static enum ground ground_of_device(const struct doctor *doctor, dev_t device)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/sys/dev/block/%u:%u", doctor->root, major(device),
             minor(device));
    if (access(path, F_OK) != 0)
        return UNKNOWN;
    return stands_on_crypt(path, 0) ? ENCRYPTED : CLEAR;
}

/* A file system without a device number of its own (tmpfs, btrfs): by its line of mountinfo. */
static enum ground ground_of_mount(const struct doctor *doctor, dev_t device)
{
    char path[PATH_MAX], line[1024], wanted[32];
    enum ground ground = UNKNOWN;
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", doctor->root);
    snprintf(wanted, sizeof wanted, "%u:%u", major(device), minor(device));
    FILE *file = fopen(path, "re");
    while (file != NULL && ground == UNKNOWN && fgets(line, sizeof line, file) != NULL) {
        char number[32], kind[64], source[256];
        struct stat info;
        const char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(line, "%*s %*s %31s", number) != 1 ||
            strcmp(number, wanted) != 0 || sscanf(rest, " - %63s %255s", kind, source) != 2)
            continue;
        if (strcmp(kind, "tmpfs") == 0 || strcmp(kind, "ramfs") == 0)
            ground = MEMORY;
        else if (stat(source, &info) == 0 && S_ISBLK(info.st_mode))
            ground = ground_of_device(doctor, info.st_rdev);
    }
    if (file != NULL)
        fclose(file);
    return ground;
}

/* Of a path: a block device's own, or the file system's that it lies on. */
static enum ground ground_of(const struct doctor *doctor, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return UNKNOWN;
    if (S_ISBLK(info.st_mode))
        return ground_of_device(doctor, info.st_rdev);
    enum ground ground = ground_of_device(doctor, info.st_dev);
    return ground != UNKNOWN ? ground : ground_of_mount(doctor, info.st_dev);
}

void checks_disk(const struct doctor *doctor, struct doctor_finding *out)
{
    switch (ground_of(doctor, doctor->config.state_dir)) {
    case ENCRYPTED:
        doctor_say(out, DOCTOR_PASS, "", "the state folder lies on an encrypted disk");
        break;
    case MEMORY:
        doctor_say(out, DOCTOR_PASS, "", "the state folder lies in memory");
        break;
    case CLEAR:
        doctor_say(out, DOCTOR_WARN,
                   "set the system up with LUKS: the store is encrypted by itself, but a changed "
                   "system on the same disk is not told from this one by PCR 7 alone",
                   "the state folder lies on a disk in the clear");
        break;
    case UNKNOWN:
        doctor_say(out, DOCTOR_SKIP, "", "it cannot be told what the state folder lies on");
    }
}

void checks_swap(const struct doctor *doctor, struct doctor_finding *out)
{
    char path[PATH_MAX], line[512], name[256];
    int n = 0, in_memory = 0;
    snprintf(path, sizeof path, "%s/proc/swaps", doctor->root);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        if (file != NULL)
            fclose(file);
        doctor_say(out, DOCTOR_SKIP, "", "the kernel does not tell");
        return;
    }
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "%255s", name) == 1) {
        bool is_zram = strstr(name, "/zram") != NULL;
        n++;
        in_memory += is_zram;
        if (!is_zram && ground_of(doctor, name) != ENCRYPTED) {
            fclose(file);
            doctor_say(out, DOCTOR_FAIL,
                       "swapoff -a, and take it out of /etc/fstab; or encrypt it with a random key",
                       "memory is swapped to a disk in the clear");
            return;
        }
    }
    fclose(file);
    doctor_say(out, DOCTOR_PASS, "",
               n == 0           ? "off"
               : in_memory == n ? "in memory alone"
                                : "encrypted");
}
