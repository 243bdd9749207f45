/* The multipart parser: every cut gives the same parts, and what cameras do wrong is borne. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/multipart.h"

enum { ROOM = 2048 };

static const char plain_type[] = "multipart/x-mixed-replace; boundary=frame";

/* Feeds `text` in pieces of `step` bytes; notes each event in `log`: "[type:bytes]", "!", ".". */
static void run(const char *type, const char *text, size_t size, size_t step, char *log)
{
    static uint8_t part[ROOM];
    struct multipart parser;
    struct fault why;
    log[0] = '\0';
    assert_int_equal(multipart_begin(&parser, type, &why), ERR_OK);
    parser.part = part;
    parser.room = ROOM;
    for (size_t at = 0; at < size;) {
        size_t used, piece = size - at < step ? size - at : step;
        enum multipart_event event;
        if (multipart_feed(&parser, (const uint8_t *)text + at, piece, &used, &event, &why) !=
            ERR_OK) {
            memcpy(log + strlen(log), "ERROR", 6);
            return;
        }
        at += used;
        size_t end = strlen(log);
        if (event == MULTIPART_PART && parser.part_size > 100)
            snprintf(log + end, 200, "[%s:%zu bytes]", parser.type, parser.part_size);
        else if (event == MULTIPART_PART)
            snprintf(log + end, 200, "[%s:%.*s]", parser.type, (int)parser.part_size,
                     (const char *)part);
        else if (event != MULTIPART_NOTHING)
            snprintf(log + end, 2, "%s", event == MULTIPART_BAD ? "!" : ".");
    }
}

static void every_cut_gives(const char *type, const char *text, size_t size, const char *expected)
{
    char log[4096];
    for (size_t step = 1; step <= size; step = step < 40 ? step + 1 : step * 2) {
        run(type, text, size, step, log);
        assert_string_equal(log, expected);
    }
    run(type, text, size, size, log);
    assert_string_equal(log, expected);
}

static void parts_with_a_length_are_cut_by_it(void **state)
{
    (void)state;
    const char text[] =
        "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 10\r\n\r\n0123456789\r\n"
        "--frame\r\ncontent-type: image/jpeg; x=y\r\nCONTENT-LENGTH:  12  "
        "\r\n\r\n\r\n--frame\r\nx\r\n"
        "--frame\r\nContent-Length: 3\r\n\r\nabc\r\n--frame--\r\n";
    every_cut_gives(plain_type, text, sizeof text - 1,
                    "[image/jpeg:0123456789][image/jpeg:\r\n--frame\r\nx][:abc].");
}

static void parts_without_a_length_end_at_the_boundary(void **state)
{
    (void)state;
    const char text[] =
        "--frame\r\nContent-Type: image/jpeg\r\n\r\nsome--frame inside\r\n"
        "--frame\r\nContent-Type: image/jpeg\r\n\r\nwith \r\n-- dashes\r\n--fram\r\n"
        "--frame\n\nline feeds only\n--frame--\n";
    every_cut_gives(plain_type, text, sizeof text - 1,
                    "[image/jpeg:some--frame inside][image/jpeg:with \r\n-- "
                    "dashes\r\n--fram][:line feeds only].");
}

static void dashes_and_quotes_around_the_boundary_do_not_matter(void **state)
{
    (void)state;
    const char text[] =
        "--frame\r\nContent-Length: 3\r\n\r\nabc\r\n----frame\r\n\r\ndef\r\n--frame\r\n";
    const char *const types[] = {"multipart/x-mixed-replace;boundary=frame",
                                 "multipart/x-mixed-replace; boundary=--frame",
                                 "Multipart/X-Mixed-Replace; charset=x; Boundary=\"--frame\"",
                                 "multipart/mixed;  boundary=frame ; more=1"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        every_cut_gives(types[i], text, sizeof text - 1, "[:abc][:def]");
}

static void a_part_that_is_too_large_is_thrown_away_and_the_next_is_whole(void **state)
{
    (void)state;
    static char text[20000];
    size_t used = (size_t)snprintf(text, sizeof text, "--frame\r\nContent-Length: 5000\r\n\r\n");
    memset(text + used, 'x', 5000);
    used += 5000;
    used += (size_t)snprintf(text + used, sizeof text - used, "\r\n--frame\r\n\r\n");
    memset(text + used, 'y', 6000);
    used += 6000;
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "\r\n--frame\r\n\r\nsmall\r\n--frame\r\n\r\n");
    memset(text + used, 'z', 2000);
    used += 2000;
    used += (size_t)snprintf(text + used, sizeof text - used, "\r\n--frame\r\n");
    every_cut_gives(plain_type, text, used, "!![:small][:2000 bytes]");
}

static void a_wrong_length_costs_its_part_only(void **state)
{
    (void)state;
    const char text[] =
        "--frame\r\nContent-Length: 4\r\n\r\nabcdefgh\r\n--frame\r\nContent-Length: 2\r\n\r\nij\r\n"
        "--frame\r\nContent-Length: many\r\n\r\nkl\r\n--frame\r\n";
    every_cut_gives(plain_type, text, sizeof text - 1, "[:abcd][:ij][:kl]");
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    static char text[20000];
    char log[4096];
    size_t used = (size_t)snprintf(text, sizeof text, "--frame\r\n");
    while (used < 12000)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "X-Filler: 0123456789012345678901234567890\r\n");
    run(plain_type, text, used, 1000, log);
    assert_string_equal(log, "ERROR");
}

static void what_is_no_multipart_type_is_refused(void **state)
{
    (void)state;
    struct multipart parser = {.length = 77};
    struct fault why;
    char long_type[200] = "multipart/x-mixed-replace;boundary=";
    memset(long_type + strlen(long_type), 'b', 71);
    const char *const types[] = {"",
                                 "text/html",
                                 "image/jpeg",
                                 "multipart/x-mixed-replace",
                                 "multipart/x-mixed-replace;boundary=",
                                 "multipart/x-mixed-replace;boundary=\"\"",
                                 "multipart/x-mixed-replace;boundary=----",
                                 "multipart/x-mixed-replace;xboundary=a",
                                 long_type};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_int_equal(multipart_begin(&parser, types[i], &why), ERR_INPUT);
    assert_int_equal(parser.length, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_with_a_length_are_cut_by_it),
        cmocka_unit_test(parts_without_a_length_end_at_the_boundary),
        cmocka_unit_test(dashes_and_quotes_around_the_boundary_do_not_matter),
        cmocka_unit_test(a_part_that_is_too_large_is_thrown_away_and_the_next_is_whole),
        cmocka_unit_test(a_wrong_length_costs_its_part_only),
        cmocka_unit_test(headers_without_end_are_refused),
        cmocka_unit_test(what_is_no_multipart_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
