/* Parses region pattern files. */
#include "ocr/pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t DIGITS = 0x3ff, LETTERS = (uint64_t)0x3ffffff << 10;

/* A part of a line; not ended by a zero. */
struct span {
    const char *at;
    size_t n;
};

/* Where the parser is, for what it complains about. */
struct place {
    const char *name;
    unsigned line;
    struct fault *why;
};

/* Class bit of a character, 0 if it is none of A-Z 0-9. */
static uint64_t bit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (uint64_t)1 << (c - '0');
    if (c >= 'A' && c <= 'Z')
        return (uint64_t)1 << (10 + c - 'A');
    return 0;
}

static enum err complain(const struct place *place, struct span what, const char *reason)
{
    return fault_set(place->why, ERR_INPUT, "%s:%u: '%.*s': %s", place->name, place->line,
                     (int)(what.n < 40 ? what.n : 40), what.at, reason);
}

/* The bits between [ and ]; *used counts the brackets. 0: not a proper class. */
static uint64_t class_bits(struct span text, size_t *used)
{
    uint64_t bits = 0;
    for (size_t i = 1; i < text.n;) {
        if (text.at[i] == ']') {
            *used = i + 1;
            return bits;
        }
        uint64_t low = bit_of(text.at[i]), high = low;
        if (i + 2 < text.n && text.at[i + 1] == '-') {
            high = bit_of(text.at[i + 2]);
            i += 2;
        }
        bool same_kind = ((low & DIGITS) != 0) == ((high & DIGITS) != 0);
        if (low == 0 || high < low || !same_kind)
            return 0;
        bits |= high | (high - low);
        i++;
    }
    return 0;
}

static enum err parse_places(const struct place *place, struct span text, struct pattern *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t used = 1;
        uint64_t bits = bit_of(text.at[i]);
        bool open = text.at[i] == '@' || text.at[i] == '?';
        if (text.at[i] == '@')
            bits = LETTERS;
        else if (text.at[i] == '#')
            bits = DIGITS;
        else if (text.at[i] == '?')
            bits = LETTERS | DIGITS;
        else if (text.at[i] == '[')
            bits = class_bits((struct span){text.at + i, text.n - i}, &used);
        if (bits == 0)
            return complain(place, (struct span){text.at + i, text.n - i},
                            "a pattern has @ # ? A-Z 0-9 and classes such as [A-FH]");
        if (out->n == READING_MAX_CHARS)
            return complain(place, text, "a plate has at most 12 characters");
        out->open |= (uint16_t)(open ? 1u << out->n : 0);
        out->allow[out->n++] = bits;
        i += used;
    }
    return out->n > 0 ? ERR_OK : complain(place, text, "an empty pattern");
}

static bool is_region_name(struct span name)
{
    if (name.n == 0 || name.n >= READING_REGION_SIZE || name.at[0] < 'a' || name.at[0] > 'z')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

/* Room for one more item of `size` bytes; false: no memory. */
static bool grow(void **items, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return true;
    size_t more = *room ? *room * 2 : 64;
    void *moved = realloc(*items, more * size);
    if (moved == NULL)
        return false;
    *items = moved;
    *room = more;
    return true;
}

static enum err find_region(const struct place *place, struct span name, struct pattern_list *list,
                            uint16_t *index)
{
    if (!is_region_name(name))
        return complain(place, name, "a region's name is at most 11 of a-z 0-9 -, a letter first");
    for (size_t i = 0; i < list->n_regions; i++)
        if (strlen(list->regions[i].name) == name.n &&
            memcmp(list->regions[i].name, name.at, name.n) == 0) {
            *index = (uint16_t)i;
            return ERR_OK;
        }
    if (list->n_regions == PATTERN_MAX_REGIONS)
        return fault_set(place->why, ERR_LIMIT, "%s:%u: more than %d regions", place->name,
                         place->line, PATTERN_MAX_REGIONS);
    void *regions = list->regions;
    bool room = grow(&regions, list->n_regions, &list->regions_room, sizeof *list->regions);
    list->regions = regions;
    if (!room)
        return fault_set(place->why, ERR_MEMORY, "%s: no memory", place->name);
    struct pattern_region *region = &list->regions[list->n_regions];
    *region = (struct pattern_region){.vehicles = PATTERN_VEHICLES};
    memcpy(region->name, name.at, name.n);
    *index = (uint16_t)list->n_regions++;
    return ERR_OK;
}

static enum err add_pattern(const struct place *place, const struct pattern *pattern,
                            struct pattern_list *list)
{
    if (list->n_patterns == PATTERN_MAX)
        return fault_set(place->why, ERR_LIMIT, "%s:%u: more than %d patterns", place->name,
                         place->line, PATTERN_MAX);
    void *patterns = list->patterns;
    bool room = grow(&patterns, list->n_patterns, &list->patterns_room, sizeof *list->patterns);
    list->patterns = patterns;
    if (!room)
        return fault_set(place->why, ERR_MEMORY, "%s: no memory", place->name);
    list->patterns[list->n_patterns++] = *pattern;
    return ERR_OK;
}

static enum err parse_number(const struct place *place, struct span text, float *out)
{
    char copy[24], *end;
    if (text.n == 0 || text.n >= sizeof copy)
        return complain(place, text, "a number above 0 stands here");
    memcpy(copy, text.at, text.n);
    copy[text.n] = 0;
    double value = strtod(copy, &end);
    if (end != copy + text.n || !(value > 0) || !(value <= 1e6))
        return complain(place, text, "a number above 0 stands here");
    *out = (float)value;
    return ERR_OK;
}

static enum err parse_absent(const struct place *place, struct span text, uint64_t *out)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint64_t bit = bit_of(text.at[i]);
        if (bit == 0)
            return complain(place, text, "absent characters are of A-Z 0-9");
        bits |= bit;
    }
    *out = bits;
    return ERR_OK;
}

static bool says(struct span text, const char *word)
{
    return text.n == strlen(word) && memcmp(text.at, word, text.n) == 0;
}

/* "!region absent LETTERS", "!region vehicles NUMBER" */
static enum err parse_fact(const struct place *place, const struct span field[3], size_t n,
                           struct pattern_list *list)
{
    uint16_t region;
    uint64_t absent = 0;
    float vehicles = 0;
    struct span name = {field[0].at + 1, field[0].n - 1};
    enum err err;
    if (n == 3 && field[2].n > 0 && says(field[1], "absent"))
        err = parse_absent(place, field[2], &absent);
    else if (n == 3 && says(field[1], "vehicles"))
        err = parse_number(place, field[2], &vehicles);
    else
        err = complain(place, field[0],
                       "a fact reads: !region<TAB>absent<TAB>LETTERS or vehicles<TAB>NUMBER");
    if (!err)
        err = find_region(place, name, list, &region);
    if (err)
        return err;
    list->regions[region].absent |= absent;
    if (vehicles > 0)
        list->regions[region].vehicles = vehicles;
    return ERR_OK;
}

static enum err parse_line(const struct place *place, struct span line, struct pattern_list *list)
{
    struct span field[3] = {0};
    size_t n = 0;
    for (const char *at = line.at, *end = line.at + line.n;;) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (n == 3)
            return complain(place, line, "more than three fields");
        field[n++] = (struct span){at, (size_t)((tab ? tab : end) - at)};
        if (tab == NULL)
            break;
        at = tab + 1;
    }
    if (line.at[0] == '!')
        return parse_fact(place, field, n, list);
    struct pattern pattern = {.weight = 1};
    if (n < 2)
        return complain(place, line, "a line reads: region<TAB>pattern[<TAB>weight]");
    enum err err = parse_places(place, field[1], &pattern);
    if (!err && n == 3)
        err = parse_number(place, field[2], &pattern.weight);
    if (!err)
        err = find_region(place, field[0], list, &pattern.region);
    return err ? err : add_pattern(place, &pattern, list);
}

static enum err parse_lines(struct place *place, struct span text, struct pattern_list *list)
{
    for (const char *at = text.at, *end = text.at + text.n; at < end; place->line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)((newline ? newline : end) - at)};
        at = newline ? newline + 1 : end;
        while (line.n > 0 && strchr(" \t\r", line.at[line.n - 1]) != NULL &&
               line.at[line.n - 1] != 0)
            line.n--;
        if (line.n == 0 || line.at[0] == '#')
            continue;
        enum err err = parse_line(place, line, list);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum err pattern_parse(const char *text, size_t size, const char *name, struct pattern_list *list,
                       struct fault *why)
{
    /* What a failing file said of regions known before must not stay. */
    struct pattern_region before[PATTERN_MAX_REGIONS];
    size_t n_patterns = list->n_patterns, n_regions = list->n_regions;
    for (size_t i = 0; i < n_regions; i++)
        before[i] = list->regions[i];
    struct place place = {name, 1, why};
    enum err err = parse_lines(&place, (struct span){text, size}, list);
    if (err) {
        list->n_patterns = n_patterns;
        list->n_regions = n_regions;
        for (size_t i = 0; i < n_regions; i++)
            list->regions[i] = before[i];
    }
    return err;
}

void pattern_list_release(struct pattern_list *list)
{
    free(list->patterns);
    free(list->regions);
    *list = (struct pattern_list){0};
}

uint64_t pattern_allowed(const struct pattern_list *list, const struct pattern *pattern, size_t i)
{
    uint64_t absent = pattern->open >> i & 1 ? list->regions[pattern->region].absent : 0;
    return pattern->allow[i] & ~absent;
}

double pattern_count(const struct pattern_list *list, const struct pattern *pattern)
{
    double count = 1;
    for (size_t i = 0; i < pattern->n; i++)
        count *= __builtin_popcountll(pattern_allowed(list, pattern, i));
    return count;
}
