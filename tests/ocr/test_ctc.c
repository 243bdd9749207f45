/* The beam search, the sums over alignments and the distributions, against counting every path by
 * hand. */
#include "tests/ocr/check.h"

#include <math.h>

#include "ocr/ctc.h"

enum { STEPS = 6, CLASSES = 4 };

static struct fault why;

/* Random but repeatable odds. */
static void fill(struct ctc_odds *odds, unsigned seed)
{
    memset(odds, 0, sizeof *odds);
    odds->steps = STEPS;
    odds->classes = CLASSES;
    for (size_t t = 0; t < STEPS; t++) {
        double sum = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            seed = seed * 1664525u + 1013904223u;
            odds->p[t][c] = 0.05 + (double)(seed >> 16) / 65536;
            sum += odds->p[t][c];
        }
        for (size_t c = 0; c < CLASSES; c++)
            odds->p[t][c] /= sum;
    }
}

static struct ctc_text collapse(const uint8_t *path)
{
    struct ctc_text text = {0};
    for (size_t t = 0; t < STEPS; t++)
        if (path[t] != 0 && (t == 0 || path[t] != path[t - 1]))
            text.code[text.n++] = path[t];
    return text;
}

static bool same(const struct ctc_text *a, const struct ctc_text *b)
{
    return a->n == b->n && memcmp(a->code, b->code, a->n) == 0;
}

/* Every text with its probability, by walking all CLASSES^STEPS paths. */
static size_t count_all(const struct ctc_odds *odds, struct ctc_text *out, size_t room)
{
    size_t n = 0, paths = (size_t)pow(CLASSES, STEPS);
    for (size_t k = 0; k < paths; k++) {
        uint8_t path[STEPS];
        double p = 1;
        size_t rest = k;
        for (size_t t = 0; t < STEPS; t++, rest /= CLASSES) {
            path[t] = (uint8_t)(rest % CLASSES);
            p *= odds->p[t][path[t]];
        }
        struct ctc_text text = collapse(path);
        size_t at = 0;
        while (at < n && !same(&out[at], &text))
            at++;
        if (at == n) {
            assert_true(n < room);
            out[n++] = text;
        }
        out[at].p += p;
    }
    return n;
}

static double of(const struct ctc_text *all, size_t n, const struct ctc_text *text)
{
    for (size_t i = 0; i < n; i++)
        if (same(&all[i], text))
            return all[i].p;
    return 0;
}

static struct ctc_text all[2048];

static void a_texts_probability_is_the_sum_of_its_paths(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 6; seed++) {
        struct ctc_odds odds;
        fill(&odds, seed);
        size_t n = count_all(&odds, all, sizeof all / sizeof all[0]);
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(fabs(ctc_probability(&odds, &all[i]) - all[i].p) < 1e-12);
            sum += all[i].p;
        }
        assert_true(fabs(sum - 1) < 1e-9);
        memset(all, 0, sizeof all);
    }
}

static void the_beam_finds_the_likeliest_texts_in_order(void **state)
{
    (void)state;
    struct ctc *ctc;
    assert_ok(ctc_new(&ctc, &why));
    for (unsigned seed = 1; seed < 20; seed++) {
        struct ctc_odds odds;
        struct ctc_text beam[CTC_BEAM];
        fill(&odds, seed);
        size_t n = count_all(&odds, all, sizeof all / sizeof all[0]);
        size_t found = ctc_beam(ctc, &odds, beam);
        assert_int_equal(found, CTC_BEAM);
        size_t better = 0;
        for (size_t i = 0; i < n; i++)
            better += all[i].p > of(all, n, &beam[0]) + 1e-12;
        assert_int_equal(better, 0);
        for (size_t i = 1; i < found; i++)
            assert_true(beam[i - 1].p >= beam[i].p);
        /* The ten best of all are among the first of the beam. */
        for (size_t i = 0; i < n; i++) {
            size_t rank = 0;
            bool listed = false;
            for (size_t k = 0; k < n; k++)
                rank += all[k].p > all[i].p;
            for (size_t k = 0; k < found; k++)
                listed |= same(&beam[k], &all[i]);
            assert_true(rank >= 10 || listed);
        }
        memset(all, 0, sizeof all);
    }
    ctc_free(&ctc);
    assert_null(ctc);
}

static void a_double_letter_needs_a_blank_between(void **state)
{
    (void)state;
    struct ctc_odds odds = {.steps = 3, .classes = 2, .p = {{0.1, 0.9}, {0.2, 0.8}, {0.3, 0.7}}};
    const struct ctc_text once = {.n = 1, .code = {1}}, twice = {.n = 2, .code = {1, 1}};
    assert_true(fabs(ctc_probability(&odds, &twice) - 0.9 * 0.2 * 0.7) < 1e-12);
    double all_of_it =
        ctc_probability(&odds, &once) + ctc_probability(&odds, &twice) + 0.1 * 0.2 * 0.3;
    assert_true(fabs(all_of_it - 1) < 1e-12);
}

static void a_position_weighs_the_texts_that_differ_in_it_alone(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 10; seed++) {
        struct ctc_odds odds;
        fill(&odds, seed);
        size_t n = count_all(&odds, all, sizeof all / sizeof all[0]);
        const struct ctc_text text = {.n = 3, .code = {1, 3, 2}};
        float position[READING_MAX_CHARS][READING_MAX_CLASSES];
        ctc_positions(&odds, &text, position);
        for (size_t i = 0; i < text.n; i++) {
            double wanted[CLASSES], sum = 0;
            for (uint8_t c = 1; c < CLASSES; c++) {
                struct ctc_text other = text;
                other.code[i] = c;
                wanted[c] = of(all, n, &other);
            }
            struct ctc_text shorter = {.n = 2};
            for (size_t k = 0, to = 0; k < 3; k++)
                if (k != i)
                    shorter.code[to++] = text.code[k];
            wanted[0] = of(all, n, &shorter);
            for (size_t c = 0; c < CLASSES; c++)
                sum += wanted[c];
            for (size_t c = 0; c < CLASSES; c++)
                assert_true(fabs(wanted[c] / sum - (double)position[i][c]) < 1e-6);
        }
        memset(all, 0, sizeof all);
    }
}

static void a_text_never_passes_twelve_characters(void **state)
{
    (void)state;
    static struct ctc_odds odds;
    struct ctc_text beam[CTC_BEAM];
    struct ctc *ctc;
    odds.steps = CTC_MAX_STEPS;
    odds.classes = READING_MAX_CLASSES;
    for (size_t t = 0; t < CTC_MAX_STEPS; t++)
        for (size_t c = 0; c < READING_MAX_CLASSES; c++)
            odds.p[t][c] = 1.0 / READING_MAX_CLASSES;
    assert_ok(ctc_new(&ctc, &why));
    size_t n = ctc_beam(ctc, &odds, beam);
    assert_true(n >= 1);
    for (size_t i = 0; i < n; i++)
        assert_true(beam[i].n <= READING_MAX_CHARS);
    ctc_free(&ctc);
}

static void an_impossible_text_has_no_distribution_but_its_own(void **state)
{
    (void)state;
    struct ctc_odds odds = {.steps = 2, .classes = 3, .p = {{1, 0, 0}, {1, 0, 0}}};
    const struct ctc_text text = {.n = 2, .code = {1, 2}};
    float position[READING_MAX_CHARS][READING_MAX_CLASSES];
    ctc_positions(&odds, &text, position);
    assert_true(position[0][1] >= 1.0f && position[1][2] >= 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_texts_probability_is_the_sum_of_its_paths),
        cmocka_unit_test(the_beam_finds_the_likeliest_texts_in_order),
        cmocka_unit_test(a_double_letter_needs_a_blank_between),
        cmocka_unit_test(a_position_weighs_the_texts_that_differ_in_it_alone),
        cmocka_unit_test(a_text_never_passes_twelve_characters),
        cmocka_unit_test(an_impossible_text_has_no_distribution_but_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
