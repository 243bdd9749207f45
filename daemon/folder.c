/* Reading pictures out of a folder that others write into. */
#include "daemon/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool folder_is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot != NULL &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

/* Some cameras pad a file, some append their own data behind the picture's end. */
enum folder_jpeg folder_judge(const uint8_t *bytes, size_t size)
{
    enum { TAIL = 65536 };
    if (size < 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
        return FOLDER_NO_JPEG;
    size_t from = size > TAIL ? size - TAIL : 2;
    return memmem(bytes + from, size - from, "\xff\xd9", 2) != NULL ? FOLDER_COMPLETE
                                                                    : FOLDER_TRUNCATED;
}

static enum err take_info(const struct stat *info, struct folder_file *out, struct fault *why)
{
    if (!S_ISREG(info->st_mode))
        return fault_set(why, ERR_INPUT, "what has a picture's name is no plain file");
    out->changed_ns = (int64_t)info->st_ctim.tv_sec * 1000000000 + info->st_ctim.tv_nsec;
    out->made_ms = (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
    out->size = (size_t)info->st_size;
    return ERR_OK;
}

enum err folder_look(int folder_fd, const char *name, struct folder_file *out, struct fault *why)
{
    struct stat info;
    if (fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                           "cannot look at a picture");
    return take_info(&info, out, why);
}

static enum err read_all(int fd, uint8_t *bytes, size_t room, size_t *size, struct fault *why)
{
    size_t done = 0;
    for (;;) {
        uint8_t beyond;
        ssize_t n = done < room ? read(fd, bytes + done, room - done) : read(fd, &beyond, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_errno(why, ERR_IO, errno, "cannot read a picture");
        if (n == 0)
            break;
        if (done == room)
            return fault_set(why, ERR_LIMIT, "a picture is larger than max_frame_bytes");
        done += (size_t)n;
    }
    *size = done;
    return ERR_OK;
}

enum err folder_read(int folder_fd, const char *name, uint8_t *bytes, size_t room,
                     struct folder_file *out, struct fault *why)
{
    /* A pipe with a picture's name must not hold us up, a link must not lead elsewhere. */
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return fault_set(why, ERR_INPUT, "what has a picture's name is a link");
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                           "cannot open a picture");
    struct stat info;
    struct folder_file file;
    enum err err = fstat(fd, &info) == 0
                       ? take_info(&info, &file, why)
                       : fault_errno(why, ERR_IO, errno, "cannot look at a picture");
    if (err == ERR_OK && file.size > room)
        err = fault_set(why, ERR_LIMIT, "a picture is larger than max_frame_bytes");
    if (err == ERR_OK)
        err = read_all(fd, bytes, room, &file.size, why);
    close(fd);
    if (err == ERR_OK)
        *out = file;
    return err;
}
