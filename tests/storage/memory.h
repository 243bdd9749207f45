/* Looks for bytes in all memory of this process that can be written, as a core image would have it.
 */
#ifndef LANEWARD_TESTS_STORAGE_MEMORY_H
#define LANEWARD_TESTS_STORAGE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { MEMORY_MASK = 0x5A, MEMORY_WORD = 16 };

/* How often the first MEMORY_WORD bytes of a key occur; the key is given with every byte XORed with
 * MEMORY_MASK, so that the question is not its own answer. */
size_t memory_count(const uint8_t masked[MEMORY_WORD]);

#endif
