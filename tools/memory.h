/* What a client remembers of one daemon's log of looks: its key and the newest head that was seen.
 * A small file of the user, ~/.local/state/laneward/HOST.head or one in $LANEWARD_STATE. */
#ifndef LANEWARD_TOOLS_MEMORY_H
#define LANEWARD_TOOLS_MEMORY_H

#include "evidence/head.h"

enum { MEMORY_PATH_SIZE = 4096, MEMORY_TEXT_SIZE = 400 };

struct memory {
    char path[MEMORY_PATH_SIZE];
    bool has_key, has_head;
    uint8_t key[SIGNATURE_PUBLIC_SIZE]; /* the first that was seen, or one that was given */
    struct head head;                   /* the newest that was good */
    int64_t pinned_ms;                  /* when the key was taken */
    int64_t asked_ms;                   /* of the last look that was answered; 0: none */
    uint64_t asked_size;                /* and the size of the log's head then */
    /* What was found wrong first; it stays until somebody accepts it. */
    int64_t broken_ms; /* 0: nothing */
    char broken[MEMORY_TEXT_SIZE];
    char broken_log[4 * HEAD_MAX_BYTES]; /* what the daemon had sent as its log, in JSON */
};

/* Reads what is remembered of the daemon at this socket; nothing yet is ERR_OK too. ERR_CORRUPT:
 * the file is not understood. ERR_DENIED: somebody else can write it. ERR_IO: no place for it.
 * out->path is set in all cases but the last. */
enum err memory_load(struct memory *out, const char *socket_path, struct fault *why) MUST_USE;

/* Stores it, mode 0600, by replacing the file. What another command of the user has stored
 * meanwhile is kept where it is newer. ERR_IO. */
enum err memory_save(struct memory *memory, struct fault *why) MUST_USE;

/* Renames the file to `out` (MEMORY_PATH_SIZE), so that the next question begins anew and the
 * evidence stays. ERR_NOT_FOUND, ERR_IO. */
enum err memory_set_aside(const struct memory *memory, int64_t now_ms, char *out,
                          struct fault *why) MUST_USE;

#endif
