/* Questions over all segments: passages newest first, and the picture of one. */
#ifndef LANEWARD_STORAGE_SEARCH_H
#define LANEWARD_STORAGE_SEARCH_H

#include "storage/inside.h"

/* Of passages of this class, at this moment: the first first_ms that is within the term. */
int64_t search_horizon(const struct store *store, enum keyring_class class, int64_t now_ms);
/* The same of their pictures. */
int64_t search_crop_horizon(const struct store *store, enum keyring_class class, int64_t now_ms);

/* As store_find; the query is checked. */
enum err search_rows(struct store *store, const struct store_query *query, struct row *rows,
                     size_t *n_rows, struct fault *why) MUST_USE;

#endif
