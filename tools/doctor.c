/* The table of checks, and what comes of it. */
#include "tools/doctor.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checks.h"

static const struct {
    const char *name;
    doctor_look_fn *look;
} all_checks[] = {
    {"configuration", checks_config},
    {"daemon", checks_daemon},
    {"tpm", checks_tpm},
    {"pcrs", checks_pcrs},
    {"credential", checks_credential},
    {"log", checks_log},
    {"secure-boot", checks_secure_boot},
    {"disk", checks_disk},
    {"swap", checks_swap},
    {"core-files", checks_core},
    {"memory-lock", checks_memory_lock},
    {"usb-storage", checks_usb_storage},
    {"lockdown", checks_lockdown},
    {"ptrace", checks_ptrace},
    {"clock", checks_clock},
    {"machine-id", checks_machine_id},
    {"config-file", checks_config_file},
    {"state-folder", checks_state_folder},
    {"credentials", checks_credentials},
    {"keys", checks_keys},
    {"sockets", checks_sockets},
    {"programs", checks_programs},
    {"plaintext", checks_plaintext},
    {"unit", checks_unit},
    {"roles", checks_roles},
};

static const char *const words[] = {
    [DOCTOR_PASS] = "pass", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail", [DOCTOR_SKIP] = "skip"};

const char *doctor_word(enum doctor_verdict verdict)
{
    assert(verdict <= DOCTOR_SKIP);
    return words[verdict];
}

void doctor_say(struct doctor_finding *out, enum doctor_verdict verdict, const char *advice,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->found, sizeof out->found, format, arguments);
    va_end(arguments);
    out->verdict = verdict;
    out->advice = advice;
}

bool doctor_line(const struct doctor *doctor, const char *path, char *out, size_t size)
{
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s%s", doctor->root, path);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    if (got < 0)
        return false;
    out[got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* Bytes that are no UTF-8, as in a file's name, do not go into JSON. */
static void keep_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

json_t *doctor_run(const struct doctor *doctor)
{
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof all_checks / sizeof *all_checks; i++) {
        struct doctor_finding finding = {DOCTOR_SKIP, "not checked", ""};
        all_checks[i].look(doctor, &finding);
        keep_printable(finding.found);
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "check", all_checks[i].name,
                                             "verdict", words[finding.verdict], "found",
                                             finding.found, "advice", finding.advice));
    }
    return all;
}

int doctor_count(const json_t *checks, enum doctor_verdict verdict)
{
    int n = 0;
    size_t i;
    const json_t *check;
    json_array_foreach(checks, i, check)
    {
        const char *word = json_string_value(json_object_get(check, "verdict"));
        n += word != NULL && strcmp(word, words[verdict]) == 0;
    }
    return n;
}

bool doctor_digest(const json_t *checks, char out[DOCTOR_DIGEST_SIZE])
{
    unsigned char hash[32];
    char *text = json_dumps(checks, JSON_COMPACT | JSON_SORT_KEYS);
    bool ok = text != NULL && EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < sizeof hash && ok; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    free(text);
    return ok;
}
