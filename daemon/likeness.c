/* Log-likelihood ratios "same vehicle" against "another vehicle" for texts and places. */
#include "daemon/likeness.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const float likeness_identical = 12.0f;
const float likeness_far = -6.0f;

/* Error of a pair of characters is never taken to be less. */
static const float least_error = 0.03f;
/* How often the characters of two different plates agree: more than 1 in 36, because formats and
 * prefixes are shared. */
static const float chance_same = 0.10f, chance_alike = 0.04f, chance_other = 0.86f;
static const float chance_length = 0.30f;
/* Of rare reading errors: half are look-alikes; a fifth drop or add a character. The more errors
 * there are the more they look like chance, until a reading without belief says nothing at all. */
static const float error_alike = 0.5f, error_other = 0.5f, error_length = 0.2f;
/* Best that agreement in place can say, when the place is known to half a plate width. */
static const float place_peak = 2.5f, place_sharp = 0.5f;

bool likeness_alike(char a, char b)
{
    static const char *const groups[] = {"0ODQ", "1IL", "8B", "5S", "2Z", "6G",
                                         "4A",   "7T",  "VY", "UV", "MN"};
    if (a == b)
        return true;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strchr(groups[i], a) != NULL && strchr(groups[i], b) != NULL)
            return true;
    return false;
}

static float pair_error(float confidence_a, float confidence_b, size_t length)
{
    float both = fmaxf(confidence_a, 1e-3f) * fmaxf(confidence_b, 1e-3f);
    float error = 1 - powf(both, 1.0f / (float)length);
    return fmaxf(error, least_error);
}

/* ln(P(pair | same plate) / P(pair | other plate)) for an error that is `rare` among rare errors
 * and `chance` by chance. */
static float gain(float e, float rare, float chance)
{
    return logf(e * ((1 - e) * rare + e * chance) / chance);
}

float likeness_text(const char *a, float confidence_a, const char *b, float confidence_b)
{
    size_t n = strlen(a), m = strlen(b), longest = n > m ? n : m;
    assert(n <= READING_MAX_CHARS && m <= READING_MAX_CHARS);
    if (n == 0 || m == 0)
        return 0;
    float e = pair_error(confidence_a, confidence_b, longest);
    float same = logf((1 - e + e * e * chance_same) / chance_same);
    float alike = gain(e, error_alike, chance_alike), other = gain(e, error_other, chance_other);
    float skip = gain(e, error_length, chance_length);
    /* Best alignment, by dynamic programming over one row. */
    float best[READING_MAX_CHARS + 1];
    for (size_t j = 0; j <= m; j++)
        best[j] = (float)j * skip;
    for (size_t i = 1; i <= n; i++) {
        float diagonal = best[0];
        best[0] = (float)i * skip;
        for (size_t j = 1; j <= m; j++) {
            float pair = a[i - 1] == b[j - 1]                 ? same
                         : likeness_alike(a[i - 1], b[j - 1]) ? alike
                                                              : other;
            float value = fmaxf(diagonal + pair, fmaxf(best[j], best[j - 1]) + skip);
            diagonal = best[j];
            best[j] = value;
        }
    }
    float most = strcmp(a, b) == 0 ? likeness_identical : likeness_identical / 2;
    return fminf(best[m], most);
}

static float edge(const struct point *a, const struct point *b)
{
    return hypotf(a->x - b->x, a->y - b->y);
}

struct likeness_place likeness_place(const struct region *region)
{
    const struct point *c = region->corner;
    return (struct likeness_place){
        .x = (c[0].x + c[1].x + c[2].x + c[3].x) / 4,
        .y = (c[0].y + c[1].y + c[2].y + c[3].y) / 4,
        .width = fmaxf((edge(&c[0], &c[1]) + edge(&c[3], &c[2])) / 2, 1),
        .height = fmaxf((edge(&c[0], &c[3]) + edge(&c[1], &c[2])) / 2, 1),
    };
}

static float common(float centre_a, float length_a, float centre_b, float length_b)
{
    float low = fmaxf(centre_a - length_a / 2, centre_b - length_b / 2);
    float high = fminf(centre_a + length_a / 2, centre_b + length_b / 2);
    return fmaxf(high - low, 0);
}

float likeness_overlap(const struct likeness_place *a, const struct likeness_place *b)
{
    float both = common(a->x, a->width, b->x, b->width) * common(a->y, a->height, b->y, b->height);
    return both / (a->width * a->height + b->width * b->height - both);
}

float likeness_of_places(const struct likeness_place *predicted, const struct likeness_place *seen,
                         float spread, float dt)
{
    float unit = fmaxf(predicted->width, seen->width);
    float away = hypotf(predicted->x - seen->x, predicted->y - seen->y) / unit / spread;
    float grown = logf(seen->width / predicted->width) / (0.2f + 0.5f * dt);
    float peak = place_peak - logf(fmaxf(spread, place_sharp) / place_sharp);
    return fmaxf(peak - (away * away + grown * grown) / 2, likeness_far);
}
