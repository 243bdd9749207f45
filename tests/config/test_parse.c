/* The configuration's parser: every complaint in its place, and nothing taken by half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

static struct config config;
static struct config_report report;
static struct fault why;

static enum err parse(const char *text)
{
    return config_parse(text, strlen(text), "t.conf", &config, &report, &why);
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* The text holds this complaint. */
static void expect(uint32_t line, const char *key, const char *value, const char *reason)
{
    for (uint32_t i = 0; i < report.n_complaints; i++) {
        const struct config_complaint *complaint = &report.complaints[i];
        if (complaint->line == line && strcmp(complaint->key, key) == 0 &&
            strcmp(complaint->value, value) == 0 && strstr(complaint->reason, reason) != NULL)
            return;
    }
    for (uint32_t i = 0; i < report.n_complaints; i++) {
        char text[700];
        config_complaint_text(&report.complaints[i], text, sizeof text);
        print_message("there is: %s\n", text);
    }
    fail_msg("no complaint in line %u: %s = %s: %s", line, key, value, reason);
}

/* This one and no other. */
static void expect_only(const char *text, uint32_t line, const char *key, const char *value,
                        const char *reason)
{
    assert_int_equal(parse(text), ERR_INPUT);
    expect(line, key, value, reason);
    assert_int_equal(report.n_complaints, 1);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    struct config defaults;
    config_defaults(&defaults);
    assert_int_equal(parse(""), ERR_OK);
    assert_memory_equal(&config, &defaults, sizeof config);
    assert_string_equal(config.state_dir, "/var/lib/laneward");
    assert_string_equal(config.run_dir, "/run/laneward");
    assert_string_equal(config.tpm, "auto");
    assert_int_equal(config.log_level, 6);
    assert_int_equal(config.topn, 10);
    assert_int_equal(config.max_frame_bytes, 8 << 20);
    assert_int_equal(config.passage_gap_ms, 3000);
    assert_int_equal(config.passage_parked_s, 60);
    assert_int_equal(config.passage_min_frames, 2);
    assert_int_equal(config.store_crops, 1);
    assert_int_equal(config.max_rows, 50);
    assert_false(config.must_match_pattern);
    assert_int_equal(config.pcr_mask, 1 << 7);
    assert_int_equal(config.tpm_nv_index, 0x01804c57);
    assert_int_equal(config.hit_term_s, 72 * 3600);
    assert_int_equal(config.other_term_s, 72 * 3600);
    assert_int_equal(config.hit_crop_term_s, 72 * 3600);
    assert_int_equal(config.other_crop_term_s, 24 * 3600);
    assert_int_equal(config.terms_set, 0);
    assert_int_equal(config.queries_per_hour, 60);
    assert_int_equal(config.images_per_hour, 30);
    assert_int_equal(config.images_per_day, 300);
    assert_int_equal(config.queries_per_day, 2000);
    assert_int_equal(config.lane_minutes, 10);
    assert_int_equal(config.free_age_s, 86400);
    assert_string_equal(config.auditor_key, "");
    assert_int_equal(config.n_cameras, 0);
}

static void every_kind_of_value_reaches_its_field(void **state)
{
    (void)state;
    assert_int_equal(parse("[daemon]\nstate_dir = /s\nrun_dir: /r\nuser=_lane-1\nlog_level=debug\n"
                           "[recognition]\nregions = us-* mx\ntopn=3\ndetection_threshold=0.25\n"
                           "must_match_pattern=1\nreader=tesseract\nmax_frame_bytes=512K\n"
                           "[passages]\ngap=750ms\nparked=2min\nmin_frames=4\nstore_crops=0\n"
                           "[storage]\ntpm=swtpm:port=2321\npcrs=11 7\ntpm_nv_index=0x01804C58\n"
                           "hit_term=168h\nother_term=0\nport_key=/p\n"
                           "[audit]\nauditor_key=/a\nwitness_file=/w\nhoney_file=/h\n"
                           "witness_url=https://[fd00::7]:8443/heads?lane=7\nwitness_ca=/c\n"
                           "witness_cert=/l\nwitness_key=/y\n"
                           "[desk]\nsocket_group=g\nmax_rows=7\nsupervisor_group=s\n"
                           "auditor_group=a\nmaintenance_group=m\nsupervisor_keys=/k\n"
                           "recipients_dir=/r\nqueries_per_hour=1\nimages_per_hour=2\n"
                           "images_per_day=3\nqueries_per_day=4\nlane_minutes=5\nfree_age=1h\n"),
                     ERR_OK);
    assert_string_equal(config.state_dir, "/s");
    assert_string_equal(config.run_dir, "/r");
    assert_string_equal(config.user, "_lane-1");
    assert_int_equal(config.log_level, 7);
    assert_string_equal(config.regions, "us-* mx");
    assert_int_equal(config.topn, 3);
    assert_true(config.detection_threshold == 0.25f);
    assert_true(config.must_match_pattern);
    assert_int_equal(config.reader, CONFIG_READER_TESSERACT);
    assert_int_equal(config.max_frame_bytes, 512 << 10);
    assert_int_equal(config.passage_gap_ms, 750);
    assert_int_equal(config.passage_parked_s, 120);
    assert_int_equal(config.passage_min_frames, 4);
    assert_int_equal(config.store_crops, 0);
    assert_string_equal(config.tpm, "swtpm:port=2321");
    assert_string_equal(config.socket_group, "g");
    assert_int_equal(config.max_rows, 7);
    assert_int_equal(config.pcr_mask, 1 << 7 | 1 << 11);
    assert_int_equal(config.tpm_nv_index, 0x01804c58);
    assert_int_equal(config.hit_term_s, CONFIG_MAX_TERM_S);
    assert_int_equal(config.other_term_s, 0);
    assert_int_equal(config.terms_set, CONFIG_HIT_TERM | CONFIG_OTHER_TERM);
    assert_string_equal(config.port_key, "/p");
    assert_string_equal(config.auditor_key, "/a");
    assert_string_equal(config.witness_file, "/w");
    assert_string_equal(config.honey_file, "/h");
    assert_string_equal(config.witness_url, "https://[fd00::7]:8443/heads?lane=7");
    assert_string_equal(config.witness_ca, "/c");
    assert_string_equal(config.witness_cert, "/l");
    assert_string_equal(config.witness_key, "/y");
    assert_string_equal(config.supervisor_group, "s");
    assert_string_equal(config.auditor_group, "a");
    assert_string_equal(config.maintenance_group, "m");
    assert_string_equal(config.supervisor_keys, "/k");
    assert_string_equal(config.recipients_dir, "/r");
    assert_int_equal(config.queries_per_hour, 1);
    assert_int_equal(config.images_per_hour, 2);
    assert_int_equal(config.images_per_day, 3);
    assert_int_equal(config.queries_per_day, 4);
    assert_int_equal(config.lane_minutes, 5);
    assert_int_equal(config.free_age_s, 3600);
}

static void nothing_is_kept_longer_than_seven_days(void **state)
{
    (void)state;
    expect_only("[storage]\nhit_term = 169h\n", 2, "storage.hit_term", "169h",
                "out of range: 1s to 168h");
    expect_only("[storage]\nhit_term = 0\n", 2, "storage.hit_term", "0", "needs a unit");
    expect_only("[storage]\nother_term = 10081min\n", 2, "storage.other_term", "10081min",
                "out of range: 0 to 168h");
}

static void pictures_go_with_their_passage_at_the_latest(void **state)
{
    (void)state;
    assert_int_equal(parse("[storage]\nhit_term = 2h\nother_term = 0\n"), ERR_OK);
    assert_int_equal(config.hit_crop_term_s, 7200);
    assert_int_equal(config.other_crop_term_s, 0);
    expect_only("[storage]\nother_crop_term = 73h\n", 2, "storage.other_crop_term", "73h",
                "not kept longer than their passages (other_term)");
}

static void limits_can_only_be_lowered(void **state)
{
    (void)state;
    expect_only("[desk]\nqueries_per_hour = 61\n", 2, "desk.queries_per_hour", "61", "1 to 60");
    expect_only("[desk]\nimages_per_hour = 31\n", 2, "desk.images_per_hour", "31", "0 to 30");
    expect_only("[desk]\nimages_per_day = 301\n", 2, "desk.images_per_day", "301", "0 to 300");
    expect_only("[desk]\nqueries_per_day=2001\n", 2, "desk.queries_per_day", "2001", "1 to 2000");
    expect_only("[desk]\nlane_minutes = 11\n", 2, "desk.lane_minutes", "11", "0 to 10");
    expect_only("[desk]\nfree_age = 25h\n", 2, "desk.free_age", "25h", "1s to 24h");
}

static void pcrs_and_the_tpm_s_index_are_those_that_exist(void **state)
{
    (void)state;
    static const char *const pcrs[] = {"24", "7,11", "x", "7 7", "-1", "7x", "1.5"};
    for (size_t i = 0; i < sizeof pcrs / sizeof pcrs[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "[storage]\npcrs = %s\n", pcrs[i]);
        assert_int_equal(parse(text), ERR_INPUT);
        expect(2, "storage.pcrs", pcrs[i], strcmp(pcrs[i], "7 7") == 0 ? "twice" : "0 to 23");
    }
    assert_int_equal(parse("[storage]\npcrs = 0\t23\n"), ERR_OK);
    assert_int_equal(config.pcr_mask, 1 | 1 << 23);
    static const char *const handles[] = {"0x01c00000", "0x81804c57", "01804c57",
                                          "0x1804c57",  "0x01804c5g", "0x01804c570"};
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "[storage]\ntpm_nv_index = %s\n", handles[i]);
        expect_only(text, 2, "storage.tpm_nv_index", handles[i], "no index of the owner's");
    }
}

static void a_camera_s_section_becomes_a_camera(void **state)
{
    (void)state;
    assert_int_equal(parse("[camera a]\nsource=dir:/in\nmode=once\nrate=12.5\nlane=one\n"
                           "[camera b]\nsource=dir:/in2\n"
                           "[camera c]\nsource=mjpeg:http://10.0.0.9:8080/v.cgi?fps=5\n"
                           "credentials_file=/etc/c\nstall_timeout=2s\ndetection_mask_image=/m\n"
                           "[camera d]\nsource=mjpeg:http://[fe80::1]/\n"),
                     ERR_OK);
    assert_int_equal(config.n_cameras, 4);
    const struct config_camera *camera = config.cameras;
    assert_int_equal(camera[0].kind, CONFIG_DIR_ONCE);
    assert_string_equal(camera[0].source, "/in");
    assert_string_equal(camera[0].lane, "one");
    assert_true(camera[0].rate == 12.5f);
    assert_int_equal(camera[1].kind, CONFIG_DIR_WATCH);
    assert_string_equal(camera[1].lane, "b");
    assert_int_equal(camera[1].stall_timeout_ms, 10000);
    assert_int_equal(camera[2].kind, CONFIG_MJPEG);
    assert_string_equal(camera[2].source, "http://10.0.0.9:8080/v.cgi?fps=5");
    assert_string_equal(camera[2].credentials_file, "/etc/c");
    assert_string_equal(camera[2].detection_mask_image, "/m");
    assert_int_equal(camera[2].stall_timeout_ms, 2000);
    assert_string_equal(camera[3].source, "http://[fe80::1]/");
}

static void comments_blanks_and_line_ends_of_any_kind_are_read(void **state)
{
    (void)state;
    assert_int_equal(parse("\xef\xbb\xbf# c\r\n; c\r\n\r\n  [recognition] ; c\r\n\ttopn = 4 ; c\r\n"
                           "  regions\t=\tus-ny  mx\t\r\n\n[desk]\nmax_rows=9"),
                     ERR_OK);
    assert_int_equal(config.topn, 4);
    assert_string_equal(config.regions, "us-ny  mx");
    assert_int_equal(config.max_rows, 9);
}

static void all_complaints_are_reported_and_none_is_taken(void **state)
{
    (void)state;
    memset(&config, 0x5a, sizeof config);
    struct config before = config;
    assert_int_equal(parse("topn = 5\n"               /* 1 */
                           "[recognition]\n"          /* 2 */
                           "topn = 11\n"              /* 3 */
                           "\n"                       /* 4 */
                           "detection_threshold=.5\n" /* 5 */
                           "[passages]\n"             /* 6 */
                           "gap = 3\n"                /* 7 */
                           "nonsense\n"               /* 8 */
                           "min_frames = 3\n"),       /* 9 */
                     ERR_INPUT);
    expect(1, "topn", "5", "before any [section]; it belongs to [recognition]");
    expect(3, "recognition.topn", "11", "out of range: 1 to 10");
    expect(5, "recognition.detection_threshold", ".5", "not a number");
    expect(7, "passages.gap", "3", "needs a unit: ms, s, min or h");
    expect(8, "", "", "neither [section], nor key = value, nor a comment");
    assert_int_equal(report.n_complaints, 5);
    assert_memory_equal(&config, &before, sizeof config);
    assert_int_equal(why.code, ERR_INPUT);
    assert_non_null(strstr(why.text, "5 complaints, the first: t.conf:1: topn = 5: "));
}

static void more_complaints_than_are_kept_are_counted(void **state)
{
    (void)state;
    char text[4096] = "[desk]\n";
    for (int i = 0; i < 100; i++)
        append(text, sizeof text, "x=1\n");
    assert_int_equal(parse(text), ERR_INPUT);
    assert_int_equal(report.n_complaints, 100);
    assert_int_equal(report.complaints[CONFIG_MAX_COMPLAINTS - 1].line, CONFIG_MAX_COMPLAINTS + 1);
}

static void unknown_names_get_a_hint(void **state)
{
    (void)state;
    expect_only("[recognition]\ntopm = 3\n", 2, "recognition.topm", "3", "did you mean topn?");
    expect_only("[recognition]\ngap = 3s\n", 2, "recognition.gap", "3s",
                "it belongs to [passages]");
    expect_only("[recogniton]\ntopn = 3\n", 1, "recogniton", "", "did you mean recognition?");
    expect_only("[Desk]\n", 1, "Desk", "", "no known section");
    expect_only("[desk]\nzzzzzzzzzz=1\n", 2, "desk.zzzzzzzzzz", "1", "no known key");
    assert_null(strstr(report.complaints[0].reason, "did you mean"));
}

static void a_key_or_section_that_comes_twice_names_the_first(void **state)
{
    (void)state;
    expect_only("[desk]\nmax_rows=3\n\nmax_rows=3\n", 4, "desk.max_rows", "3",
                "set already in line 2");
    expect_only("[desk]\n[storage]\n[desk]\n", 3, "desk", "", "began already in line 1");
    expect_only("[camera a]\nsource=dir:/x\n[camera a]\nsource=dir:/y\n", 3, "camera a", "",
                "camera of this name in line 1");
}

static void an_empty_or_unknown_section_is_noticed_without_keys(void **state)
{
    (void)state;
    expect_only("[]\n", 1, "", "", "no known section");
    expect_only("[desk] x\n", 1, "", "", "something behind the section's name");
    expect_only("[desk\n", 1, "", "", "no ] behind it");
    expect_only("[camera]\nlane=x\n", 1, "camera", "", "needs a name");
    expect_only("[camera Nord]\n", 1, "camera Nord", "", "must begin with one of a-z");
    expect_only("[camera a b]\n", 1, "camera a b", "", "a-z, 0-9 and - only");
    expect_only("[camera abcdefghijklmnopqrstuvwxyz0123456789]\n", 1,
                "camera abcdefghijklmnopqrstuvwxyz0123456789", "", "longer than 31");
}

static void a_camera_that_cannot_be_kept_is_still_checked(void **state)
{
    (void)state;
    assert_int_equal(parse("[camera A]\nsource=dir:x\nrate=1000\n"), ERR_INPUT);
    expect(1, "camera A", "", "must begin with");
    expect(2, "camera.source", "dir:x", "absolute path");
    expect(3, "camera.rate", "1000", "out of range: 0 to 120");
    assert_int_equal(report.n_complaints, 3);
}

static void a_ninth_camera_is_refused(void **state)
{
    (void)state;
    char text[1024] = "";
    for (int i = 1; i <= 9; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[camera c%d]\nsource=dir:/%d\n",
                 i, i);
    expect_only(text, 17, "camera c9", "", "8 cameras already");
}

static void numbers_are_not_guessed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",    "x",   "3x", "0x3", "-1", "+3",         "3.0", "3 4",
        "1e1", "nan", "0",  "11",  "3,", "4294967297", "03;", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "[recognition]\ntopn = %s\n", wrong[i]);
        assert_int_equal(parse(text), ERR_INPUT);
        assert_int_equal(report.n_complaints, 1);
        assert_int_equal(report.complaints[0].line, 2);
    }
    expect_only("[recognition]\ndetection_threshold = 1.5\n", 2, "recognition.detection_threshold",
                "1.5", "out of range: 0 to 1");
    expect_only("[recognition]\ndetection_threshold = inf\n", 2, "recognition.detection_threshold",
                "inf", "not a number");
    expect_only("[recognition]\ndetection_threshold = 0.5f\n", 2, "recognition.detection_threshold",
                "0.5f", "behind the number");
    expect_only("[recognition]\nmust_match_pattern = yes\n", 2, "recognition.must_match_pattern",
                "yes", "must be 0 or 1");
    expect_only("[recognition]\nreader = eng\n", 2, "recognition.reader", "eng", "must be network");
}

static void sizes_and_durations_need_units_that_exist(void **state)
{
    (void)state;
    expect_only("[recognition]\nmax_frame_bytes = 8Q\n", 2, "recognition.max_frame_bytes", "8Q",
                "unknown unit: K, M or G");
    expect_only("[recognition]\nmax_frame_bytes = 65M\n", 2, "recognition.max_frame_bytes", "65M",
                "out of range: 64K to 64M");
    expect_only("[passages]\ngap = 499ms\n", 2, "passages.gap", "499ms", "500ms to 1min");
    expect_only("[passages]\nparked = 900ms\n", 2, "passages.parked", "900ms",
                "unknown unit: s, min or h");
    assert_int_equal(parse("[passages]\ngap = 500ms\nparked = 1h\n"), ERR_OK);
    assert_int_equal(config.passage_parked_s, 3600);
}

static void a_value_must_be_there(void **state)
{
    (void)state;
    expect_only("[daemon]\nrun_dir =\n", 2, "daemon.run_dir", "", "has no value");
    expect_only("[daemon]\nrun_dir = ; comment\n", 2, "daemon.run_dir", "", "has no value");
    expect_only("[daemon]\n= 3\n", 2, "daemon.", "3", "no key before");
    expect_only("[daemon]\nrun_dir /x\n", 2, "", "", "neither [section]");
}

static void paths_are_absolute_and_without_quotes(void **state)
{
    (void)state;
    expect_only("[daemon]\nrun_dir = run\n", 2, "daemon.run_dir", "run", "absolute path");
    expect_only("[daemon]\nrun_dir = \"/run\"\n", 2, "daemon.run_dir", "\"/run\"", "quotes");
    expect_only("[daemon]\nrun_dir = /run # here\n", 2, "daemon.run_dir", "/run # here",
                "a comment behind a value begins with ;");
}

static void a_line_that_libinih_would_split_is_refused(void **state)
{
    (void)state;
    char text[512] = "[daemon]\nrun_dir=/";
    while (strlen(text) < 9 + 198)
        append(text, sizeof text, "a");
    assert_int_equal(parse(text), ERR_OK);
    assert_int_equal(strlen(config.run_dir), 190);
    append(text, sizeof text, "a\n[desk]\nmax_rows=0\n");
    assert_int_equal(parse(text), ERR_INPUT);
    expect(2, "", "", "longer than 198 bytes");
    expect(4, "desk.max_rows", "0", "out of range");
    assert_int_equal(report.n_complaints, 2);
}

static void texts_that_do_not_fit_are_refused_whole(void **state)
{
    (void)state;
    expect_only("[daemon]\nuser = abcdefghijklmnopqrstuvwxyz012345\n", 2, "daemon.user",
                "abcdefghijklmnopqrstuvwxyz012345", "longer than 31");
    assert_int_equal(parse("[daemon]\nuser = abcdefghijklmnopqrstuvwxyz01234\n"), ERR_OK);
    expect_only("[recognition]\nregions = us-ny,mx\n", 2, "recognition.regions", "us-ny,mx",
                "apart by spaces");
    expect_only("[recognition]\nregions = *-ny\n", 2, "recognition.regions", "*-ny", "at its end");
    expect_only("[storage]\ntpm = a b\n", 2, "storage.tpm", "a b", "one word");
}

static void an_indented_line_is_a_line_of_its_own(void **state)
{
    (void)state;
    expect_only("[recognition]\nregions = us-ny\n  ca-on\n", 3, "", "", "neither [section]");
    assert_int_equal(parse("[recognition]\nregions = us-ny\n  topn = 2\n"), ERR_OK);
    assert_int_equal(config.topn, 2);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    static const char nul[] = "[desk]\nmax_rows=3\0000\n";
    assert_int_equal(config_parse(nul, sizeof nul - 1, "t.conf", &config, &report, &why),
                     ERR_INPUT);
    expect(2, "", "", "NUL byte");
    static const char *const not_utf8[] = {
        "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "[daemon]\n# %s\n", not_utf8[i]);
        expect_only(text, 2, "", "", "not UTF-8");
    }
    expect_only("[daemon]\nrun_dir=/\x1b[31m\n", 2, "", "", "control character");
    expect_only("[daemon]\rrun_dir=/x\n", 1, "", "", "control character");
    assert_int_equal(parse("[daemon]\nrun_dir=/caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x9a\x97\n"),
                     ERR_OK);
    assert_string_equal(config.run_dir, "/caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x9a\x97");
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *source, *shown, *reason;
    } wrong[] = {
        {"/in", "/in", "must be dir:"},
        {"dir:in", "dir:in", "absolute"},
        {"rtsp://h/x", "(not shown)", "must be dir:"},
        {"mjpeg:https://h/x", "(not shown)", "must be dir:"},
        {"mjpeg:http://", "(not shown)", "no host"},
        {"mjpeg:http:///x", "(not shown)", "no host"},
        {"mjpeg:http://h:0/", "(not shown)", "port"},
        {"mjpeg:http://h:65536/", "(not shown)", "port"},
        {"mjpeg:http://h:x/", "(not shown)", "port"},
        {"mjpeg:http://h_x/", "(not shown)", "host or port"},
        {"mjpeg:http://h/a b", "(not shown)", "blank"},
        {"mjpeg:http://h/a#b", "(not shown)", "a #"},
        {"mjpeg:http://[::1/", "(not shown)", "no ]"},
        {"mjpeg:http://[]/", "(not shown)", "no host"},
        {"mjpeg:http://u:p@h/", "(not shown)", "credentials_file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "[camera a]\nsource = %s\n", wrong[i].source);
        expect_only(text, 2, "camera.source", wrong[i].shown, wrong[i].reason);
    }
}

static void a_witness_is_spoken_to_over_https_alone(void **state)
{
    (void)state;
    static const struct {
        const char *url, *reason;
    } wrong[] = {
        {"http://h/x", "must be https://"},
        {"h/x", "must be https://"},
        {"HTTPS://h/x", "must be https://"},
        {"https://", "no host"},
        {"https://h:0/", "port"},
        {"https://u:geheim@h/", "holds a login: name a cert"},
        {"https://h/a b", "blank"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "[audit]\nwitness_url = %s\n", wrong[i].url);
        expect_only(text, 2, "audit.witness_url", "(not shown)", wrong[i].reason);
    }
}

static void what_a_witness_needs_goes_with_its_address(void **state)
{
    (void)state;
    expect_only("[audit]\nwitness_ca = /c\n", 2, "audit.witness_ca", "/c", "set witness_url");
    expect_only("[audit]\nwitness_url = https://h\nwitness_cert = /c\n", 3, "audit.witness_cert",
                "/c", "belong together");
    expect_only("[audit]\nwitness_url = https://h\nwitness_key = /k\n", 3, "audit.witness_key",
                "/k", "belong together");
    assert_int_equal(parse("[audit]\nwitness_url = https://h\n"), ERR_OK);
}

static void a_login_is_never_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[camera a]\nsource = mjpeg:http://admin:geheim@10.0.0.1/\n",
        "[camera a]\nsource = mjpeg:http://admin:ge/heim@10.0.0.1/geheim\n",
        "[camera a]\nsource = mjpeg://admin:geheim/\n",
        "[camera a]\nsource = mjpeg:http:/admin:geheim\n",
        "[camera a]\nsource = dir:/x\npassword = geheim\n",
        "[camera a]\nsource = dir:/x\ncredentials = admin:geheim\n",
        "[camera a]\nsorce = mjpeg:http://admin:geheim@h/\n",
        "[camera a]\nsource = mjpeg:http://h/\ncredentials_file = admin:geheim\n",
        "[camera a]\nlane = admin:geheim@h\nsource=dir:/x\n",
        "mjpeg://admin:geheim@h\n",
        "admin:geheim@h\n",
        "[mjpeg:http://admin:geheim@h]\n",
        "[camera http://admin:geheim@h]\n",
        "[desk]\ngeheim@h = 3\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse(texts[i]), ERR_INPUT);
        assert_null(strstr(why.text, "geheim"));
        for (uint32_t j = 0; j < report.n_complaints; j++) {
            char line[700];
            config_complaint_text(&report.complaints[j], line, sizeof line);
            if (strstr(line, "geheim") != NULL)
                fail_msg("text %zu: %s", i, line);
        }
    }
}

static void keys_of_a_camera_fit_its_source(void **state)
{
    (void)state;
    expect_only("[camera a]\nlane=x\n", 1, "camera a.source", "", "is required");
    expect_only("[camera a]\nsource=dir:/x\nrate=2\n", 3, "camera.rate", "2", "mode = once only");
    expect_only("[camera a]\nmode=once\nsource=mjpeg:http://h/\n", 2, "camera.mode", "once",
                "folder (dir:) only");
    expect_only("[camera a]\nsource=dir:/x\ncredentials_file=/c\n", 3, "camera.credentials_file",
                "/c", "no login");
}

static void parked_is_longer_than_the_gap(void **state)
{
    (void)state;
    expect_only("[passages]\ngap=30s\nparked=30s\n", 3, "passages.parked", "30s",
                "longer than gap");
    expect_only("[passages]\ngap=60s\n", 2, "passages.gap", "60s", "longer than gap");
}

static void a_file_beyond_all_measure_is_refused(void **state)
{
    (void)state;
    static char text[256 * 1024 + 1];
    memset(text, '\n', sizeof text);
    assert_int_equal(config_parse(text, sizeof text, "t.conf", &config, &report, &why), ERR_INPUT);
    expect(0, "", "", "larger than 256 KiB");
    assert_int_equal(config_parse(text, sizeof text - 1, "t.conf", &config, &report, &why), ERR_OK);
}

static void complaints_stand_in_the_order_of_their_lines(void **state)
{
    (void)state;
    assert_int_equal(parse("[passages]\nparked=5s\ngap=6s\n[camera a]\nlane=b\n[camera b]\n"
                           "source=dir:/x\nrate=3\ncolour=red\n"),
                     ERR_INPUT);
    static const uint32_t lines[] = {2, 4, 8, 9};
    assert_int_equal(report.n_complaints, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(report.complaints[i].line, lines[i]);
}

static void a_complaint_reads_as_one_line(void **state)
{
    (void)state;
    char line[700];
    parse("[desk]\nmax_rows=51\n");
    config_complaint_text(&report.complaints[0], line, sizeof line);
    assert_string_equal(line, "t.conf:2: desk.max_rows = 51: is out of range: 1 to 50");
    parse("[desk\n");
    config_complaint_text(&report.complaints[0], line, sizeof line);
    assert_string_equal(line, "t.conf:1: a section's name has no ] behind it");
}

static void a_long_value_is_shown_cut_at_a_character(void **state)
{
    (void)state;
    char text[256] = "[daemon]\nuser = ";
    for (int i = 0; i < 40; i++)
        append(text, sizeof text, "\xc3\xa9");
    assert_int_equal(parse(text), ERR_INPUT);
    const char *value = report.complaints[0].value;
    assert_string_equal(value + strlen(value) - 5, "\xc3\xa9...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(every_kind_of_value_reaches_its_field),
        cmocka_unit_test(nothing_is_kept_longer_than_seven_days),
        cmocka_unit_test(pictures_go_with_their_passage_at_the_latest),
        cmocka_unit_test(limits_can_only_be_lowered),
        cmocka_unit_test(pcrs_and_the_tpm_s_index_are_those_that_exist),
        cmocka_unit_test(a_camera_s_section_becomes_a_camera),
        cmocka_unit_test(comments_blanks_and_line_ends_of_any_kind_are_read),
        cmocka_unit_test(all_complaints_are_reported_and_none_is_taken),
        cmocka_unit_test(more_complaints_than_are_kept_are_counted),
        cmocka_unit_test(unknown_names_get_a_hint),
        cmocka_unit_test(a_key_or_section_that_comes_twice_names_the_first),
        cmocka_unit_test(an_empty_or_unknown_section_is_noticed_without_keys),
        cmocka_unit_test(a_camera_that_cannot_be_kept_is_still_checked),
        cmocka_unit_test(a_ninth_camera_is_refused),
        cmocka_unit_test(numbers_are_not_guessed),
        cmocka_unit_test(sizes_and_durations_need_units_that_exist),
        cmocka_unit_test(a_value_must_be_there),
        cmocka_unit_test(paths_are_absolute_and_without_quotes),
        cmocka_unit_test(a_line_that_libinih_would_split_is_refused),
        cmocka_unit_test(texts_that_do_not_fit_are_refused_whole),
        cmocka_unit_test(an_indented_line_is_a_line_of_its_own),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(a_witness_is_spoken_to_over_https_alone),
        cmocka_unit_test(what_a_witness_needs_goes_with_its_address),
        cmocka_unit_test(a_login_is_never_shown),
        cmocka_unit_test(keys_of_a_camera_fit_its_source),
        cmocka_unit_test(parked_is_longer_than_the_gap),
        cmocka_unit_test(a_file_beyond_all_measure_is_refused),
        cmocka_unit_test(complaints_stand_in_the_order_of_their_lines),
        cmocka_unit_test(a_complaint_reads_as_one_line),
        cmocka_unit_test(a_long_value_is_shown_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
