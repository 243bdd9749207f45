/* Prints the bench's figures. */
#include "tools/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stage_names[REPORT_STAGES] = {"decode", "locate", "rectify",
                                                       "read",   "second", "all"};
static const float edges[] = {0, 0.5f, 0.8f, 0.9f, 0.95f, 0.98f, 0.99f, 0.995f, 1.0001f};
static const double errors[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05};

enum { BINS = sizeof edges / sizeof edges[0] - 1, CURVE = sizeof errors / sizeof errors[0] };

/* Readings between two confidences. */
struct bin {
    unsigned n, right;
    double confidence; /* mean */
};

enum err report_add_times(struct report_set *set, const float ms[REPORT_STAGES], struct fault *why)
{
    if (set->n_times == set->room) {
        size_t room = set->room ? 2 * set->room : 256;
        float *more = realloc(set->times, room * REPORT_STAGES * sizeof *more);
        if (more == NULL)
            return fault_set(why, ERR_MEMORY, "no memory for times");
        set->times = more;
        set->room = room;
    }
    memcpy(set->times + REPORT_STAGES * set->n_times++, ms, REPORT_STAGES * sizeof *ms);
    return ERR_OK;
}

enum err report_merge(struct report_set *whole, const struct report_set *part, struct fault *why)
{
    struct score *sum = &whole->score;
    const struct score *add = &part->score;
    for (size_t i = 0; i < part->n_times; i++) {
        enum err err = report_add_times(whole, part->times + REPORT_STAGES * i, why);
        if (err)
            return err;
    }
    struct score_text *given =
        realloc(sum->given, (sum->n_given + add->n_given + 1) * sizeof *given);
    if (given == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a sum");
    if (add->n_given > 0)
        memcpy(given + sum->n_given, add->given, add->n_given * sizeof *given);
    sum->given = given;
    sum->room = sum->n_given += add->n_given;
    sum->pictures += add->pictures;
    sum->plates += add->plates;
    sum->reported += add->reported;
    sum->found += add->found;
    sum->near += add->near;
    sum->texts += add->texts;
    sum->exact += add->exact;
    sum->listed += add->listed;
    sum->characters += add->characters;
    whole->unread += part->unread;
    return ERR_OK;
}

void report_release(struct report_set *set)
{
    score_release(&set->score);
    free(set->times);
    *set = (struct report_set){0};
}

static double part_of(double k, double n)
{
    return n > 0 ? k / n : 0;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The value that `part` of the pictures' times in a stage do not pass; 0 without pictures or
 * memory. */
static double quantile(const struct report_set *set, enum report_stage stage, double part)
{
    float *sorted = malloc((set->n_times + 1) * sizeof *sorted);
    if (sorted == NULL || set->n_times == 0) {
        free(sorted);
        return 0;
    }
    for (size_t i = 0; i < set->n_times; i++)
        sorted[i] = set->times[REPORT_STAGES * i + stage];
    qsort(sorted, set->n_times, sizeof *sorted, by_value);
    double at = (double)(set->n_times - 1) * part, low = floor(at);
    size_t i = (size_t)low, k = i + 1 < set->n_times ? i + 1 : i;
    double value = sorted[i] + (sorted[k] - sorted[i]) * (at - low);
    free(sorted);
    return value;
}

static struct bin bin_of(const struct score *score, unsigned index)
{
    struct bin bin = {0};
    for (size_t i = 0; i < score->n_given; i++) {
        const struct score_text *text = &score->given[i];
        if (text->stray || text->confidence < edges[index] || text->confidence >= edges[index + 1])
            continue;
        bin.n++;
        bin.right += text->right;
        bin.confidence += text->confidence;
    }
    bin.confidence = part_of(bin.confidence, bin.n);
    return bin;
}

static void print_row(const char *label, const struct report_set *sets, size_t n,
                      const double *values, int digits)
{
    printf("%-34s", label);
    for (size_t i = 0; i < n; i++)
        printf("%12.*f", digits, values[i]);
    putchar('\n');
    (void)sets;
}

static void print_accuracy(const struct report_set *sets, size_t n)
{
    enum {
        PICTURES,
        UNREAD,
        PLATES,
        REPORTED,
        FOUND,
        NEAR,
        STRAY,
        EXACT,
        LISTED,
        CHARACTERS,
        ROWS
    };
    static const struct {
        const char *label;
        int digits;
    } rows[ROWS] = {{"pictures", 0},
                    {"  that could not be read", 0},
                    {"labelled plates", 0},
                    {"plates reported", 0},
                    {"found, IoU >= 0.5 %", 1},
                    {"found, IoU >= 0.3 %", 1},
                    {"false plates a picture", 3},
                    {"exact %", 1},
                    {"right text among candidates %", 1},
                    {"characters %", 1}};
    double value[ROWS][REPORT_MAX_SETS + 1];
    printf("%-34s", "");
    for (size_t i = 0; i < n; i++) {
        const struct score *s = &sets[i].score;
        const double column[ROWS] = {s->pictures,
                                     sets[i].unread,
                                     s->plates,
                                     s->reported,
                                     100 * part_of(s->found, s->plates),
                                     100 * part_of(s->near, s->plates),
                                     part_of(s->reported - s->near, s->pictures),
                                     100 * part_of(s->exact, s->texts),
                                     100 * part_of(s->listed, s->texts),
                                     100 * part_of(s->characters, s->texts)};
        for (int row = 0; row < ROWS; row++)
            value[row][i] = column[row];
        printf("%12s", sets[i].name);
    }
    putchar('\n');
    for (int row = 0; row < ROWS; row++)
        print_row(rows[row].label, sets, n, value[row], rows[row].digits);
}

static void print_times(const struct report_set *sets, size_t n)
{
    static const double parts[2] = {0.5, 0.95};
    for (int stage = 0; stage < REPORT_STAGES; stage++)
        for (int p = 0; p < 2; p++) {
            double values[REPORT_MAX_SETS + 1];
            char label[48];
            snprintf(label, sizeof label, "%s, ms, %s", stage_names[stage], p ? "p95" : "median");
            for (size_t i = 0; i < n; i++)
                values[i] = quantile(&sets[i], (enum report_stage)stage, parts[p]);
            print_row(label, sets, n, values, 2);
        }
}

static void print_calibration(const struct score *score)
{
    printf("\nconfidence      readings    mean confidence %%      right %%   95 %% interval\n");
    for (unsigned i = 0; i < BINS; i++) {
        struct bin bin = bin_of(score, i);
        double range[2];
        score_interval(bin.right, bin.n, range);
        if (bin.n > 0)
            printf("%5.3f .. %5.3f %9u %18.2f %12.2f   %.1f .. %.1f\n", (double)edges[i],
                   fmin(1, (double)edges[i + 1]), bin.n, 100 * bin.confidence,
                   100 * part_of(bin.right, bin.n), 100 * range[0], 100 * range[1]);
    }
}

static void print_curve(struct score *score)
{
    printf("\nerror at most   confidence from   given out   wrong   error %% (95 %%)          "
           "yield %% (95 %%)\n");
    for (unsigned i = 0; i < CURVE; i++) {
        struct score_point point;
        double wrong[2], yield[2];
        if (!score_reject_point(score, errors[i], &point)) {
            printf("%11.1f %%   none\n", 100 * errors[i]);
            continue;
        }
        score_interval(point.wrong, point.accepted, wrong);
        score_interval(point.yield * score->texts, score->texts, yield);
        printf("%11.1f %% %17.4f %11u %7u   %.2f (%.2f .. %.2f)   %.1f (%.1f .. %.1f)%s\n",
               100 * errors[i], (double)point.confidence, point.accepted, point.wrong,
               100 * part_of(point.wrong, point.accepted), 100 * wrong[0], 100 * wrong[1],
               100 * point.yield, 100 * yield[0], 100 * yield[1],
               errors[i] == SCORE_REJECT_ERROR ? "  <- reject point" : "");
    }
    printf("An error is a wrong text or a text where there is no plate; yield is of all plates "
           "with a known text.\n");
}

void report_print(struct report_set *sets, size_t n)
{
    print_accuracy(sets, n);
    print_times(sets, n);
    print_calibration(&sets[n - 1].score);
    print_curve(&sets[n - 1].score);
}

static json_t *set_json(const struct report_set *set)
{
    const struct score *s = &set->score;
    json_t *times = json_object();
    for (int stage = 0; stage < REPORT_STAGES; stage++)
        json_object_set_new(times, stage_names[stage],
                            json_pack("{s:f, s:f}", "median",
                                      quantile(set, (enum report_stage)stage, 0.5), "p95",
                                      quantile(set, (enum report_stage)stage, 0.95)));
    return json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "set", set->name,
        "pictures", (int)s->pictures, "unread", (int)set->unread, "plates", (int)s->plates,
        "reported", (int)s->reported, "found50", 100 * part_of(s->found, s->plates), "found30",
        100 * part_of(s->near, s->plates), "false_per_picture",
        part_of(s->reported - s->near, s->pictures), "exact", 100 * part_of(s->exact, s->texts),
        "listed", 100 * part_of(s->listed, s->texts), "characters",
        100 * part_of(s->characters, s->texts), "ms", times);
}

static json_t *calibration_json(const struct score *score)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < BINS; i++) {
        struct bin bin = bin_of(score, i);
        json_array_append_new(list,
                              json_pack("{s:f, s:f, s:i, s:i, s:f}", "from", (double)edges[i], "to",
                                        fmin(1, (double)edges[i + 1]), "readings", (int)bin.n,
                                        "right", (int)bin.right, "confidence", bin.confidence));
    }
    return list;
}

static json_t *curve_json(struct score *score)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < CURVE; i++) {
        struct score_point point;
        double wrong[2], yield[2];
        if (!score_reject_point(score, errors[i], &point))
            continue;
        score_interval(point.wrong, point.accepted, wrong);
        score_interval(point.yield * score->texts, score->texts, yield);
        json_array_append_new(list, json_pack("{s:f, s:f, s:i, s:i, s:[f, f], s:f, s:[f, f]}",
                                              "error_at_most", errors[i], "confidence",
                                              (double)point.confidence, "accepted",
                                              (int)point.accepted, "wrong", (int)point.wrong,
                                              "error_interval", wrong[0], wrong[1], "yield",
                                              point.yield, "yield_interval", yield[0], yield[1]));
    }
    return list;
}

json_t *report_json(struct report_set *sets, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, set_json(&sets[i]));
    return json_pack("{s:o, s:o, s:o}", "sets", list, "calibration",
                     calibration_json(&sets[n - 1].score), "error_yield",
                     curve_json(&sets[n - 1].score));
}
