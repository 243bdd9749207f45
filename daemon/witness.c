/* Appending heads to the witness file. */
#include "daemon/witness.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_HEAD = 512, MAX_LINE = 1 + (MAX_HEAD + 2) / 3 * 4 + 1 };

static struct {
    bool is_wanted;
    int fd;
    int failed; /* errno of the opening; 0: open */
    bool is_torn;
    bool is_failing;
} witness = {.fd = -1};

void witness_prepare(const char *path)
{
    struct stat info;
    char last = '\n';
    if (witness.fd >= 0)
        close(witness.fd);
    witness.is_wanted = path[0] != '\0';
    witness.is_torn = witness.is_failing = false;
    witness.failed = 0;
    witness.fd = -1;
    if (!witness.is_wanted)
        return;
    witness.fd =
        open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (witness.fd < 0 || fstat(witness.fd, &info) != 0) {
        witness.failed = errno;
    } else if (!S_ISREG(info.st_mode)) {
        witness.failed = EINVAL;
    } else {
        /* A life that was cut off within a line. */
        if (info.st_size > 0)
            (void)!pread(witness.fd, &last, 1, info.st_size - 1);
        witness.is_torn = last != '\n';
    }
    witness.is_failing = witness.failed != 0;
}

static enum err write_line(const char *line, size_t size, struct fault *why)
{
    ssize_t n = write(witness.fd, line, size);
    int kept = n < 0 ? errno : ENOSPC;
    if (n == (ssize_t)size) {
        witness.is_torn = false;
        if (fsync(witness.fd) == 0)
            return ERR_OK;
        kept = errno;
    } else if (n > 0) {
        witness.is_torn = true;
    }
    return fault_errno(why, ERR_IO, kept, "the witness file cannot be written");
}

enum err witness_write(const uint8_t *head, size_t size, struct fault *why)
{
    char line[MAX_LINE + 1];
    assert(size <= MAX_HEAD);
    if (!witness.is_wanted)
        return ERR_OK;
    if (witness.failed != 0)
        return fault_errno(why, ERR_IO, witness.failed, "the witness file is not open");
    size_t begin = 0;
    if (witness.is_torn)
        line[begin++] = '\n';
    int length = EVP_EncodeBlock((unsigned char *)line + begin, head, (int)size);
    line[begin + (size_t)length] = '\n';
    enum err err = write_line(line, begin + (size_t)length + 1, why);
    witness.is_failing = err != ERR_OK;
    return err;
}

bool witness_is_failing(void)
{
    return witness.is_failing;
}
