/* Reads a whole file into memory, up to a bound. */
#include "ocr/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_all(int fd, const char *path, size_t most, struct file *out, struct fault *why)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    if (!S_ISREG(info.st_mode))
        return fault_set(why, ERR_IO, "%s: not a file", path);
    if ((uintmax_t)info.st_size > most)
        return fault_set(why, ERR_LIMIT, "%s: longer than %zu bytes", path, most);
    size_t size = (size_t)info.st_size, got = 0;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return fault_set(why, ERR_MEMORY, "%s: no memory for %zu bytes", path, size);
    while (got < size) {
        ssize_t n = read(fd, bytes + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            enum err err = n < 0 ? fault_errno(why, ERR_IO, errno, "%s", path)
                                 : fault_set(why, ERR_IO, "%s: shrank while it was read", path);
            free(bytes);
            return err;
        }
        got += (size_t)n;
    }
    bytes[size] = 0;
    *out = (struct file){bytes, size};
    return ERR_OK;
}

enum err file_read(const char *path, size_t most, struct file *out, struct fault *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    enum err err = read_all(fd, path, most, out, why);
    close(fd);
    return err;
}

void file_release(struct file *file)
{
    free(file->bytes);
    *file = (struct file){0};
}
