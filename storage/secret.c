/* Locked pages for keys. */
#include "storage/secret.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/mman.h>

enum err secret_new(void **out, size_t size, struct fault *why)
{
    assert(size > 0);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return fault_errno(why, ERR_MEMORY, errno, "no memory for a key");
    if (mlock(page, size) != 0 || madvise(page, size, MADV_DONTDUMP) != 0) {
        int because = errno;
        (void)munmap(page, size);
        return fault_errno(why, ERR_LIMIT, because,
                           "memory for a key cannot be locked (raise the limit of locked memory)");
    }
    *out = page;
    return ERR_OK;
}

void secret_free(void **secret, size_t size)
{
    if (*secret == NULL)
        return;
    OPENSSL_cleanse(*secret, size);
    int failed = munmap(*secret, size); /* also unlocks */
    assert(failed == 0);
    *secret = NULL;
}

enum err secret_draw(uint8_t *out, size_t size, struct fault *why)
{
    assert(size <= 64);
    if (RAND_priv_bytes(out, (int)size) != 1)
        return fault_set(why, ERR_IO, "OpenSSL gives no random bytes");
    return ERR_OK;
}
