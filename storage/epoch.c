/* The epoch's file: little-endian fields in the clear, a nonce, the keys under AES-256-GCM with all
 * before them as additional data, the tag, and a SHA-256 of it all, by which a file that is not
 * whole is told from one of another host. */
#include "storage/epoch.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "storage/keyring.h"

enum { MARK_SIZE = 8, NONCE_SIZE = 12, TAG_SIZE = 16, DIGEST_SIZE = 32, ENTRY_SIZE = 37 };
static const uint8_t mark[MARK_SIZE] = "LWRING\0\1"; /* the last byte is the version */
static const char prefix[] = "keyring.";

static void digest_of(const uint8_t *bytes, size_t size, uint8_t out[DIGEST_SIZE])
{
    int good = EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL);
    assert(good == 1);
}

/* Where the keys stand in a file. */
struct box {
    uint8_t *nonce, *keys, *tag; /* `keys` is also the end of what is in the clear */
    size_t before, size;
};

/* Wraps or unwraps the keys in place. */
static bool cipher(const struct epoch *epoch, const uint8_t *bytes, const struct box *box, int wrap)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0, rest = 0;
    bool good =
        context != NULL &&
        EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, epoch->wrap, box->nonce, wrap) == 1 &&
        (wrap || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, box->tag) == 1) &&
        EVP_CipherUpdate(context, NULL, &size, bytes, (int)box->before) == 1 &&
        EVP_CipherUpdate(context, box->keys, &size, box->keys, (int)box->size) == 1 &&
        EVP_CipherFinal_ex(context, box->keys + size, &rest) == 1 &&
        (!wrap || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, box->tag) == 1);
    EVP_CIPHER_CTX_free(context);
    return good;
}

static void put_blob(struct wire *w, const struct tpm_blob *blob)
{
    assert(blob->size <= TPM_MAX_BLOB);
    wire_put(w, blob->size, 2);
    wire_put_bytes(w, blob->bytes, blob->size);
}

static void put_head(struct wire *w, const struct epoch_head *head)
{
    wire_put_bytes(w, mark, sizeof mark);
    wire_put(w, head->number, 8);
    wire_put(w, head->first, 8);
    wire_put(w,
             (uint64_t)head->with_tpm | (uint64_t)head->is_suspended << 1 |
                 (uint64_t)head->with_credential << 2,
             1);
    wire_put(w, head->pcr_mask, 4);
    wire_put(w, head->nv_index, 4);
    wire_put_bytes(w, head->random, sizeof head->random);
    put_blob(w, &head->sealed);
    put_blob(w, &head->signer);
}

enum err epoch_pack(const struct epoch *epoch, uint8_t *out, size_t *size, struct fault *why)
{
    assert(epoch->n > 0 && epoch->n <= EPOCH_MAX_KEYS);
    struct wire w = {.at = out, .end = out + EPOCH_MAX_BYTES};
    put_head(&w, &epoch->head);
    wire_put(&w, epoch->n, 4);
    struct box box = {.nonce = w.at, .size = epoch->n * (size_t)ENTRY_SIZE};
    uint8_t nonce[NONCE_SIZE], digest[DIGEST_SIZE], tag[TAG_SIZE] = {0};
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    wire_put_bytes(&w, nonce, sizeof nonce);
    box.keys = w.at;
    box.before = (size_t)(w.at - out);
    for (uint32_t i = 0; i < epoch->n; i++) {
        wire_put(&w, epoch->keys[i].class, 1);
        wire_put(&w, epoch->keys[i].period, 4);
        wire_put_bytes(&w, epoch->keys[i].key, EPOCH_KEY_SIZE);
    }
    box.tag = w.at;
    wire_put_bytes(&w, tag, sizeof tag);
    assert(!w.bad);
    if (!cipher(epoch, out, &box, 1)) {
        OPENSSL_cleanse(out, EPOCH_MAX_BYTES);
        return fault_set(why, ERR_IO, "OpenSSL does not encrypt");
    }
    digest_of(out, (size_t)(w.at - out), digest);
    wire_put_bytes(&w, digest, sizeof digest);
    assert(!w.bad);
    *size = (size_t)(w.at - out);
    return ERR_OK;
}

static void get_blob(struct wire *w, struct tpm_blob *blob)
{
    uint64_t size = wire_get(w, 2);
    w->bad = w->bad || size > TPM_MAX_BLOB;
    blob->size = w->bad ? 0 : (uint16_t)size;
    wire_get_bytes(w, blob->bytes, blob->size);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

static bool is_coherent(const struct epoch_head *head)
{
    if (head->first == 0 || head->first > head->number)
        return false;
    if (!head->with_tpm)
        return !head->is_suspended && head->pcr_mask == 0 && head->nv_index == 0 &&
               head->sealed.size == 0 && head->signer.size == 0 &&
               !is_zero(head->random, sizeof head->random);
    return !head->with_credential && head->pcr_mask != 0 && head->pcr_mask < UINT32_C(1) << 24 &&
           head->nv_index != 0 && head->sealed.size > 0 && head->signer.size > 0 &&
           is_zero(head->random, sizeof head->random);
}

/* The head and where the keys are; nothing of the file is changed. */
static bool take_apart(const uint8_t *bytes, size_t size, struct epoch_head *head, struct box *box,
                       uint32_t *n)
{
    union { /* the cursor is for writers too, and has no const */
        const uint8_t *read;
        uint8_t *at;
    } begin = {.read = bytes};
    uint8_t found[MARK_SIZE] = {0}, digest[DIGEST_SIZE], expected[DIGEST_SIZE] = {0};
    if (size < DIGEST_SIZE || size > EPOCH_MAX_BYTES)
        return false;
    struct wire w = {.at = begin.at, .end = begin.at + size};
    wire_get_bytes(&w, found, sizeof found);
    head->number = wire_get(&w, 8);
    head->first = wire_get(&w, 8);
    uint64_t flags = wire_get(&w, 1);
    head->with_tpm = flags & 1;
    head->is_suspended = flags >> 1 & 1;
    head->with_credential = flags >> 2 & 1;
    head->pcr_mask = (uint32_t)wire_get(&w, 4);
    head->nv_index = (uint32_t)wire_get(&w, 4);
    wire_get_bytes(&w, head->random, sizeof head->random);
    get_blob(&w, &head->sealed);
    get_blob(&w, &head->signer);
    uint64_t count = wire_get(&w, 4);
    if (w.bad || memcmp(found, mark, sizeof mark) != 0 || flags > 7 || count == 0 ||
        count > EPOCH_MAX_KEYS || !is_coherent(head))
        return false;
    *n = (uint32_t)count;
    box->nonce = w.at;
    box->keys = box->nonce + NONCE_SIZE;
    box->before = (size_t)(box->keys - begin.at);
    box->size = count * (size_t)ENTRY_SIZE;
    if (size != box->before + box->size + TAG_SIZE + DIGEST_SIZE)
        return false;
    box->tag = box->keys + box->size;
    digest_of(bytes, size - DIGEST_SIZE, digest);
    memcpy(expected, bytes + size - DIGEST_SIZE, sizeof expected);
    return memcmp(digest, expected, sizeof digest) == 0;
}

enum err epoch_parse(const uint8_t *bytes, size_t size, struct epoch_head *out, struct fault *why)
{
    struct epoch_head head = {0};
    struct box box;
    uint32_t n = 0;
    bool good = take_apart(bytes, size, &head, &box, &n);
    if (good)
        *out = head;
    OPENSSL_cleanse(&head, sizeof head);
    return good ? ERR_OK : fault_set(why, ERR_CORRUPT, "a file of keys is damaged");
}

enum err epoch_unwrap(struct epoch *epoch, uint8_t *bytes, size_t size, struct fault *why)
{
    struct epoch_head head = {0};
    struct box box;
    uint32_t n = 0;
    if (!take_apart(bytes, size, &head, &box, &n))
        return fault_set(why, ERR_CORRUPT, "a file of keys is damaged");
    bool fits = cipher(epoch, bytes, &box, 0), good = fits;
    struct wire w = {.at = box.keys, .end = box.tag};
    for (uint32_t i = 0; fits && i < n; i++) {
        struct epoch_key *key = &epoch->keys[i];
        key->class = (uint8_t)wire_get(&w, 1);
        key->period = (uint32_t)wire_get(&w, 4);
        wire_get_bytes(&w, key->key, EPOCH_KEY_SIZE);
        good = good && key->class < KEYRING_CLASSES &&
               (key->class < KEYRING_PERIODIC || key->period == 0);
    }
    OPENSSL_cleanse(bytes, size);
    OPENSSL_cleanse(&head, sizeof head);
    if (good)
        epoch->n = n;
    else
        OPENSSL_cleanse(epoch->keys, sizeof epoch->keys);
    if (!fits)
        return fault_set(why, ERR_IDENTITY,
                         "the keys are wrapped for another host or another state folder");
    return good ? ERR_OK : fault_set(why, ERR_CORRUPT, "a file of keys holds unknown keys");
}

void epoch_add(struct epoch *epoch, uint8_t class, uint32_t period,
               const uint8_t key[EPOCH_KEY_SIZE])
{
    assert(epoch->n < EPOCH_MAX_KEYS);
    struct epoch_key *at = &epoch->keys[epoch->n++];
    at->class = class;
    at->period = period;
    memcpy(at->key, key, EPOCH_KEY_SIZE);
}

const uint8_t *epoch_find(const struct epoch *epoch, uint8_t class, uint32_t period)
{
    for (uint32_t i = 0; i < epoch->n; i++)
        if (epoch->keys[i].class == class && epoch->keys[i].period == period)
            return epoch->keys[i].key;
    return NULL;
}

void epoch_name(uint64_t number, char out[EPOCH_NAME_SIZE])
{
    (void)snprintf(out, EPOCH_NAME_SIZE, "%s%llu", prefix, (unsigned long long)number);
}

/* "keyring.17", as epoch_name writes it and in no other way. */
static bool parse_name(const char *name, uint64_t *number)
{
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    char again[EPOCH_NAME_SIZE];
    *number = strtoull(name + sizeof prefix - 1, NULL, 10);
    epoch_name(*number, again);
    return strcmp(name, again) == 0;
}

enum err epoch_list(const char *dir, uint64_t *out, uint32_t room, uint32_t *n, struct fault *why)
{
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return fault_errno(why, ERR_IO, errno, "the state folder %s", dir);
    uint32_t count = 0;
    enum err result = ERR_OK;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && result == ERR_OK;) {
        uint64_t number;
        if (!parse_name(entry->d_name, &number))
            continue;
        if (count == room) {
            result = fault_set(why, ERR_LIMIT, "%s holds too many files of keys", dir);
            break;
        }
        uint32_t at = count++;
        for (; at > 0 && out[at - 1] > number; at--)
            out[at] = out[at - 1];
        out[at] = number;
    }
    if (errno != 0 && result == ERR_OK)
        result = fault_errno(why, ERR_IO, errno, "the state folder %s", dir);
    (void)closedir(folder);
    if (result == ERR_OK)
        *n = count;
    return result;
}
