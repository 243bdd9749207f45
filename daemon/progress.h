/* How far a watched folder has been read for good: which pictures hold nothing that is still on its
 * way. Pure. */
#ifndef LANEWARD_DAEMON_PROGRESS_H
#define LANEWARD_DAEMON_PROGRESS_H

#include "base/err.h"
#include "daemon/mailbox.h"

struct progress;

enum err progress_new(struct progress **out, struct fault *why) MUST_USE;
void progress_free(struct progress **progress);

/* A picture has gone through recognition: its number, which rises, and the folder's position after
 * it. */
void progress_note(struct progress *progress, uint64_t number, const char *cursor);

/* The position before which every picture is settled, when the passages still open or
 * unacknowledged were first seen in picture `oldest` or later; NULL: none yet. Never too far; a
 * little behind when very many pictures are open. */
const char *progress_settled(const struct progress *progress, uint64_t oldest);

#endif
