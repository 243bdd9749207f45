/* Drawing honey plates from HMAC-SHA256. */
#include "tools/bait.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW_SIZE = 32, SHORTEST = 5, LONGEST = 9, MINUTES = 1440 };

/* As many numbers as wanted out of one secret and one text. */
struct draw {
    const struct bait_source *source;
    char text[160];
    unsigned round;
    size_t used;
    uint8_t bytes[DRAW_SIZE];
};

static void begin(struct draw *draw, const struct bait_source *source, const char *day, unsigned i)
{
    *draw = (struct draw){.source = source, .used = DRAW_SIZE};
    snprintf(draw->text, sizeof draw->text, "laneward honey 1\n%s\n%s\n%u", source->lane, day, i);
}

/* 0 .. below - 1; the bias of 32 bits against such small numbers is of no use to anybody. */
static unsigned next(struct draw *draw, unsigned below)
{
    if (draw->used + 4 > DRAW_SIZE) {
        char text[192];
        unsigned size = DRAW_SIZE;
        int length = snprintf(text, sizeof text, "%s\n%u", draw->text, draw->round++);
        (void)HMAC(EVP_sha256(), draw->source->secret, (int)draw->source->secret_size,
                   (const unsigned char *)text, (size_t)length, draw->bytes, &size);
        draw->used = 0;
    }
    uint32_t value = 0;
    for (int k = 0; k < 4; k++)
        value = value << 8 | draw->bytes[draw->used++];
    return value % below;
}

static bool is_of(const char *region, const char *country)
{
    size_t n = country != NULL ? strlen(country) : 0;
    return n == 0 || (strncmp(region, country, n) == 0 && (region[n] == '\0' || region[n] == '-'));
}

static bool can_be_bait(const struct bait_source *source, const struct pattern *pattern)
{
    const struct pattern_list *list = source->patterns;
    return pattern->n >= SHORTEST && pattern->n <= LONGEST && pattern_count(list, pattern) > 1000 &&
           is_of(list->regions[pattern->region].name, source->country);
}

/* A pattern by its weight, among all that can be; NULL: there is none. */
static const struct pattern *choose(struct draw *draw)
{
    const struct pattern_list *list = draw->source->patterns;
    double total = 0, below = 0;
    const struct pattern *chosen = NULL;
    for (size_t i = 0; i < list->n_patterns; i++)
        total +=
            can_be_bait(draw->source, &list->patterns[i]) ? (double)list->patterns[i].weight : 0;
    double at = (double)next(draw, 1u << 30) / (1u << 30) * total;
    for (size_t i = 0; i < list->n_patterns && (chosen == NULL || below <= at); i++) {
        if (!can_be_bait(draw->source, &list->patterns[i]))
            continue;
        chosen = &list->patterns[i];
        below += (double)chosen->weight;
    }
    return chosen;
}

static char character(struct draw *draw, uint64_t allowed)
{
    static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    unsigned at = next(draw, (unsigned)__builtin_popcountll(allowed));
    for (size_t c = 0; c < sizeof all - 1; c++)
        if ((allowed >> c & 1) && at-- == 0)
            return all[c];
    return '0';
}

static int by_minute(const void *a, const void *b)
{
    const struct bait *one = a, *other = b;
    return one->minute - other->minute;
}

bool bait_day(const struct bait_source *source, const char *day, unsigned n, struct bait *out)
{
    for (unsigned i = 0; i < n; i++) {
        struct draw draw;
        begin(&draw, source, day, i);
        const struct pattern *pattern = choose(&draw);
        if (pattern == NULL)
            return false;
        out[i] = (struct bait){.minute = (int)next(&draw, MINUTES)};
        snprintf(out[i].region, sizeof out[i].region, "%s",
                 source->patterns->regions[pattern->region].name);
        for (size_t k = 0; k < pattern->n; k++)
            out[i].plate[k] = character(&draw, pattern_allowed(source->patterns, pattern, k));
    }
    qsort(out, n, sizeof *out, by_minute);
    return true;
}
