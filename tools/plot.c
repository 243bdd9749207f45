/* Draws error against yield. */
#include "tools/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 360, LEFT = 56, RIGHT = 620, TOP = 24, BOTTOM = 308, TICKS = 5 };

/* A place on the curve: shares of 1. */
struct mark {
    double yield, error, band[2];
};

struct plot {
    FILE *file;
    struct score *score;
    double highest; /* error at the upper edge */
};

static double x_of(double yield)
{
    return LEFT + yield * (RIGHT - LEFT);
}

static double y_of(const struct plot *plot, double error)
{
    return BOTTOM - fmin(1, error / plot->highest) * (BOTTOM - TOP);
}

static struct mark mark_of(const struct score_point *point)
{
    struct mark mark = {.yield = fmin(1, point->yield)};
    mark.error = point->accepted ? (double)point->wrong / point->accepted : 0;
    score_interval(point->wrong, point->accepted, mark.band);
    return mark;
}

/* What is given out down to the text at `i`. */
static struct mark mark_at(const struct plot *plot, size_t i)
{
    struct score_point point = score_at(plot->score, plot->score->given[i].confidence);
    return mark_of(&point);
}

/* The upper edge: a round number above the error of giving everything out. */
static double edge_above(double error)
{
    static const double edges[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        if (error < 0.8 * edges[i])
            return edges[i];
    return 1;
}

static void draw_axes(const struct plot *plot)
{
    for (int i = 0; i <= TICKS; i++) {
        double part = (double)i / TICKS, x = x_of(part), y = y_of(plot, part * plot->highest);
        fprintf(plot->file,
                "<path d='M%.1f %dV%dM%d %.1fH%d' stroke='#ddd'/>\n"
                "<text x='%.1f' y='%d' text-anchor='middle'>%.0f</text>\n"
                "<text x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
                x, TOP, BOTTOM, LEFT, y, RIGHT, x, BOTTOM + 18, 100 * part, LEFT - 8, y + 4,
                100 * part * plot->highest);
    }
    fprintf(plot->file,
            "<text x='%d' y='%d' text-anchor='middle'>yield: plates whose text is given out, "
            "%%</text>\n"
            "<text x='14' y='%d' text-anchor='middle' transform='rotate(-90 14 %d)'>error: wrong "
            "among them, %%</text>\n",
            (LEFT + RIGHT) / 2, HEIGHT - 12, (TOP + BOTTOM) / 2, (TOP + BOTTOM) / 2);
}

/* The band there along its lower edge and back along the upper one, then the curve over it. */
static void draw_curve(const struct plot *plot)
{
    size_t n = plot->score->n_given;
    fputs("<path fill='#cfe0f5' d='M", plot->file);
    for (size_t i = 0; i < n; i++) {
        struct mark mark = mark_at(plot, i);
        fprintf(plot->file, "%.1f %.1f ", x_of(mark.yield), y_of(plot, mark.band[0]));
    }
    for (size_t i = n; i-- > 0;) {
        struct mark mark = mark_at(plot, i);
        fprintf(plot->file, "%.1f %.1f ", x_of(mark.yield), y_of(plot, mark.band[1]));
    }
    fputs("Z'/>\n<path fill='none' stroke='#1f5fa8' stroke-width='2' d='M", plot->file);
    for (size_t i = 0; i < n; i++) {
        struct mark mark = mark_at(plot, i);
        fprintf(plot->file, "%.1f %.1f ", x_of(mark.yield), y_of(plot, mark.error));
    }
    fputs("'/>\n", plot->file);
}

static void draw_reject_point(const struct plot *plot, const struct score_point *point)
{
    struct mark mark = mark_of(point);
    double x = x_of(mark.yield), y = y_of(plot, mark.error);
    fprintf(plot->file,
            "<path d='M%.1f %dV%.1f' stroke='#c0392b' stroke-dasharray='4'/>\n"
            "<circle cx='%.1f' cy='%.1f' r='5' fill='#c0392b'/>\n"
            "<text x='%d' y='%d' fill='#c0392b'>reject point: confidence %.3f, %u of %u wrong, "
            "yield %.1f %%</text>\n",
            x, TOP, y, x, y, LEFT + 10, TOP + 20, (double)point->confidence, point->wrong,
            point->accepted, 100 * point->yield);
}

enum err plot_write(const char *path, struct score *score, struct fault *why)
{
    struct score_point point, all = score_at(score, 0);
    struct plot plot = {fopen(path, "we"), score, edge_above(mark_of(&all).error)};
    if (plot.file == NULL)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    bool has_point = score_reject_point(score, SCORE_REJECT_ERROR, &point);
    fprintf(plot.file,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
            "font-family='sans-serif' font-size='13'>\n<rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            WIDTH, HEIGHT);
    draw_axes(&plot);
    if (score->n_given > 0)
        draw_curve(&plot);
    if (has_point)
        draw_reject_point(&plot, &point);
    fputs("</svg>\n", plot.file);
    bool whole = ferror(plot.file) == 0;
    if (fclose(plot.file) != 0 || !whole)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    return ERR_OK;
}
