/* Bayes' rule over the candidates of the first reader and the text of the second. */
#include "ocr/agree.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ocr/reader.h"

bool agree_is_asked(const struct agree_rules *rules, const struct reading *reading)
{
    return reading->n_candidates == 0 || reading->candidates[0].confidence < rules->unsure_below;
}

/* The index of a text among the candidates, or n_candidates. */
static unsigned find(const struct reading *reading, const char *text)
{
    unsigned i = 0;
    while (i < reading->n_candidates && strcmp(reading->candidates[i].text, text) != 0)
        i++;
    return i;
}

/* The candidate at `from` goes up past all that are less likely; true: to the first place, from
 * another. */
static bool rise(struct reading *reading, unsigned from)
{
    const struct candidate moved = reading->candidates[from];
    unsigned was = from;
    for (; from > 0 && reading->candidates[from - 1].confidence < moved.confidence; from--)
        reading->candidates[from] = reading->candidates[from - 1];
    reading->candidates[from] = moved;
    return from == 0 && was > 0;
}

/* `same`: the candidate that the second reader gives too, or n_candidates. */
static void weigh(const struct agree_rules *rules, struct reading *reading, unsigned same)
{
    float gain = rules->same_if_right / rules->same_if_wrong;
    float loss = (1 - rules->same_if_right) / (1 - rules->same_if_wrong);
    bool known = same < reading->n_candidates;
    float before = known ? reading->candidates[same].confidence : 0;
    /* With the text among the candidates, it gains against all others; without it, all candidates
     * lose. */
    float scale = known ? 1 / (before * gain + (1 - before)) : loss;
    for (unsigned i = 0; i < reading->n_candidates; i++) {
        float changed = reading->candidates[i].confidence * scale * (i == same ? gain : 1);
        reading->candidates[i].confidence = fminf(fmaxf(changed, 0), 1);
    }
}

static void add(const struct candidate *second, float confidence, unsigned topn,
                struct reading *reading)
{
    unsigned at = reading->n_candidates < topn ? reading->n_candidates++ : topn - 1;
    reading->candidates[at] = *second;
    reading->candidates[at].confidence = confidence;
}

/* Positions of the first candidate without knowledge of each. */
static void spread(struct reading *reading)
{
    const struct candidate *best = &reading->candidates[0];
    size_t n = strlen(best->text);
    assert(reading->n_candidates > 0 && n > 0 && n <= READING_MAX_CHARS);
    float own = powf(best->confidence, 1 / (float)n), other = (1 - own) / (READER_CLASSES - 1);
    memset(reading->position, 0, sizeof reading->position);
    reading->n_positions = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(READER_ALPHABET, best->text[i]);
        assert(at != NULL);
        for (size_t c = 0; c < READER_CLASSES; c++)
            reading->position[i][c] = other;
        reading->position[i][at - READER_ALPHABET + 1] = own;
    }
}

void agree_apply(const struct agree_rules *rules, const struct candidate *second, unsigned topn,
                 float reject, struct reading *reading)
{
    assert(topn >= 1 && topn <= READING_MAX_CANDIDATES && reading->n_candidates <= topn);
    if (second->text[0] == '\0' || second->confidence < rules->heard_from)
        return;
    unsigned same = find(reading, second->text);
    bool is_new = same == reading->n_candidates, is_first = same == 0 && !is_new;
    bool none = reading->n_candidates == 0;
    reading->was_compared = !none;
    reading->was_same = is_first;
    weigh(rules, reading, same);
    if (is_new && (none || topn > 1)) {
        add(second, fminf(rules->alone, none ? second->confidence : 1), topn, reading);
        same = reading->n_candidates - 1u;
    }
    if (same < reading->n_candidates && !is_first && (rise(reading, same) || none))
        spread(reading);
    reading->needs_review = !is_first || reading->candidates[0].confidence < reject;
}

void agree_alone(const struct candidate *second, float reject, struct reading *reading)
{
    assert(reading->n_candidates == 0);
    reading->needs_review = second->text[0] == '\0' || second->confidence < reject;
    if (second->text[0] == '\0')
        return;
    reading->candidates[reading->n_candidates++] = *second;
    spread(reading);
}
