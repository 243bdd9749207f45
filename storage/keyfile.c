/* The key's file: little-endian fields between a mark and a SHA-256 over all before it. */
#include "storage/keyfile.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/wire.h"
#include "storage/safefile.h"

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

enum err keyfile_read(const char *dir, const char *name, struct keyfile *out, struct fault *why)
{
    uint8_t bytes[KEYFILE_MAX_BYTES];
    size_t size = 0;
    enum err result = safefile_read(dir, name, bytes, sizeof bytes, &size, why);
    if (result == ERR_CORRUPT ||
        (result == ERR_OK && keyfile_parse(bytes, size, out, why) != ERR_OK))
        result = fault_set(why, ERR_CORRUPT,
                           "%s/%s is damaged: bring it back from where it was kept, or move "
                           "the state folder away to begin anew",
                           dir, name);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return result;
}

enum err keyfile_write(const char *dir, const char *name, const struct keyfile *file,
                       bool may_replace, struct fault *why)
{
    uint8_t bytes[KEYFILE_MAX_BYTES];
    size_t size = keyfile_pack(file, bytes);
    enum err result = may_replace ? safefile_replace(dir, name, bytes, size, why)
                                  : safefile_write(dir, name, bytes, size, why);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return result;
}
