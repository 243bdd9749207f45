/* A sorted array of places. */
#include "daemon/queue.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int queue_compare(const struct queue_place *a, const struct queue_place *b)
{
    if (a->changed_ns != b->changed_ns)
        return a->changed_ns < b->changed_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void remove_at(struct queue *queue, size_t at)
{
    memmove(&queue->places[at], &queue->places[at + 1],
            (queue->n - at - 1) * sizeof queue->places[0]);
    queue->n--;
}

static void remove_name(struct queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->n; i++)
        if (strcmp(queue->places[i].name, name) == 0) {
            remove_at(queue, i);
            return;
        }
}

void queue_add(struct queue *queue, const struct queue_place *place)
{
    remove_name(queue, place->name);
    size_t low = 0, high = queue->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (queue_compare(&queue->places[middle], place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (queue->n == QUEUE_ROOM) {
        queue->has_more = true;
        if (low == QUEUE_ROOM)
            return;
        queue->n--;
    }
    memmove(&queue->places[low + 1], &queue->places[low],
            (queue->n - low) * sizeof queue->places[0]);
    queue->places[low] = *place;
    queue->n++;
}

void queue_drop_first(struct queue *queue)
{
    assert(queue->n > 0);
    remove_at(queue, 0);
}

void queue_text(const struct queue_place *place, char *out, size_t size)
{
    assert(size >= 300);
    snprintf(out, size, "%" PRId64 " %s", place->changed_ns, place->name);
}

bool queue_parse(const char *text, struct queue_place *out)
{
    struct queue_place place = {0};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 19 || text[digits] != ' ')
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = text[i] - '0';
        if (place.changed_ns > (INT64_MAX - digit) / 10)
            return false;
        place.changed_ns = place.changed_ns * 10 + digit;
    }
    size_t length = strlen(text + digits + 1);
    if (length == 0 || length >= sizeof place.name || strchr(text + digits + 1, '/') != NULL)
        return false;
    memcpy(place.name, text + digits + 1, length);
    *out = place;
    return true;
}
