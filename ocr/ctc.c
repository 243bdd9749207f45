/* Prefix beam search and exact sums over alignments, in plain probabilities: 64 steps stay far
 * above a double's least. */
#include "ocr/ctc.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_NODES = 16384,
    NO_NODE = 0,      /* the root is nobody's child */
    MAX_STARTERS = 6, /* more are alike only where nothing can be read */
};

static const double CLASS_FLOOR =
    1e-5; /* a class less probable at a step starts no character there */
static const double PREFIX_FLOOR = 1e-9; /* of the best prefix: less is dropped */

/* A prefix: the path from the root. */
struct node {
    double blank,
        letter; /* probability of the prefix so far, ending in blank, in its last letter */
    double next_blank, next_letter; /* the same one step later, while it is being summed */
    uint16_t parent, step;          /* `step` is the one that next_* belong to */
    uint8_t code, length;
    uint16_t child[READING_MAX_CLASSES];
};

struct ctc {
    struct node node[MAX_NODES];
    uint16_t n_nodes;
    uint16_t active[MAX_NODES], touched[MAX_NODES];
    size_t n_active, n_touched;
    uint8_t starter[MAX_STARTERS]; /* classes that may start a character at this step */
    size_t n_starters;
};

enum err ctc_new(struct ctc **out, struct fault *why)
{
    struct ctc *ctc = calloc(1, sizeof *ctc);
    if (ctc == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a beam search");
    *out = ctc;
    return ERR_OK;
}

void ctc_free(struct ctc **ctc)
{
    free(*ctc);
    *ctc = NULL;
}

static double total(const struct node *node)
{
    return node->blank + node->letter;
}

static uint16_t new_node(struct ctc *ctc, uint16_t parent, uint8_t code)
{
    uint16_t index = ctc->n_nodes++;
    struct node *node = &ctc->node[index];
    memset(node, 0, sizeof *node);
    node->parent = parent;
    node->code = code;
    node->length = index == 0 ? 0 : (uint8_t)(ctc->node[parent].length + 1);
    return index;
}

/* The node, ready to be summed into for `step`. */
static struct node *touch(struct ctc *ctc, uint16_t index, uint16_t step)
{
    struct node *node = &ctc->node[index];
    if (node->step != step) {
        node->step = step;
        node->next_blank = node->next_letter = 0;
        ctc->touched[ctc->n_touched++] = index;
    }
    return node;
}

/* The likeliest classes of a step, of those above the floor. */
static void find_starters(struct ctc *ctc, const struct ctc_odds *odds, uint16_t step)
{
    const double *p = odds->p[step - 1];
    ctc->n_starters = 0;
    for (uint8_t c = 1; c < odds->classes; c++) {
        if (p[c] < CLASS_FLOOR)
            continue;
        size_t at = ctc->n_starters < MAX_STARTERS ? ctc->n_starters++ : MAX_STARTERS;
        for (; at > 0 && p[ctc->starter[at - 1]] < p[c]; at--)
            if (at < MAX_STARTERS)
                ctc->starter[at] = ctc->starter[at - 1];
        if (at < MAX_STARTERS)
            ctc->starter[at] = c;
    }
}

static void extend(struct ctc *ctc, uint16_t index, const struct ctc_odds *odds, uint16_t step)
{
    const double *p = odds->p[step - 1];
    struct node *node = touch(ctc, index, step);
    double all = total(node);
    node->next_blank += all * p[0];
    if (index != 0)
        node->next_letter += node->letter * p[node->code];
    if (node->length == READING_MAX_CHARS)
        return;
    for (size_t i = 0; i < ctc->n_starters; i++) {
        uint8_t c = ctc->starter[i];
        double grown = (c == node->code ? node->blank : all) * p[c];
        if (grown <= 0)
            continue;
        if (node->child[c] == NO_NODE) {
            if (ctc->n_nodes == MAX_NODES)
                continue;
            node->child[c] = new_node(ctc, index, c);
        }
        touch(ctc, node->child[c], step)->next_letter += grown;
    }
}

/* Most probable first; of equals the older prefix, so that runs do not differ. */
static bool comes_before(const struct ctc *ctc, uint16_t a, uint16_t b)
{
    double p = total(&ctc->node[a]), q = total(&ctc->node[b]);
    return p > q || (p == q && a < b);
}

/* Moves the best `most` to the front, in any order (Hoare's selection; qsort would allocate). */
static void select_best(struct ctc *ctc, size_t most)
{
    uint16_t *list = ctc->active;
    size_t low = 0, high = ctc->n_active - 1;
    while (low < high) {
        uint16_t pivot = list[low + (high - low) / 2];
        size_t i = low, k = high;
        for (;;) {
            while (comes_before(ctc, list[i], pivot))
                i++;
            while (comes_before(ctc, pivot, list[k]))
                k--;
            if (i >= k)
                break;
            uint16_t swapped = list[i];
            list[i++] = list[k];
            list[k--] = swapped;
        }
        if (k < most)
            low = k + 1;
        else
            high = k;
    }
}

static void sort_active(struct ctc *ctc)
{
    for (size_t i = 1; i < ctc->n_active; i++) {
        uint16_t moved = ctc->active[i];
        size_t at = i;
        for (; at > 0 && comes_before(ctc, moved, ctc->active[at - 1]); at--)
            ctc->active[at] = ctc->active[at - 1];
        ctc->active[at] = moved;
    }
}

/* What was touched becomes what is active, without the improbable. */
static void advance(struct ctc *ctc)
{
    double best = 0;
    for (size_t i = 0; i < ctc->n_touched; i++) {
        struct node *node = &ctc->node[ctc->touched[i]];
        node->blank = node->next_blank;
        node->letter = node->next_letter;
        best = fmax(best, total(node));
    }
    size_t kept = 0;
    for (size_t i = 0; i < ctc->n_touched; i++)
        if (total(&ctc->node[ctc->touched[i]]) > PREFIX_FLOOR * best)
            ctc->active[kept++] = ctc->touched[i];
    ctc->n_active = kept;
    if (kept > CTC_BEAM) {
        select_best(ctc, CTC_BEAM);
        ctc->n_active = CTC_BEAM;
    }
}

static struct ctc_text text_of(const struct ctc *ctc, uint16_t index)
{
    const struct node *node = &ctc->node[index];
    struct ctc_text text = {.n = node->length, .p = total(node)};
    for (uint8_t i = node->length; i > 0; i--) {
        text.code[i - 1] = node->code;
        node = &ctc->node[node->parent];
    }
    return text;
}

size_t ctc_beam(struct ctc *ctc, const struct ctc_odds *odds, struct ctc_text out[CTC_BEAM])
{
    assert(odds->steps <= CTC_MAX_STEPS && odds->classes <= READING_MAX_CLASSES);
    ctc->n_nodes = 0;
    ctc->active[0] = new_node(ctc, 0, 0);
    ctc->node[0].blank = 1;
    ctc->n_active = 1;
    for (uint16_t step = 1; step <= odds->steps; step++) {
        ctc->n_touched = 0;
        find_starters(ctc, odds, step);
        for (size_t i = 0; i < ctc->n_active; i++)
            extend(ctc, ctc->active[i], odds, step);
        advance(ctc);
    }
    sort_active(ctc);
    for (size_t i = 0; i < ctc->n_active; i++)
        out[i] = text_of(ctc, ctc->active[i]);
    return ctc->n_active;
}

/* States of a text of n characters: blank, first, blank, ... last, blank. */
enum { MAX_STATES = 2 * READING_MAX_CHARS + 1 };

static uint8_t state_class(const struct ctc_text *text, size_t state)
{
    return state % 2 ? text->code[state / 2] : 0;
}

/* May one step lead from state - 2 to state? Only over a blank between two different characters. */
static bool skips(const struct ctc_text *text, size_t state)
{
    return state >= 3 && state % 2 && text->code[state / 2] != text->code[state / 2 - 1];
}

/* out[t][s]: probability of steps 0..t, ending in state s. */
static void forward(const struct ctc_odds *odds, const struct ctc_text *text,
                    double out[CTC_MAX_STEPS][MAX_STATES])
{
    size_t states = 2 * (size_t)text->n + 1;
    for (size_t s = 0; s < states; s++)
        out[0][s] = s < 2 ? odds->p[0][state_class(text, s)] : 0;
    for (size_t t = 1; t < odds->steps; t++)
        for (size_t s = 0; s < states; s++) {
            double sum = out[t - 1][s] + (s >= 1 ? out[t - 1][s - 1] : 0);
            sum += skips(text, s) ? out[t - 1][s - 2] : 0;
            out[t][s] = sum * odds->p[t][state_class(text, s)];
        }
}

/* out[t][s]: probability of steps t.. to the end, beginning in state s. */
static void backward(const struct ctc_odds *odds, const struct ctc_text *text,
                     double out[CTC_MAX_STEPS][MAX_STATES])
{
    size_t states = 2 * (size_t)text->n + 1, last = odds->steps - 1u;
    for (size_t s = 0; s < states; s++)
        out[last][s] = s + 2 >= states ? odds->p[last][state_class(text, s)] : 0;
    for (size_t t = last; t-- > 0;)
        for (size_t s = 0; s < states; s++) {
            double sum = out[t + 1][s] + (s + 1 < states ? out[t + 1][s + 1] : 0);
            sum += s + 2 < states && skips(text, s + 2) ? out[t + 1][s + 2] : 0;
            out[t][s] = sum * odds->p[t][state_class(text, s)];
        }
}

double ctc_probability(const struct ctc_odds *odds, const struct ctc_text *text)
{
    assert(odds->steps >= 1 && odds->steps <= CTC_MAX_STEPS && text->n <= READING_MAX_CHARS);
    double now[MAX_STATES] = {0};
    size_t states = 2 * (size_t)text->n + 1;
    now[0] = odds->p[0][0];
    if (states > 1)
        now[1] = odds->p[0][text->code[0]];
    for (size_t t = 1; t < odds->steps; t++)
        for (size_t s = states; s-- > 0;) {
            double sum = now[s] + (s >= 1 ? now[s - 1] : 0) + (skips(text, s) ? now[s - 2] : 0);
            now[s] = sum * odds->p[t][state_class(text, s)];
        }
    return now[states - 1] + (states > 1 ? now[states - 2] : 0);
}

/* The sums on both sides of a character, which do not depend on the character itself. */
struct sides {
    const struct ctc_odds *odds;
    const struct ctc_text *text;
    double before[CTC_MAX_STEPS][MAX_STATES], after[CTC_MAX_STEPS][MAX_STATES];
};

/* Probability of the text with class c (not blank) in place i. */
static double replaced(const struct sides *sides, size_t i, uint8_t c)
{
    const struct ctc_odds *odds = sides->odds;
    const struct ctc_text *text = sides->text;
    size_t left = 2 * i, right = 2 * i + 2; /* the blanks around */
    bool from_letter = i > 0 && text->code[i - 1] != c;
    bool to_letter = i + 1u < text->n && text->code[i + 1] != c;
    double inside = 0, sum = 0;
    for (size_t t = 0; t < odds->steps; t++) {
        double enter = t == 0 ? (i == 0 ? 1 : 0) : sides->before[t - 1][left];
        if (t > 0 && from_letter)
            enter += sides->before[t - 1][left - 1];
        inside = (inside + enter) * odds->p[t][c];
        if (t + 1u < odds->steps)
            sum += inside *
                   (sides->after[t + 1][right] + (to_letter ? sides->after[t + 1][right + 1] : 0));
        else if (i + 1u == text->n)
            sum += inside;
    }
    return sum;
}

static double left_out(const struct sides *sides, size_t i)
{
    struct ctc_text rest = {.n = (uint8_t)(sides->text->n - 1)};
    for (size_t j = 0, k = 0; j < sides->text->n; j++)
        if (j != i)
            rest.code[k++] = sides->text->code[j];
    return ctc_probability(sides->odds, &rest);
}

void ctc_positions(const struct ctc_odds *odds, const struct ctc_text *text,
                   float out[READING_MAX_CHARS][READING_MAX_CLASSES])
{
    assert(odds->steps >= 1 && text->n <= READING_MAX_CHARS);
    struct sides sides;
    sides.odds = odds;
    sides.text = text;
    forward(odds, text, sides.before);
    backward(odds, text, sides.after);
    memset(out, 0, sizeof(float[READING_MAX_CHARS][READING_MAX_CLASSES]));
    for (size_t i = 0; i < text->n; i++) {
        double p[READING_MAX_CLASSES] = {0}, sum = 0;
        for (uint8_t c = 0; c < odds->classes; c++) {
            p[c] = c == 0 ? left_out(&sides, i) : replaced(&sides, i, c);
            sum += p[c];
        }
        for (uint8_t c = 0; c < odds->classes && sum > 0; c++)
            out[i][c] = (float)(p[c] / sum);
        if (!(sum > 0))
            out[i][text->code[i]] = 1;
    }
}
