/* Agreement of readings with labels: the rules of the public scorer, so that both give the same
 * figures. */
#include "tools/score.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAIRS = READING_MAX_PLATES * LABELS_MAX_PLATES };

/* A reading that has a text, with the box that is printed for it. */
struct given {
    const struct reading *reading;
    struct box box;
};

static double shared(const struct box *a, const struct box *b)
{
    double w = fmin(a->x + a->w, b->x + b->w) - fmax(a->x, b->x);
    double h = fmin(a->y + a->h, b->y + b->h) - fmax(a->y, b->y);
    return w > 0 && h > 0 ? w * h : 0;
}

static double iou(const struct box *a, const struct box *b)
{
    double both = shared(a, b);
    return both > 0 ? both / (a->w * a->h + b->w * b->h - both) : 0;
}

/* The rectangle around the corners as `read --json` prints them, in whole pixels. */
static struct box box_of(const struct region *where)
{
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        double x = (double)lrintf(where->corner[i].x), y = (double)lrintf(where->corner[i].y);
        x0 = fmin(x0, x);
        y0 = fmin(y0, y);
        x1 = fmax(x1, x);
        y1 = fmax(y1, y);
    }
    return (struct box){x0, y0, x1 - x0, y1 - y0};
}

/* On a plate that has no label, and on none that has one. */
static bool is_ignored(const struct labelled *truth, const struct box *box)
{
    for (unsigned i = 0; i < truth->n; i++)
        if (iou(&truth->label[i].box, box) >= 0.3)
            return false;
    for (unsigned i = 0; i < truth->n_ignored; i++)
        if (iou(&truth->ignored[i], box) >= 0.3 ||
            shared(box, &truth->ignored[i]) >= 0.5 * box->w * box->h)
            return true;
    return false;
}

static unsigned list_given(const struct labelled *truth, const struct ocr_result *result,
                           struct given out[READING_MAX_PLATES])
{
    unsigned n = 0;
    for (unsigned i = 0; i < result->n_readings; i++) {
        const struct reading *reading = &result->readings[i];
        struct box box = truth->is_crop ? truth->label[0].box : box_of(&reading->where);
        if (reading->n_candidates > 0 && !is_ignored(truth, &box))
            out[n++] = (struct given){reading, box};
    }
    return n;
}

static double match(const struct labelled *truth, unsigned label, const struct given *given)
{
    return truth->is_crop ? 1 : iou(&truth->label[label].box, &given->box);
}

/* Greedy one-to-one matches of at least `least`, best first. */
static unsigned count_matches(const struct labelled *truth, const struct given *given, unsigned n,
                              double least)
{
    bool label_used[LABELS_MAX_PLATES] = {0}, given_used[READING_MAX_PLATES] = {0};
    for (unsigned count = 0;; count++) {
        double best = -1;
        unsigned a = 0, b = 0;
        for (unsigned i = 0; i < truth->n; i++)
            for (unsigned k = 0; k < n; k++)
                if (!label_used[i] && !given_used[k] && match(truth, i, &given[k]) > best) {
                    best = match(truth, i, &given[k]);
                    a = i;
                    b = k;
                }
        if (best < least)
            return count;
        label_used[a] = given_used[b] = true;
    }
}

static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[LABELS_TEXT_SIZE];
    size_t n = strlen(b);
    for (unsigned k = 0; k <= n; k++)
        row[k] = k;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= n; k++) {
            unsigned least = corner + (*a != b[k - 1]);
            least = row[k] + 1 < least ? row[k] + 1 : least;
            least = row[k - 1] + 1 < least ? row[k - 1] + 1 : least;
            corner = row[k];
            row[k] = least;
        }
    }
    return row[n];
}

static enum err give(struct score *score, struct score_text text, struct fault *why)
{
    if (score->n_given == score->room) {
        size_t room = score->room ? 2 * score->room : 256;
        struct score_text *more = realloc(score->given, room * sizeof *more);
        if (more == NULL)
            return fault_set(why, ERR_MEMORY, "no memory for a score");
        score->given = more;
        score->room = room;
    }
    score->given[score->n_given++] = text;
    return ERR_OK;
}

/* One labelled plate against its best match. */
static enum err judge_text(struct score *score, const struct label *label, const struct given *best,
                           bool *right, struct fault *why)
{
    *right = false;
    score->texts++;
    if (best == NULL)
        return ERR_OK;
    const struct reading *reading = best->reading;
    bool listed = false;
    for (unsigned k = 0; k < reading->n_candidates; k++)
        listed |= strcmp(reading->candidates[k].text, label->text) == 0;
    const char *text = reading->candidates[0].text;
    *right = strcmp(text, label->text) == 0;
    score->exact += *right;
    score->listed += listed;
    score->characters +=
        fmax(0, 1 - (double)edit_distance(text, label->text) / (double)strlen(label->text));
    return give(score, (struct score_text){reading->candidates[0].confidence, *right, false}, why);
}

enum err score_add(struct score *score, const struct labelled *truth,
                   const struct ocr_result *result, enum score_verdict *verdict, struct fault *why)
{
    struct given given[READING_MAX_PLATES];
    bool used[READING_MAX_PLATES] = {0};
    unsigned n = list_given(truth, result, given);
    enum score_verdict worst = SCORE_RIGHT;
    enum err err = ERR_OK;
    score->pictures++;
    score->plates += truth->n;
    score->reported += n;
    score->found += count_matches(truth, given, n, 0.5);
    score->near += count_matches(truth, given, n, 0.3);
    for (unsigned i = 0; i < truth->n && !err; i++) {
        int best = -1;
        for (unsigned k = 0; k < n; k++)
            if (match(truth, i, &given[k]) >= 0.3 &&
                (best < 0 || match(truth, i, &given[k]) > match(truth, i, &given[best]) + 1e-9))
                best = (int)k;
        if (best >= 0)
            used[best] = true;
        bool right = true;
        if (truth->label[i].text[0] != 0)
            err = judge_text(score, &truth->label[i], best < 0 ? NULL : &given[best], &right, why);
        enum score_verdict this = best < 0 ? SCORE_MISSED : right ? SCORE_RIGHT : SCORE_WRONG;
        worst = this > worst ? this : worst;
    }
    for (unsigned k = 0; k < n && !err; k++)
        if (!used[k]) {
            err = give(score,
                       (struct score_text){given[k].reading->candidates[0].confidence, false, true},
                       why);
            worst = worst == SCORE_RIGHT ? SCORE_STRAY : worst;
        }
    *verdict = worst;
    return err;
}

void score_release(struct score *score)
{
    free(score->given);
    *score = (struct score){0};
}

static int by_confidence(const void *a, const void *b)
{
    const struct score_text *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x->right - y->right;
}

struct score_point score_at(struct score *score, float confidence)
{
    struct score_point point = {.confidence = confidence};
    unsigned stray = 0;
    for (size_t i = 0; i < score->n_given; i++) {
        const struct score_text *text = &score->given[i];
        if (text->confidence < confidence)
            continue;
        point.accepted++;
        point.wrong += !text->right;
        stray += text->stray;
    }
    point.yield = score->texts ? (double)(point.accepted - stray) / score->texts : 0;
    return point;
}

bool score_reject_point(struct score *score, double error, struct score_point *out)
{
    size_t n = score->n_given, wrong = 0, best = n;
    if (n == 0)
        return false;
    qsort(score->given, n, sizeof *score->given, by_confidence);
    for (size_t i = 0; i < n; i++) {
        wrong += !score->given[i].right;
        bool last = i + 1 == n || score->given[i + 1].confidence < score->given[i].confidence;
        if (last && (double)wrong <= error * (double)(i + 1))
            best = i;
    }
    if (best == n)
        return false;
    *out = score_at(score, score->given[best].confidence);
    return true;
}

void score_interval(double k, double n, double out[2])
{
    assert(k >= 0 && k <= n);
    const double z = 1.959964;
    if (n == 0) {
        out[0] = 0;
        out[1] = 1;
        return;
    }
    double p = k / n, width = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
           scale = 1 + z * z / n;
    out[0] = fmax(0, (p + z * z / (2 * n) - width) / scale);
    out[1] = fmin(1, (p + z * z / (2 * n) + width) / scale);
}
