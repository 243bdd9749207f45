/* Any bytes as a key in PEM form: refused, or a key whose point makes the same key. */
#include <assert.h>
#include <string.h>

#include "evidence/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct signature_key *key = NULL, *again = NULL;
    struct fault why = {0};
    uint8_t point[SIGNATURE_PUBLIC_SIZE];
    if (signature_key_parse(&key, (const char *)bytes, size, &why) != ERR_OK) {
        assert(key == NULL && why.text[0] != '\0');
        return 0;
    }
    signature_key_point(key, point);
    enum err err = signature_key_from_point(&again, point, &why);
    assert(err == ERR_OK);
    signature_key_free(&key);
    signature_key_free(&again);
    return 0;
}
