/* The key's file: little-endian fields between a mark and a SHA-256 over all before it. */
#include "storage/keyfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wire.h"

enum { MARK_SIZE = 8, DIGEST_SIZE = 32 };
static const uint8_t mark[MARK_SIZE] = "LWKEY\0\0\1"; /* the last byte is the version */

static void digest_of(const uint8_t *bytes, size_t size, uint8_t out[DIGEST_SIZE])
{
    int good = EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL);
    assert(good == 1);
}

size_t keyfile_pack(const struct keyfile *file, uint8_t *out)
{
    assert(file->sealed_size <= KEYFILE_MAX_SEALED);
    struct wire w = {.at = out, .end = out + KEYFILE_MAX_BYTES};
    wire_put_bytes(&w, mark, sizeof mark);
    wire_put(&w, file->with_serial, 1);
    wire_put_bytes(&w, file->random, sizeof file->random);
    wire_put_bytes(&w, file->check, sizeof file->check);
    wire_put(&w, file->pcr_mask, 4);
    wire_put(&w, file->sealed_size, 2);
    wire_put_bytes(&w, file->sealed, file->sealed_size);
    uint8_t digest[DIGEST_SIZE];
    digest_of(out, (size_t)(w.at - out), digest);
    wire_put_bytes(&w, digest, sizeof digest);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

enum err keyfile_parse(const uint8_t *bytes, size_t size, struct keyfile *out, struct fault *why)
{
    uint8_t copy[KEYFILE_MAX_BYTES], begin[MARK_SIZE] = {0}, digest[DIGEST_SIZE],
                                     expected[DIGEST_SIZE] = {0};
    if (size > sizeof copy)
        return fault_set(why, ERR_CORRUPT, "the key file is too long");
    memcpy(copy, bytes, size);
    struct keyfile file = {0};
    struct wire w = {.at = copy, .end = copy + size};
    wire_get_bytes(&w, begin, sizeof begin);
    uint64_t with_serial = wire_get(&w, 1);
    wire_get_bytes(&w, file.random, sizeof file.random);
    wire_get_bytes(&w, file.check, sizeof file.check);
    file.pcr_mask = (uint32_t)wire_get(&w, 4);
    file.sealed_size = (uint16_t)wire_get(&w, 2);
    bool good = !w.bad && memcmp(begin, mark, sizeof mark) == 0 && with_serial <= 1 &&
                file.pcr_mask < (UINT32_C(1) << 24) && file.sealed_size <= KEYFILE_MAX_SEALED;
    if (good) {
        wire_get_bytes(&w, file.sealed, file.sealed_size);
        digest_of(copy, (size_t)(w.at - copy), digest);
        wire_get_bytes(&w, expected, sizeof expected);
        good = !w.bad && w.at == w.end && memcmp(digest, expected, sizeof digest) == 0;
    }
    OPENSSL_cleanse(copy, sizeof copy);
    file.with_serial = with_serial != 0;
    if (good)
        *out = file;
    OPENSSL_cleanse(&file, sizeof file);
    return good ? ERR_OK : fault_set(why, ERR_CORRUPT, "the key file is damaged");
}

static enum err path_of(char *out, size_t size, const char *dir, const char *name,
                        const char *suffix)
{
    int length = snprintf(out, size, "%s/%s%s", dir, name, suffix);
    return length > 0 && (size_t)length < size ? ERR_OK : ERR_LIMIT;
}

/* Whose it is, and who else may read it. */
static enum err check_owner(int fd, const char *path, struct fault *why)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(why, ERR_DENIED, "%s is not a plain file", path);
    if (status.st_uid != geteuid())
        return fault_set(why, ERR_DENIED, "%s belongs to another user", path);
    if ((status.st_mode & 077) != 0)
        return fault_set(why, ERR_DENIED,
                         "others may read %s: whoever did has the store's key; "
                         "if nobody did, chmod 600 it",
                         path);
    return ERR_OK;
}

enum err keyfile_read(const char *dir, const char *name, struct keyfile *out, struct fault *why)
{
    char path[4096];
    if (path_of(path, sizeof path, dir, name, "") != ERR_OK)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
    enum err result = check_owner(fd, path, why);
    if (result != ERR_OK) {
        (void)close(fd);
        return result;
    }
    uint8_t bytes[KEYFILE_MAX_BYTES];
    ssize_t size = read(fd, bytes, sizeof bytes); /* far smaller than what a read may split */
    if (size < 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    else if (keyfile_parse(bytes, (size_t)size, out, why) != ERR_OK)
        result = fault_set(why, ERR_CORRUPT,
                           "%s is damaged: bring it back from where it was kept, or move "
                           "the state folder away to begin anew",
                           path);
    OPENSSL_cleanse(bytes, sizeof bytes);
    (void)close(fd);
    return result;
}

static enum err write_durably(const char *path, const uint8_t *bytes, size_t size,
                              struct fault *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    enum err result = ERR_OK;
    errno = ENOSPC; /* what a short write means */
    if (write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    if (close(fd) != 0 && result == ERR_OK)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    return result;
}

static enum err sync_folder(const char *dir, struct fault *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%s", dir);
    enum err result = fsync(fd) == 0 ? ERR_OK : fault_errno(why, ERR_IO, errno, "%s", dir);
    (void)close(fd);
    return result;
}

enum err keyfile_write(const char *dir, const char *name, const struct keyfile *file,
                       struct fault *why)
{
    char path[4096], fresh[4096];
    if (path_of(path, sizeof path, dir, name, "") != ERR_OK ||
        path_of(fresh, sizeof fresh, dir, name, ".new") != ERR_OK)
        return fault_set(why, ERR_LIMIT, "the path of the state folder is too long");
    if (unlink(fresh) != 0 && errno != ENOENT) /* of an attempt that was cut short */
        return fault_errno(why, ERR_IO, errno, "%s", fresh);
    uint8_t bytes[KEYFILE_MAX_BYTES];
    size_t size = keyfile_pack(file, bytes);
    enum err result = write_durably(fresh, bytes, size, why);
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (result == ERR_OK && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
        result = fault_errno(why, ERR_IO, errno, "%s", path);
    if (result != ERR_OK)
        (void)unlink(fresh);
    return result == ERR_OK ? sync_folder(dir, why) : result;
}
