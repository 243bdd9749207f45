/* One vehicle's passage through a camera's view: what vote makes out of many readings. */
#ifndef LANEWARD_DAEMON_PASSAGE_H
#define LANEWARD_DAEMON_PASSAGE_H

#include "storage/row.h"

/* The row that is to be stored, and the best picture of its plate. No pointers. */
struct passage {
    struct row row;
    uint8_t crop[ROW_MAX_CROP]; /* row.crop_size bytes are used */
};

/* The first bytes of the id of every passage of a camera: by them the keeper refuses a recognizer
 * that would replace another camera's passage. */
enum { PASSAGE_TAG_SIZE = 4 };
void passage_tag(const char *camera, uint8_t tag[PASSAGE_TAG_SIZE]);

/* The id of a passage, from what does not change when the same pictures are read again: the camera,
 * its first picture's name and time, and its place among the passages that began in that picture.
 * Not a secret. */
void passage_id(const char *camera, const char *picture, int64_t seen_ms, uint32_t born,
                uint8_t id[ROW_ID_SIZE]);

#endif
