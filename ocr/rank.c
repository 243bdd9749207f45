/* Ranking: candidates from the beam and from look-alikes, weighed by the syntax. */
#include "ocr/rank.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/reader.h"

enum { RANK_MAX = 256, RANK_TWISTED = 6 /* texts whose look-alikes are tried */ };

/* Characters that are taken for each other. */
static const char *const look_alikes[] = {
    "O0", "D0", "Q0", "OQ", "OD", "I1", "IT", "17", "B8", "S5", "Z2", "G6", "Z7", "4A",
    "UV", "VY", "MW", "MN", "CG", "EF", "PR", "38", "69", "L1", "HN", "KX", "56", "B3"};

struct entry {
    struct ctc_text text;
    struct syntax_fit fit;
    double score; /* probability times the syntax's odds */
};

struct rank {
    struct ctc *ctc;
    struct ctc_text beam[CTC_BEAM];
    struct entry entry[RANK_MAX]; /* best first */
    size_t n;
};

enum err rank_new(struct rank **out, struct fault *why)
{
    struct rank *rank = calloc(1, sizeof *rank);
    if (rank == NULL)
        return fault_set(why, ERR_MEMORY, "no memory to rank texts in");
    enum err err = ctc_new(&rank->ctc, why);
    if (err)
        rank_free(&rank);
    else
        *out = rank;
    return err;
}

void rank_free(struct rank **rank)
{
    if (*rank != NULL)
        ctc_free(&(*rank)->ctc);
    free(*rank);
    *rank = NULL;
}

static uint8_t class_of(char c)
{
    const char *at = strchr(READER_ALPHABET, c);
    assert(c != 0 && at != NULL);
    return (uint8_t)(at - READER_ALPHABET + 1);
}

static bool same_text(const struct ctc_text *a, const struct ctc_text *b)
{
    return a->n == b->n && memcmp(a->code, b->code, a->n) == 0;
}

/* Best first; of equals the shorter, then the smaller classes, so that runs do not differ. */
static bool comes_before(const struct entry *a, const struct entry *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->text.n != b->text.n)
        return a->text.n < b->text.n;
    return memcmp(a->text.code, b->text.code, a->text.n) < 0;
}

static void add(struct rank *rank, const struct rank_views *views, const struct syntax *syntax,
                const struct ctc_text *text)
{
    for (size_t i = 0; i < rank->n; i++)
        if (same_text(&rank->entry[i].text, text))
            return;
    if (rank->n == RANK_MAX)
        return;
    struct entry entry = {.text = *text};
    entry.text.p = 0;
    for (uint8_t v = 0; v < views->n; v++)
        entry.text.p += ctc_probability(&views->odds[v], text) / views->n;
    entry.fit = syntax_judge(syntax, text->code, text->n);
    entry.score = entry.text.p * entry.fit.odds;
    size_t at = rank->n++;
    for (; at > 0 && comes_before(&entry, &rank->entry[at - 1]); at--)
        rank->entry[at] = rank->entry[at - 1];
    rank->entry[at] = entry;
}

/* The texts one look-alike away, where the picture gives that character any chance at all. */
static void add_look_alikes(struct rank *rank, const struct rank_views *views,
                            const struct syntax *syntax, const struct ctc_text *text)
{
    double chance[READING_MAX_CLASSES] = {0};
    for (uint8_t v = 0; v < views->n; v++)
        for (size_t t = 0; t < views->odds[v].steps; t++)
            for (size_t c = 1; c < views->odds[v].classes; c++)
                chance[c] = fmax(chance[c], views->odds[v].p[t][c]);
    for (size_t i = 0; i < text->n; i++)
        for (size_t k = 0; k < sizeof look_alikes / sizeof look_alikes[0]; k++) {
            uint8_t a = class_of(look_alikes[k][0]), b = class_of(look_alikes[k][1]);
            if (text->code[i] != a && text->code[i] != b)
                continue;
            struct ctc_text twisted = *text;
            twisted.code[i] = text->code[i] == a ? b : a;
            if (chance[twisted.code[i]] > 1e-5)
                add(rank, views, syntax, &twisted);
        }
}

static struct candidate candidate_of(const struct syntax *syntax, const struct entry *entry,
                                     double sum)
{
    const struct syntax_origin origin = syntax_origin_of(syntax, entry->text.code, entry->text.n);
    struct candidate candidate = {.confidence = (float)fmin(1, entry->score / sum),
                                  .matches_pattern = entry->fit.matches};
    for (size_t i = 0; i < entry->text.n; i++)
        candidate.text[i] = READER_ALPHABET[entry->text.code[i] - 1];
    memcpy(candidate.region, origin.region, sizeof candidate.region);
    candidate.region_share = origin.share;
    return candidate;
}

static void gather(struct rank *rank, const struct rank_views *views, const struct syntax *syntax)
{
    rank->n = 0;
    for (uint8_t v = 0; v < views->n; v++) {
        size_t n = ctc_beam(rank->ctc, &views->odds[v], rank->beam);
        for (size_t i = 0; i < n; i++)
            add(rank, views, syntax, &rank->beam[i]);
        for (size_t i = 0; i < n && i < RANK_TWISTED; i++)
            add_look_alikes(rank, views, syntax, &rank->beam[i]);
    }
}

/* The mean of the views' distributions. */
static void fill_positions(const struct rank_views *views, const struct ctc_text *text,
                           struct reading *out)
{
    out->n_positions = text->n;
    for (uint8_t v = 0; v < views->n; v++) {
        float position[READING_MAX_CHARS][READING_MAX_CLASSES];
        ctc_positions(&views->odds[v], text, position);
        for (size_t i = 0; i < text->n; i++)
            for (size_t c = 0; c < READING_MAX_CLASSES; c++)
                out->position[i][c] += position[i][c] / (float)views->n;
    }
}

void rank_run(struct rank *rank, const struct rank_views *views, const struct syntax *syntax,
              const struct rank_options *options, struct reading *out)
{
    assert(views->n >= 1 && views->n <= RANK_MAX_VIEWS);
    assert(options->topn >= 1 && options->topn <= READING_MAX_CANDIDATES);
    gather(rank, views, syntax);
    const struct entry *best = NULL;
    double sum = 0, covered = 0;
    out->n_candidates = 0;
    out->n_positions = 0;
    memset(out->candidates, 0, sizeof out->candidates);
    memset(out->position, 0, sizeof out->position);
    for (size_t i = 0; i < rank->n; i++) {
        sum += rank->entry[i].score;
        covered += rank->entry[i].text.p;
    }
    sum += fmax(0, 1 - covered); /* texts that nobody listed, taken as free ones */
    if (rank->n == 0 || rank->entry[0].text.n == 0)
        return;
    for (size_t i = 0; i < rank->n && out->n_candidates < options->topn; i++) {
        const struct entry *entry = &rank->entry[i];
        if (entry->text.n == 0 || (options->must_match_pattern && !entry->fit.matches))
            continue;
        best = best ? best : entry;
        out->candidates[out->n_candidates++] = candidate_of(syntax, entry, sum);
    }
    if (best == NULL)
        return;
    fill_positions(views, &best->text, out);
}

void rank_judge(const struct syntax *syntax, struct candidate *text)
{
    uint8_t code[READING_MAX_CHARS] = {0};
    size_t n = strlen(text->text);
    for (size_t i = 0; i < n; i++)
        code[i] = class_of(text->text[i]);
    const struct syntax_origin origin = syntax_origin_of(syntax, code, n);
    memcpy(text->region, origin.region, sizeof text->region);
    text->region_share = origin.share;
    text->matches_pattern = n > 0 && syntax_judge(syntax, code, n).matches;
}
