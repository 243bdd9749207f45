/* The client's memory: a JSON file for each host and socket. */
#include "tools/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"

enum { MAX_FILE = 65536 };

/* Makes the folder and those above it. */
static enum err make_folder(char *path, struct fault *why)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        if (!made && end == '\0')
            return fault_errno(why, ERR_IO, errno, "cannot make %s", path);
        *at = end;
        if (end == '\0')
            return ERR_OK;
    }
}

static enum err find_folder(char *out, size_t size, struct fault *why)
{
    const char *given = getenv("LANEWARD_STATE"), *state = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    const struct passwd *user = home != NULL && home[0] != '\0' ? NULL : getpwuid(getuid());
    int length;
    if (given != NULL && given[0] != '\0')
        length = snprintf(out, size, "%s", given);
    else if (state != NULL && state[0] == '/')
        length = snprintf(out, size, "%s/laneward", state);
    else if (user != NULL || (home != NULL && home[0] != '\0'))
        length = snprintf(out, size, "%s/.local/state/laneward", user ? user->pw_dir : home);
    else
        return fault_set(why, ERR_IO, "there is no home folder; $LANEWARD_STATE can name one");
    if (length < 0 || (size_t)length >= size)
        return fault_set(why, ERR_IO, "the path of the folder for the log's head is too long");
    return make_folder(out, why);
}

/* HOST.head; for a socket that is not the usual one, HOST-DIGITS.head. */
static enum err find_path(char out[MEMORY_PATH_SIZE], const char *socket_path, struct fault *why)
{
    struct utsname host;
    char folder[MEMORY_PATH_SIZE - 128], whole[MEMORY_PATH_SIZE], digits[17];
    uint8_t digest[32];
    if (uname(&host) != 0)
        return fault_errno(why, ERR_IO, errno, "the host has no name");
    enum err err = find_folder(folder, sizeof folder, why);
    if (err != ERR_OK)
        return err;
    if (realpath(socket_path, whole) == NULL)
        snprintf(whole, sizeof whole, "%s", socket_path);
    if (EVP_Digest(whole, strlen(whole), digest, NULL, EVP_sha256(), NULL) != 1)
        return fault_set(why, ERR_IO, "OpenSSL has no SHA-256");
    hex_encode(digest, (sizeof digits - 1) / 2, digits);
    for (char *at = host.nodename; *at != '\0'; at++)
        *at = *at == '/' ? '_' : *at;
    bool usual = strcmp(whole, "/run/laneward/laneward.sock") == 0;
    snprintf(out, MEMORY_PATH_SIZE, "%s/%.64s%s%s.head", folder, host.nodename, usual ? "" : "-",
             usual ? "" : digits);
    return ERR_OK;
}

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* The head of a base64 text; false: it is none. */
static bool take_head(const char *text, struct head *out)
{
    uint8_t bytes[HEAD_MAX_BYTES];
    size_t size = 0;
    struct fault ignored;
    return base64_decode(text, strlen(text), bytes, sizeof bytes, &size) &&
           head_parse(bytes, size, out, &ignored) == ERR_OK;
}

static bool understand(const json_t *object, struct memory *out)
{
    const char *key = json_string_value(json_object_get(object, "key")),
               *head = json_string_value(json_object_get(object, "head"));
    const json_t *broken = json_object_get(object, "broken");
    struct memory found = *out;
    found.has_key = key != NULL;
    found.has_head = head != NULL;
    found.pinned_ms = json_integer_value(json_object_get(object, "pinned"));
    found.asked_ms = json_integer_value(json_object_get(object, "asked"));
    found.asked_size = (uint64_t)json_integer_value(json_object_get(object, "asked_size"));
    found.broken_ms = json_integer_value(json_object_get(broken, "at"));
    if (json_integer_value(json_object_get(object, "version")) != 1 ||
        (key != NULL && !hex_decode(key, found.key, sizeof found.key)) ||
        (head != NULL && (key == NULL || !take_head(head, &found.head))))
        return false;
    if (broken != NULL && (!take_text(broken, "what", found.broken, sizeof found.broken) ||
                           !take_text(broken, "log", found.broken_log, sizeof found.broken_log) ||
                           found.broken_ms == 0))
        return false;
    *out = found;
    return true;
}

/* Fills all but the path. */
static enum err read_file(struct memory *out, struct fault *why)
{
    char text[MAX_FILE];
    struct stat info;
    int fd = open(out->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_OK;
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot read %s", out->path);
    ssize_t size = fstat(fd, &info) == 0 ? read(fd, text, sizeof text) : -1;
    close(fd);
    if (size < 0)
        return fault_errno(why, ERR_IO, errno, "cannot read %s", out->path);
    if (info.st_uid != geteuid() || (info.st_mode & 022) != 0)
        return fault_set(why, ERR_DENIED, "others may have written %s", out->path);
    json_t *object = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    bool good = understand(object, out);
    json_decref(object);
    return good ? ERR_OK : fault_set(why, ERR_CORRUPT, "%s is damaged", out->path);
}

enum err memory_load(struct memory *out, const char *socket_path, struct fault *why)
{
    memset(out, 0, sizeof *out);
    enum err err = find_path(out->path, socket_path, why);
    return err == ERR_OK ? read_file(out, why) : err;
}

static char *text_of(const struct memory *memory)
{
    char key[2 * SIGNATURE_PUBLIC_SIZE + 1], head[BASE64_LENGTH(HEAD_MAX_BYTES) + 1];
    uint8_t packed[HEAD_MAX_BYTES];
    json_t *object = json_object();
    json_object_set_new(object, "version", json_integer(1));
    if (memory->has_key) {
        hex_encode(memory->key, sizeof memory->key, key);
        json_object_set_new(object, "key", json_string(key));
        json_object_set_new(object, "pinned", json_integer(memory->pinned_ms));
    }
    if (memory->has_head) {
        base64_encode(packed, head_pack(&memory->head, packed), head);
        json_object_set_new(object, "head", json_string(head));
    }
    json_object_set_new(object, "asked", json_integer(memory->asked_ms));
    json_object_set_new(object, "asked_size", json_integer((json_int_t)memory->asked_size));
    if (memory->broken_ms != 0)
        json_object_set_new(object, "broken",
                            json_pack("{s:I, s:s, s:s}", "at", (json_int_t)memory->broken_ms,
                                      "what", memory->broken, "log", memory->broken_log));
    char *text = json_dumps(object, JSON_INDENT(1));
    json_decref(object);
    return text;
}

static enum err replace_file(const struct memory *memory, struct fault *why)
{
    char fresh[MEMORY_PATH_SIZE + 8], *text = text_of(memory);
    if (text == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the log's head");
    snprintf(fresh, sizeof fresh, "%s.new", memory->path);
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t size = strlen(text);
    errno = fd < 0 ? errno : ENOSPC; /* what a short write means */
    bool good = fd >= 0 && write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    if (fd >= 0)
        good &= close(fd) == 0;
    good = good && rename(fresh, memory->path) == 0;
    enum err err = good ? ERR_OK : fault_errno(why, ERR_IO, errno, "cannot write %s", memory->path);
    free(text);
    return err;
}

/* What two commands at a time have seen: the first break, the larger head, the later look. */
static void keep_newer(struct memory *ours, const struct memory *stored)
{
    bool same_log =
        !stored->has_key || !ours->has_key || memcmp(stored->key, ours->key, sizeof ours->key) == 0;
    if (stored->broken_ms != 0) {
        ours->broken_ms = stored->broken_ms;
        memcpy(ours->broken, stored->broken, sizeof ours->broken);
        memcpy(ours->broken_log, stored->broken_log, sizeof ours->broken_log);
    }
    if (stored->has_head && (!ours->has_head || !same_log || stored->head.size > ours->head.size)) {
        ours->has_head = ours->has_key = true;
        ours->head = stored->head;
        memcpy(ours->key, stored->key, sizeof ours->key);
        ours->pinned_ms = stored->pinned_ms;
    }
    if (stored->asked_ms > ours->asked_ms) {
        ours->asked_ms = stored->asked_ms;
        ours->asked_size = stored->asked_size;
    }
}

enum err memory_save(struct memory *memory, struct fault *why)
{
    char lock[MEMORY_PATH_SIZE + 8];
    struct memory stored = {0};
    memcpy(stored.path, memory->path, sizeof stored.path);
    snprintf(lock, sizeof lock, "%s.lock", memory->path);
    int fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        enum err err = fault_errno(why, ERR_IO, errno, "cannot lock %s", lock);
        if (fd >= 0)
            close(fd);
        return err;
    }
    enum err err = read_file(&stored, why);
    if (err == ERR_OK) {
        keep_newer(memory, &stored);
        err = replace_file(memory, why);
    }
    close(fd);
    return err;
}

enum err memory_set_aside(const struct memory *memory, int64_t now_ms, char *out, struct fault *why)
{
    snprintf(out, MEMORY_PATH_SIZE, "%.*s.%lld", MEMORY_PATH_SIZE - 32, memory->path,
             (long long)now_ms);
    if (rename(memory->path, out) == 0)
        return ERR_OK;
    return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", memory->path);
}
