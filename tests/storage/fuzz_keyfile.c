/* Fuzz target: the key file's parser; what it takes packs to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "storage/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct keyfile file;
    struct fault why;
    uint8_t packed[KEYFILE_MAX_BYTES];
    if (keyfile_parse(bytes, size, &file, &why) == ERR_OK &&
        (keyfile_pack(&file, packed) != size || memcmp(packed, bytes, size) != 0))
        abort();
    return 0;
}
