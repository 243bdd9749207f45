/* Indexes, epochs and hashes of a log, and whether its heads say the same. */
#include "tools/inspection.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CLOCK_SLACK_MS = 2000 };

enum err inspection_begin(struct inspection *out, struct fault *why)
{
    memset(out, 0, sizeof *out);
    return tree_new(&out->tree, why);
}

void inspection_end(struct inspection *inspection)
{
    tree_free(&inspection->tree);
}

void inspection_note(struct inspection *inspection, const char *format, ...)
{
    va_list args;
    if (inspection->n_faults < INSPECTION_MAX_FAULTS) {
        va_start(args, format);
        vsnprintf(inspection->fault[inspection->n_faults], INSPECTION_TEXT_SIZE, format, args);
        va_end(args);
    }
    inspection->n_faults++;
}

static void look_at(struct inspection *inspection, uint64_t index, const struct entry *entry)
{
    const struct entry *last = &inspection->last;
    bool is_first = last->kind == 0;
    if (entry->index != index)
        inspection_note(inspection, "record %" PRIu64 " says that it is number %" PRIu64, index,
                        entry->index);
    if (!is_first && entry->epoch < last->epoch)
        inspection_note(inspection,
                        "record %" PRIu64 " is of epoch %" PRIu64 ", after one of %" PRIu64, index,
                        entry->epoch, last->epoch);
    if (!is_first && entry->at_ms < last->at_ms - CLOCK_SLACK_MS && entry->kind != ENTRY_GAP)
        inspection->n_back++;
    if (is_first)
        inspection->first_ms = entry->at_ms;
    inspection->last_ms = entry->at_ms;
    inspection->n_kind[entry->kind]++;
    inspection->last = *entry;
}

enum err inspection_record(struct inspection *inspection, const uint8_t *record, size_t size,
                           struct entry *entry, struct inspection_detail *sealed, struct fault *why)
{
    struct entry found = {0};
    struct inspection_detail detail = {0};
    struct fault unread;
    uint64_t index = tree_size(inspection->tree);
    struct merkle_hash leaf = merkle_leaf(record, size);
    enum err err = tree_append(inspection->tree, &leaf, why);
    if (err != ERR_OK)
        return err;
    if (entry_parse(record, size, &found, &detail.bytes, &detail.size, &unread) == ERR_OK)
        look_at(inspection, index, &found);
    else
        inspection_note(inspection, "record %" PRIu64 " is not understood", index);
    if (entry != NULL) {
        *entry = found;
        *sealed = detail;
    }
    return ERR_OK;
}

void inspection_root(struct inspection *inspection, uint64_t size, const struct merkle_hash *root,
                     const char *name, bool may_be_later)
{
    uint64_t n = tree_size(inspection->tree);
    if (size > n && may_be_later) {
        inspection->n_later++;
        return;
    }
    if (size > n) {
        inspection_note(inspection, "%s has signed %" PRIu64 " records, and there are %" PRIu64,
                        name, size, n);
        return;
    }
    struct merkle_hash ours = tree_root(inspection->tree, size);
    if (memcmp(&ours, root, sizeof ours) != 0)
        inspection_note(inspection,
                        "%s has signed other records than the first %" PRIu64 " of this log", name,
                        size);
    inspection->n_heads++;
}

void inspection_head(struct inspection *inspection, const struct head *head, const char *name,
                     const struct signature_key *key, bool may_be_later)
{
    if (!head_is_signed(head, key)) {
        inspection_note(inspection, "%s is not signed by the log's key", name);
        return;
    }
    if (!inspection->has_host)
        memcpy(inspection->host, head->host, sizeof inspection->host);
    inspection->has_host = true;
    if (memcmp(inspection->host, head->host, sizeof head->host) != 0)
        inspection_note(inspection, "%s is that of another store", name);
    inspection_root(inspection, head->size, &head->root, name, may_be_later);
}
