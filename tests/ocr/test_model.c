/* Model cards and hashes: what is wrong with a model is told, and nothing wrong is run. */
#include "tests/ocr/check.h"

#include <stdio.h>
#include <unistd.h>

#include "ocr/file.h"
#include "ocr/ocr.h"

static struct fault why;
static char dir[64];

static void path_in(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", dir, name);
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char path[128];
    path_in(path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void load(const char *name, struct file *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/ocr/models/%s", LANEWARD_SOURCE_DIR, name);
    assert_ok(file_read(path, 1 << 25, out, &why));
}

static const char *const names[] = {"locate.onnx", "locate.json", "reader.onnx", "reader.json"};

/* A folder with copies of the four files. */
static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/laneward-models-XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 4; i++) {
        struct file file;
        load(names[i], &file);
        write_bytes(names[i], file.bytes, file.size);
        file_release(&file);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        path_in(path, names[i]);
        remove(path);
    }
    return rmdir(dir);
}

static enum err open_engine(void)
{
    struct ocr *ocr = NULL;
    const struct ocr_options options = {.models_dir = dir, .topn = 1};
    enum err err = ocr_open(&ocr, &options, &why);
    if (err == ERR_OK)
        ocr_close(&ocr);
    assert_null(ocr);
    return err;
}

static void the_committed_models_open(void **state)
{
    (void)state;
    assert_ok(open_engine());
}

static void a_model_with_one_byte_changed_is_refused(void **state)
{
    (void)state;
    struct file file;
    load("reader.onnx", &file);
    file.bytes[file.size / 2] ^= 1;
    write_bytes("reader.onnx", file.bytes, file.size);
    file_release(&file);
    assert_int_equal(open_engine(), ERR_CORRUPT);
    assert_non_null(strstr(why.text, "reader.onnx"));
    assert_non_null(strstr(why.text, "SHA-256"));
}

static void a_missing_model_or_card_is_named(void **state)
{
    (void)state;
    char path[128];
    path_in(path, "locate.onnx");
    remove(path);
    assert_int_equal(open_engine(), ERR_IO);
    assert_non_null(strstr(why.text, "locate.onnx"));
    path_in(path, "locate.json");
    remove(path);
    assert_int_equal(open_engine(), ERR_IO);
    assert_non_null(strstr(why.text, "locate.json"));
}

static void a_card_that_is_no_card_is_an_input_error(void **state)
{
    (void)state;
    static const char *const cards[] = {"",
                                        "[1]",
                                        "{\"file\": 3}",
                                        "{\"file\": \"../locate.onnx\", \"sha256\": \"00\"}",
                                        "{\"file\": \"locate.onnx\"}",
                                        "{\"file\": \"locate.onnx\", "};
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        write_bytes("locate.json", cards[i], strlen(cards[i]));
        if (open_engine() != ERR_INPUT)
            fail_msg("'%s' gave '%s'", cards[i], why.text);
    }
}

static void a_number_out_of_range_is_named(void **state)
{
    (void)state;
    struct file file;
    load("reader.json", &file);
    char *text = (char *)file.bytes, changed[8192], *at = strstr(text, "\"steps\":");
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s\"steps\": 9999, \"unused\":%s", (int)(at - text), text,
             at + strlen("\"steps\":"));
    write_bytes("reader.json", changed, strlen(changed));
    file_release(&file);
    assert_int_equal(open_engine(), ERR_INPUT);
    assert_non_null(strstr(why.text, "\"steps\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_committed_models_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_with_one_byte_changed_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_model_or_card_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_card_that_is_no_card_is_an_input_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_number_out_of_range_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
