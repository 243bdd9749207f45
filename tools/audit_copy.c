/* laneward audit copy: the log as a file that can be checked elsewhere; laneward audit accept: what
 * was remembered is set aside. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/audit.h"
#include "tools/when.h"

struct copy {
    struct inspection inspection;
    FILE *file;
};

static enum err take(void *context, const uint8_t *record, size_t size, struct fault *why)
{
    struct copy *copy = context;
    if (!records_copy_record(copy->file, record, size))
        return fault_errno(why, ERR_IO, errno, "cannot write the copy");
    return inspection_record(&copy->inspection, record, size, NULL, NULL, why);
}

static enum err open_copy(const char *path, FILE **out, struct fault *why)
{
    bool to_stdout = strcmp(path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = to_stdout ? stdout : fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        return fault_errno(why, ERR_IO, errno, "cannot make %s", path);
    *out = file;
    return ERR_OK;
}

int audit_copy(struct audit *audit)
{
    struct copy copy = {0};
    struct records_end end = {0};
    struct talk talk = {0};
    struct fault why;
    enum err err = inspection_begin(&copy.inspection, &why);
    if (err == ERR_OK)
        err = open_copy(audit->output, &copy.file, &why);
    if (err == ERR_OK && !records_copy_begin(copy.file))
        err = fault_errno(&why, ERR_IO, errno, "cannot write the copy");
    if (err == ERR_OK)
        err = audit_read(audit, &talk, take, &copy, &end, &why);
    if (err == ERR_OK) {
        audit_check_newest(&copy.inspection, &end);
        if (!records_copy_end(copy.file, &end) || fflush(copy.file) != 0 ||
            (copy.file != stdout && fsync(fileno(copy.file)) != 0))
            err = fault_errno(&why, ERR_IO, errno, "cannot write the copy");
    }
    if (copy.file != NULL && copy.file != stdout)
        fclose(copy.file);
    int status = CLIENT_ANSWERED;
    if (err != ERR_OK) {
        fprintf(stderr, "laneward audit: %s\n", why.text);
        status = err == ERR_CORRUPT ? CLIENT_TAMPERED : CLIENT_ERROR;
    } else {
        fprintf(stderr, "%" PRIu64 " records, %" PRIu64 " of them signed, in %s\n", end.n,
                end.head.size, audit->output);
    }
    status = talk_status(&talk, audit_judge(&copy.inspection, status));
    inspection_end(&copy.inspection);
    return status;
}

int audit_accept(struct audit *audit)
{
    struct memory memory;
    struct fault why;
    char aside[MEMORY_PATH_SIZE], at[WHEN_TEXT_SIZE], fingerprint[TALK_FINGERPRINT_SIZE];
    enum err err = memory_load(&memory, client_socket(audit->who.socket_path), &why);
    if (err == ERR_OK && !memory.has_key && memory.broken_ms == 0) {
        printf("Nothing is remembered of this lane's log: the next question begins.\n");
        return CLIENT_ANSWERED;
    }
    if (err == ERR_OK && memory.broken_ms != 0) {
        when_text(memory.broken_ms, at);
        printf("Noticed %s: %s.\n", at, memory.broken);
    } else {
        printf("%s\n", err == ERR_OK ? "Nothing was found wrong with this lane's log." : why.text);
    }
    if (err == ERR_OK && memory.has_head) {
        when_text(memory.head.at_ms, at);
        talk_fingerprint(memory.key, fingerprint);
        printf("The last good head: %" PRIu64 " records, of %s, signed by\n  %s\n",
               memory.head.size, at, fingerprint);
    }
    fflush(stdout);
    if (err == ERR_IO)
        return CLIENT_ERROR;
    if (!audit->yes && !who_agrees(&audit->who, "Has the lane's auditor agreed to begin anew?"))
        return CLIENT_ERROR;
    err = memory_set_aside(&memory, when_now(), aside, &why);
    if (err != ERR_OK) {
        fprintf(stderr, "laneward audit: %s\n", why.text);
        return CLIENT_ERROR;
    }
    printf("The evidence is kept as %s; the next question remembers the log anew.\n", aside);
    return CLIENT_ANSWERED;
}
