/* Exports are opened with `openssl cms -decrypt`, as a recipient would. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/export.h"

static char folder[] = "/tmp/laneward-export-XXXXXX";
static struct fault why;

/* Runs openssl in the folder; its words go to a file of their own. */
static void run(const char *const argv[])
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (chdir(folder) != 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
            _exit(126);
        execvp("openssl", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("openssl %s: %d", argv[1], status);
}

/* A key and a certificate of its own making: NAME.key, NAME.pem. */
static void make(const char *name, const char *algorithm, const char *option, const char *days)
{
    char key[64], certificate[64];
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(certificate, sizeof certificate, "%s.pem", name);
    run((const char *[]){"openssl", "req", "-x509", "-newkey", algorithm, "-pkeyopt", option,
                         "-nodes", "-keyout", key, "-out", certificate, "-days", days, "-subj",
                         "/CN=port", NULL});
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    make("rsa", "rsa", "rsa_keygen_bits:2048", "2");
    make("ec", "ec", "ec_paramgen_curve:prime256v1", "2");
    make("small", "rsa", "rsa_keygen_bits:1024", "2");
    make("curve", "ec", "ec_paramgen_curve:secp384r1", "2");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const files[] = {"rsa.key",   "rsa.pem",   "ec.key",    "ec.pem",
                                        "small.key", "small.pem", "curve.key", "curve.pem",
                                        "file.cms",  "file.json", "text.pem"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct row rows[2];
static uint8_t crop[3000], sealed[500];
static struct export_passage passages[2] = {
    {.row = &rows[0], .crop = crop, .crop_size = sizeof crop},
    {.row = &rows[1], .crop = sealed, .crop_size = sizeof sealed, .is_sealed = true},
};

static struct export_order order(void)
{
    for (size_t i = 0; i < 2; i++) {
        rows[i] = (struct row){.state = ROW_LOST, .first_ms = 1800000000000, .confidence = 0.97f};
        rows[i].id[0] = (uint8_t)(i + 1);
        snprintf(rows[i].plate, sizeof rows[i].plate, "TST00%zu", i);
    }
    for (size_t i = 0; i < sizeof crop; i++)
        crop[i] = (uint8_t)(i * 7);
    memset(sealed, 9, sizeof sealed);
    return (struct export_order){.number = 4711,
                                 .at_ms = 1800000005000,
                                 .reason = "Übergabe an das Gericht",
                                 .case_number = "26-114",
                                 .requester = "anna",
                                 .approver = "boris",
                                 .recipient = "court",
                                 .host = {0xab, 1},
                                 .mark = {0xde, 0xad, 0xbe, 0xef},
                                 .n = 2,
                                 .passages = passages};
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    assert_non_null(text);
    return text;
}

static void check_document(const json_t *o)
{
    assert_string_equal(text_of(o, "data_type"), "laneward_export");
    assert_string_equal(text_of(o, "id"), "deadbeef000000000000000000000000");
    assert_string_equal(text_of(o, "host"), "ab010000000000000000000000000000");
    assert_int_equal(json_integer_value(json_object_get(o, "number")), 4711);
    assert_string_equal(text_of(o, "reason"), "Übergabe an das Gericht");
    assert_string_equal(text_of(o, "case_number"), "26-114");
    assert_string_equal(text_of(o, "requested_by"), "anna");
    assert_string_equal(text_of(o, "approved_by"), "boris");
    assert_string_equal(text_of(o, "recipient"), "court");
    const json_t *list = json_object_get(o, "results");
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    assert_string_equal(text_of(first, "best_plate_number"), "TST000");
    assert_string_equal(text_of(first, "best_uuid"), "01000000000000000000000000000000");
    assert_true(json_is_false(json_object_get(first, "sealed")));
    uint8_t back[sizeof crop + 3];
    const char *image = text_of(first, "image");
    assert_int_equal(EVP_DecodeBlock(back, (const unsigned char *)image, (int)strlen(image)),
                     sizeof crop);
    assert_memory_equal(back, crop, sizeof crop);
    assert_true(json_is_true(json_object_get(second, "sealed")));
    assert_null(json_object_get(second, "image"));
    assert_int_equal(strlen(text_of(second, "sealed_image")), (sizeof sealed + 2) / 3 * 4);
}

static void check_opens(const char *name)
{
    struct export_recipient *to = NULL;
    struct export_order what = order();
    uint8_t *file = NULL, digest[EXPORT_DIGEST_SIZE], same[EXPORT_DIGEST_SIZE];
    size_t size = 0;
    char key[64], path[96];
    if (export_recipient_load(&to, folder, name, now_ms(), &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(export_make(&what, to, &file, &size, digest, &why), ERR_OK);
    assert_null(memmem(file, size, "TST000", 6));
    assert_int_equal(EVP_Digest(file, size, same, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(digest, same, sizeof digest);
    write_file("file.cms", file, size);
    free(file);
    export_recipient_free(&to);
    snprintf(key, sizeof key, "%s.key", name);
    run((const char *[]){"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in",
                         "file.cms", "-inkey", key, "-out", "file.json", NULL});
    snprintf(path, sizeof path, "%s/file.json", folder);
    json_t *document = json_load_file(path, 0, NULL);
    assert_non_null(document);
    check_document(document);
    json_decref(document);
}

static void openssl_opens_what_is_for_an_rsa_key(void **state)
{
    (void)state;
    check_opens("rsa");
}

static void openssl_opens_what_is_for_a_p256_key(void **state)
{
    (void)state;
    check_opens("ec");
}

static void a_passage_without_a_picture_has_none(void **state)
{
    (void)state;
    struct export_recipient *to = NULL;
    struct export_order what = order();
    struct export_passage bare = {.row = &rows[0]};
    uint8_t *file = NULL, digest[EXPORT_DIGEST_SIZE];
    size_t size = 0;
    what.n = 1;
    what.passages = &bare;
    assert_int_equal(export_recipient_load(&to, folder, "ec", now_ms(), &why), ERR_OK);
    assert_int_equal(export_make(&what, to, &file, &size, digest, &why), ERR_OK);
    assert_true(size < 4000);
    free(file);
    export_recipient_free(&to);
}

static void assert_refused(const char *name, int64_t at_ms, enum err code, const char *word)
{
    struct export_recipient *to = NULL;
    assert_int_equal(export_recipient_load(&to, folder, name, at_ms, &why), code);
    assert_null(to);
    if (strstr(why.text, word) == NULL)
        fail_msg("%s: %s", name, why.text);
}

static void what_is_no_recipient_is_refused_in_words(void **state)
{
    (void)state;
    const int64_t day = 86400000;
    assert_refused("small", now_ms(), ERR_INPUT, "2048");
    assert_refused("curve", now_ms(), ERR_INPUT, "P-256");
    assert_refused("ec", now_ms() + 3 * day, ERR_INPUT, "expired");
    assert_refused("ec", now_ms() - day, ERR_INPUT, "not valid yet");
    assert_refused("nobody", now_ms(), ERR_NOT_FOUND, "no such recipient");
    assert_refused("../rsa", now_ms(), ERR_INPUT, "no name of a file");
    assert_refused(".rsa", now_ms(), ERR_INPUT, "no name of a file");
    assert_refused("", now_ms(), ERR_INPUT, "no name of a file");
    write_file("text.pem", "hello\n", 6);
    assert_refused("text", now_ms(), ERR_INPUT, "PEM");
    struct export_recipient *to = NULL;
    assert_int_equal(export_recipient_load(&to, "", "ec", now_ms(), &why), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_opens_what_is_for_an_rsa_key),
        cmocka_unit_test(openssl_opens_what_is_for_a_p256_key),
        cmocka_unit_test(a_passage_without_a_picture_has_none),
        cmocka_unit_test(what_is_no_recipient_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
