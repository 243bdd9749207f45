/* Packing and unpacking: what goes in comes out, and nothing passes the end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"

static uint8_t bytes[64];

static struct wire over(size_t size)
{
    return (struct wire){.at = bytes, .end = bytes + size};
}

static void what_is_put_is_got(void **state)
{
    (void)state;
    struct wire w = over(sizeof bytes);
    wire_put(&w, 0x0102030405060708, 8);
    wire_put(&w, 0xfe, 1);
    wire_put(&w, 0xabcdef, 3);
    wire_put_float(&w, -0.375f);
    wire_put_bytes(&w, "xyz", 3);
    wire_put_text(&w, "north");
    wire_put_text(&w, "");
    assert_false(w.bad);
    size_t used = (size_t)(w.at - bytes);
    assert_int_equal(used, 8 + 1 + 3 + 4 + 3 + 6 + 1);

    char raw[3], text[6], empty[1];
    w = over(used);
    assert_true(wire_get(&w, 8) == 0x0102030405060708);
    assert_int_equal(wire_get(&w, 1), 0xfe);
    assert_int_equal(wire_get(&w, 3), 0xabcdef);
    assert_true(wire_get_float(&w) == -0.375f);
    wire_get_bytes(&w, raw, 3);
    assert_memory_equal(raw, "xyz", 3);
    wire_get_text(&w, text, sizeof text);
    assert_string_equal(text, "north");
    wire_get_text(&w, empty, sizeof empty);
    assert_string_equal(empty, "");
    assert_false(w.bad);
    assert_ptr_equal(w.at, w.end);
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    struct wire w = over(4);
    wire_put(&w, 0x01020304, 4);
    assert_memory_equal(bytes, "\x04\x03\x02\x01", 4);
}

static void a_writer_stops_at_the_end(void **state)
{
    (void)state;
    memset(bytes, 0xee, sizeof bytes);
    struct wire w = over(7);
    wire_put(&w, 1, 4);
    wire_put(&w, 2, 4);
    assert_true(w.bad);
    assert_ptr_equal(w.at, bytes + 4);
    assert_int_equal(bytes[4], 0xee);
    wire_put(&w, 3, 1); /* there would be room, but a message with a hole is none */
    wire_put_bytes(&w, "a", 1);
    wire_put_text(&w, "a");
    wire_put_float(&w, 1);
    assert_true(w.bad);
    assert_int_equal(bytes[4], 0xee);
}

static void a_reader_that_passed_the_end_gives_zeros_for_ever(void **state)
{
    (void)state;
    memset(bytes, 0xee, sizeof bytes);
    struct wire w = over(3);
    assert_int_equal(wire_get(&w, 4), 0);
    assert_true(w.bad);
    assert_int_equal(wire_get(&w, 1), 0);
    assert_true(wire_get_float(&w) == 0);
    char raw[2] = "zz", text[4] = "zzz";
    wire_get_bytes(&w, raw, 2);
    assert_memory_equal(raw, "\0\0", 2);
    wire_get_text(&w, text, sizeof text);
    assert_string_equal(text, "");
    assert_ptr_equal(w.at, bytes);
}

static void a_float_must_be_finite(void **state)
{
    (void)state;
    const float wrong[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct wire w = over(4);
        wire_put_float(&w, wrong[i]);
        assert_false(w.bad);
        w = over(4);
        assert_true(wire_get_float(&w) == 0);
        assert_true(w.bad);
    }
}

static void a_text_must_fit_its_reader_with_the_closing_zero(void **state)
{
    (void)state;
    char text[5] = "zzzz";
    struct wire w = over(sizeof bytes);
    wire_put_text(&w, "north");
    w = over(6);
    wire_get_text(&w, text, sizeof text);
    assert_true(w.bad);
    assert_string_equal(text, "");
}

static void a_text_may_not_be_longer_than_the_message(void **state)
{
    (void)state;
    char text[32];
    memcpy(bytes, "\x05nort", 5);
    struct wire w = over(5);
    wire_get_text(&w, text, sizeof text);
    assert_true(w.bad);
    assert_string_equal(text, "");
}

static void a_text_may_not_hold_a_zero(void **state)
{
    (void)state;
    char text[32];
    memcpy(bytes, "\x03n\0o", 4);
    struct wire w = over(4);
    wire_get_text(&w, text, sizeof text);
    assert_true(w.bad);
    assert_string_equal(text, "");
}

static void nothing_is_an_allowed_size(void **state)
{
    (void)state;
    struct wire w = over(0);
    wire_put_bytes(&w, NULL, 0);
    wire_get_bytes(&w, NULL, 0);
    assert_false(w.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(a_writer_stops_at_the_end),
        cmocka_unit_test(a_reader_that_passed_the_end_gives_zeros_for_ever),
        cmocka_unit_test(a_float_must_be_finite),
        cmocka_unit_test(a_text_must_fit_its_reader_with_the_closing_zero),
        cmocka_unit_test(a_text_may_not_be_longer_than_the_message),
        cmocka_unit_test(a_text_may_not_hold_a_zero),
        cmocka_unit_test(nothing_is_an_allowed_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
