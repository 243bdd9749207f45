/* What the keeper does by the clock: heads of the log, forgetting, honey plates, and what happens
 * to host, clock and configuration. */
#ifndef LANEWARD_DAEMON_ROUNDS_H
#define LANEWARD_DAEMON_ROUNDS_H

#include "daemon/vault.h"

struct rounds;

/* Records the start, forgets what is due, and signs a head. `vault` is borrowed. What cannot be
 * written now is done later. ERR_MEMORY. */
enum err rounds_new(struct rounds **out, struct vault *vault, struct fault *why) MUST_USE;
void rounds_free(struct rounds **rounds);

/* All that is due, with no batch open. To be called a few times a second. */
void rounds_work(struct rounds *rounds);

/* A passage was stored: honey of its camera will look like it. */
void rounds_saw(struct rounds *rounds, unsigned camera, const struct row *row);

/* The end: a head over what no head has signed yet, and the time that is believed. */
void rounds_end(struct rounds *rounds);

#endif
