/* Checks of the configuration, the running daemon, and what binds its store to this host. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/checks.h"
#include "tools/client.h"

static bool has_file(const char *folder, const char *name)
{
    char path[PATH_MAX + 16];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

static bool has_tpm(const struct doctor *doctor)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/dev", doctor->root);
    return has_file(folder, "tpmrm0") || has_file(folder, "tpm0");
}

void checks_config(const struct doctor *doctor, struct doctor_finding *out)
{
    if (doctor->config_complaint[0] != '\0')
        doctor_say(out, DOCTOR_FAIL, "`lanewardd --check` tells every complaint", "%s",
                   doctor->config_complaint);
    else
        doctor_say(out, DOCTOR_PASS, "", "%u cameras", (unsigned)doctor->config.n_cameras);
}

void checks_daemon(const struct doctor *doctor, struct doctor_finding *out)
{
    if (doctor->status == NULL)
        doctor_say(out, DOCTOR_WARN, "systemctl start lanewardd; or name its run_dir by --config",
                   "no daemon answers, or not to you: some checks go by files alone");
    else if (!client_true(json_object_get(doctor->status, "store"), "available"))
        doctor_say(out, DOCTOR_FAIL, "the daemon's log tells why",
                   "the daemon runs, its store is not open");
    else
        doctor_say(out, DOCTOR_PASS, "", "the daemon runs, its store is open");
}

/* By the daemon's word, or by the names of files; "" = neither is to be had. */
static const char *binding_of(const struct doctor *doctor)
{
    const char *dir = doctor->config.state_dir;
    const char *told = doctor->status != NULL ? client_text(doctor->status, "binding") : "";
    if (told[0] != '\0')
        return told;
    if (has_file(dir, "tpm.blob"))
        return "tpm";
    return has_file(dir, "host.key") ? "software" : "";
}

void checks_tpm(const struct doctor *doctor, struct doctor_finding *out)
{
    const char *binding = binding_of(doctor);
    bool is_there = has_tpm(doctor);
    if (strcmp(binding, "tpm") == 0)
        doctor_say(out, DOCTOR_PASS, "", "the store is bound to a TPM");
    else if (strcmp(binding, "software") == 0 && is_there)
        doctor_say(out, DOCTOR_FAIL, "tpm = auto in [storage], and `laneward enroll`",
                   "binding=software although this host has a TPM: a copy of the whole disk opens "
                   "elsewhere");
    else if (strcmp(binding, "software") == 0)
        doctor_say(out, DOCTOR_WARN, "fit a TPM 2.0, or turn it on in the firmware",
                   "binding=software, there is no TPM: a copy of the whole disk opens elsewhere");
    else
        doctor_say(out, is_there ? DOCTOR_SKIP : DOCTOR_WARN,
                   is_there ? "start the daemon, or ask as root"
                            : "fit a TPM 2.0, or turn it on in the firmware",
                   is_there ? "this host has a TPM; the store's binding is not known"
                            : "this host has no TPM");
}

/* As the daemon tells it, else as it is configured: " 7 11". */
static void list_pcrs(const struct doctor *doctor, char *out, size_t size)
{
    const json_t *told = doctor->status != NULL ? json_object_get(doctor->status, "pcrs") : NULL;
    uint32_t mask = doctor->config.pcr_mask;
    size_t i, used = 0;
    const json_t *pcr;
    if (json_is_array(told))
        mask = 0;
    json_array_foreach(told, i, pcr) mask |= 1u << (json_integer_value(pcr) & 31);
    out[0] = '\0';
    for (i = 0; i < 32 && used < size; i++)
        if (mask & 1u << i)
            used += (size_t)snprintf(out + used, size - used, " %zu", i);
}

void checks_pcrs(const struct doctor *doctor, struct doctor_finding *out)
{
    char list[128];
    list_pcrs(doctor, list, sizeof list);
    if (strcmp(binding_of(doctor), "tpm") != 0) {
        doctor_say(out, DOCTOR_SKIP, "", "no TPM holds the key");
        return;
    }
    if (doctor->status != NULL && client_true(doctor->status, "suspended"))
        doctor_say(out, DOCTOR_WARN, "finish the change, and start the daemon anew",
                   "the key is sealed to no PCR until the next start: a boot change was announced");
    else if (list[0] == '\0')
        doctor_say(out, DOCTOR_FAIL, "pcrs = 7 in [storage], then `laneward reseal`",
                   "the key is sealed to no PCR: another system on this host opens the store");
    else
        doctor_say(out, DOCTOR_PASS, "", "sealed to PCR%s", list);
}

/* Of the host, for a store that is bound in software. */
void checks_credential(const struct doctor *doctor, struct doctor_finding *out)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/etc/credstore.encrypted", doctor->root);
    if (strcmp(binding_of(doctor), "tpm") == 0)
        doctor_say(out, DOCTOR_SKIP, "", "a TPM holds the key: no credential is needed");
    else if (json_object_get(doctor->status, "credential") == NULL)
        doctor_say(out, DOCTOR_SKIP, "start the daemon, then ask again",
                   "the daemon does not tell of its store's keys");
    else if (client_true(doctor->status, "credential"))
        doctor_say(out, DOCTOR_PASS, "",
                   "the credential laneward.host has its part in the store's keys");
    else if (has_file(folder, "laneward.host"))
        doctor_say(out, DOCTOR_FAIL,
                   "LoadCredentialEncrypted=laneward.host in its unit, then start the daemon anew",
                   "%s/laneward.host is there, and the daemon was not given it", folder);
    else
        doctor_say(out, DOCTOR_WARN,
                   "mkdir -p -m 700 /etc/credstore.encrypted; head -c 32 /dev/urandom | "
                   "systemd-creds encrypt --with-key=host --name=laneward.host - "
                   "/etc/credstore.encrypted/laneward.host; systemctl restart lanewardd",
                   "no credential has a part in the store's keys: a copy of the state folder opens "
                   "beside this host's machine-id");
}

void checks_log(const struct doctor *doctor, struct doctor_finding *out)
{
    const json_t *log = doctor->status != NULL ? json_object_get(doctor->status, "log") : NULL;
    const char *witness = client_text(log, "witness");
    const char *server = client_text(log, "witness_server");
    long long n_alarms = (long long)client_number(doctor->status, "alarms");
    if (log == NULL)
        doctor_say(out, DOCTOR_SKIP, "start the daemon, then ask again",
                   "the daemon does not tell of its log");
    else if (strcmp(witness, "failing") == 0)
        doctor_say(out, DOCTOR_FAIL, "make room for it, or mend its folder's rights",
                   "heads of the log cannot be written to witness_file");
    else if (strcmp(server, "failing") == 0)
        doctor_say(out, DOCTOR_FAIL, "see the daemon's log for why, and mend it or the way to it",
                   "the server of witness_url keeps no heads of the log");
    else if (n_alarms > 0)
        doctor_say(out, DOCTOR_WARN, "see the daemon's log, and tell the auditor",
                   "%lld alarms since the daemon's start", n_alarms);
    else if (strcmp(witness, "journal") == 0 && strcmp(server, "ok") != 0)
        doctor_say(out, DOCTOR_WARN,
                   "set witness_file in [audit] to a place off this host, or witness_url",
                   "heads of the log go to the journal and to clients alone");
    else
        doctor_say(out, DOCTOR_PASS, "", "%lld records, no alarm since the daemon's start",
                   (long long)client_number(log, "size"));
}
