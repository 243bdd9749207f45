/* Folders, files, accounts and jurisdictions that a configuration names must be there. */
#include "config/outside.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The place to complain at: a default has no line in the file. */
static struct place place_of(const struct draft *draft, int camera, const char *section,
                             const char *key, const char *file)
{
    struct place place = *draft_place(draft, camera, section, key);
    if (place.line == 0) {
        place.file = file;
        place_name(&place, section, key, NULL);
    }
    return place;
}

static void check_folder(const char *path, const struct place *place, struct config_report *report)
{
    struct stat info;
    if (path[0] == '\0')
        return;
    if (stat(path, &info) != 0)
        report_add(report, place, "the folder cannot be looked at: %s", strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        report_add(report, place, "is no folder");
}

/* A folder that the daemon may make: then the one above it must be there. */
static void check_own_folder(const char *path, const struct place *place,
                             struct config_report *report)
{
    struct stat info;
    char above[CONFIG_PATH_SIZE];
    if (stat(path, &info) == 0) {
        if (!S_ISDIR(info.st_mode))
            report_add(report, place, "is no folder");
        return;
    }
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 1 && path[length - 1] != '/')
        length--;
    snprintf(above, sizeof above, "%.*s", (int)length, path);
    if (errno != ENOENT || stat(above, &info) != 0)
        report_add(report, place, "there is no such folder, nor one above it: %s", strerror(errno));
}

static void check_file(const char *path, const struct place *place, struct config_report *report)
{
    struct stat info;
    if (path[0] == '\0')
        return;
    if (stat(path, &info) != 0)
        report_add(report, place, "the file cannot be looked at: %s", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        report_add(report, place, "is no file");
}

/* Whether there is such a file; for its owner alone it must be, for it holds `what`. */
static bool check_secret(const char *path, const char *what, const struct place *place,
                         struct config_report *report)
{
    struct stat info;
    check_file(path, place, report);
    if (path[0] == '\0' || stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false; /* complained about already */
    if ((info.st_mode & 0177) != 0)
        report_add(report, place, "its mode is %04o, but must be 0600: it holds a %s",
                   (unsigned)(info.st_mode & 07777), what);
    return true;
}

static void check_login(const char *path, const struct place *place, struct config_report *report)
{
    struct stat info;
    if (check_secret(path, "password", place, report) && stat(path, &info) == 0 &&
        (info.st_size < 3 || info.st_size > 512))
        report_add(report, place, "is not user:password on one line (3 to 512 bytes)");
}

/* A file or folder whose content decides who can read what: nobody but its owner may change it. */
static void check_trusted(const char *path, bool is_folder, const struct place *place,
                          struct config_report *report)
{
    struct stat info;
    if (is_folder)
        check_folder(path, place, report);
    else
        check_file(path, place, report);
    if (path[0] == '\0' || stat(path, &info) != 0 ||
        (info.st_mode & S_IFMT) != (is_folder ? S_IFDIR : S_IFREG))
        return; /* complained about already */
    if ((info.st_mode & 022) != 0)
        report_add(report, place, "its mode is %04o: others than its owner may change it",
                   (unsigned)(info.st_mode & 07777));
    if (access(path, is_folder ? R_OK | X_OK : R_OK) != 0)
        report_add(report, place, "it cannot be read: %s", strerror(errno));
}

/* The decoys: who knows them can avoid them. */
static void check_honey(const char *path, const struct place *place, struct config_report *report)
{
    struct stat info;
    check_trusted(path, false, place, report);
    if (path[0] != '\0' && stat(path, &info) == 0 && (info.st_mode & 07) != 0)
        report_add(report, place, "its mode is %04o: everyone may look into it",
                   (unsigned)(info.st_mode & 07777));
}

/* Appended to; made when it is not there yet. */
static void check_witness(const char *path, const struct place *place, struct config_report *report)
{
    struct stat info;
    char above[CONFIG_PATH_SIZE];
    if (path[0] == '\0')
        return;
    if (stat(path, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            report_add(report, place, "is no file");
        else if ((info.st_mode & 02) != 0)
            report_add(report, place, "its mode is %04o: everyone may change it",
                       (unsigned)(info.st_mode & 07777));
        return;
    }
    const char *slash = strrchr(path, '/');
    int length = slash == path ? 1 : (int)(slash - path);
    snprintf(above, sizeof above, "%.*s", length, path);
    if (errno != ENOENT || stat(above, &info) != 0 || !S_ISDIR(info.st_mode))
        report_add(report, place, "there is no such file, nor a folder to make it in: %s",
                   strerror(errno));
}

/* "us-*" and "us" stand for all that begin with "us-"; as ocr/syntax.c chooses them. */
static bool is_wanted(const char *wanted, const char *name)
{
    size_t length = strlen(wanted);
    return fnmatch(wanted, name, 0) == 0 ||
           (strncmp(wanted, name, length) == 0 && name[length] == '-');
}

/* Does a pattern file have a line for a jurisdiction that is wanted? */
static bool file_has_region(FILE *file, const char *wanted)
{
    char line[512], name[64];
    while (fgets(line, sizeof line, file) != NULL) {
        size_t length = strcspn(line, "\t\n");
        if (line[0] == '#' || line[0] == '!' || line[length] != '\t' || length >= sizeof name)
            continue;
        memcpy(name, line, length);
        name[length] = '\0';
        if (is_wanted(wanted, name))
            return true;
    }
    return false;
}

static bool folder_has_region(DIR *folder, const char *path, const char *wanted)
{
    bool found = false;
    rewinddir(folder);
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
        char whole[CONFIG_PATH_SIZE + 300];
        if (fnmatch("*.conf", entry->d_name, FNM_PERIOD) != 0)
            continue;
        snprintf(whole, sizeof whole, "%s/%s", path, entry->d_name);
        FILE *file = fopen(whole, "re");
        if (file == NULL)
            continue; /* the recognizer says so when it reads the patterns */
        found = file_has_region(file, wanted);
        fclose(file);
    }
    return found;
}

/* PREFIX/share/laneward/regions for a program PREFIX/bin/lanewardd. */
static bool installed_regions(char *out, size_t size)
{
    char program[CONFIG_PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
    }
    return snprintf(out, size, "%s/share/laneward/regions", program) < (int)size;
}

static void check_regions(const struct config *config, const struct place *place,
                          struct config_report *report)
{
    char path[CONFIG_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s", config->regions_dir);
    if (config->regions[0] == '\0' || (path[0] == '\0' && !installed_regions(path, sizeof path)))
        return;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        if (config->regions_dir[0] == '\0')
            report_add(report, place, "there are no pattern files beside the program");
        return; /* check_folder has complained */
    }
    for (const char *at = config->regions; *at != '\0';) {
        char wanted[CONFIG_NAME_SIZE];
        size_t length = strcspn(at, " \t");
        snprintf(wanted, sizeof wanted, "%.*s", (int)length, at);
        if (!folder_has_region(folder, path, wanted))
            report_add(report, place, "no pattern file has a region %s", wanted);
        at += length;
        at += strspn(at, " \t");
    }
    closedir(folder);
}

static void check_accounts(const struct draft *draft, const char *file,
                           struct config_report *report)
{
    const struct config *config = &draft->config;
    const struct place *user = draft_place(draft, -1, "daemon", "user");
    const struct {
        const char *key, *name;
    } groups[] = {{"socket_group", config->socket_group},
                  {"supervisor_group", config->supervisor_group},
                  {"auditor_group", config->auditor_group},
                  {"maintenance_group", config->maintenance_group}};
    bool taken = user->line != 0 && strcmp(user->value, config->user) == 0;
    if (geteuid() == 0 && taken && getpwnam(config->user) == NULL)
        report_add(report, user, "there is no such account");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        struct place group = place_of(draft, -1, "desk", groups[i].key, file);
        if (groups[i].name[0] != '\0' && getgrnam(groups[i].name) == NULL)
            report_add(report, &group, "there is no such group");
    }
}

static void check_evidence(const struct draft *draft, const char *file,
                           struct config_report *report)
{
    const struct config *config = &draft->config;
    struct place port = place_of(draft, -1, "storage", "port_key", file);
    struct place auditor = place_of(draft, -1, "audit", "auditor_key", file);
    struct place witness = place_of(draft, -1, "audit", "witness_file", file);
    struct place authorities = place_of(draft, -1, "audit", "witness_ca", file);
    struct place cert = place_of(draft, -1, "audit", "witness_cert", file);
    struct place key = place_of(draft, -1, "audit", "witness_key", file);
    struct place honey = place_of(draft, -1, "audit", "honey_file", file);
    struct place supervisors = place_of(draft, -1, "desk", "supervisor_keys", file);
    struct place recipients = place_of(draft, -1, "desk", "recipients_dir", file);
    check_trusted(config->port_key, false, &port, report);
    check_trusted(config->auditor_key, false, &auditor, report);
    check_witness(config->witness_file, &witness, report);
    check_trusted(config->witness_ca, false, &authorities, report);
    check_trusted(config->witness_cert, false, &cert, report);
    (void)check_secret(config->witness_key, "private key", &key, report);
    check_honey(config->honey_file, &honey, report);
    check_trusted(config->supervisor_keys, true, &supervisors, report);
    check_trusted(config->recipients_dir, true, &recipients, report);
}

static void check_cameras(const struct draft *draft, const char *file, struct config_report *report)
{
    const struct config *config = &draft->config;
    for (int i = 0; i < (int)config->n_cameras; i++) {
        const struct config_camera *camera = &config->cameras[i];
        struct place source = place_of(draft, i, "camera", "source", file);
        struct place login = place_of(draft, i, "camera", "credentials_file", file);
        struct place mask = place_of(draft, i, "camera", "detection_mask_image", file);
        if (camera->kind != CONFIG_MJPEG)
            check_folder(camera->source, &source, report);
        check_login(camera->credentials_file, &login, report);
        check_file(camera->detection_mask_image, &mask, report);
    }
}

void outside_check(const struct draft *draft, const char *file, struct config_report *report)
{
    const struct config *config = &draft->config;
    struct place whole = {.file = file};
    struct place state = place_of(draft, -1, "daemon", "state_dir", file);
    struct place run = place_of(draft, -1, "daemon", "run_dir", file);
    struct place models = place_of(draft, -1, "recognition", "models_dir", file);
    struct place regions_dir = place_of(draft, -1, "recognition", "regions_dir", file);
    struct place regions = place_of(draft, -1, "recognition", "regions", file);
    if (config->n_cameras == 0)
        report_add(report, &whole, "there is no [camera NAME] section, so nothing to look at");
    check_own_folder(config->state_dir, &state, report);
    check_own_folder(config->run_dir, &run, report);
    check_folder(config->models_dir, &models, report);
    check_folder(config->regions_dir, &regions_dir, report);
    check_regions(config, &regions, report);
    check_accounts(draft, file, report);
    check_evidence(draft, file, report);
    check_cameras(draft, file, report);
}
