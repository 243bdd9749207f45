/* A power cut in the middle of a journal: what is on the disk after it. */
#ifndef LANEWARD_TESTS_STORAGE_CUT_H
#define LANEWARD_TESTS_STORAGE_CUT_H

#include <stddef.h>
#include <stdint.h>

/* The journal's folder at ever later points. */
struct cut;

struct cut *cut_new(void);
void cut_free(struct cut **cut);

/* Fills `folder`, which is empty, as a power cut before operation `at` (never less than the one
 * before) leaves it: what was synced is there; of the rest each name is kept or lost, each sector
 * kept, lost or torn, as the seed says. Returns how many operations were in doubt. */
size_t cut_power(struct cut *cut, size_t at, uint32_t seed, const char *folder);

#endif
