/* Any bytes as a pattern file: no crash, and either sound patterns or a fault that has the name. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ocr/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_sound(const struct pattern_list *list)
{
    const uint64_t classes = ((uint64_t)1 << 36) - 1;
    for (size_t i = 0; i < list->n_patterns; i++) {
        const struct pattern *pattern = &list->patterns[i];
        assert(pattern->n >= 1 && pattern->n <= READING_MAX_CHARS);
        assert(pattern->region < list->n_regions);
        assert(pattern->weight > 0 && isfinite(pattern->weight));
        for (size_t at = 0; at < pattern->n; at++)
            assert((pattern_allowed(list, pattern, at) & ~classes) == 0);
        assert(pattern_count(list, pattern) >= 0);
    }
    for (size_t i = 0; i < list->n_regions; i++) {
        const char *name = list->regions[i].name;
        assert(name[0] != '\0' && memchr(name, '\0', READING_REGION_SIZE) != NULL);
    }
}

/* The whole is one file, its second half another: a wrong file must leave the list alone. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct pattern_list list = {0};
    struct fault why = {0};
    size_t first = size / 2;
    enum err code = pattern_parse((const char *)bytes, size, "a.conf", &list, &why);
    assert(code == ERR_OK || (why.code == code && strstr(why.text, "a.conf") != NULL));
    assert(code == ERR_OK || (list.n_patterns == 0 && list.n_regions == 0));
    check_sound(&list);
    size_t n_patterns = list.n_patterns, n_regions = list.n_regions;
    code = pattern_parse((const char *)bytes + first, size - first, "b.conf", &list, &why);
    assert(code == ERR_OK || (list.n_patterns == n_patterns && list.n_regions == n_regions));
    check_sound(&list);
    pattern_list_release(&list);
    return 0;
}
