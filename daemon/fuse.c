/* Fusing the texts of one vehicle's frames: evidence by text, and a vote by position among texts of
 * one length. */
#include "daemon/fuse.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A text that a frame does not list is taken to have this share of its belief. */
static const float floor_share = 0.001f;
/* Correlation of two frames' errors that is assumed: k agreeing frames count as k / (1 + r (k -
 * 1)), at most 1 / r. */
static const float correlation = 0.3f;
/* What one further independent agreeing frame leaves of the doubt, and what all of them together
 * leave at least. */
static const float doubt_left_each = 0.45f, doubt_left_least = 0.1f;
/* A plate as wide as this has enough pixels to be believed fully. */
static const float full_width = 100.0f, least_size = 0.2f;
/* A position's majority must outvote the single text by so much to replace a character that it
 * read. */
static const float majority = 1.3f;
/* Less belief than this is no reading: the plate was seen, and not read. And none is surer than
 * this. */
static const float least_reading = 0.02f, most_sure = 0.999f;
static const float most_composed = 0.9f, vote_weight = 2.0f, least_vote = -4.0f;

static float clamp(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

static int class_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0' + 1;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 11 : 0;
}

static char char_of(int symbol)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    assert(symbol >= 1 && symbol < FUSE_CLASSES);
    return alphabet[symbol - 1];
}

/* Evidence of many frames with correlated errors: the strongest counts fully, the rest saturates.
 */
static float discounted(float best, float sum, uint32_t frames)
{
    return best + (sum - best) / (1 + correlation * (float)(frames ? frames - 1 : 0));
}

static float evidence(const struct fuse_text *t)
{
    return discounted(t->best, t->sum, t->frames);
}

static struct fuse_text *slot_for(struct fuse *fuse, const char *text)
{
    uint32_t weakest = 0;
    for (uint32_t i = 0; i < fuse->n_texts; i++) {
        if (strcmp(fuse->texts[i].text, text) == 0)
            return &fuse->texts[i];
        if (evidence(&fuse->texts[i]) < evidence(&fuse->texts[weakest]))
            weakest = i;
    }
    struct fuse_text *slot = &fuse->texts[weakest];
    if (fuse->n_texts < FUSE_MAX_TEXTS)
        slot = &fuse->texts[fuse->n_texts++];
    memset(slot, 0, sizeof *slot);
    memcpy(slot->text, text, sizeof slot->text);
    return slot;
}

static void add_candidate(struct fuse *fuse, const struct reading *reading, uint8_t place,
                          float weight)
{
    const struct candidate *c = &reading->candidates[place];
    float confidence = clamp(c->confidence, floor_share, 0.999f);
    float says = weight * logf(confidence / floor_share);
    struct fuse_text *t = slot_for(fuse, c->text);
    t->frames++;
    t->sum += says;
    t->best = fmaxf(t->best, says);
    t->shared += weight * confidence;
    t->best_confidence = fmaxf(t->best_confidence, confidence);
    t->matches_pattern |= c->matches_pattern;
    if (c->region[0] != '\0')
        memcpy(t->region, c->region, sizeof t->region);
    if (place == 0) {
        t->top_frames++;
        t->clear_frames += !reading->needs_review;
        t->top_sum += says;
        t->top_best = fmaxf(t->top_best, says);
    }
}

static void add_positions(struct fuse *fuse, const struct reading *reading, float weight)
{
    const char *text = reading->candidates[0].text;
    size_t length = strlen(text);
    fuse->length_frames[length]++;
    fuse->length_weight[length] += weight;
    for (size_t i = 0; i < length; i++) {
        if (reading->n_positions == length)
            for (int symbol = 1; symbol < FUSE_CLASSES; symbol++)
                fuse->votes[length][i][symbol] +=
                    weight * clamp(reading->position[i][symbol], 0, 1);
        else /* a reader that gives no distributions votes with its text */
            fuse->votes[length][i][class_of(text[i])] += weight;
    }
}

void fuse_add(struct fuse *fuse, const struct reading *reading, float width)
{
    if (reading->n_candidates == 0 || reading->candidates[0].text[0] == '\0')
        return;
    /* Squared, so that many poor frames do not outvote one good one. */
    float belief = clamp(reading->candidates[0].confidence, floor_share, 0.999f);
    float weight = belief * belief * clamp(width / full_width, least_size, 1);
    fuse->weight += weight;
    for (uint8_t i = 0; i < reading->n_candidates; i++)
        if (reading->candidates[i].text[0] != '\0')
            add_candidate(fuse, reading, i, weight);
    add_positions(fuse, reading, weight);
}

static int best_class(const float votes[FUSE_CLASSES])
{
    int best = 1;
    for (int symbol = 2; symbol < FUSE_CLASSES; symbol++)
        if (votes[symbol] > votes[best])
            best = symbol;
    return best;
}

/* Evidence, less what the other frames of this length say against single characters. */
static float score(const struct fuse *fuse, const struct fuse_text *t)
{
    size_t length = strlen(t->text);
    float total = evidence(t);
    if (fuse->length_frames[length] < 2)
        return total;
    float against = 0;
    for (size_t i = 0; i < length; i++) {
        const float *votes = fuse->votes[length][i];
        float most = votes[best_class(votes)], own = votes[class_of(t->text[i])];
        if (most > 0)
            against += fmaxf(least_vote, logf(fmaxf(own / most, 1e-3f)));
    }
    float mean_weight = fuse->length_weight[length] / (float)fuse->length_frames[length];
    return total + vote_weight * mean_weight * against;
}

const struct fuse_text *fuse_best(const struct fuse *fuse)
{
    const struct fuse_text *best = NULL;
    float best_score = 0;
    for (uint32_t i = 0; i < fuse->n_texts; i++) {
        float s = score(fuse, &fuse->texts[i]);
        if (best == NULL || s > best_score) {
            best = &fuse->texts[i];
            best_score = s;
        }
    }
    return best;
}

/* The text that the positions elect, where their majority is clear against `best`; false: it is
 * `best` itself. */
static bool compose(const struct fuse *fuse, const struct fuse_text *best, char *text,
                    float *confidence)
{
    size_t length = strlen(best->text);
    if (fuse->length_frames[length] < 3)
        return false;
    bool differs = false;
    *confidence = 1;
    for (size_t i = 0; i < length; i++) {
        const float *votes = fuse->votes[length][i];
        int elected = best_class(votes), read = class_of(best->text[i]);
        if (elected != read && votes[elected] < majority * votes[read])
            elected = read;
        differs |= elected != read;
        text[i] = char_of(elected);
        *confidence *= clamp(votes[elected] / fmaxf(fuse->length_weight[length], 1e-6f), 0, 1);
    }
    text[length] = '\0';
    *confidence = fminf(*confidence, most_composed);
    return differs;
}

/* The strongest evidence by which frames have chosen another text. */
static float rival(const struct fuse *fuse, const char *text)
{
    float most = 0;
    for (uint32_t i = 0; i < fuse->n_texts; i++) {
        const struct fuse_text *t = &fuse->texts[i];
        if (t->top_frames > 0 && strcmp(t->text, text) != 0)
            most = fmaxf(most, discounted(t->top_best, t->top_sum, t->top_frames));
    }
    return most;
}

static float confidence_of_best(const struct fuse *fuse, const struct fuse_text *best)
{
    float k = (float)(best->top_frames ? best->top_frames : 1);
    float independent = k / (1 + correlation * (k - 1));
    float left = fmaxf(doubt_left_least, powf(doubt_left_each, independent - 1));
    float own = fmaxf(evidence(best), 1e-6f);
    /* One frame alone has no rival: its calibrated confidence already knows its own second choices.
     */
    float against = rival(fuse, best->text);
    return fminf((1 - (1 - best->best_confidence) * left) * own / (own + against), most_sure);
}

static void put_candidate(struct row *row, const char *text, bool matches, float confidence)
{
    struct row_candidate *c = &row->candidates[row->n_candidates];
    /* Confidence never rises down the list, and all of it together is at most 1. */
    float room = 1;
    for (uint8_t i = 0; i < row->n_candidates; i++)
        room -= row->candidates[i].confidence;
    if (row->n_candidates > 0)
        confidence =
            fminf(confidence, fminf(row->candidates[row->n_candidates - 1].confidence, room));
    memset(c, 0, sizeof *c);
    memcpy(c->plate, text, strlen(text));
    c->confidence = clamp(confidence, 0, 1);
    c->matches_pattern = matches;
    row->n_candidates++;
}

static const struct fuse_text *find_text(const struct fuse *fuse, const char *text)
{
    for (uint32_t i = 0; i < fuse->n_texts; i++)
        if (strcmp(fuse->texts[i].text, text) == 0)
            return &fuse->texts[i];
    return NULL;
}

static void put_first(const struct fuse *fuse, struct row *row)
{
    const struct fuse_text *best = fuse_best(fuse);
    char composed[READING_MAX_CHARS + 1];
    float confidence;
    if (compose(fuse, best, composed, &confidence)) {
        const struct fuse_text *known = find_text(fuse, composed);
        put_candidate(row, composed, known != NULL && known->matches_pattern, confidence);
        memcpy(row->region, known != NULL ? known->region : best->region, sizeof row->region);
        row->needs_review = true;
        return;
    }
    put_candidate(row, best->text, best->matches_pattern, confidence_of_best(fuse, best));
    memcpy(row->region, best->region, sizeof row->region);
    row->needs_review = best->clear_frames == 0 || rival(fuse, best->text) > evidence(best) / 2;
}

static void put_others(const struct fuse *fuse, struct row *row)
{
    bool used[FUSE_MAX_TEXTS] = {false};
    while (row->n_candidates < ROW_MAX_CANDIDATES) {
        int next = -1;
        float next_score = 0;
        for (uint32_t i = 0; i < fuse->n_texts; i++) {
            if (used[i] || strcmp(fuse->texts[i].text, row->candidates[0].plate) == 0)
                continue;
            float s = score(fuse, &fuse->texts[i]);
            if (next < 0 || s > next_score) {
                next = (int)i;
                next_score = s;
            }
        }
        if (next < 0)
            break;
        used[next] = true;
        const struct fuse_text *t = &fuse->texts[next];
        put_candidate(row, t->text, t->matches_pattern, t->shared / fmaxf(fuse->weight, 1e-6f));
    }
}

void fuse_result(const struct fuse *fuse, struct row *out)
{
    out->n_candidates = 0;
    memset(out->plate, 0, sizeof out->plate);
    memset(out->region, 0, sizeof out->region);
    out->confidence = 0;
    out->needs_review = true;
    if (fuse->n_texts == 0)
        return;
    put_first(fuse, out);
    if (out->candidates[0].confidence < least_reading) {
        out->n_candidates = 0;
        memset(out->region, 0, sizeof out->region);
        out->needs_review = true;
        return;
    }
    put_others(fuse, out);
    memcpy(out->plate, out->candidates[0].plate, sizeof out->plate);
    out->confidence = out->candidates[0].confidence;
}
