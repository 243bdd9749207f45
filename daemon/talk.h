/* The wire form of what the desk and the keeper say to one another: questions, and all answers but
 * passages. Pure. */
#ifndef LANEWARD_DAEMON_TALK_H
#define LANEWARD_DAEMON_TALK_H

#include "base/wire.h"
#include "daemon/message.h"

/* Whether messages of this type are packed here. */
bool talk_has(enum message_type type);

void talk_put(struct wire *w, const struct message *message);

/* What is not right sets w->bad. */
void talk_get(struct wire *w, struct message *message);

#endif
