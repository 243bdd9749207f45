/* Each check of `laneward doctor` against a host made of a few files: what is right passes, what is
 * wrong is seen. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/checks.h"

static struct {
    char root[64];
    struct doctor doctor;
    struct doctor_finding finding;
} scene;

/* Writes root/path with the folders above it. */
static void put(const char *path, const void *bytes, size_t size)
{
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s%s", scene.root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    if (size == 0 && full[strlen(full) - 1] == '/')
        return; /* a folder */
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(full, 0600), 0);
}

static void put_text(const char *path, const char *text)
{
    put(path, text, strlen(text));
}

static enum doctor_verdict look(doctor_look_fn *check)
{
    scene.finding = (struct doctor_finding){DOCTOR_SKIP, "", ""};
    check(&scene.doctor, &scene.finding);
    return scene.finding.verdict;
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    snprintf(scene.root, sizeof scene.root, "/tmp/laneward-doctor-XXXXXX");
    if (mkdtemp(scene.root) == NULL)
        return 1;
    scene.doctor.root = scene.root;
    scene.doctor.config_path = "";
    config_defaults(&scene.doctor.config);
    snprintf(scene.doctor.config.state_dir, CONFIG_PATH_SIZE, "%s/state", scene.root);
    snprintf(scene.doctor.config.run_dir, CONFIG_PATH_SIZE, "%s/run", scene.root);
    put("/state/", NULL, 0);
    put("/run/", NULL, 0);
    return 0;
}

static void remove_tree(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", path, (char *)NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(scene.root);
    return 0;
}

static void a_driver_for_usb_disks_is_seen_unless_it_is_blocked(void **state)
{
    (void)state;
    struct utsname name;
    char path[PATH_MAX];
    uname(&name);
    assert_int_equal(look(checks_usb_storage), DOCTOR_PASS);
    snprintf(path, sizeof path, "/lib/modules/%s/kernel/drivers/usb/storage/usb-storage.ko.xz",
             name.release);
    put_text(path, "x");
    assert_int_equal(look(checks_usb_storage), DOCTOR_FAIL);
    put_text("/etc/modprobe.d/other.conf", "# install usb-storage /bin/false\n");
    assert_int_equal(look(checks_usb_storage), DOCTOR_FAIL);
    put_text("/etc/modprobe.d/site.conf", "options x y\ninstall usb-storage /bin/false\n");
    assert_int_equal(look(checks_usb_storage), DOCTOR_PASS);
    put("/sys/module/usb_storage/", NULL, 0);
    assert_int_equal(look(checks_usb_storage), DOCTOR_FAIL);
}

static void secure_boot_is_the_firmwares_word(void **state)
{
    (void)state;
    static const char name[] =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    assert_int_equal(look(checks_secure_boot), DOCTOR_WARN);
    put("/sys/firmware/efi/", NULL, 0);
    assert_int_equal(look(checks_secure_boot), DOCTOR_SKIP);
    put(name, "\6\0\0\0\0", 5);
    assert_int_equal(look(checks_secure_boot), DOCTOR_FAIL);
    put(name, "\6\0\0\0\1", 5);
    assert_int_equal(look(checks_secure_boot), DOCTOR_PASS);
}

static void swap_is_off_or_in_memory_or_encrypted(void **state)
{
    (void)state;
    static const char head[] = "Filename\tType\tSize\tUsed\tPriority\n";
    char text[256], path[64];
    struct stat info;
    assert_int_equal(look(checks_swap), DOCTOR_SKIP);
    put_text("/proc/swaps", head);
    assert_int_equal(look(checks_swap), DOCTOR_PASS);
    snprintf(text, sizeof text, "%s/dev/zram0 partition 1 0 100\n", head);
    put_text("/proc/swaps", text);
    assert_int_equal(look(checks_swap), DOCTOR_PASS);
    snprintf(text, sizeof text, "%s%s/swapfile file 1 0 -2\n", head, scene.root);
    put_text("/proc/swaps", text);
    put_text("/swapfile", "x");
    assert_int_equal(look(checks_swap), DOCTOR_FAIL);
    assert_int_equal(stat(scene.root, &info), 0);
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/dm/uuid", major(info.st_dev),
             minor(info.st_dev));
    put_text(path, "CRYPT-PLAIN-swap\n");
    assert_int_equal(look(checks_swap), DOCTOR_PASS);
}

static void a_disk_is_encrypted_when_all_below_it_is(void **state)
{
    (void)state;
    struct stat info;
    char device[64], path[128];
    assert_int_equal(stat(scene.root, &info), 0);
    snprintf(device, sizeof device, "/sys/dev/block/%u:%u", major(info.st_dev), minor(info.st_dev));
    snprintf(path, sizeof path, "%s/dm/uuid", device);
    put_text(path, "LVM-abc\n");
    assert_int_equal(look(checks_disk), DOCTOR_WARN);
    snprintf(path, sizeof path, "%s/slaves/dm-0/dm/uuid", device);
    put_text(path, "CRYPT-LUKS2-abc\n");
    assert_int_equal(look(checks_disk), DOCTOR_PASS);
    snprintf(path, sizeof path, "%s/slaves/sdb1/size", device);
    put_text(path, "1\n");
    assert_int_equal(look(checks_disk), DOCTOR_WARN);
}

static void what_a_kernel_may_show_is_looked_at(void **state)
{
    (void)state;
    assert_int_equal(look(checks_lockdown), DOCTOR_WARN);
    put_text("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    assert_int_equal(look(checks_lockdown), DOCTOR_WARN);
    put_text("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    assert_int_equal(look(checks_lockdown), DOCTOR_PASS);
    put_text("/proc/sys/kernel/yama/ptrace_scope", "0\n");
    assert_int_equal(look(checks_ptrace), DOCTOR_WARN);
    put_text("/proc/sys/kernel/yama/ptrace_scope", "2\n");
    assert_int_equal(look(checks_ptrace), DOCTOR_PASS);
}

static void core_files_and_locked_memory_are_the_running_daemons(void **state)
{
    (void)state;
    put_text("/proc/sys/fs/suid_dumpable", "0\n");
    put_text("/proc/sys/kernel/core_pattern", "core\n");
    assert_int_equal(look(checks_core), DOCTOR_SKIP);
    assert_int_equal(look(checks_memory_lock), DOCTOR_SKIP);
    scene.doctor.daemon = 4711;
    put_text("/proc/4711/limits", "Limit Soft Hard Units\nMax core file size        0   0   bytes\n"
                                  "Max locked memory         8388608   8388608   bytes\n");
    assert_int_equal(look(checks_core), DOCTOR_PASS);
    assert_int_equal(look(checks_memory_lock), DOCTOR_PASS);
    put_text("/proc/4711/limits", "Max core file size        0   unlimited   bytes\n"
                                  "Max locked memory         65536   65536   bytes\n");
    assert_int_equal(look(checks_core), DOCTOR_FAIL);
    assert_int_equal(look(checks_memory_lock), DOCTOR_FAIL);
    put_text("/proc/4711/limits", "Max core file size        0   0   bytes\n");
    put_text("/proc/sys/kernel/core_pattern", "|/usr/lib/collector %P\n");
    assert_int_equal(look(checks_core), DOCTOR_WARN);
    put_text("/proc/sys/fs/suid_dumpable", "2\n");
    assert_int_equal(look(checks_core), DOCTOR_FAIL);
}

static void a_machine_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(look(checks_machine_id), DOCTOR_FAIL);
    put_text("/etc/machine-id", "uninitialized\n");
    assert_int_equal(look(checks_machine_id), DOCTOR_FAIL);
    put_text("/etc/machine-id", "00000000000000000000000000000000\n");
    assert_int_equal(look(checks_machine_id), DOCTOR_FAIL);
    put_text("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    assert_int_equal(look(checks_machine_id), DOCTOR_PASS);
}

static void the_binding_is_judged_by_what_the_host_has(void **state)
{
    (void)state;
    json_t *software = json_pack("{s:s}", "binding", "software");
    json_t *tpm = json_pack("{s:s}", "binding", "tpm");
    assert_int_equal(look(checks_tpm), DOCTOR_WARN);
    assert_int_equal(look(checks_pcrs), DOCTOR_SKIP);
    scene.doctor.status = software;
    assert_int_equal(look(checks_tpm), DOCTOR_WARN);
    put_text("/dev/tpmrm0", "");
    assert_int_equal(look(checks_tpm), DOCTOR_FAIL);
    scene.doctor.status = tpm;
    assert_int_equal(look(checks_tpm), DOCTOR_PASS);
    scene.doctor.config.pcr_mask = 0;
    assert_int_equal(look(checks_pcrs), DOCTOR_FAIL);
    scene.doctor.config.pcr_mask = 1u << 7 | 1u << 11;
    assert_int_equal(look(checks_pcrs), DOCTOR_PASS);
    assert_string_equal(scene.finding.found, "sealed to PCR 7 11");
    scene.doctor.status = NULL;
    put_text("/state/tpm.blob", "x");
    assert_int_equal(look(checks_tpm), DOCTOR_PASS);
    json_decref(software);
    json_decref(tpm);
}

static void a_store_in_software_wants_a_credential(void **state)
{
    (void)state;
    json_t *software = json_pack("{s:s, s:b}", "binding", "software", "credential", 0);
    assert_int_equal(look(checks_credential), DOCTOR_SKIP);
    scene.doctor.status = software;
    assert_int_equal(look(checks_credential), DOCTOR_WARN);
    assert_non_null(strstr(scene.finding.advice, "systemd-creds encrypt"));
    put_text("/etc/credstore.encrypted/laneward.host", "base64");
    assert_int_equal(look(checks_credential), DOCTOR_FAIL);
    assert_non_null(strstr(scene.finding.advice, "LoadCredentialEncrypted"));
    json_object_set_new(software, "credential", json_true());
    assert_int_equal(look(checks_credential), DOCTOR_PASS);
    json_object_set_new(software, "binding", json_string("tpm"));
    assert_int_equal(look(checks_credential), DOCTOR_SKIP);
    scene.doctor.status = NULL;
    json_decref(software);
}

static void a_log_without_a_witness_and_alarms_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *witness, *server;
        int alarms;
        enum doctor_verdict verdict;
    } cases[] = {{"file", "none", 0, DOCTOR_PASS},      {"journal", "none", 0, DOCTOR_WARN},
                 {"file", "none", 1, DOCTOR_WARN},      {"failing", "ok", 1, DOCTOR_FAIL},
                 {"journal", "ok", 0, DOCTOR_PASS},     {"file", "failing", 0, DOCTOR_FAIL},
                 {"journal", "failing", 1, DOCTOR_FAIL}};
    assert_int_equal(look(checks_log), DOCTOR_SKIP);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *status =
            json_pack("{s:{s:i, s:s, s:s}, s:i}", "log", "size", 7, "witness", cases[i].witness,
                      "witness_server", cases[i].server, "alarms", cases[i].alarms);
        scene.doctor.status = status;
        assert_int_equal(look(checks_log), cases[i].verdict);
        json_decref(status);
    }
}

static void the_state_folder_is_the_daemons_alone(void **state)
{
    (void)state;
    char path[PATH_MAX];
    put_text("/state/ledger.db", "x");
    put_text("/state/segments/2026-11-22.other.db", "x");
    assert_int_equal(look(checks_state_folder), DOCTOR_PASS);
    snprintf(path, sizeof path, "%s/state/segments/2026-11-22.other.db", scene.root);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(look(checks_state_folder), DOCTOR_FAIL);
    assert_non_null(strstr(scene.finding.found, "may be read by others"));
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(path, sizeof path, "%s/state", scene.root);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(look(checks_state_folder), DOCTOR_FAIL);
}

static void logins_and_keys_are_kept_from_others(void **state)
{
    (void)state;
    struct config *config = &scene.doctor.config;
    char path[PATH_MAX];
    assert_int_equal(look(checks_credentials), DOCTOR_SKIP);
    put_text("/login", "a:b\n");
    config->n_cameras = 1;
    snprintf(config->cameras[0].credentials_file, CONFIG_PATH_SIZE, "%s/login", scene.root);
    assert_int_equal(look(checks_credentials), DOCTOR_PASS);
    assert_int_equal(chmod(config->cameras[0].credentials_file, 0644), 0);
    assert_int_equal(look(checks_credentials), DOCTOR_FAIL);
    assert_int_equal(look(checks_keys), DOCTOR_WARN);
    put_text("/port.pem", "x");
    put_text("/recipients/a.pem", "x");
    snprintf(config->port_key, CONFIG_PATH_SIZE, "%s/port.pem", scene.root);
    snprintf(config->auditor_key, CONFIG_PATH_SIZE, "%s/port.pem", scene.root);
    snprintf(config->recipients_dir, CONFIG_PATH_SIZE, "%s/recipients", scene.root);
    if (getuid() == 0)
        assert_int_equal(look(checks_keys), DOCTOR_PASS);
    snprintf(path, sizeof path, "%s/recipients/a.pem", scene.root);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(look(checks_keys), DOCTOR_FAIL);
}

static void sockets_are_not_for_everybody(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(look(checks_sockets), DOCTOR_SKIP);
    put_text("/run/laneward.sock", "");
    snprintf(path, sizeof path, "%s/run/laneward.sock", scene.root);
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(look(checks_sockets), DOCTOR_PASS);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(look(checks_sockets), DOCTOR_FAIL);
}

/* A picture in the clear, deep in a file, across the border between two reads. */
static void put_picture_at(size_t at)
{
    static const unsigned char picture[] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1";
    unsigned char *bytes = calloc(1, at + sizeof picture);
    assert_non_null(bytes);
    memset(bytes, 0xff, at);
    memcpy(bytes + at, picture, sizeof picture);
    put("/state/segments/a.db", bytes, at + sizeof picture);
    free(bytes);
}

static void what_lies_in_the_clear_is_found(void **state)
{
    (void)state;
    put("/state/a.db", "\x93\x12\x00\xff random bytes", 17);
    assert_int_equal(look(checks_plaintext), DOCTOR_PASS);
    put("/state/a.db", "SQLite format 3\0\x10", 17);
    assert_int_equal(look(checks_plaintext), DOCTOR_FAIL);
    put_text("/state/a.db", "xx SQLite format 3");
    assert_int_equal(look(checks_plaintext), DOCTOR_PASS);
    put_text("/state/a.db", "{\"best_plate_number\":\"");
    assert_int_equal(look(checks_plaintext), DOCTOR_FAIL);
    put_text("/state/a.db", "");
    static const size_t places[] = {0, 100, (1 << 20) - 12, (1 << 20) - 5, 1 << 20};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        put_picture_at(places[i]);
        assert_int_equal(look(checks_plaintext), DOCTOR_FAIL);
    }
}

static void the_digest_is_of_what_was_found(void **state)
{
    (void)state;
    char first[DOCTOR_DIGEST_SIZE], second[DOCTOR_DIGEST_SIZE], third[DOCTOR_DIGEST_SIZE];
    json_t *a = json_pack("[{s:s, s:s}]", "check", "x", "verdict", "pass");
    json_t *b = json_pack("[{s:s, s:s}]", "verdict", "pass", "check", "x");
    json_t *c = json_pack("[{s:s, s:s}]", "verdict", "fail", "check", "x");
    assert_true(doctor_digest(a, first) && doctor_digest(b, second) && doctor_digest(c, third));
    assert_string_equal(first, second);
    assert_string_not_equal(first, third);
    assert_int_equal(doctor_count(c, DOCTOR_FAIL), 1);
    assert_int_equal(doctor_count(a, DOCTOR_FAIL), 0);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(a_driver_for_usb_disks_is_seen_unless_it_is_blocked),
        EACH(secure_boot_is_the_firmwares_word),
        EACH(swap_is_off_or_in_memory_or_encrypted),
        EACH(a_disk_is_encrypted_when_all_below_it_is),
        EACH(what_a_kernel_may_show_is_looked_at),
        EACH(core_files_and_locked_memory_are_the_running_daemons),
        EACH(a_machine_has_a_name_of_its_own),
        EACH(the_binding_is_judged_by_what_the_host_has),
        EACH(a_store_in_software_wants_a_credential),
        EACH(a_log_without_a_witness_and_alarms_are_told),
        EACH(the_state_folder_is_the_daemons_alone),
        EACH(logins_and_keys_are_kept_from_others),
        EACH(sockets_are_not_for_everybody),
        EACH(what_lies_in_the_clear_is_found),
        EACH(the_digest_is_of_what_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
