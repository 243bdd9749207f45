/* Any bytes as a copy of a log: refused, or read and checked without harm; nothing is verified that
 * has no head. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/inspection.h"
#include "tools/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static enum err take(void *context, const uint8_t *record, size_t size, struct fault *why)
{
    struct entry entry;
    struct inspection_detail sealed;
    struct entry_detail detail;
    struct fault ignored;
    enum err err = inspection_record(context, record, size, &entry, &sealed, why);
    if (err == ERR_OK && entry.kind != 0 &&
        entry_open(&entry, sealed.bytes, sealed.size, NULL, &detail, &ignored) == ERR_OK)
        assert(detail.n_ids <= ENTRY_MAX_IDS);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    struct inspection inspection;
    struct records_end end;
    struct signature_key *key = NULL;
    struct fault why;
    int fd = memfd_create("copy", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size ||
        inspection_begin(&inspection, &why) != ERR_OK)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (records_from_copy(path, take, &inspection, &end, &why) == ERR_OK) {
        assert(end.n == tree_size(inspection.tree));
        if (end.has_head && signature_key_from_point(&key, end.key, &why) == ERR_OK)
            inspection_head(&inspection, &end.head, "the newest head", key, false);
        assert(!end.has_head || end.head.size <= end.n || key == NULL || inspection.n_faults > 0);
    }
    signature_key_free(&key);
    inspection_end(&inspection);
    close(fd);
    return 0;
}
