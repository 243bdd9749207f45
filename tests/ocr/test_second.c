/* The second reader with its committed model: plates of the project's own, its errors, and that it
 * stays as it is. */
#include "tests/ocr/check.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ocr/file.h"
#include "ocr/ocr.h"
#include "ocr/second.h"

#define MODELS LANEWARD_SOURCE_DIR "/ocr/models"

static struct fault why;
static struct ocr_result result, again;

static const struct ocr_options tesseract = {.models_dir = MODELS,
                                             .regions_dir = LANEWARD_SOURCE_DIR "/config/regions",
                                             .topn = 10,
                                             .reader = OCR_READER_TESSERACT};

static void read_golden(struct ocr *ocr, const char *name, struct ocr_result *out)
{
    char path[512];
    struct file file;
    snprintf(path, sizeof path, "%s/tests/golden/%s.jpg", LANEWARD_SOURCE_DIR, name);
    assert_ok(file_read(path, 1 << 24, &file, &why));
    assert_ok(ocr_read(ocr, file.bytes, file.size, out, &why));
    file_release(&file);
}

static void plates_of_one_and_of_two_rows_are_read(void **state)
{
    (void)state;
    struct ocr *ocr;
    assert_ok(ocr_open(&ocr, &tesseract, &why));
    read_golden(ocr, "day_front", &result);
    assert_int_equal(result.n_readings, 1);
    assert_int_equal(result.readings[0].n_candidates, 1);
    assert_string_equal(result.readings[0].candidates[0].text, "7KLM482");
    assert_int_equal(result.readings[0].n_positions, 7);
    assert_true(result.times.second > 0);
    ocr_close(&ocr);
}

/* Nothing can be opened any more: not even what Tesseract would write its messages to. */
static void no_file_is_opened_after_the_start_and_runs_do_not_differ(void **state)
{
    (void)state;
    struct ocr *ocr;
    struct rlimit before, none = {0, 0};
    char path[] = LANEWARD_SOURCE_DIR "/tests/golden/two_lines.jpg";
    struct file file;
    assert_ok(file_read(path, 1 << 24, &file, &why));
    assert_ok(ocr_open(&ocr, &tesseract, &why));
    assert_ok(ocr_read(ocr, file.bytes, file.size, &result, &why));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 3; i++) {
        memset(&again, 0, sizeof again);
        assert_ok(ocr_read(ocr, file.bytes, file.size, &again, &why));
        assert_int_equal(again.n_readings, result.n_readings);
        assert_memory_equal(again.readings, result.readings, sizeof result.readings);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    ocr_close(&ocr);
    file_release(&file);
}

static void a_picture_of_nothing_is_silence_or_a_text_and_no_crash(void **state)
{
    (void)state;
    struct second *second;
    static uint8_t plate[128 * 64];
    assert_ok(second_open(&second, MODELS, &why));
    for (int kind = 0; kind < 4; kind++) {
        struct candidate first = {.text = ""}, text;
        for (size_t i = 0; i < sizeof plate; i++)
            plate[i] = (uint8_t)(kind == 0   ? 0
                                 : kind == 1 ? 255
                                 : kind == 2 ? i * 7919 >> 3
                                             : (i & 1) * 255);
        for (int run = 0; run < 2; run++) {
            assert_ok(second_run(second, plate, &text, &why));
            assert_true(text.confidence >= 0 && text.confidence <= 1);
            assert_true(strlen(text.text) <= READING_MAX_CHARS);
            if (run == 1)
                assert_string_equal(text.text, first.text);
            first = text;
        }
    }
    second_close(&second);
}

static char dir[64];

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/laneward-second-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/plate.json", dir);
    remove(path);
    snprintf(path, sizeof path, "%s/plate.traineddata", dir);
    remove(path);
    return rmdir(dir);
}

static void assert_refused(enum err wanted, const char *words)
{
    struct second *second = NULL;
    assert_int_equal(second_open(&second, dir, &why), wanted);
    assert_null(second);
    if (strstr(why.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, words);
}

static void a_missing_card_or_model_is_named(void **state)
{
    (void)state;
    struct file card;
    assert_refused(ERR_IO, "plate.json");
    assert_ok(file_read(MODELS "/plate.json", 1 << 20, &card, &why));
    write_bytes("plate.json", card.bytes, card.size);
    file_release(&card);
    assert_refused(ERR_IO, "plate.traineddata");
}

static void a_model_with_one_byte_changed_is_refused(void **state)
{
    (void)state;
    struct file card, model;
    assert_ok(file_read(MODELS "/plate.json", 1 << 20, &card, &why));
    assert_ok(file_read(MODELS "/plate.traineddata", 1 << 24, &model, &why));
    model.bytes[model.size / 2] ^= 1;
    write_bytes("plate.json", card.bytes, card.size);
    write_bytes("plate.traineddata", model.bytes, model.size);
    file_release(&card);
    file_release(&model);
    assert_refused(ERR_CORRUPT, "SHA-256");
}

static void a_file_that_is_no_traineddata_is_an_input_error(void **state)
{
    (void)state;
    static const char card[] =
        "{\"file\": \"plate.traineddata\", \"height\": 30, \"unsure_below\": 0.9, "
        "\"same_if_right\": 0.5,"
        "\"same_if_wrong\": 0.1, \"alone\": 0.1, \"heard_from\": 0.2, \"sha256\": "
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}";
    write_bytes("plate.traineddata", "", 0);
    write_bytes("plate.json", card, sizeof card - 1);
    assert_refused(ERR_INPUT, "Tesseract");
}

static void a_card_without_its_numbers_is_an_input_error(void **state)
{
    (void)state;
    static const char card[] =
        "{\"file\": \"plate.traineddata\", \"height\": 36, \"sha256\": "
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}";
    write_bytes("plate.traineddata", "", 0);
    write_bytes("plate.json", card, sizeof card - 1);
    assert_refused(ERR_INPUT, "\"height\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plates_of_one_and_of_two_rows_are_read),
        cmocka_unit_test(no_file_is_opened_after_the_start_and_runs_do_not_differ),
        cmocka_unit_test(a_picture_of_nothing_is_silence_or_a_text_and_no_crash),
        cmocka_unit_test_setup_teardown(a_missing_card_or_model_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_with_one_byte_changed_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_traineddata_is_an_input_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_card_without_its_numbers_is_an_input_error, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
