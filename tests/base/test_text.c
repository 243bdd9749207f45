/* Base64 and hexadecimal: known texts, the way there and back, and nothing that is almost right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/words.h"

static uint8_t bytes[300], again[300];
static char text[601];

static void words_that_move_or_hide_others_are_told_from_those_that_do_not(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "stolen vehicle, 26-114",
                                        "v\xc3\xa9hicule \xe2\x80\x93 vol",
                                        "\xd0\x90\xe2\x82\xac\xf0\x9f\x9a\x97\xc2\xa0"};
    static const char *const odd[] = {"\n",
                                      "\x7f",
                                      "a\x1b[8m",
                                      "\xc2\x9b"
                                      "8m",
                                      "\xe2\x80\xae"
                                      "26",
                                      "\xe2\x80\xa8ticket",
                                      "\xe2\x81\xa6",
                                      "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_true(words_are_plain(plain[i]));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(words_are_plain(odd[i]));
    assert_int_equal(words_odd("\xe2\x80\xae"), 3);
    assert_int_equal(words_odd("\xe2"), 0);
}

/* RFC 4648, section 10. */
static void the_standard_s_examples_come_out(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        size_t size = 99;
        assert_int_equal(base64_encode((const uint8_t *)plain[i], strlen(plain[i]), text),
                         strlen(coded[i]));
        assert_string_equal(text, coded[i]);
        assert_true(base64_decode(coded[i], strlen(coded[i]), again, sizeof again, &size));
        assert_int_equal(size, strlen(plain[i]));
        assert_memory_equal(again, plain[i], size);
    }
}

static void every_length_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t n = 0; n < 200; n++) {
        size_t size = 0, length = base64_encode(bytes, n, text);
        assert_int_equal(length, BASE64_LENGTH(n));
        assert_true(base64_decode(text, length, again, n, &size)); /* exactly the room */
        assert_int_equal(size, n);
        assert_memory_equal(again, bytes, n);
        if (n > 0)
            assert_false(base64_decode(text, length, again, n - 1, &size));
        hex_encode(bytes, n, text);
        assert_int_equal(strlen(text), 2 * n);
        assert_true(hex_decode(text, again, n));
        assert_memory_equal(again, bytes, n);
    }
}

static void what_is_almost_base64_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Z",        "Zg",   "Zg=",   "Zg===",  "Zh==",
                                        "Zm9=",     "====", "Zm9v ", "Zm9v\n", "Zm 9",
                                        "Zg==Zg==", "Z===", "Zm9-",  "=Zm9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t size = 77;
        if (base64_decode(wrong[i], strlen(wrong[i]), again, sizeof again, &size))
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_int_equal(size, 77);
    }
}

static void what_is_almost_hexadecimal_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "0", "012", "0A", "0g", " 0", "0x", "0011"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(hex_decode(wrong[i], again, 1));
    assert_true(hex_decode("", again, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_move_or_hide_others_are_told_from_those_that_do_not),
        cmocka_unit_test(the_standard_s_examples_come_out),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(what_is_almost_base64_is_none),
        cmocka_unit_test(what_is_almost_hexadecimal_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
