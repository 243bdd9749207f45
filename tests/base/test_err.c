/* The error record: codes, sentences, and what is put around them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_non_null(err_name((enum err)i));
        assert_true(strlen(err_name((enum err)i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(err_name((enum err)i), err_name((enum err)j));
    }
    assert_string_equal(err_name(ERR_NOT_FOUND), "not-found");
}

static void a_fault_keeps_code_and_sentence(void **state)
{
    (void)state;
    struct fault why = {0};
    assert_int_equal(fault_set(&why, ERR_LIMIT, "%d frames, %s", 3, "too many"), ERR_LIMIT);
    assert_int_equal(why.code, ERR_LIMIT);
    assert_string_equal(why.text, "3 frames, too many");
}

static void a_system_s_error_is_appended_in_words(void **state)
{
    (void)state;
    struct fault why = {0};
    assert_int_equal(fault_errno(&why, ERR_IO, ENOSPC, "%s", "store"), ERR_IO);
    assert_string_equal(why.text, "store: No space left on device");
}

static void a_context_stands_in_front_and_keeps_the_code(void **state)
{
    (void)state;
    struct fault why = {0};
    fault_set(&why, ERR_CORRUPT, "bad header");
    assert_int_equal(fault_context(&why, "camera %d", 2), ERR_CORRUPT);
    assert_string_equal(why.text, "camera 2: bad header");
}

static void without_a_record_the_code_still_comes_back(void **state)
{
    (void)state;
    assert_int_equal(fault_set(NULL, ERR_AGAIN, "x"), ERR_AGAIN);
    assert_int_equal(fault_errno(NULL, ERR_DENIED, EPERM, "x"), ERR_DENIED);
}

static void a_long_sentence_is_cut_and_closed(void **state)
{
    (void)state;
    struct {
        struct fault why;
        char guard;
    } box = {.guard = 'g'};
    char longer[2 * sizeof box.why.text];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    fault_set(&box.why, ERR_IO, "%s", longer);
    assert_int_equal(strlen(box.why.text), sizeof box.why.text - 1);
    fault_context(&box.why, "front");
    assert_int_equal(strlen(box.why.text), sizeof box.why.text - 1);
    assert_memory_equal(box.why.text, "front: aaa", 10);
    fault_context(&box.why, "%s", longer);
    assert_int_equal(strlen(box.why.text), sizeof box.why.text - 1);
    fault_errno(&box.why, ERR_IO, EIO, "%s", longer);
    assert_int_equal(strlen(box.why.text), sizeof box.why.text - 1);
    assert_int_equal(box.guard, 'g');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(a_fault_keeps_code_and_sentence),
        cmocka_unit_test(a_system_s_error_is_appended_in_words),
        cmocka_unit_test(a_context_stands_in_front_and_keeps_the_code),
        cmocka_unit_test(without_a_record_the_code_still_comes_back),
        cmocka_unit_test(a_long_sentence_is_cut_and_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
