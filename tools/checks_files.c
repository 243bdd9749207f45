/* Checks of modes and owners, and of what lies in the state folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/checks.h"

enum { OTHERS_WRITE = 022, OTHERS_ANY = 077, MAX_DEPTH = 4, CHUNK = 1 << 20 };

/* What is wrong with a path; NULL: nothing. `owner` may own it, and root. */
static const char *wrong_with(const char *path, mode_t forbidden, uid_t owner)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == EACCES ? "cannot be looked at" : "is not there";
    if (info.st_uid != 0 && info.st_uid != owner)
        return "belongs to somebody else";
    if (!S_ISLNK(info.st_mode) && (info.st_mode & forbidden) != 0)
        return (info.st_mode & forbidden & 0222) != 0 ? "may be written by others"
                                                      : "may be read by others";
    return NULL;
}

/* Who the daemon is: the state folder's owner. */
static uid_t daemon_user(const struct doctor *doctor)
{
    struct stat info;
    return stat(doctor->config.state_dir, &info) == 0 ? info.st_uid : 0;
}

/* One path more; the first that is wrong stays in the finding. */
static void look_at(struct doctor_finding *out, const char *path, mode_t forbidden, uid_t owner)
{
    const char *wrong = path[0] != '\0' ? wrong_with(path, forbidden, owner) : NULL;
    if (wrong != NULL && out->verdict != DOCTOR_FAIL)
        doctor_say(out, DOCTOR_FAIL, out->advice, "%s %s", path, wrong);
}

/* A folder and what is in it. */
static void look_into(struct doctor_finding *out, const char *folder, mode_t forbidden, uid_t owner)
{
    look_at(out, folder, forbidden, owner);
    DIR *dir = folder[0] != '\0' ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        look_at(out, path, forbidden, owner);
    }
    if (dir != NULL)
        closedir(dir);
}

void checks_config_file(const struct doctor *doctor, struct doctor_finding *out)
{
    doctor_say(out, DOCTOR_PASS, "chown root, chmod go-w", "only root writes the configuration");
    look_at(out, doctor->config_path, OTHERS_WRITE, 0);
}

void checks_state_folder(const struct doctor *doctor, struct doctor_finding *out)
{
    static const char advice[] = "chown -R to the daemon's user, chmod -R go-rwx";
    const char *folder = doctor->config.state_dir;
    char sub[PATH_MAX];
    uid_t owner = daemon_user(doctor);
    if (access(folder, F_OK) != 0) {
        doctor_say(out, DOCTOR_SKIP, "", "there is no %s", folder);
        return;
    }
    doctor_say(out, DOCTOR_PASS, advice, "only the daemon looks into it");
    look_into(out, folder, OTHERS_ANY, owner);
    snprintf(sub, sizeof sub, "%s/segments", folder);
    if (access(sub, R_OK) == 0)
        look_into(out, sub, OTHERS_ANY, owner);
}

void checks_credentials(const struct doctor *doctor, struct doctor_finding *out)
{
    int n = 0;
    doctor_say(out, DOCTOR_PASS, "chown root, chmod 0600", "no others read the cameras' logins");
    for (uint32_t i = 0; i < doctor->config.n_cameras; i++) {
        const char *path = doctor->config.cameras[i].credentials_file;
        n += path[0] != '\0';
        look_at(out, path, OTHERS_ANY, daemon_user(doctor));
    }
    if (n == 0)
        doctor_say(out, DOCTOR_SKIP, "", "no camera has a login");
}

void checks_keys(const struct doctor *doctor, struct doctor_finding *out)
{
    const struct config *config = &doctor->config;
    const char *const files[] = {config->port_key, config->auditor_key};
    const char *const folders[] = {config->supervisor_keys, config->recipients_dir};
    int n = 0;
    doctor_say(out, DOCTOR_PASS, "chown root, chmod go-w; of decoys chmod 0640",
               "only root writes the public keys");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        n += files[i][0] != '\0';
        look_at(out, files[i], OTHERS_WRITE, 0);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        n += folders[i][0] != '\0';
        look_into(out, folders[i], OTHERS_WRITE, 0);
    }
    n += config->honey_file[0] != '\0';
    look_at(out, config->honey_file, 027, daemon_user(doctor));
    if (n == 0)
        doctor_say(out, DOCTOR_WARN,
                   "set port_key and auditor_key: then not even root here opens "
                   "pictures and details of the log",
                   "no public key is configured");
    else if (out->verdict == DOCTOR_PASS && files[0][0] == '\0')
        doctor_say(out, DOCTOR_WARN, "set port_key in [storage]",
                   "pictures are not sealed to the port: root on this host can open them");
    else if (out->verdict == DOCTOR_PASS && files[1][0] == '\0')
        doctor_say(out, DOCTOR_WARN, "set auditor_key in [audit]",
                   "details of the log are not sealed to the auditor");
}

void checks_sockets(const struct doctor *doctor, struct doctor_finding *out)
{
    static const char *const names[] = {"laneward.sock", "maintenance.sock"};
    int n = 0;
    doctor_say(out, DOCTOR_PASS, "let the daemon make them anew: start it again",
               "only users and their groups reach the sockets");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", doctor->config.run_dir, names[i]);
        if (access(path, F_OK) == 0) {
            n++;
            look_at(out, path, 07, daemon_user(doctor));
        }
    }
    if (n == 0)
        doctor_say(out, DOCTOR_SKIP, "start the daemon, then ask again", "there is no socket");
}

void checks_programs(const struct doctor *doctor, struct doctor_finding *out)
{
    char self[PATH_MAX], path[PATH_MAX + 16];
    (void)doctor;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    doctor_say(out, DOCTOR_PASS, "install the package anew", "only root writes the programs");
    look_at(out, self, OTHERS_WRITE, 0);
    const char *folder = dirname(self);
    snprintf(path, sizeof path, "%s/lanewardd", folder);
    look_at(out, path, OTHERS_WRITE, 0);
    look_at(out, folder, OTHERS_WRITE, 0);
}

/* What a store in the clear would show; pictures begin with a marker and a name a little later. */
static const char *plain_in(const unsigned char *bytes, size_t size, bool is_begin)
{
    static const char *const words[] = {"best_plate", "plate_number", "case_number"};
    static const char database[] = "SQLite format 3";
    if (is_begin && size >= sizeof database && memcmp(bytes, database, sizeof database) == 0)
        return "is a database in the clear";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(bytes, size, words[i], strlen(words[i])) != NULL)
            return "holds passages in the clear";
    for (const unsigned char *at = bytes; size - (size_t)(at - bytes) >= 12; at++) {
        at = memmem(at, size - (size_t)(at - bytes), "\xff\xd8\xff", 3);
        if (at == NULL || size - (size_t)(at - bytes) < 12)
            break;
        if (memcmp(at + 6, "JFIF", 4) == 0 || memcmp(at + 6, "Exif", 4) == 0)
            return "holds a picture in the clear";
    }
    return NULL;
}

struct scan {
    unsigned char *buffer; /* CHUNK bytes */
    struct doctor_finding *out;
    unsigned n_files, n_unread;
};

/* In chunks that overlap, so that nothing hides at a border. */
static void scan_file(struct scan *scan, const char *path)
{
    enum { OVERLAP = 32 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    scan->n_files++;
    scan->n_unread += fd < 0;
    size_t kept = 0;
    bool is_begin = true;
    while (fd >= 0) {
        ssize_t got = read(fd, scan->buffer + kept, CHUNK - kept);
        if (got <= 0)
            break;
        size_t size = kept + (size_t)got;
        const char *plain = plain_in(scan->buffer, size, is_begin);
        if (plain != NULL && scan->out->verdict != DOCTOR_FAIL)
            doctor_say(scan->out, DOCTOR_FAIL, scan->out->advice, "%s %s", path, plain);
        kept = size < OVERLAP ? size : OVERLAP;
        memmove(scan->buffer, scan->buffer + size - kept, kept);
        is_begin = false;
    }
    if (fd >= 0)
        close(fd);
}

static void scan_folder(struct scan *scan, const char *folder, int depth)
{
    DIR *dir = depth < MAX_DEPTH ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            scan_folder(scan, path, depth + 1);
        else if (lstat(path, &info) == 0 && S_ISREG(info.st_mode))
            scan_file(scan, path);
    }
    if (dir != NULL)
        closedir(dir);
}

void checks_plaintext(const struct doctor *doctor, struct doctor_finding *out)
{
    const char *folder = doctor->config.state_dir;
    struct scan scan = {.buffer = malloc(CHUNK), .out = out};
    if (scan.buffer == NULL || access(folder, R_OK | X_OK) != 0) {
        doctor_say(out, DOCTOR_SKIP, "ask as root or as the daemon's user",
                   "you cannot look into the state folder");
        free(scan.buffer);
        return;
    }
    doctor_say(out, DOCTOR_PASS, "take it away, and find out who has put it there",
               "nothing in the clear");
    scan_folder(&scan, folder, 0);
    free(scan.buffer);
    if (out->verdict == DOCTOR_PASS && scan.n_unread > 0)
        doctor_say(out, DOCTOR_SKIP, "ask as root or as the daemon's user",
                   "%u of %u files could not be read", scan.n_unread, scan.n_files);
}
