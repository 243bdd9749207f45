/* Text that people wrote and others will read on their screens. */
#ifndef LANEWARD_BASE_WORDS_H
#define LANEWARD_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at `text` (UTF-8, with its closing zero) that could hide or move what is
 * shown beside it: controls, also those above 127, which terminals obey, marks of direction, and
 * ends of lines. 0: it is none. */
size_t words_odd(const char *text);

/* None of them in the whole text. */
bool words_are_plain(const char *text);

#endif
