/* Remembering the positions after the latest pictures, thinned out when there are too many. */
#include "daemon/progress.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 512 };

struct progress {
    size_t n;
    struct mark {
        uint64_t number;
        char cursor[MAILBOX_CURSOR_SIZE];
    } marks[ROOM]; /* rising */
};

enum err progress_new(struct progress **out, struct fault *why)
{
    struct progress *progress = calloc(1, sizeof *progress);
    if (progress == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the positions in a folder");
    *out = progress;
    return ERR_OK;
}

void progress_free(struct progress **progress)
{
    free(*progress);
    *progress = NULL;
}

/* Every second mark goes, so that the whole way stays covered: an earlier position is always safe.
 */
static void thin_out(struct progress *progress)
{
    for (size_t i = 0; i < ROOM / 2; i++)
        progress->marks[i] = progress->marks[2 * i];
    progress->n = ROOM / 2;
}

void progress_note(struct progress *progress, uint64_t number, const char *cursor)
{
    assert(progress->n == 0 || number > progress->marks[progress->n - 1].number);
    if (progress->n == ROOM)
        thin_out(progress);
    struct mark *mark = &progress->marks[progress->n++];
    mark->number = number;
    size_t size = strnlen(cursor, sizeof mark->cursor - 1);
    memcpy(mark->cursor, cursor, size);
    mark->cursor[size] = '\0';
}

const char *progress_settled(const struct progress *progress, uint64_t oldest)
{
    for (size_t i = progress->n; i > 0; i--)
        if (progress->marks[i - 1].number < oldest)
            return progress->marks[i - 1].cursor;
    return NULL;
}
