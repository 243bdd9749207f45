/* Any bytes as a record of the log and as a detail: refused, or the same bytes when packed again.
 */
#include <assert.h>
#include <string.h>

#include "evidence/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct entry entry;
    struct entry_detail detail;
    struct fault why;
    const uint8_t *sealed;
    size_t sealed_size, packed_size;
    uint8_t packed[ENTRY_MAX_BYTES];
    if (entry_parse(bytes, size, &entry, &sealed, &sealed_size, &why) == ERR_OK) {
        packed_size = entry_pack(&entry, sealed, sealed_size, packed);
        assert(packed_size == size && memcmp(packed, bytes, size) == 0);
        enum err err = entry_open(&entry, sealed, sealed_size, NULL, &detail, &why);
        assert(err != ERR_OK || detail.n_ids <= ENTRY_MAX_IDS);
    }
    if (entry_parse_detail(bytes, size, &detail, &why) == ERR_OK) {
        packed_size = entry_pack_detail(&detail, packed);
        assert(packed_size == size && memcmp(packed, bytes, size) == 0);
    }
    return 0;
}
