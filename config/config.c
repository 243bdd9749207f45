/* The door of this room: parsing, loading and describing the configuration. */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/draft.h"
#include "config/option.h"
#include "config/outside.h"

enum { MAX_FILE = 256 * 1024 };

void config_defaults(struct config *out)
{
    struct config_report report = {0};
    struct draft *draft = malloc(sizeof *draft);
    assert(draft != NULL);
    draft_read(draft, "", 0, "", &report);
    assert(report.n_complaints == 0);
    *out = draft->config;
    free(draft);
}

/* What is wrong, in order and in one sentence. */
static enum err summary(struct config_report *report, struct fault *why)
{
    char first[512];
    report_sort(report);
    config_complaint_text(&report->complaints[0], first, sizeof first);
    if (report->n_complaints == 1)
        return fault_set(why, ERR_INPUT, "%.400s", first);
    return fault_set(why, ERR_INPUT, "%u complaints, the first: %.400s", report->n_complaints,
                     first);
}

enum err config_parse(const char *text, size_t size, const char *name, struct config *out,
                      struct config_report *report, struct fault *why)
{
    *report = (struct config_report){0};
    struct draft *draft = malloc(sizeof *draft);
    if (draft == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the configuration");
    draft_read(draft, text, size, name, report);
    if (report->n_complaints == 0)
        *out = draft->config;
    free(draft);
    return report->n_complaints == 0 ? ERR_OK : summary(report, why);
}

/* The file's bytes, to be freed by the caller. A file that everyone may write is no configuration:
 * who can change it decides where the store lies and who may ask. */
static enum err read_file(const char *path, char **out, size_t *size, struct fault *why)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%.200s", path);
    enum err failed = ERR_OK;
    char *bytes = NULL;
    size_t used = 0;
    if (fstat(fd, &info) != 0)
        failed = fault_errno(why, ERR_IO, errno, "%.200s", path);
    else if (!S_ISREG(info.st_mode))
        failed = fault_set(why, ERR_INPUT, "%.200s: is no file", path);
    else if ((info.st_mode & S_IWOTH) != 0)
        failed = fault_set(why, ERR_DENIED, "%.200s: may be written by everyone", path);
    else if ((bytes = malloc(MAX_FILE)) == NULL)
        failed = fault_set(why, ERR_MEMORY, "no memory for the configuration");
    while (!failed && used < MAX_FILE) {
        ssize_t got = read(fd, bytes + used, MAX_FILE - used);
        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            failed = fault_errno(why, ERR_IO, errno, "%.200s", path);
    }
    close(fd);
    if (!failed && used == MAX_FILE)
        failed =
            fault_set(why, ERR_LIMIT, "%.200s: is larger than %d KiB", path, MAX_FILE / 1024 - 1);
    if (failed) {
        free(bytes);
        return failed;
    }
    *out = bytes;
    *size = used;
    return ERR_OK;
}

enum err config_load(const char *path, struct config *out, struct config_report *report,
                     struct fault *why)
{
    *report = (struct config_report){0};
    char *text = NULL;
    size_t size = 0;
    enum err failed = read_file(path, &text, &size, why);
    if (failed)
        return failed;
    struct draft *draft = malloc(sizeof *draft);
    if (draft == NULL) {
        free(text);
        return fault_set(why, ERR_MEMORY, "no memory for the configuration");
    }
    draft_read(draft, text, size, path, report);
    outside_check(draft, path, report);
    if (report->n_complaints == 0)
        *out = draft->config;
    free(draft);
    free(text);
    return report->n_complaints == 0 ? ERR_OK : summary(report, why);
}

int config_complaint_text(const struct config_complaint *complaint, char *out, size_t size)
{
    char line[16] = "";
    if (complaint->line != 0)
        snprintf(line, sizeof line, ":%u", complaint->line);
    return snprintf(out, size, "%s%s: %s%s%s%s%s", complaint->file, line, complaint->key,
                    complaint->value[0] != '\0' ? " = " : "", complaint->value,
                    complaint->key[0] != '\0' || complaint->value[0] != '\0' ? ": " : "",
                    complaint->reason);
}

size_t config_options_text(bool roff, char *out, size_t size)
{
    return option_listing(roff, out, size);
}
