/* What a role may know of the configuration, and what the parent opens for it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/links.h"
#include "daemon/spawn.h"

/* Every text field is filled with a word of its own, so that any that gets through is found. */
static void fill(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->n_cameras = 3;
    snprintf(config->state_dir, sizeof config->state_dir, "/STATE");
    snprintf(config->tpm, sizeof config->tpm, "TPM");
    snprintf(config->port_key, sizeof config->port_key, "/PORT");
    snprintf(config->auditor_key, sizeof config->auditor_key, "/AUDITOR");
    snprintf(config->witness_file, sizeof config->witness_file, "/WITNESS");
    snprintf(config->witness_url, sizeof config->witness_url, "https://SERVER/");
    snprintf(config->witness_ca, sizeof config->witness_ca, "/AUTHORITIES");
    snprintf(config->witness_cert, sizeof config->witness_cert, "/CERT");
    snprintf(config->witness_key, sizeof config->witness_key, "/KEY");
    snprintf(config->honey_file, sizeof config->honey_file, "/HONEY");
    snprintf(config->supervisor_keys, sizeof config->supervisor_keys, "/SUPERVISORS");
    snprintf(config->recipients_dir, sizeof config->recipients_dir, "/RECIPIENTS");
    snprintf(config->models_dir, sizeof config->models_dir, "/MODELS");
    for (unsigned i = 0; i < 3; i++) {
        snprintf(config->cameras[i].name, CONFIG_NAME_SIZE, "camera-%u", i);
        snprintf(config->cameras[i].source, CONFIG_TEXT_SIZE, "http://SOURCE%u/", i);
        snprintf(config->cameras[i].credentials_file, CONFIG_PATH_SIZE, "/CREDENTIALS%u", i);
        snprintf(config->cameras[i].detection_mask_image, CONFIG_PATH_SIZE, "/MASK%u", i);
    }
}

static bool knows(enum role role, const char *word)
{
    struct config *config = calloc(1, sizeof *config), *out = calloc(1, sizeof *out);
    struct role_env env = {.role = role, .camera = 1, .config = config};
    fill(config);
    spawn_config(&env, out);
    bool found = memmem(out, sizeof *out, word, strlen(word)) != NULL;
    free(config);
    free(out);
    return found;
}

static void a_capture_knows_its_own_address_alone(void **state)
{
    (void)state;
    assert_true(knows(ROLE_CAPTURE, "SOURCE1"));
    assert_false(knows(ROLE_CAPTURE, "SOURCE0"));
    assert_false(knows(ROLE_CAPTURE, "SOURCE2"));
    assert_false(knows(ROLE_CAPTURE, "STATE"));
    assert_false(knows(ROLE_CAPTURE, "MODELS"));
}

static void no_other_role_knows_an_address(void **state)
{
    (void)state;
    for (enum role role = ROLE_RECOGNIZER; role < ROLE_COUNT; role++)
        assert_false(knows(role, "SOURCE"));
}

static void nobody_knows_where_credentials_lie(void **state)
{
    (void)state;
    for (enum role role = ROLE_CAPTURE; role < ROLE_COUNT; role++) {
        assert_false(knows(role, "CREDENTIALS"));
        assert_false(knows(role, "/KEY"));
    }
}

static void only_the_herald_knows_the_witness_s_server(void **state)
{
    (void)state;
    static const char *const its_own[] = {"SERVER", "AUTHORITIES", "CERT"};
    for (enum role role = ROLE_CAPTURE; role < ROLE_COUNT; role++)
        for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++)
            assert_int_equal(knows(role, its_own[i]), role == ROLE_HERALD);
}

static void only_the_keeper_knows_the_state_folder(void **state)
{
    (void)state;
    for (enum role role = ROLE_CAPTURE; role < ROLE_COUNT; role++) {
        assert_int_equal(knows(role, "STATE"), role == ROLE_KEEPER);
        assert_int_equal(knows(role, "TPM"), role == ROLE_KEEPER);
        static const char *const keepers[] = {"PORT",  "AUDITOR",     "WITNESS",
                                              "HONEY", "SUPERVISORS", "RECIPIENTS"};
        for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++)
            assert_int_equal(knows(role, keepers[i]), role == ROLE_KEEPER);
        assert_int_equal(knows(role, "MODELS"), role == ROLE_RECOGNIZER);
        assert_int_equal(knows(role, "MASK1"), role == ROLE_RECOGNIZER);
        assert_false(knows(role, "MASK0"));
        assert_true(knows(role, "camera-2"));
    }
}

static void credentials_that_others_may_read_are_refused(void **state)
{
    (void)state;
    static struct config config;
    struct links links;
    struct fault why;
    char path[] = "/tmp/laneward-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "user:word\n", 10), 10);
    config.n_cameras = 1;
    config.max_frame_bytes = 65536;
    config.cameras[0].kind = CONFIG_MJPEG;
    snprintf(config.cameras[0].credentials_file, CONFIG_PATH_SIZE, "%s", path);
    links_clear(&links);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(links_open_cameras(&links, &config, &why), ERR_DENIED);
    assert_int_equal(links.cameras[0].mailbox, -1);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(links_open_cameras(&links, &config, &why), ERR_OK);
    char text[16];
    assert_int_equal(pread(links.cameras[0].secret, text, sizeof text, 0), 10);
    assert_int_equal(write(links.cameras[0].secret, "x", 1), -1);
    links_close(&links);
    close(fd);
    unlink(path);
}

static void each_role_is_given_its_own_descriptors(void **state)
{
    (void)state;
    struct links links;
    links_clear(&links);
    links.cameras[1] = (struct links_camera){11, 12, 13, 14, 15};
    links.recognizer_side[1] = 16;
    links.keeper_side[1] = 17;
    links.desk_side = 18;
    links.keeper_desk_side = 19;
    links.listen = 20;
    links.maintenance = 21;
    links.herald_side = 22;
    links.keeper_herald_side = 23;
    links.herald_secret = 24;
    struct role_env env = {.role = ROLE_RECOGNIZER, .camera = 1};
    links_give(&links, &env);
    assert_int_equal(env.mailbox_fd, 11);
    assert_int_equal(env.source_fd, -1);
    assert_int_equal(env.secret_fd, -1);
    assert_int_equal(env.herald_fd, -1);
    assert_int_equal(env.keeper_fd, 16);
    assert_int_equal(env.recognizer_fd[1], -1);
    env.role = ROLE_KEEPER;
    links_give(&links, &env);
    assert_int_equal(env.mailbox_fd, -1);
    assert_int_equal(env.keeper_fd, -1);
    assert_int_equal(env.recognizer_fd[1], 17);
    assert_int_equal(env.desk_fd, 19);
    assert_int_equal(env.herald_fd, 23);
    assert_int_equal(env.secret_fd, -1);
    assert_int_equal(env.listen_fd, -1);
    assert_int_equal(env.maintenance_fd, -1);
    env.role = ROLE_DESK;
    links_give(&links, &env);
    assert_int_equal(env.keeper_fd, 18);
    assert_int_equal(env.listen_fd, 20);
    assert_int_equal(env.maintenance_fd, 21);
    assert_int_equal(env.recognizer_fd[1], -1);
    assert_int_equal(env.secret_fd, -1);
    env.role = ROLE_HERALD;
    links_give(&links, &env);
    assert_int_equal(env.keeper_fd, 22);
    assert_int_equal(env.secret_fd, 24);
    assert_int_equal(env.herald_fd, -1);
    assert_int_equal(env.desk_fd, -1);
    assert_int_equal(env.listen_fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capture_knows_its_own_address_alone),
        cmocka_unit_test(no_other_role_knows_an_address),
        cmocka_unit_test(nobody_knows_where_credentials_lie),
        cmocka_unit_test(only_the_herald_knows_the_witness_s_server),
        cmocka_unit_test(only_the_keeper_knows_the_state_folder),
        cmocka_unit_test(credentials_that_others_may_read_are_refused),
        cmocka_unit_test(each_role_is_given_its_own_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
