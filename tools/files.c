/* Whole files, keys among them. */
#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ROOM = 16384, MAX_KEY = 65536 };

static enum err read_all(int fd, const char *path, size_t most, uint8_t **out, size_t *size,
                         struct fault *why)
{
    size_t room = 0, n = 0;
    uint8_t *bytes = NULL;
    for (;;) {
        if (room - n < 2) {
            room = room == 0 ? FIRST_ROOM : room * 2;
            uint8_t *more = realloc(bytes, room);
            if (more == NULL) {
                free(bytes);
                return fault_set(why, ERR_MEMORY, "%s: no memory", path);
            }
            bytes = more;
        }
        ssize_t got = read(fd, bytes + n, room - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || n + (size_t)got > most) {
            if (got == 0)
                break;
            enum err err = got < 0
                               ? fault_errno(why, ERR_IO, errno, "%s", path)
                               : fault_set(why, ERR_LIMIT, "%s: more than %zu bytes", path, most);
            free(bytes);
            return err;
        }
        n += (size_t)got;
    }
    bytes[n] = '\0';
    *out = bytes;
    *size = n;
    return ERR_OK;
}

enum err files_read(const char *path, size_t most, uint8_t **out, size_t *size, struct fault *why)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", most, out, size, why);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot read %s", path);
    enum err err = read_all(fd, path, most, out, size, why);
    close(fd);
    return err;
}

enum err files_write(const char *path, const void *bytes, size_t size, struct fault *why)
{
    bool to_stdout = strcmp(path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t written = 0;
    while (fd >= 0 && written < size) {
        ssize_t n = write(fd, (const uint8_t *)bytes + written, size - written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        written += (size_t)n;
    }
    int errnum = errno;
    bool good = fd >= 0 && written == size;
    if (fd >= 0 && !to_stdout && close(fd) != 0 && good) {
        errnum = errno;
        good = false;
    }
    return good ? ERR_OK : fault_errno(why, ERR_IO, errnum, "cannot write %s", path);
}

enum err files_read_key(const char *path, struct signature_key **out, struct fault *why)
{
    uint8_t *pem = NULL;
    size_t size = 0;
    enum err err = files_read(path, MAX_KEY, &pem, &size, why);
    if (err != ERR_OK)
        return err;
    err = signature_key_parse(out, (const char *)pem, size, why);
    OPENSSL_cleanse(pem, size);
    free(pem);
    return err == ERR_OK ? ERR_OK : fault_context(why, "%s", path);
}
