/* Loading a configuration: what it names must be there, and all that is not is reported with its
 * line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static struct config config;
static struct config_report report;
static struct fault why;
static char dir[64];
static char path[128];

static void write_at(const char *name, const char *text, mode_t mode)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s/%s", dir, name);
    unlink(whole);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(whole, mode), 0);
}

/* Every DIR in the text becomes the test's folder. */
static enum err load(const char *text)
{
    char whole[4096] = "";
    for (size_t used = 0; *text != '\0'; used = strlen(whole)) {
        const char *at = strstr(text, "DIR");
        int before = at != NULL ? (int)(at - text) : (int)strlen(text);
        snprintf(whole + used, sizeof whole - used, "%.*s%s", before, text, at != NULL ? dir : "");
        text += before + (at != NULL ? 3 : 0);
    }
    write_at("t.conf", whole, 0644);
    return config_load(path, &config, &report, &why);
}

static void expect_only(const char *text, uint32_t line, const char *key, const char *reason)
{
    assert_int_equal(load(text), ERR_INPUT);
    char shown[700];
    config_complaint_text(&report.complaints[0], shown, sizeof shown);
    if (report.n_complaints != 1 || report.complaints[0].line != line ||
        strcmp(report.complaints[0].key, key) != 0 ||
        strstr(report.complaints[0].reason, reason) == NULL)
        fail_msg("%u complaints, the first: %s", report.n_complaints, shown);
    assert_string_equal(report.complaints[0].file, path);
}

#define DAEMON "[daemon]\nstate_dir=DIR/state\nrun_dir=DIR/run\n"
#define CAMERA "[camera a]\nsource=dir:DIR\n"

static void a_sound_file_is_loaded(void **state)
{
    (void)state;
    assert_int_equal(load(DAEMON CAMERA), ERR_OK);
    assert_int_equal(report.n_complaints, 0);
    assert_string_equal(config.cameras[0].source, dir);
}

static void a_file_that_is_not_there_is_said_to_be(void **state)
{
    (void)state;
    assert_int_equal(config_load("/nowhere/t.conf", &config, &report, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nowhere/t.conf: No such file"));
    assert_int_equal(config_load(dir, &config, &report, &why), ERR_INPUT);
    assert_non_null(strstr(why.text, "is no file"));
    assert_int_equal(report.n_complaints, 0);
}

static void a_file_that_everyone_may_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load(DAEMON CAMERA), ERR_OK);
    assert_int_equal(chmod(path, 0646), 0);
    assert_int_equal(config_load(path, &config, &report, &why), ERR_DENIED);
}

static void a_file_without_a_camera_is_refused(void **state)
{
    (void)state;
    expect_only(DAEMON, 0, "", "no [camera NAME] section");
}

static void folders_must_exist_or_be_ones_that_can_be_made(void **state)
{
    (void)state;
    expect_only("[daemon]\nrun_dir=DIR\nstate_dir=DIR/no/state\n" CAMERA, 3, "daemon.state_dir",
                "no such folder");
    expect_only("[daemon]\nrun_dir=DIR/t.conf\nstate_dir=DIR\n" CAMERA, 2, "daemon.run_dir",
                "is no folder");
    expect_only(DAEMON "[camera a]\nsource=dir:DIR/none\n", 5, "camera.source", "No such file");
    expect_only(DAEMON "[camera a]\nsource=dir:DIR/t.conf\n", 5, "camera.source", "is no folder");
    expect_only(DAEMON "[recognition]\nmodels_dir=DIR/none\n" CAMERA, 5, "recognition.models_dir",
                "No such file");
}

static void a_mask_must_be_a_file(void **state)
{
    (void)state;
    expect_only(DAEMON CAMERA "detection_mask_image=DIR/none\n", 6, "camera.detection_mask_image",
                "No such file");
    expect_only(DAEMON CAMERA "detection_mask_image=DIR\n", 6, "camera.detection_mask_image",
                "is no file");
}

static void a_credentials_file_belongs_to_its_owner_alone(void **state)
{
    (void)state;
    static const char text[] = DAEMON "[camera a]\nsource=mjpeg:http://192.0.2.1/\n"
                                      "credentials_file=DIR/login\n";
    write_at("login", "user:password\n", 0640);
    expect_only(text, 6, "camera.credentials_file", "its mode is 0640, but must be 0600");
    write_at("login", "user:password\n", 0604);
    expect_only(text, 6, "camera.credentials_file", "its mode is 0604");
    write_at("login", "", 0600);
    expect_only(text, 6, "camera.credentials_file", "user:password on one line");
    write_at("login", "user:password\n", 0600);
    assert_int_equal(load(text), ERR_OK);
}

static void regions_must_be_in_a_pattern_file(void **state)
{
    (void)state;
    char regions[128];
    snprintf(regions, sizeof regions, "%s/regions", dir);
    mkdir(regions, 0700);
    write_at("regions/a.conf", "# zz-no\t@\nus-ny\t@@@####\n!us-gone\tabsent\tO\n", 0644);
    write_at("regions/b.conf", "mx\t@@@###@\t3\n", 0644);
    write_at("regions/c.txt", "us-tx\t@@@####\n", 0644);
#define REGIONS DAEMON CAMERA "[recognition]\nregions_dir=DIR/regions\nregions="
    assert_int_equal(load(REGIONS "us-* mx\n"), ERR_OK);
    assert_int_equal(load(REGIONS "us mx\n"), ERR_OK);
    expect_only(REGIONS "u\n", 8, "recognition.regions", "has a region u");
    expect_only(REGIONS "us-ny us-tx mx\n", 8, "recognition.regions", "has a region us-tx");
    expect_only(REGIONS "us-gone\n", 8, "recognition.regions", "has a region us-gone");
    expect_only(REGIONS "zz-*\n", 8, "recognition.regions", "has a region zz-*");
}

static void the_project_s_own_regions_are_found(void **state)
{
    (void)state;
    assert_int_equal(load(DAEMON CAMERA "[recognition]\nregions_dir=" LANEWARD_SOURCE_DIR
                                        "/config/regions\nregions=us-* ca-* mx br eu-de\n"),
                     ERR_OK);
}

static void an_account_that_is_not_there_is_named(void **state)
{
    (void)state;
    static const char *const keys[] = {"socket_group", "supervisor_group", "auditor_group",
                                       "maintenance_group"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char text[256], key[64];
        snprintf(text, sizeof text, DAEMON CAMERA "[desk]\n%s=no-such-group-here\n", keys[i]);
        snprintf(key, sizeof key, "desk.%s", keys[i]);
        expect_only(text, 7, key, "no such group");
    }
}

static void what_others_may_change_is_no_key(void **state)
{
    (void)state;
    static const char text[] = DAEMON CAMERA "[audit]\nauditor_key=DIR/key.pem\n";
    expect_only(text, 7, "audit.auditor_key", "No such file");
    write_at("key.pem", "x\n", 0664);
    expect_only(text, 7, "audit.auditor_key", "its mode is 0664");
    write_at("key.pem", "x\n", 0644);
    assert_int_equal(load(text), ERR_OK);
    expect_only(DAEMON CAMERA "[storage]\nport_key=DIR\n", 7, "storage.port_key", "is no file");
    expect_only(DAEMON CAMERA "[desk]\nsupervisor_keys=DIR/t.conf\n", 7, "desk.supervisor_keys",
                "is no folder");
    assert_int_equal(load(DAEMON CAMERA "[desk]\nrecipients_dir=DIR\n"), ERR_OK);
    assert_int_equal(chmod(dir, 0770), 0);
    expect_only(DAEMON CAMERA "[desk]\nrecipients_dir=DIR\n", 7, "desk.recipients_dir",
                "its mode is 0770");
    assert_int_equal(chmod(dir, 0700), 0);
}

static void decoys_are_not_for_everyone_s_eyes(void **state)
{
    (void)state;
    static const char text[] = DAEMON CAMERA "[audit]\nhoney_file=DIR/key.pem\n";
    write_at("key.pem", "x\n", 0644);
    expect_only(text, 7, "audit.honey_file", "everyone may look into it");
    write_at("key.pem", "x\n", 0640);
    assert_int_equal(load(text), ERR_OK);
}

static void a_witness_file_may_still_be_made(void **state)
{
    (void)state;
    assert_int_equal(load(DAEMON CAMERA "[audit]\nwitness_file=DIR/none\n"), ERR_OK);
    expect_only(DAEMON CAMERA "[audit]\nwitness_file=DIR/no/none\n", 7, "audit.witness_file",
                "nor a folder to make it in");
    expect_only(DAEMON CAMERA "[audit]\nwitness_file=DIR\n", 7, "audit.witness_file", "is no file");
}

static void a_witness_s_authorities_and_the_lane_s_key_are_guarded(void **state)
{
    (void)state;
    static const char text[] = DAEMON CAMERA
        "[audit]\nwitness_url=https://h\nwitness_cert=DIR/key.pem\nwitness_key=DIR/login\n";
    write_at("key.pem", "x\n", 0644);
    write_at("login", "key\n", 0640);
    expect_only(text, 9, "audit.witness_key", "0600: it holds a private key");
    write_at("login", "key\n", 0600);
    assert_int_equal(load(text), ERR_OK);
    write_at("key.pem", "x\n", 0664);
    expect_only(text, 8, "audit.witness_cert", "others than its owner may change it");
    expect_only(DAEMON CAMERA "[audit]\nwitness_url=https://h\nwitness_ca=DIR/none\n", 8,
                "audit.witness_ca", "the file cannot be looked at");
}

static void wrong_values_and_missing_files_are_reported_together(void **state)
{
    (void)state;
    assert_int_equal(load(DAEMON "[desk]\nmax_rows=0\n[camera a]\nsource=dir:DIR/none\n"),
                     ERR_INPUT);
    assert_int_equal(report.n_complaints, 2);
    assert_int_equal(report.complaints[0].line, 5);
    assert_int_equal(report.complaints[1].line, 7);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/laneward-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/t.conf", dir);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "t.conf",         "login",         "key.pem", "regions/a.conf",
        "regions/b.conf", "regions/c.txt", "regions", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char whole[256];
        snprintf(whole, sizeof whole, "%s/%s", dir, names[i]);
        remove(whole);
    }
    return access(dir, F_OK) == 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_file_is_loaded),
        cmocka_unit_test(a_file_that_is_not_there_is_said_to_be),
        cmocka_unit_test(a_file_that_everyone_may_write_is_refused),
        cmocka_unit_test(a_file_without_a_camera_is_refused),
        cmocka_unit_test(folders_must_exist_or_be_ones_that_can_be_made),
        cmocka_unit_test(a_mask_must_be_a_file),
        cmocka_unit_test(a_credentials_file_belongs_to_its_owner_alone),
        cmocka_unit_test(regions_must_be_in_a_pattern_file),
        cmocka_unit_test(the_project_s_own_regions_are_found),
        cmocka_unit_test(an_account_that_is_not_there_is_named),
        cmocka_unit_test(what_others_may_change_is_no_key),
        cmocka_unit_test(decoys_are_not_for_everyone_s_eyes),
        cmocka_unit_test(a_witness_file_may_still_be_made),
        cmocka_unit_test(a_witness_s_authorities_and_the_lane_s_key_are_guarded),
        cmocka_unit_test(wrong_values_and_missing_files_are_reported_together),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
