/* The stored position of a watched folder: what is accepted comes back the same through its text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct queue_place place, again;
    char *text = malloc(size + 1), out[300];
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (queue_parse(text, &place)) {
        assert(place.changed_ns >= 0 && place.name[0] != '\0' && strchr(place.name, '/') == NULL);
        queue_text(&place, out, sizeof out);
        assert(queue_parse(out, &again) && queue_compare(&place, &again) == 0);
    }
    free(text);
    return 0;
}
