/* The recognition engine: decode, locate, straighten, read. Each step is a file of its own. */
#include "ocr/ocr.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ocr/agree.h"
#include "ocr/cv.h"
#include "ocr/jpeg.h"
#include "ocr/line.h"
#include "ocr/locate.h"
#include "ocr/mask.h"
#include "ocr/motion.h"
#include "ocr/rank.h"
#include "ocr/reader.h"
#include "ocr/rectify.h"
#include "ocr/second.h"
#include "ocr/show.h"
#include "ocr/syntax.h"

enum { CROP_QUALITY = 80 };
static const float CROP_MARGIN = 0.1f;

/* Less sure readings get second views, whose margins differ by so much of the plate's size. */
static const float SECOND_LOOK = 0.9f;
static const float second_views[] = {0.05f, -0.04f};

/* A place that is located with less than `located` and read with less than `read` is no plate: two
 * doubts, each on its own bearable. Chosen on validation pictures (docs/recognition.md). */
static const struct {
    float located, read;
} vetoes[] = {{0.7f, 0.03f}, {0.6f, 0.3f}};

/* Where nothing was found, a closer look: a working frame whose sides are longer by so much; but
 * not where the first look came nowhere near a plate, below this score. Both chosen on held-out
 * pictures and the scenes without plates (docs/recognition.md). */
static const float CLOSER = 2.0f, CLOSER_FROM = 0.2f;

/* An unsure plate is located again in a frame of sides shorter by so much. */
static const float AROUND = 0.41f;

/* Of two readings of which one's place lies in the other's by more than this, the better located
 * one is kept. */
static const float DOUBLE = 0.5f;

/* The motion gate: two cells of its grid (of about 40 pixels a side at 1280x720) that differ by so
 * many greys are a change. A still lane is looked at all the same now and then, because what comes
 * very slowly, or in fog, may pass below that. */
enum { MOTION_STEP = 6, MOTION_CELLS = 2, MOTION_MOST_STILL = 25 };

struct ocr {
    struct rank_options ranking;
    bool plate_only;
    bool places_known; /* of the picture at hand: the plates stand where somebody said */
    float highest;     /* of the picture at hand: the locator's highest score */
    struct jpeg *jpeg;
    struct locate *locate; /* NULL when the pictures are plates */
    struct locate *closer; /* the same with a larger frame; NULL as well */
    struct locate *around; /* the same with a small frame, for a plate's surroundings; as well */
    struct mask *mask;     /* NULL: everywhere */
    struct rectify *rectify;
    struct reader *reader;
    struct syntax *syntax;
    struct rank *rank;
    struct second *second; /* NULL: the network alone reads */
    enum ocr_reader who;
    struct motion *motion;       /* NULL: every picture is looked at */
    unsigned n_still;            /* pictures since the last look */
    struct ocr_result last;      /* of the last look */
    struct jpeg_picture picture; /* the last one; width 0: none */
    struct rank_views views;
    uint8_t plate[RECTIFY_MAX_SIDE * RECTIFY_MAX_SIDE];
};

static uint32_t microseconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((now.tv_sec - start->tv_sec) * 1000000 +
                      (now.tv_nsec - start->tv_nsec) / 1000);
}

/* Tesseract's line is cut out of the network's input. */
static enum err open_second(struct ocr *ocr, const char *dir, struct fault *why)
{
    const struct reader_card *card = reader_card(ocr->reader);
    if (card->width != LINE_PLATE_WIDTH || card->height != LINE_PLATE_HEIGHT)
        return fault_set(
            why, ERR_INPUT,
            "the second reader needs a reader of %d x %d pixels, reader.json says %u x %u",
            LINE_PLATE_WIDTH, LINE_PLATE_HEIGHT, card->width, card->height);
    return second_open(&ocr->second, dir, why);
}

static enum err open_locators(struct ocr *ocr, const struct ocr_options *options, struct fault *why)
{
    struct locate_options how = {.threshold = options->detection_threshold};
    enum err err = locate_open(&ocr->locate, options->models_dir, &how, why);
    how.zoom = CLOSER;
    if (!err)
        err = locate_open(&ocr->closer, options->models_dir, &how, why);
    how.zoom = AROUND;
    return err ? err : locate_open(&ocr->around, options->models_dir, &how, why);
}

/* The first use of a network allocates its layers' memory: not in the first frame. */
static enum err warm_up(struct ocr *ocr, struct fault *why)
{
    static const uint8_t grey[64 * 64] = {0};
    const struct image empty = {grey, 64, 64, 64}, wide = {grey, 64, 36, 64};
    struct locate_found found;
    enum err err = ocr->locate ? locate_run(ocr->locate, &empty, &found, why) : ERR_OK;
    if (!err && ocr->closer)
        err = locate_run(ocr->closer, &empty, &found, why);
    if (!err && ocr->around)
        err = locate_run(ocr->around, &wide, &found, why);
    return err ? err : reader_run(ocr->reader, ocr->plate, &ocr->views.odds[0], why);
}

enum err ocr_open(struct ocr **out, const struct ocr_options *options, struct fault *why)
{
    assert(options->topn >= 1 && options->topn <= READING_MAX_CANDIDATES);
    struct ocr *ocr = calloc(1, sizeof *ocr);
    if (ocr == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for recognition");
    cv_begin();
    ocr->ranking = (struct rank_options){options->topn, options->must_match_pattern};
    ocr->plate_only = options->plate_only;
    enum err err = jpeg_new(&ocr->jpeg, why);
    if (!err)
        err = syntax_open(&ocr->syntax, options->regions_dir, options->regions, why);
    if (!err && options->mask_file != NULL && !ocr->plate_only)
        err = mask_open(&ocr->mask, options->mask_file, ocr->jpeg, why);
    if (!err)
        err = rectify_new(&ocr->rectify, why);
    if (!err)
        err = rank_new(&ocr->rank, why);
    if (!err && !ocr->plate_only)
        err = open_locators(ocr, options, why);
    if (!err)
        err = reader_open(&ocr->reader, options->models_dir, why);
    if (!err && (ocr->who = options->reader) != OCR_READER_NETWORK)
        err = open_second(ocr, options->models_dir, why);
    if (!err && options->motion_detection && !ocr->plate_only)
        err = motion_new(&ocr->motion, MOTION_STEP, MOTION_CELLS, why);
    if (!err)
        err = warm_up(ocr, why);
    if (err)
        ocr_close(&ocr);
    else
        *out = ocr;
    return err;
}

void ocr_close(struct ocr **ocr)
{
    struct ocr *gone = *ocr;
    *ocr = NULL;
    if (gone == NULL)
        return;
    motion_free(&gone->motion);
    second_close(&gone->second);
    rank_free(&gone->rank);
    reader_close(&gone->reader);
    locate_close(&gone->locate);
    locate_close(&gone->closer);
    locate_close(&gone->around);
    rectify_free(&gone->rectify);
    mask_close(&gone->mask);
    syntax_close(&gone->syntax);
    jpeg_free(&gone->jpeg);
    free(gone);
}

/* Regions from the coordinates of the decoded picture to those of the whole one, or back (`whole`
 * false). */
static void rescale(const struct jpeg_picture *picture, bool whole, struct region *region)
{
    float x = (float)picture->width / (float)picture->grey.width;
    float y = (float)picture->height / (float)picture->grey.height;
    for (int i = 0; i < 4; i++) {
        region->corner[i].x = whole ? region->corner[i].x * x : region->corner[i].x / x;
        region->corner[i].y = whole ? region->corner[i].y * y : region->corner[i].y / y;
    }
}

/* Fills out->readings[].where, in coordinates of the decoded picture; `places` NULL: with the
 * locator. */
static enum err find_plates(struct ocr *ocr, struct locate *locate, const struct ocr_places *places,
                            struct ocr_result *out, struct fault *why)
{
    const struct image *grey = &ocr->picture.grey;
    float w = (float)grey->width, h = (float)grey->height;
    struct locate_found found = {.plates = {{{{0, 0}, {w, 0}, {w, h}, {0, h}}, 1}}, .n = 1};
    if (places == NULL) {
        enum err err = locate_run(locate, grey, &found, why);
        if (err)
            return err;
        ocr->highest = found.highest;
    } else if (places->n > 0) {
        found.n = places->n;
        for (uint8_t i = 0; i < found.n; i++) {
            found.plates[i] = places->where[i];
            rescale(&ocr->picture, false, &found.plates[i]);
        }
    }
    for (uint8_t i = 0; i < found.n; i++)
        if (places != NULL || ocr->mask == NULL ||
            mask_has(ocr->mask, &found.plates[i], grey->width, grey->height))
            out->readings[out->n_readings++].where = found.plates[i];
    return ERR_OK;
}

/* Cuts the plate out with its margins grown by `grow` of its width and height. ERR_NOT_FOUND: the
 * corners are no quad. */
static enum err cut_view(struct ocr *ocr, const struct region *where, float grow,
                         struct ocr_times *times, struct fault *why)
{
    const struct reader_card *card = reader_card(ocr->reader);
    const struct rectify_target target = {ocr->plate, card->width, card->height};
    struct timespec start;
    struct point quad[4];
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (!rectify_enlarge(where->corner, card->margin_x + grow, card->margin_y + grow, quad))
        return fault_set(why, ERR_NOT_FOUND, "four corners that are no plate");
    enum err err = rectify_cut(ocr->rectify, &ocr->picture.grey, quad, &target, why);
    times->rectify += microseconds_since(&start);
    return err;
}

/* Cuts the plate out and reads it as one more view. */
static enum err read_view(struct ocr *ocr, const struct region *where, float grow,
                          struct ocr_times *times, struct fault *why)
{
    struct timespec start;
    enum err err = cut_view(ocr, where, grow, times, why);
    if (err)
        return err;
    clock_gettime(CLOCK_MONOTONIC, &start);
    err = reader_run(ocr->reader, ocr->plate, &ocr->views.odds[ocr->views.n], why);
    if (!err)
        ocr->views.n++;
    times->read += microseconds_since(&start);
    return err;
}

/* Weighs the views that there are. */
static void rank_views(struct ocr *ocr, struct reading *reading, struct ocr_times *times)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    rank_run(ocr->rank, &ocr->views, ocr->syntax, &ocr->ranking, reading);
    times->read += microseconds_since(&start);
}

static float confidence_of(const struct reading *reading)
{
    return reading->n_candidates > 0 ? reading->candidates[0].confidence : 0;
}

static bool is_vetoed(const struct reading *reading, size_t veto)
{
    return reading->where.score < vetoes[veto].located &&
           confidence_of(reading) < vetoes[veto].read;
}

/* More views of an unsure plate: located again in its surroundings alone, and with a little more
 * and a little less around it. */
static enum err look_again(struct ocr *ocr, struct reading *reading, struct ocr_times *times,
                           struct fault *why)
{
    struct timespec start;
    struct region again;
    uint8_t n = 0;
    enum err err = ERR_OK;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (ocr->around && !ocr->places_known)
        err = locate_again(ocr->around, &ocr->picture.grey, &reading->where, &again, &n, why);
    times->locate += microseconds_since(&start);
    if (!err && n == 1) {
        err = read_view(ocr, &again, 0, times, why);
        if (!err)
            reading->where = again;
        else if (err == ERR_NOT_FOUND) /* no quad: the first place stays */
            err = ERR_OK;
    }
    for (size_t i = 0; i < sizeof second_views / sizeof second_views[0] && !err; i++)
        err = read_view(ocr, &reading->where, second_views[i], times, why);
    return err;
}

/* The network's reading, calibrated. */
static enum err read_first(struct ocr *ocr, struct reading *reading, struct ocr_times *times,
                           struct fault *why)
{
    const struct reader_card *card = reader_card(ocr->reader);
    ocr->views.n = 0;
    enum err err = read_view(ocr, &reading->where, 0, times, why);
    if (err)
        return err;
    rank_views(ocr, reading, times);
    /* What says nothing at the first look is not worth more. */
    if (confidence_of(reading) < SECOND_LOOK && !is_vetoed(reading, 0)) {
        if ((err = look_again(ocr, reading, times, why)))
            return err;
        rank_views(ocr, reading, times);
    }
    calibration_apply(&card->calibration, reading);
    reading->needs_review = confidence_of(reading) < card->reject;
    return ERR_OK;
}

/* What Tesseract reads at the place, with the region of the pattern that it fits. */
static enum err ask_second(struct ocr *ocr, const struct region *where, struct candidate *out,
                           struct ocr_times *times, struct fault *why)
{
    struct timespec start;
    enum err err = cut_view(ocr, where, 0, times, why);
    if (err)
        return err;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if ((err = second_run(ocr->second, ocr->plate, out, why)))
        return err;
    rank_judge(ocr->syntax, out);
    if (ocr->ranking.must_match_pattern && !out->matches_pattern)
        *out = (struct candidate){.text = ""};
    times->second += microseconds_since(&start);
    return ERR_OK;
}

/* Fills the rest of a reading whose place, in coordinates of the decoded picture, is there. */
static enum err read_plate(struct ocr *ocr, struct reading *reading, struct ocr_times *times,
                           struct fault *why)
{
    float reject = reader_card(ocr->reader)->reject;
    struct candidate text;
    enum err err = ERR_OK;
    if (ocr->who != OCR_READER_TESSERACT)
        err = read_first(ocr, reading, times, why);
    bool asked =
        ocr->who == OCR_READER_TESSERACT ||
        (ocr->who == OCR_READER_BOTH && agree_is_asked(second_rules(ocr->second), reading));
    if (!err && asked)
        err = ask_second(ocr, &reading->where, &text, times, why);
    if (err ==
        ERR_NOT_FOUND) { /* corners that are no quad: a plate was seen, and it cannot be read */
        reading->needs_review = true;
        return ERR_OK;
    }
    if (err || !asked)
        return err;
    if (ocr->who == OCR_READER_BOTH)
        agree_apply(second_rules(ocr->second), &text, ocr->ranking.topn, reject, reading);
    else
        agree_alone(&text, reject, reading);
    return ERR_OK;
}

/* The picture's grey pixels, its size, and the time that it took. */
static enum err decode(struct ocr *ocr, const uint8_t *jpeg, size_t size, struct ocr_result *result,
                       struct fault *why)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    ocr->picture.width = 0;
    enum err err = jpeg_decode(ocr->jpeg, jpeg, size, &ocr->picture, why);
    if (err)
        return err;
    result->width = ocr->picture.width;
    result->height = ocr->picture.height;
    result->times.decode = microseconds_since(&start);
    return ERR_OK;
}

/* No plate lies on another; places that were located again may. */
static bool is_double(const struct ocr_result *result, uint8_t kept, const struct reading *reading)
{
    for (uint8_t i = 0; i < kept; i++)
        if (locate_cover(&result->readings[i].where, &reading->where) > DOUBLE)
            return true;
    return false;
}

/* Finds (`places` NULL: with `locate`) and reads the plates of the decoded picture. */
static enum err look_with(struct ocr *ocr, struct locate *locate, const struct ocr_places *places,
                          struct ocr_result *result, struct fault *why)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    enum err err = find_plates(ocr, locate, places, result, why);
    if (err)
        return err;
    result->times.locate += microseconds_since(&start);
    uint8_t kept = 0;
    for (uint8_t i = 0; i < result->n_readings; i++) {
        struct reading *reading = &result->readings[i];
        if ((err = read_plate(ocr, reading, &result->times, why)))
            return err;
        rescale(&ocr->picture, true, &reading->where);
        if (!is_vetoed(reading, 0) && !is_vetoed(reading, 1) &&
            (places != NULL || !is_double(result, kept, reading)))
            result->readings[kept++] = *reading;
    }
    memset(result->readings + kept, 0, (READING_MAX_PLATES - kept) * sizeof *result->readings);
    result->n_readings = kept;
    return ERR_OK;
}

/* The same, with a closer look where there is nothing at the first, but something might be. */
static enum err look(struct ocr *ocr, const struct ocr_places *places, struct ocr_result *result,
                     struct fault *why)
{
    ocr->places_known = places != NULL;
    enum err err = look_with(ocr, ocr->locate, places, result, why);
    if (!err && result->n_readings == 0 && !ocr->places_known && ocr->highest >= CLOSER_FROM)
        err = look_with(ocr, ocr->closer, NULL, result, why);
    return err;
}

static enum err read_picture(struct ocr *ocr, const uint8_t *jpeg, size_t size,
                             const struct ocr_places *places, struct ocr_result *out,
                             struct fault *why)
{
    struct ocr_result result = {0};
    enum err err = decode(ocr, jpeg, size, &result, why);
    if (!err)
        err = look(ocr, places, &result, why);
    if (!err)
        *out = result;
    return err;
}

/* With the gate: a picture like the last one that was looked at gets that one's readings. */
static enum err read_if_changed(struct ocr *ocr, const uint8_t *jpeg, size_t size,
                                struct ocr_result *out, struct fault *why)
{
    struct ocr_result result = {0};
    enum err err = decode(ocr, jpeg, size, &result, why);
    if (err)
        return err;
    bool is_still = !motion_changed(ocr->motion, &ocr->picture.grey);
    if (is_still && ocr->n_still < MOTION_MOST_STILL) {
        ocr->n_still++;
        struct ocr_times times = result.times;
        result = ocr->last;
        result.unchanged = true;
        result.times = times;
    } else {
        ocr->n_still = MOTION_MOST_STILL; /* until this look has succeeded */
        if ((err = look(ocr, NULL, &result, why)))
            return err;
        ocr->n_still = 0;
        ocr->last = result;
    }
    *out = result;
    return ERR_OK;
}

enum err ocr_read(struct ocr *ocr, const uint8_t *jpeg, size_t size, struct ocr_result *out,
                  struct fault *why)
{
    static const struct ocr_places whole = {NULL, 0};
    if (ocr->motion != NULL)
        return read_if_changed(ocr, jpeg, size, out, why);
    return read_picture(ocr, jpeg, size, ocr->plate_only ? &whole : NULL, out, why);
}

enum err ocr_read_at(struct ocr *ocr, const uint8_t *jpeg, size_t size,
                     const struct ocr_places *places, struct ocr_result *out, struct fault *why)
{
    assert(places->n <= READING_MAX_PLATES);
    return read_picture(ocr, jpeg, size, places, out, why);
}

const struct jpeg_picture *ocr_picture(const struct ocr *ocr)
{
    return &ocr->picture;
}

/* The size of a crop of the quad: its own, at most JPEG_CROP_SIDE a side. */
static void crop_size(const struct point q[4], struct rectify_target *target)
{
    double wide =
        fmax(hypot(q[1].x - q[0].x, q[1].y - q[0].y), hypot(q[2].x - q[3].x, q[2].y - q[3].y));
    double high =
        fmax(hypot(q[3].x - q[0].x, q[3].y - q[0].y), hypot(q[2].x - q[1].x, q[2].y - q[1].y));
    double scale = fmin(1, JPEG_CROP_SIDE / fmax(wide, high));
    target->width = (uint32_t)fmax(1, rint(wide * scale));
    target->height = (uint32_t)fmax(1, rint(high * scale));
}

enum err ocr_crop(struct ocr *ocr, const struct region *where, uint8_t *out, size_t capacity,
                  size_t *size, struct fault *why)
{
    struct region region = *where;
    struct rectify_target target = {.pixels = ocr->plate};
    struct point quad[4];
    if (ocr->picture.width == 0)
        return fault_set(why, ERR_NOT_FOUND, "no picture to cut a plate from");
    rescale(&ocr->picture, false, &region);
    if (!rectify_enlarge(region.corner, CROP_MARGIN, CROP_MARGIN, quad))
        return fault_set(why, ERR_INPUT, "four corners that are no plate");
    crop_size(quad, &target);
    const uint8_t *bytes;
    size_t length;
    enum err err = rectify_cut(ocr->rectify, &ocr->picture.grey, quad, &target, why);
    const struct image crop = {ocr->plate, target.width, target.height, target.width};
    if (!err)
        err = jpeg_encode(ocr->jpeg, &crop, CROP_QUALITY, &bytes, &length, why);
    if (err)
        return err;
    if (length > capacity)
        return fault_set(why, ERR_LIMIT, "a crop of %zu bytes, room for %zu", length, capacity);
    memcpy(out, bytes, length);
    *size = length;
    return ERR_OK;
}
