/* One vehicle's passage through a camera's view: what vote makes out of many readings. */
#ifndef LANEWARD_DAEMON_PASSAGE_H
#define LANEWARD_DAEMON_PASSAGE_H

#include "storage/row.h"

/* The row that is to be stored, and the best picture of its plate. No pointers. */
struct passage {
    struct row row;
    uint8_t crop[ROW_MAX_CROP]; /* row.crop_size bytes are used */
};

#endif
