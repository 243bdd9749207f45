/* Reading PEM files. */
#include "daemon/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool pem_is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[0] != '\0' && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

enum err pem_read(const char *path, char *out, size_t *size, struct fault *why)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "cannot open %s",
                           path);
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    ssize_t n = is_file ? read(fd, out, PEM_MAX) : 0;
    int kept = errno;
    close(fd);
    if (n < 0)
        return fault_errno(why, ERR_IO, kept, "cannot read %s", path);
    if (!is_file || n == PEM_MAX)
        return fault_set(why, ERR_LIMIT, "%s is no file, or too long", path);
    *size = (size_t)n;
    return ERR_OK;
}

enum err pem_read_named(const char *dir, const char *name, char *out, size_t *size,
                        struct fault *why)
{
    char path[4096];
    if (!pem_is_name(name) ||
        (size_t)snprintf(path, sizeof path, "%s/%s.pem", dir, name) >= sizeof path)
        return fault_set(why, ERR_INPUT, "it is no name of a file");
    return pem_read(path, out, size, why);
}

enum err pem_key(const char *path, struct signature_key **out, struct fault *why)
{
    char text[PEM_MAX];
    size_t size = 0;
    enum err err = pem_read(path, text, &size, why);
    if (err != ERR_OK)
        return err;
    err = signature_key_parse(out, text, size, why);
    explicit_bzero(text, size);
    return err == ERR_OK ? err : fault_context(why, "%s", path);
}
