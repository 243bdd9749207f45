/* The manual's options are the table's. LANEWARD_GENERATE=1 writes them into the manual instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

static const char path[] = LANEWARD_SOURCE_DIR "/docs/man/laneward.conf.5";
static const char begin[] = ".\\\" options begin\n", end[] = ".\\\" options end\n";
static char manual[64 * 1024], options[16 * 1024];

static void write_manual(const char *from, const char *to)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%.*s%s%s", (int)(from - manual), manual, options, to) > 0);
    assert_int_equal(fclose(file), 0);
}

static void the_manual_s_options_are_those_of_the_table(void **state)
{
    (void)state;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    manual[fread(manual, 1, sizeof manual - 1, file)] = '\0';
    fclose(file);
    size_t size = config_options_text(true, options, sizeof options);
    char *from = strstr(manual, begin), *to = strstr(manual, end);
    assert_non_null(from);
    assert_non_null(to);
    from += strlen(begin);
    if (getenv("LANEWARD_GENERATE") != NULL)
        write_manual(from, to);
    else if ((size_t)(to - from) != size || memcmp(from, options, size) != 0)
        fail_msg("%s differs; LANEWARD_GENERATE=1 test_config-manual writes it", path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_s_options_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
