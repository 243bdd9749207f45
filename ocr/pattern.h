/* Region pattern files: which texts the plates of a jurisdiction carry.
 *
 *   # a comment
 *   us-ny<TAB>@@@####            @ a letter, # a digit, ? either, [A-FH] one of a class, anything
 *                                else itself
 *   us-ny<TAB>@@@###<TAB>0.2     with a weight against the region's other patterns; 1 when absent
 *   !us-ny<TAB>absent<TAB>OIQ    letters that the region's serials never use: @ and ? leave them
 * out !us-ny<TAB>vehicles<TAB>113  how many of the region's are met, against other regions; 50 when
 *                                absent
 */
#ifndef LANEWARD_OCR_PATTERN_H
#define LANEWARD_OCR_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ocr/reading.h"

enum { PATTERN_MAX = 8192, PATTERN_MAX_REGIONS = 512, PATTERN_VEHICLES = 50 };

/* One pattern: bit c - 1 of allow[i] says that class c (1 = '0' .. 36 = 'Z') may stand at place i.
 */
struct pattern {
    uint64_t allow[READING_MAX_CHARS];
    uint16_t open;   /* bit i: place i was @ or ? and follows the region's absent letters */
    uint8_t n;       /* places */
    uint16_t region; /* index of its region */
    float weight;    /* above 0 */
};

struct pattern_region {
    char name[READING_REGION_SIZE];
    uint64_t absent;
    float vehicles; /* above 0 */
};

/* Grows as files are parsed into it; all zero to begin with. */
struct pattern_list {
    struct pattern *patterns;
    struct pattern_region *regions;
    size_t n_patterns, n_regions, patterns_room, regions_room;
};

/* Pure: adds a file's patterns to the list. `name` stands in the fault, with the line. ERR_INPUT,
 * ERR_LIMIT, ERR_MEMORY; then the list is as it was. */
enum err pattern_parse(const char *text, size_t size, const char *name, struct pattern_list *list,
                       struct fault *why) MUST_USE;
void pattern_list_release(struct pattern_list *list);

/* The classes that may stand at place i once the absent letters are gone. */
uint64_t pattern_allowed(const struct pattern_list *list, const struct pattern *pattern, size_t i);

/* How many texts the pattern has; 0 when a place allows nothing. */
double pattern_count(const struct pattern_list *list, const struct pattern *pattern);

#endif
