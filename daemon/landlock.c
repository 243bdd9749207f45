/* The three system calls of Landlock, and as much of it as the running kernel knows. */
#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, written out because Debian 12's headers know only the first two versions.
 */
struct ruleset_attr {
    uint64_t handled_fs;
    uint64_t handled_net; /* from version 4 */
    uint64_t scoped;      /* from version 6 */
};

struct path_attr {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
    uint64_t allowed;
    uint64_t port;
};

enum { RULE_PATH = 1, RULE_PORT = 2, GET_VERSION = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_ALL_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
    NET_BIND = 1 << 0,
    NET_CONNECT = 1 << 1,
    SCOPE_ABSTRACT = 1 << 0,
    SCOPE_SIGNAL = 1 << 1,
};

int landlock_abi(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static uint64_t handled_fs(int abi)
{
    return FS_ALL_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
           (abi >= 5 ? FS_IOCTL_DEV : 0);
}

int landlock_begin(void)
{
    int abi = landlock_abi();
    struct ruleset_attr attr = {.handled_fs = handled_fs(abi)};
    size_t size = 8;
    if (abi >= 4) {
        attr.handled_net = NET_BIND | NET_CONNECT;
        size = 16;
    }
    if (abi >= 6) {
        attr.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
        size = 24;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

enum err landlock_allow_fd(int rules, int fd, enum landlock_use use, struct fault *why)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot look at what Landlock is to allow");
    uint64_t allowed = FS_READ_FILE | FS_READ_DIR;
    if (use == LANDLOCK_READ_WRITE)
        allowed |=
            FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE | FS_IOCTL_DEV;
    if (!S_ISDIR(info.st_mode))
        allowed &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
    struct path_attr attr = {.allowed = allowed & handled_fs(landlock_abi()), .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules, RULE_PATH, &attr, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "Landlock refuses a rule for a path");
    return ERR_OK;
}

enum err landlock_allow_path(int rules, const char *path, enum landlock_use use, struct fault *why)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return ERR_OK;
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot open %s", path);
    enum err err = landlock_allow_fd(rules, fd, use, why);
    close(fd);
    return err;
}

enum err landlock_allow_port(int rules, uint16_t port, struct fault *why)
{
    if (landlock_abi() < 4)
        return ERR_OK;
    struct port_attr attr = {.allowed = NET_CONNECT, .port = port};
    if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &attr, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "Landlock refuses a rule for a port");
    return ERR_OK;
}

enum err landlock_enforce(int rules, struct fault *why)
{
    long failed = syscall(SYS_landlock_restrict_self, rules, 0);
    int kept = errno;
    close(rules);
    if (failed)
        return fault_errno(why, ERR_IO, kept, "Landlock cannot be put in force");
    return ERR_OK;
}
