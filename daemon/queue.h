/* Pictures of a watched folder that are yet to be read, in the order of their arrival. Pure; memory
 * is fixed. */
#ifndef LANEWARD_DAEMON_QUEUE_H
#define LANEWARD_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUEUE_ROOM = 2048, QUEUE_NAME_SIZE = 256 };

/* A picture's place in the order: the kernel's time of its last change, then its name. That time,
 * unlike the time of the last write, cannot be set by the camera or the FTP server, whose clocks
 * differ; a renamed file gets a new one. */
struct queue_place {
    int64_t changed_ns;
    char name[QUEUE_NAME_SIZE];
};

/* Sorted. Zero-initialised it is empty. */
struct queue {
    size_t n;
    bool has_more; /* some were left out for want of room: the folder has to be listed again */
    struct queue_place places[QUEUE_ROOM];
};

/* Less than 0, 0, more than 0. */
int queue_compare(const struct queue_place *a, const struct queue_place *b);

/* Puts a place in; one of the same name is replaced. When there is no room the last falls out. */
void queue_add(struct queue *queue, const struct queue_place *place);

/* Takes the first off. There is one. */
void queue_drop_first(struct queue *queue);

/* The text form: "NANOSECONDS NAME"; `size` of at least 300. parse: false for what is not such a
 * text. */
void queue_text(const struct queue_place *place, char *out, size_t size);
bool queue_parse(const char *text, struct queue_place *out);

#endif
