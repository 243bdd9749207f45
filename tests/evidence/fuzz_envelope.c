/* Any bytes as an envelope: what opens was sealed by somebody who knows the (public) key, and
 * nothing else is given. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t scalar[32] = {0xC9, 0xAF, 0xA9, 0xD8, 0x45, 0xBA, 0x75, 0x16,
                                       0x6B, 0x5C, 0x21, 0x57, 0x67, 0xB1, 0xD6, 0x93,
                                       0x4E, 0x50, 0xC3, 0xDB, 0x36, 0xE8, 0x9B, 0x12,
                                       0x7B, 0x8A, 0x62, 0x2B, 0x12, 0x0F, 0x67, 0x21};
    static const uint8_t id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static struct signature_key *key;
    const struct envelope_purpose purpose = {"laneward crop 1", id, sizeof id};
    struct fault why;
    if (key == NULL && signature_key_from_scalar(&key, scalar, &why) != ERR_OK)
        abort();
    uint8_t *plain = malloc(size + 1);
    plain[0] = 0xee;
    enum err err = envelope_open(key, &purpose, bytes, size, plain, &why);
    assert(err == ERR_OK || ((err == ERR_INPUT || err == ERR_IDENTITY) && plain[0] == 0xee));
    free(plain);
    return 0;
}
