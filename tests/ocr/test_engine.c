/* The whole engine on the golden pictures and on odd ones. */
#include "tests/ocr/check.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <turbojpeg.h>

#include "ocr/file.h"
#include "ocr/locate.h"
#include "ocr/ocr.h"
#include "ocr/show.h"

/* The linker sends the project's own calls here (see CMakeLists.txt); those of libraries go their
 * own way. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned allocations;

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

static struct fault why;
static struct ocr *ocr;
static struct ocr_result result;
static const char *const pictures[] = {"day_front", "day_askew",  "night",
                                       "two_lines", "two_plates", "cut_by_border"};
enum { PICTURES = sizeof pictures / sizeof pictures[0] };

static const struct ocr_options usual = {.models_dir = LANEWARD_SOURCE_DIR "/ocr/models",
                                         .regions_dir = LANEWARD_SOURCE_DIR "/config/regions",
                                         .topn = 10};

static struct file load(const char *folder, const char *name)
{
    char path[512];
    struct file file;
    snprintf(path, sizeof path, "%s/tests/%s/%s.jpg", LANEWARD_SOURCE_DIR, folder, name);
    assert_ok(file_read(path, 1 << 24, &file, &why));
    return file;
}

static void read_golden(struct ocr *engine, const char *name, struct ocr_result *out)
{
    struct file file = load("golden", name);
    assert_ok(ocr_read(engine, file.bytes, file.size, out, &why));
    file_release(&file);
}

static void a_picture_without_a_plate_has_none(void **state)
{
    (void)state;
    read_golden(ocr, "no_plate", &result);
    assert_int_equal(result.n_readings, 0);
    assert_int_equal(result.width, 1280);
}

static void a_plate_is_read_with_its_distributions(void **state)
{
    (void)state;
    read_golden(ocr, "day_front", &result);
    assert_int_equal(result.n_readings, 1);
    const struct reading *reading = &result.readings[0];
    assert_string_equal(reading->candidates[0].text, "7KLM482");
    assert_int_equal(reading->n_positions, 7);
    for (unsigned i = 0; i < reading->n_positions; i++) {
        float sum = 0;
        for (unsigned c = 0; c < READING_MAX_CLASSES; c++)
            sum += reading->position[i][c];
        assert_true(sum > 0.999f && sum < 1.001f);
    }
    for (unsigned i = 1; i < reading->n_candidates; i++)
        assert_true(reading->candidates[i - 1].confidence >= reading->candidates[i].confidence);
}

static void a_plate_cut_by_the_border_is_told_at_the_border(void **state)
{
    (void)state;
    read_golden(ocr, "cut_by_border", &result);
    for (unsigned i = 0; i < result.n_readings; i++) {
        const struct region *where = &result.readings[i].where;
        assert_true(where->corner[1].x > 1240);
        assert_true(result.readings[i].n_positions <= READING_MAX_CHARS);
    }
}

static void assert_near(const struct region *a, const struct region *b, float most)
{
    for (int i = 0; i < 4; i++) {
        assert_true(fabsf(a->corner[i].x - b->corner[i].x) < most);
        assert_true(fabsf(a->corner[i].y - b->corner[i].y) < most);
    }
}

static void a_plate_is_found_again_in_its_surroundings(void **state)
{
    (void)state;
    static const struct region plate = {{{560, 450}, {720, 450}, {720, 530}, {560, 530}}, 0.8f},
                               about = {{{548, 460}, {715, 460}, {715, 540}, {548, 540}}, 0.5f},
                               sky = {{{100, 20}, {260, 20}, {260, 100}, {100, 100}}, 0.5f},
                               none = {{{NAN, 0}, {1, 0}, {1, 1}, {0, 1}}, 0.5f};
    const struct locate_options small = {.zoom = 0.41f};
    struct locate *locate;
    struct region again;
    uint8_t n;
    read_golden(ocr, "day_front", &result);
    const struct image *grey = &ocr_picture(ocr)->grey;
    assert_ok(locate_open(&locate, usual.models_dir, &small, &why));
    assert_ok(locate_again(locate, grey, &about, &again, &n, &why));
    assert_int_equal(n, 1);
    assert_near(&again, &plate, 8);
    assert_true(again.score == 0.5f);
    assert_ok(locate_again(locate, grey, &sky, &again, &n, &why));
    assert_int_equal(n, 0);
    assert_ok(locate_again(locate, grey, &none, &again, &n, &why));
    assert_int_equal(n, 0);
    locate_close(&locate);
}

/* All but the times. */
static void assert_same(const struct ocr_result *a, const struct ocr_result *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->n_readings, b->n_readings);
    assert_memory_equal(a->readings, b->readings, sizeof a->readings);
}

static void results_are_identical_from_run_to_run_and_from_engine_to_engine(void **state)
{
    (void)state;
    static struct ocr_result first[PICTURES];
    struct ocr *other;
    assert_ok(ocr_open(&other, &usual, &why));
    for (size_t i = 0; i < PICTURES; i++)
        read_golden(ocr, pictures[i], &first[i]);
    for (size_t i = PICTURES; i-- > 0;) {
        read_golden(ocr, pictures[i], &result);
        assert_same(&first[i], &result);
        read_golden(other, pictures[i], &result);
        assert_same(&first[i], &result);
    }
    ocr_close(&other);
}

static void a_frame_is_read_without_allocating_and_without_opening_a_file(void **state)
{
    (void)state;
    struct file files[PICTURES];
    struct rlimit before, none;
    for (size_t i = 0; i < PICTURES; i++)
        files[i] = load("golden", pictures[i]);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    unsigned count = allocations;
    enum err err = ERR_OK;
    for (size_t i = 0; i < PICTURES && !err; i++)
        err = ocr_read(ocr, files[i].bytes, files[i].size, &result, &why);
    count = allocations - count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(count, 0);
    for (size_t i = 0; i < PICTURES; i++)
        file_release(&files[i]);
    assert_true(allocations > 0); /* the counter counts */
}

static void a_bad_picture_leaves_the_result_alone_and_the_next_one_is_read(void **state)
{
    (void)state;
    struct file file = load("golden", "day_front");
    memset(&result, 0x55, sizeof result);
    static struct ocr_result untouched;
    untouched = result;
    assert_int_equal(ocr_read(ocr, file.bytes, file.size / 2, &result, &why), ERR_INPUT);
    assert_int_equal(ocr_read(ocr, file.bytes, 0, &result, &why), ERR_INPUT);
    assert_memory_equal(&result, &untouched, sizeof result);
    assert_ok(ocr_read(ocr, file.bytes, file.size, &result, &why));
    assert_int_equal(result.n_readings, 1);
    file_release(&file);
}

static void the_smallest_and_a_very_large_picture_are_read(void **state)
{
    (void)state;
    struct file file = load("fuzz/corpus/jpeg", "one_pixel");
    assert_ok(ocr_read(ocr, file.bytes, file.size, &result, &why));
    assert_int_equal(result.width, 1);
    file_release(&file);
    int width = 8000, height = 5000;
    uint8_t *pixels = malloc((size_t)width * (size_t)height);
    unsigned long size = tjBufSize(width, height, TJSAMP_GRAY);
    uint8_t *bytes = tjAlloc((int)size);
    memset(pixels, 120, (size_t)width * (size_t)height);
    tjhandle encoder = tjInitCompress();
    assert_int_equal(tjCompress2(encoder, pixels, width, 0, height, TJPF_GRAY, &bytes, &size,
                                 TJSAMP_GRAY, 50, TJFLAG_NOREALLOC),
                     0);
    assert_ok(ocr_read(ocr, bytes, size, &result, &why));
    assert_int_equal(result.width, 8000);
    tjDestroy(encoder);
    tjFree(bytes);
    free(pixels);
}

static void a_crop_is_a_small_grey_picture_of_the_plate(void **state)
{
    (void)state;
    uint8_t crop[32768];
    size_t size = 0;
    struct ocr *fresh;
    read_golden(ocr, "day_front", &result);
    const struct region where = result.readings[0].where;
    assert_ok(ocr_open(&fresh, &usual, &why));
    assert_int_equal(ocr_crop(fresh, &where, crop, sizeof crop, &size, &why), ERR_NOT_FOUND);
    assert_ok(ocr_crop(ocr, &where, crop, sizeof crop, &size, &why));
    assert_true(size > 500 && size < sizeof crop);
    assert_int_equal(ocr_crop(ocr, &where, crop, 100, &size, &why), ERR_LIMIT);
    struct region bad = where;
    bad.corner[2] = bad.corner[0];
    assert_int_equal(ocr_crop(ocr, &bad, crop, sizeof crop, &size, &why), ERR_INPUT);
    assert_ok(ocr_read(fresh, crop, size, &result, &why));
    assert_true(result.width <= 320 && result.height <= 320 && result.width > 100);
    ocr_close(&fresh);
}

static void a_picture_that_is_a_plate_is_read_as_one(void **state)
{
    (void)state;
    uint8_t crop[32768];
    size_t size = 0;
    struct ocr *plates;
    struct ocr_options options = usual;
    options.plate_only = true;
    options.topn = 3;
    read_golden(ocr, "day_front", &result);
    assert_ok(ocr_crop(ocr, &result.readings[0].where, crop, sizeof crop, &size, &why));
    assert_ok(ocr_open(&plates, &options, &why));
    assert_ok(ocr_read(plates, crop, size, &result, &why));
    assert_int_equal(result.n_readings, 1);
    assert_string_equal(result.readings[0].candidates[0].text, "7KLM482");
    assert_true(result.readings[0].n_candidates <= 3);
    assert_true(result.readings[0].where.corner[2].x >= (float)result.width);
    ocr_close(&plates);
}

static void where_the_mask_is_black_nothing_is_found(void **state)
{
    (void)state;
    struct ocr *masked;
    struct ocr_options options = usual;
    options.mask_file = "black.pgm";
    FILE *file = fopen("black.pgm", "wb");
    fwrite("P5 1 1 255\n\0", 1, 12, file);
    fclose(file);
    assert_ok(ocr_open(&masked, &options, &why));
    read_golden(masked, "day_front", &result);
    assert_int_equal(result.n_readings, 0);
    ocr_close(&masked);
    remove("black.pgm");
}

static void a_still_picture_keeps_its_readings_and_is_looked_at_again_in_time(void **state)
{
    (void)state;
    struct ocr_options options = usual;
    options.motion_detection = true;
    struct ocr *gated;
    static struct ocr_result looked, again;
    assert_ok(ocr_open(&gated, &options, &why));
    read_golden(gated, "day_front", &looked);
    assert_false(looked.unchanged);
    assert_int_equal(looked.n_readings, 1);
    unsigned still = 0;
    do {
        read_golden(gated, "day_front", &again);
        assert_same(&looked, &again);
        assert_true(again.unchanged == (again.times.locate == 0));
    } while (again.unchanged && ++still < 1000);
    assert_in_range(still, 1, 100);
    read_golden(gated, "no_plate", &again);
    assert_false(again.unchanged);
    assert_int_equal(again.n_readings, 0);
    read_golden(gated, "day_front", &again);
    assert_false(again.unchanged);
    assert_same(&looked, &again);
    ocr_close(&gated);
}

static void an_unknown_region_is_told_at_once(void **state)
{
    (void)state;
    struct ocr *none = NULL;
    struct ocr_options options = usual;
    options.regions = "atlantis";
    assert_int_equal(ocr_open(&none, &options, &why), ERR_INPUT);
    assert_non_null(strstr(why.text, "atlantis"));
    assert_null(none);
}

static int set_up(void **state)
{
    (void)state;
    return ocr_open(&ocr, &usual, &why) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    ocr_close(&ocr);
    return ocr != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_without_a_plate_has_none),
        cmocka_unit_test(a_plate_is_read_with_its_distributions),
        cmocka_unit_test(a_plate_cut_by_the_border_is_told_at_the_border),
        cmocka_unit_test(a_plate_is_found_again_in_its_surroundings),
        cmocka_unit_test(results_are_identical_from_run_to_run_and_from_engine_to_engine),
        cmocka_unit_test(a_frame_is_read_without_allocating_and_without_opening_a_file),
        cmocka_unit_test(a_bad_picture_leaves_the_result_alone_and_the_next_one_is_read),
        cmocka_unit_test(the_smallest_and_a_very_large_picture_are_read),
        cmocka_unit_test(a_crop_is_a_small_grey_picture_of_the_plate),
        cmocka_unit_test(a_picture_that_is_a_plate_is_read_as_one),
        cmocka_unit_test(where_the_mask_is_black_nothing_is_found),
        cmocka_unit_test(a_still_picture_keeps_its_readings_and_is_looked_at_again_in_time),
        cmocka_unit_test(an_unknown_region_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
