/* Any bytes as an officer's question: refused, or understood in the same way after a way through
 * query_text. */
#include <assert.h>
#include <string.h>

#include "daemon/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct query first = {.kind = QUERY_FIND}, second = first;
    struct fault why;
    if (query_parse((const char *)bytes, size, QUERY_ALL, &first, &why) != ERR_OK) {
        assert(memchr(why.text, '\0', sizeof why.text) != NULL && why.text[0] != '\0');
        return 0;
    }
    char text[QUERY_MAX_BYTES];
    size_t length = query_text(&first, text);
    enum err err = query_parse(text, length, QUERY_ALL, &second, &why);
    assert(err == ERR_OK);
    assert(memcmp(&first, &second, sizeof first) == 0);
    return 0;
}
