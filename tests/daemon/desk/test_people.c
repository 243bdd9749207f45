/* Who asks: names and roles from the host's lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/people.h"

static char users_path[] = "/tmp/laneward-users-XXXXXX",
            groups_path[] = "/tmp/laneward-groups-XXXXXX";
static struct people people = {users_path, groups_path, 900};
static struct config config;
static struct person person;

static const char users[] = "root:x:0:0::/root:/bin/sh\n"
                            "laneward:x:900:900::/:/bin/false\n"
                            "olga:x:1001:1001::/:/bin/sh\n"
                            "sven:x:1002:500::/:/bin/sh\n"
                            "anna:x:1003:1003::/:/bin/sh\n"
                            "mike:x:1004:1004::/:/bin/sh\n"
                            "nobody-special:x:1005:1005::/:/bin/sh\n"
                            "j\303\274rgen:x:1007:500::/:/bin/sh\n"
                            "back\b\b\bword:x:1008:500::/:/bin/sh\n"
                            "a-name-of-more-than-thirty-one-characters:x:1006:501::/:/bin/sh\n"
                            "broken line\n";
static const char groups[] = "root:x:0:\n"
                             "officers:x:500:olga,anna,mike\n"
                             "supervisors:x:501:sven,anna,mike\n"
                             "auditors:x:502:anna\n"
                             "maintenance:x:503:mike\n";

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    write_file(users_path, users);
    write_file(groups_path, groups);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(users_path);
    unlink(groups_path);
    return 0;
}

static int configure(void **state)
{
    (void)state;
    config_defaults(&config);
    snprintf(config.socket_group, sizeof config.socket_group, "officers");
    snprintf(config.supervisor_group, sizeof config.supervisor_group, "supervisors");
    snprintf(config.auditor_group, sizeof config.auditor_group, "auditors");
    snprintf(config.maintenance_group, sizeof config.maintenance_group, "maintenance");
    return 0;
}

static uint32_t roles(uint32_t uid)
{
    people_know(&people, &config, uid, &person);
    assert_int_equal(person.uid, uid);
    return person.roles;
}

static void members_have_their_group_s_role(void **state)
{
    (void)state;
    assert_int_equal(roles(1001), ASK_OFFICER);
    assert_string_equal(person.name, "olga");
    assert_int_equal(roles(1005), 0);
    assert_string_equal(person.name, "nobody-special");
    assert_int_equal(roles(1007), ASK_OFFICER);
    assert_string_equal(person.name, "j\303\274rgen");
}

static void a_user_s_first_group_counts(void **state)
{
    (void)state;
    assert_int_equal(roles(1002), ASK_OFFICER | ASK_SUPERVISOR);
}

static void who_watches_does_not_act(void **state)
{
    (void)state;
    assert_int_equal(roles(1003), ASK_AUDITOR);
    assert_int_equal(roles(1004), ASK_MAINTENANCE);
}

static void who_is_in_no_list_has_a_number_and_no_role(void **state)
{
    (void)state;
    assert_int_equal(roles(4000000000u), 0);
    assert_string_equal(person.name, "uid 4000000000");
    assert_int_equal(roles(1006), 0); /* a name that no record could hold */
    assert_string_equal(person.name, "uid 1006");
    assert_int_equal(roles(1008), 0); /* one that would hide what stands beside it */
    assert_string_equal(person.name, "uid 1008");
}

static void root_and_the_daemon_have_what_nobody_was_named_for(void **state)
{
    (void)state;
    assert_int_equal(roles(0), ASK_OFFICER);
    assert_int_equal(roles(900), ASK_OFFICER);
    config_defaults(&config);
    assert_int_equal(roles(0), ASK_ROLES);
    assert_int_equal(roles(900), ASK_ROLES);
    assert_string_equal(person.name, "laneward");
    assert_int_equal(roles(1001), 0);
    snprintf(config.auditor_group, sizeof config.auditor_group, "auditors");
    assert_int_equal(roles(0), ASK_OFFICER | ASK_SUPERVISOR | ASK_MAINTENANCE);
}

static void without_lists_nobody_has_a_role(void **state)
{
    (void)state;
    struct people none = {"/nowhere/passwd", "/nowhere/group", 900};
    people_know(&none, &config, 1001, &person);
    assert_int_equal(person.roles, 0);
    people_know(&none, &config, 900, &person);
    assert_int_equal(person.roles, ASK_OFFICER);
}

#define PEOPLE_TEST(name) cmocka_unit_test_setup(name, configure)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE_TEST(members_have_their_group_s_role),
        PEOPLE_TEST(a_user_s_first_group_counts),
        PEOPLE_TEST(who_watches_does_not_act),
        PEOPLE_TEST(who_is_in_no_list_has_a_number_and_no_role),
        PEOPLE_TEST(root_and_the_daemon_have_what_nobody_was_named_for),
        PEOPLE_TEST(without_lists_nobody_has_a_role),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
