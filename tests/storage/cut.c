/* The durable state, moved along, and on top of it what a seed keeps of the rest. */
#include "cut.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

enum { SECTOR = 512, MAX_NODES = 8192, MAX_NAMES = 64 };

struct content {
    uint8_t *bytes;
    size_t size, room;
};

struct names {
    size_t n;
    struct {
        char path[JOURNAL_PATH];
        int node;
        bool is_folder;
    } list[MAX_NAMES];
};

struct cut {
    const struct journal_op *ops;
    size_t n_ops, from; /* all before `from` is durable, and in `contents` and `names` */
    struct content contents[MAX_NODES], scratch;
    struct names names;
    uint32_t noise;
};

/* What becomes of that which is not synced. */
enum mood { KEPT, LOST, MIXED, MOODS };

static uint32_t dice(struct cut *cut, uint32_t sides)
{
    cut->noise = cut->noise * 1664525U + 1013904223U;
    return (cut->noise >> 8) % sides;
}

struct cut *cut_new(void)
{
    struct cut *cut = calloc(1, sizeof *cut);
    assert(cut != NULL);
    cut->ops = journal_ops(&cut->n_ops);
    return cut;
}

void cut_free(struct cut **cut)
{
    for (size_t i = 0; i < MAX_NODES; i++)
        free((*cut)->contents[i].bytes);
    free((*cut)->scratch.bytes);
    free(*cut);
    *cut = NULL;
}

static void make_room(struct content *content, size_t size)
{
    if (size <= content->room)
        return;
    content->room = 2 * size;
    content->bytes = realloc(content->bytes, content->room);
    assert(content->bytes != NULL);
}

static void put_bytes(struct content *content, size_t offset, const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    make_room(content, offset + size);
    if (offset > content->size)
        memset(content->bytes + content->size, 0, offset - content->size);
    memcpy(content->bytes + offset, bytes, size);
    if (offset + size > content->size)
        content->size = offset + size;
}

static void apply_content(struct content *content, const struct journal_op *op)
{
    if (op->kind == JOURNAL_WRITE)
        put_bytes(content, op->offset, op->bytes, op->size);
    else if (op->kind == JOURNAL_TRUNCATE && op->size < content->size)
        content->size = op->size;
}

static void remove_name(struct names *names, const char *path, int node)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->list[i].path, path) == 0 && (node < 0 || names->list[i].node == node))
            names->list[i--] = names->list[--names->n];
}

static void apply_name(struct names *names, const struct journal_op *op)
{
    const char *path = op->kind == JOURNAL_RENAME ? op->to : op->path;
    if (op->kind != JOURNAL_MAKE)
        remove_name(names, op->path, op->node);
    if (op->kind == JOURNAL_UNLINK)
        return;
    remove_name(names, path, -1);
    assert(names->n < MAX_NAMES);
    (void)snprintf(names->list[names->n].path, JOURNAL_PATH, "%s", path);
    names->list[names->n].is_folder = op->is_folder;
    names->list[names->n++].node = op->node;
}

static bool is_content(const struct journal_op *op)
{
    return op->kind == JOURNAL_WRITE || op->kind == JOURNAL_TRUNCATE;
}

static void move_along(struct cut *cut, size_t at)
{
    for (; cut->from < at && cut->ops[cut->from].durable_at < at; cut->from++) {
        const struct journal_op *op = &cut->ops[cut->from];
        assert(op->node < MAX_NODES);
        if (is_content(op))
            apply_content(&cut->contents[op->node], op);
        else if (op->kind != JOURNAL_SYNC)
            apply_name(&cut->names, op);
    }
}

/* A write that no sync has followed. */
static void apply_sectors(struct cut *cut, const struct journal_op *op)
{
    for (size_t at = 0; at < op->size;) {
        size_t end = at + SECTOR - (op->offset + at) % SECTOR, stop = end;
        if (end > op->size)
            stop = end = op->size;
        uint32_t fate = dice(cut, 3);
        if (fate == 1 && end - at > 1)
            stop = at + (end - at) / 2; /* torn: the front half */
        if (fate != 0)
            put_bytes(&cut->scratch, op->offset + at, op->bytes + at, stop - at);
        at = end;
    }
}

/* The file's bytes after the cut, in cut->scratch. */
static void make_content(struct cut *cut, int node, size_t at, enum mood mood)
{
    const struct content *durable = &cut->contents[node];
    cut->scratch.size = 0;
    put_bytes(&cut->scratch, 0, durable->bytes, durable->size);
    for (size_t i = cut->from; i < at; i++) {
        const struct journal_op *op = &cut->ops[i];
        if (op->node != node || !is_content(op))
            continue;
        if (op->durable_at < at || mood == KEPT)
            apply_content(&cut->scratch, op);
        else if (mood == MIXED && op->kind == JOURNAL_WRITE)
            apply_sectors(cut, op);
        else if (mood == MIXED && dice(cut, 2) == 0)
            apply_content(&cut->scratch, op);
    }
}

static void write_file(const struct cut *cut, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert(fd >= 0);
    ssize_t put = cut->scratch.size > 0 ? write(fd, cut->scratch.bytes, cut->scratch.size) : 0;
    int closed = close(fd);
    assert(put == (ssize_t)cut->scratch.size && closed == 0);
}

/* Folders first; what is in a folder whose own name is lost cannot be reached. */
static void write_all(struct cut *cut, const struct names *names, size_t at, enum mood mood,
                      const char *folder)
{
    for (int files = 0; files < 2; files++)
        for (size_t i = 0; i < names->n; i++) {
            char path[256], parent[256];
            (void)snprintf(path, sizeof path, "%s/%s", folder, names->list[i].path);
            (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
            if (names->list[i].is_folder != (files == 0))
                continue;
            if (files == 0) {
                int made = mkdir(path, 0700);
                assert(made == 0);
            } else if (access(parent, F_OK) == 0) {
                make_content(cut, names->list[i].node, at, mood);
                write_file(cut, path);
            }
        }
}

size_t cut_power(struct cut *cut, size_t at, uint32_t seed, const char *folder)
{
    cut->noise = seed * 2654435761U + 1;
    move_along(cut, at);
    struct names names = cut->names;
    enum mood of_names = (enum mood)dice(cut, MOODS), of_bytes = (enum mood)dice(cut, MOODS);
    size_t in_doubt = 0;
    for (size_t i = cut->from; i < at; i++) {
        const struct journal_op *op = &cut->ops[i];
        bool is_durable = op->durable_at < at;
        in_doubt += !is_durable;
        if (is_content(op) || op->kind == JOURNAL_SYNC)
            continue;
        if (is_durable || of_names == KEPT || (of_names == MIXED && dice(cut, 2) == 0))
            apply_name(&names, op);
    }
    write_all(cut, &names, at, of_bytes, folder);
    return in_doubt;
}
