/* A reload: which part of the configuration touches which part of the daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/option.h"
#include "daemon/change.h"

static struct config a, b;
static struct fault why;

static int reset(void **state)
{
    (void)state;
    config_defaults(&a);
    b = a;
    return 0;
}

/* One bit of the option's field changes. */
static void touch(const char *section, const char *key)
{
    const struct option *option = option_find(section, key);
    assert_non_null(option);
    b = a;
    ((uint8_t *)&b)[option->offset] ^= 1;
}

static void nothing_changed_keeps_all(void **state)
{
    (void)state;
    assert_int_equal(change_check(&a, &b, &why), ERR_OK);
    assert_true(change_keeps_lanes(&a, &b));
    assert_true(change_keeps_keeper(&a, &b));
    assert_true(change_keeps_sockets(&a, &b));
}

static void the_keeper_starts_anew_for_each_of_its_own_options(void **state)
{
    (void)state;
    static const char *const own[][2] = {
        {"daemon", "state_dir"},      {"daemon", "log_level"},        {"passages", "store_crops"},
        {"storage", "tpm"},           {"storage", "hit_term"},        {"storage", "other_term"},
        {"storage", "hit_crop_term"}, {"storage", "other_crop_term"}, {"storage", "port_key"},
        {"audit", "auditor_key"},     {"audit", "witness_file"},      {"audit", "honey_file"},
        {"audit", "witness_url"},     {"desk", "supervisor_keys"},    {"desk", "recipients_dir"},
        {"desk", "max_rows"},         {"desk", "queries_per_hour"},   {"desk", "images_per_hour"},
        {"desk", "images_per_day"},   {"desk", "queries_per_day"},    {"desk", "lane_minutes"},
        {"desk", "free_age"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        touch(own[i][0], own[i][1]);
        if (change_keeps_keeper(&a, &b))
            fail_msg("%s.%s changes, and the keeper runs on", own[i][0], own[i][1]);
        assert_int_equal(change_check(&a, &b, &why), ERR_OK);
    }
    touch("recognition", "topn");
    assert_true(change_keeps_keeper(&a, &b));
    touch("desk", "supervisor_group");
    assert_true(change_keeps_keeper(&a, &b));
}

static void keys_and_lists_are_read_anew(void **state)
{
    (void)state;
    char *const files[] = {a.port_key,    a.auditor_key, a.witness_file,
                           a.witness_url, a.honey_file,  a.supervisor_keys};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        memcpy(files[i], "/a", 3);
        b = a;
        assert_false(change_keeps_keeper(&a, &b));
        files[i][0] = '\0';
    }
}

static void the_sockets_move_with_their_folder_and_groups(void **state)
{
    (void)state;
    static const char *const own[][2] = {
        {"daemon", "run_dir"}, {"desk", "socket_group"}, {"desk", "maintenance_group"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        touch(own[i][0], own[i][1]);
        assert_false(change_keeps_sockets(&a, &b));
    }
    touch("desk", "max_rows");
    assert_true(change_keeps_sockets(&a, &b));
}

static void the_user_and_the_tpms_marks_take_a_restart(void **state)
{
    (void)state;
    touch("daemon", "user");
    assert_int_equal(change_check(&a, &b, &why), ERR_INPUT);
    touch("storage", "pcrs");
    assert_int_equal(change_check(&a, &b, &why), ERR_INPUT);
    touch("storage", "tpm_nv_index");
    assert_int_equal(change_check(&a, &b, &why), ERR_INPUT);
    b.state_dir[1] ^= 1; /* of another store they may be others */
    assert_int_equal(change_check(&a, &b, &why), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_changed_keeps_all, reset),
        cmocka_unit_test_setup(the_keeper_starts_anew_for_each_of_its_own_options, reset),
        cmocka_unit_test_setup(keys_and_lists_are_read_anew, reset),
        cmocka_unit_test_setup(the_sockets_move_with_their_folder_and_groups, reset),
        cmocka_unit_test_setup(the_user_and_the_tpms_marks_take_a_restart, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
