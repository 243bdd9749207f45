/* Honey plates: the auditor's list, and the passages made of it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/honey.h"
#include "daemon/passage.h"

static struct config config;
static struct honey honey;
static struct config_report report;
static struct fault why;

static int setup(void **state)
{
    (void)state;
    config_defaults(&config);
    config.n_cameras = 3;
    static const char *const lanes[] = {"north", "south", "south"};
    for (int i = 0; i < 3; i++) {
        snprintf(config.cameras[i].lane, sizeof config.cameras[i].lane, "%s", lanes[i]);
        snprintf(config.cameras[i].name, sizeof config.cameras[i].name, "%s-%d", lanes[i], i);
    }
    return 0;
}

static void parse(const char *text)
{
    honey_parse(text, strlen(text), "list", &config, &honey, &report);
}

static void a_list_is_read(void **state)
{
    (void)state;
    parse("# a plan\n"
          "\n"
          "2026-11-22 03:25 north ABC1234\r\n"
          "2026-11-23 00:00  south\tXYZ99 us-tx");
    assert_int_equal(report.n_complaints, 0);
    assert_int_equal(honey.n, 2);
    assert_true(honey.entry[0].at_ms == 1795317900000);
    assert_int_equal(honey.entry[0].camera, 0);
    assert_string_equal(honey.entry[0].plate, "ABC1234");
    assert_string_equal(honey.entry[0].region, "");
    assert_true(honey.entry[1].at_ms == 1795392000000);
    assert_int_equal(honey.entry[1].camera, 1);
    assert_string_equal(honey.entry[1].region, "us-tx");
}

static void what_is_wrong_is_told_with_its_line_and_the_rest_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason;
    } wrong[] = {
        {"2026-11-22 03:25 north", "a line is YYYY-MM-DD HH:MM LANE PLATE"},
        {"2026-11-22 03:25 north AB12 us-tx more", "a line is YYYY-MM-DD"},
        {"2026-02-30 03:25 north SECRET1", "there is no such minute"},
        {"2026-11-22 24:00 north SECRET1", "there is no such minute"},
        {"2026-11-22 3:25 north SECRET1", "there is no such minute"},
        {"2026-11-22 03:25 east SECRET1", "no camera has the lane east"},
        {"2026-11-22 03:25 No/th SECRET1", "a lane's name is made of"},
        {"2026-11-22 03:25 north SECRET-1", "a plate is"},
        {"2026-11-22 03:25 north SECRET1234567", "a plate is"},
        {"2026-11-22 03:25 north SECRET1 US_TX", "a region's name"},
        {"2026-11-22 03:25 north SECR\tET\x01", "a line is"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[200], shown[600], expected[80];
        snprintf(text, sizeof text, "\n%s\n2026-11-22 03:25 north ABC1234\n", wrong[i].line);
        parse(text);
        assert_int_equal(honey.n, 1);
        assert_int_equal(report.n_complaints, 1);
        config_complaint_text(&report.complaints[0], shown, sizeof shown);
        snprintf(expected, sizeof expected, "list:2: %s", wrong[i].reason);
        if (strncmp(shown, expected, strlen(expected)) != 0)
            fail_msg("%s: %s", wrong[i].line, shown);
        assert_null(strstr(shown, "SECR"));
    }
}

static void too_many_lines_are_too_many(void **state)
{
    (void)state;
    static const char line[] = "2026-11-22 03:25 north ABC1234\n";
    size_t size = (HONEY_MAX + 2) * (sizeof line - 1);
    char *text = malloc(size + 1);
    for (size_t i = 0; i < HONEY_MAX + 2; i++)
        memcpy(text + i * (sizeof line - 1), line, sizeof line);
    honey_parse(text, size, "list", &config, &honey, &report);
    free(text);
    assert_int_equal(honey.n, HONEY_MAX);
    assert_int_equal(report.n_complaints, 2);
}

static void a_file_that_everyone_may_read_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/laneward-honey-XXXXXX";
    static const char text[] = "2026-11-22 03:25 north ABC1234\n";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(honey_load(path, &config, &honey, &report, &why), ERR_OK);
    assert_int_equal(honey.n, 1);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(honey_load(path, &config, &honey, &report, &why), ERR_DENIED);
    close(fd);
    unlink(path);
    assert_int_equal(honey_load(path, &config, &honey, &report, &why), ERR_NOT_FOUND);
}

static void a_honey_passage_looks_like_any_other(void **state)
{
    (void)state;
    struct row row, again, other;
    uint8_t tag[PASSAGE_TAG_SIZE];
    parse("2026-11-22 03:25 north ABC1234 us-tx\n2026-11-22 03:26 north ABC1234\n");
    struct row like = {.frame_width = 1280,
                       .frame_height = 720,
                       .corner = {500, 400, 620, 400, 620, 430, 500, 430}};
    honey_row(&honey.entry[0], &config, &like, &row);
    honey_row(&honey.entry[0], &config, &like, &again);
    honey_row(&honey.entry[1], &config, NULL, &other);
    assert_memory_equal(row.id, again.id, ROW_ID_SIZE);
    assert_memory_not_equal(row.id, other.id, ROW_ID_SIZE);
    passage_tag("north-0", tag);
    assert_memory_equal(row.id, tag, sizeof tag);
    assert_string_equal(row.plate, "ABC1234");
    assert_string_equal(row.candidates[0].plate, "ABC1234");
    assert_string_equal(row.camera, "north-0");
    assert_string_equal(row.region, "us-tx");
    assert_true(row.last_ms >= honey.entry[0].at_ms && row.last_ms < honey.entry[0].at_ms + 60000);
    assert_true(row.first_ms < row.last_ms && row.last_ms - row.first_ms < 4000);
    assert_true(row.last_ms == honey_time(&honey.entry[0]));
    assert_true(row.confidence > 0.9f && row.confidence < 1);
    assert_true(row.n_frames >= 4 && row.n_candidates >= 2);
    assert_int_equal(row.frame_width, 1280);
    for (int i = 0; i < 8; i++)
        assert_true(row.corner[i] >= like.corner[i] - 16 && row.corner[i] <= like.corner[i] + 16);
    for (int i = 1; i < row.n_candidates; i++)
        assert_true(row.candidates[i].confidence < row.candidates[i - 1].confidence);
    assert_int_equal(other.frame_width, 1920);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line_and_the_rest_is_taken),
        cmocka_unit_test(too_many_lines_are_too_many),
        cmocka_unit_test(a_file_that_everyone_may_read_is_refused),
        cmocka_unit_test(a_honey_passage_looks_like_any_other),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
