/* Checks of what is below the daemon: firmware, kernel, clock. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/checks.h"

static bool exists(const struct doctor *doctor, const char *path)
{
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s%s", doctor->root, path);
    return access(full, F_OK) == 0;
}

void checks_secure_boot(const struct doctor *doctor, struct doctor_finding *out)
{
    static const char name[] =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    static const char advice[] =
        "turn Secure Boot on in the firmware, then `laneward reseal`: without it PCR 7 does not "
        "tell another system from this one";
    char path[PATH_MAX], bytes[5];
    if (!exists(doctor, "/sys/firmware/efi")) {
        doctor_say(out, DOCTOR_WARN, advice, "this system was not started by UEFI");
        return;
    }
    snprintf(path, sizeof path, "%s%s", doctor->root, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes;
    if (fd >= 0)
        close(fd);
    if (!is_read)
        doctor_say(out, DOCTOR_SKIP, "look at `mokutil --sb-state`",
                   "the firmware's variable cannot be read");
    else if (bytes[4] == 1)
        doctor_say(out, DOCTOR_PASS, "", "on");
    else
        doctor_say(out, DOCTOR_FAIL, advice, "off");
}

void checks_lockdown(const struct doctor *doctor, struct doctor_finding *out)
{
    char line[128];
    static const char advice[] =
        "start the kernel with lockdown=confidentiality: then root cannot read its memory";
    if (!doctor_line(doctor, "/sys/kernel/security/lockdown", line, sizeof line))
        doctor_say(out, DOCTOR_WARN, advice, "this kernel offers no lockdown, or does not tell");
    else if (strstr(line, "[confidentiality]") != NULL || strstr(line, "[integrity]") != NULL)
        doctor_say(out, DOCTOR_PASS, "", "%s", line);
    else
        doctor_say(out, DOCTOR_WARN, advice, "%s", line);
}

void checks_ptrace(const struct doctor *doctor, struct doctor_finding *out)
{
    char line[32];
    if (!doctor_line(doctor, "/proc/sys/kernel/yama/ptrace_scope", line, sizeof line))
        doctor_say(out, DOCTOR_WARN, "use a kernel with Yama",
                   "nothing but users keeps processes apart; the daemon's own are not dumpable");
    else if (strcmp(line, "0") == 0)
        doctor_say(out, DOCTOR_WARN, "sysctl kernel.yama.ptrace_scope=1, better 2",
                   "a user's processes may look into each other");
    else
        doctor_say(out, DOCTOR_PASS, "", "kernel.yama.ptrace_scope = %s", line);
}

/* Of the daemon's process, "Max core file size"; of /proc/PID/limits: name, soft, hard, unit. */
static bool limit_of(const struct doctor *doctor, const char *name, char hard[24])
{
    char path[PATH_MAX], line[256];
    bool found = false;
    snprintf(path, sizeof path, "%s/proc/%d/limits", doctor->root, (int)doctor->daemon);
    FILE *file = doctor->daemon > 0 ? fopen(path, "re") : NULL;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, name, strlen(name)) == 0 &&
                sscanf(line + strlen(name), "%*s %23s", hard) == 1;
    if (file != NULL)
        fclose(file);
    return found;
}

/* A pipe takes core files whatever the limit is; the roles are not dumpable, which it cannot pass.
 */
void checks_core(const struct doctor *doctor, struct doctor_finding *out)
{
    char pattern[256] = "", dumpable[16] = "", hard[24] = "";
    (void)doctor_line(doctor, "/proc/sys/kernel/core_pattern", pattern, sizeof pattern);
    if (doctor_line(doctor, "/proc/sys/fs/suid_dumpable", dumpable, sizeof dumpable) &&
        strcmp(dumpable, "0") != 0)
        doctor_say(out, DOCTOR_FAIL, "sysctl fs.suid_dumpable=0",
                   "fs.suid_dumpable = %s: programs that change users leave core files", dumpable);
    else if (limit_of(doctor, "Max core file size", hard) && strcmp(hard, "0") != 0)
        doctor_say(out, DOCTOR_FAIL, "start the daemon by its unit, which has LimitCORE=0",
                   "the daemon runs with a limit of %s bytes for core files", hard);
    else if (pattern[0] == '|')
        doctor_say(out, DOCTOR_WARN, "Storage=none in coredump.conf, or kernel.core_pattern=core",
                   "core files of programs go to a collector, which keeps them");
    else if (hard[0] == '\0')
        doctor_say(out, DOCTOR_SKIP, "start the daemon, then ask again",
                   "fs.suid_dumpable = 0; the daemon's own limit is not known");
    else
        doctor_say(out, DOCTOR_PASS, "", "the daemon leaves none");
}

void checks_memory_lock(const struct doctor *doctor, struct doctor_finding *out)
{
    enum { NEEDED = 1 << 20 };
    char hard[24];
    if (!limit_of(doctor, "Max locked memory", hard))
        doctor_say(out, DOCTOR_SKIP, "start the daemon, then ask again",
                   "the daemon's limit is not known");
    else if (strcmp(hard, "unlimited") == 0 || strtoull(hard, NULL, 10) >= NEEDED)
        doctor_say(out, DOCTOR_PASS, "", "the daemon may lock %s bytes for its keys", hard);
    else
        doctor_say(out, DOCTOR_FAIL, "LimitMEMLOCK=8M in the unit, as it is packaged",
                   "the daemon may lock only %s bytes", hard);
}

/* Whether a line of a folder of modprobe.d keeps the module away. */
static bool is_blocked_in(const struct doctor *doctor, const char *folder)
{
    char path[PATH_MAX], line[256];
    bool found = false;
    snprintf(path, sizeof path, "%s%s", doctor->root, folder);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        char full[PATH_MAX + 260];
        snprintf(full, sizeof full, "%s/%s", path, entry->d_name);
        FILE *file = strstr(entry->d_name, ".conf") != NULL ? fopen(full, "re") : NULL;
        while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
            char verb[16], module[32];
            found = sscanf(line, "%15s %31s", verb, module) == 2 &&
                    (strcmp(verb, "install") == 0 || strcmp(verb, "blacklist") == 0) &&
                    (strcmp(module, "usb-storage") == 0 || strcmp(module, "usb_storage") == 0);
        }
        if (file != NULL)
            fclose(file);
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

static bool is_module_there(const struct doctor *doctor)
{
    static const char *const endings[] = {"", ".xz", ".zst", ".gz"};
    struct utsname name;
    char path[PATH_MAX];
    uname(&name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "/lib/modules/%s/kernel/drivers/usb/storage/usb-storage.ko%s",
                 name.release, endings[i]);
        if (exists(doctor, path))
            return true;
    }
    return false;
}

void checks_usb_storage(const struct doctor *doctor, struct doctor_finding *out)
{
    static const char *const folders[] = {"/etc/modprobe.d", "/run/modprobe.d", "/lib/modprobe.d",
                                          "/usr/lib/modprobe.d"};
    static const char advice[] = "echo 'install usb-storage /bin/false' > "
                                 "/etc/modprobe.d/laneward.conf, and start anew";
    bool is_blocked = false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        is_blocked = is_blocked || is_blocked_in(doctor, folders[i]);
    if (exists(doctor, "/sys/module/usb_storage"))
        doctor_say(out, DOCTOR_FAIL, advice, "the driver for USB disks is in the kernel");
    else if (is_blocked)
        doctor_say(out, DOCTOR_PASS, "", "the driver for USB disks is blocked");
    else if (is_module_there(doctor))
        doctor_say(out, DOCTOR_FAIL, advice, "a USB disk would be taken");
    else
        doctor_say(out, DOCTOR_PASS, "", "there is no driver for USB disks");
}

void checks_clock(const struct doctor *doctor, struct doctor_finding *out)
{
    struct timex clock = {0};
    (void)doctor;
    if (adjtimex(&clock) < 0)
        doctor_say(out, DOCTOR_SKIP, "", "the kernel does not tell");
    else if (clock.status & STA_UNSYNC)
        doctor_say(out, DOCTOR_WARN, "set up systemd-timesyncd or chrony with the site's servers",
                   "not disciplined: times in the log, and terms, are as good as nobody's watch");
    else
        doctor_say(out, DOCTOR_PASS, "", "disciplined");
}

void checks_machine_id(const struct doctor *doctor, struct doctor_finding *out)
{
    char id[64];
    static const char advice[] = "systemd-machine-id-setup, before the store is made";
    if (!doctor_line(doctor, "/etc/machine-id", id, sizeof id))
        doctor_say(out, DOCTOR_FAIL, advice, "there is none");
    else if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32 || strspn(id, "0") == 32)
        doctor_say(out, DOCTOR_FAIL, advice, "it is not one of 32 hexadecimal digits");
    else
        doctor_say(out, DOCTOR_PASS, "", "is set");
}
