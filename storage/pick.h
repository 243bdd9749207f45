/* One passage by its id. */
#ifndef LANEWARD_STORAGE_PICK_H
#define LANEWARD_STORAGE_PICK_H

#include "storage/store.h"

/* ERR_NOT_FOUND: none of this id is stored, or it is past its term. */
enum err pick_row(struct store *store, const uint8_t id[ROW_ID_SIZE], struct row *out,
                  struct fault *why) MUST_USE;

#endif
