/* Checks of the cell around the daemon: its unit's score, and the break-out from every role. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checks.h"
#include "tools/client.h"
#include "tools/program.h"

/* systemd's exposure score: 0 none, 10 bare. */
static const double good_score = 2.5, bad_score = 4.0;

static bool find_unit(const struct doctor *doctor, char out[PATH_MAX])
{
    static const char *const folders[] = {"/etc/systemd/system", "/usr/local/lib/systemd/system",
                                          "/usr/lib/systemd/system", "/lib/systemd/system"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(out, PATH_MAX, "%s%s/lanewardd.service", doctor->root, folders[i]);
        if (access(out, R_OK) == 0)
            return true;
    }
    program_beside("../lib/systemd/system/lanewardd.service", out, PATH_MAX);
    return access(out, R_OK) == 0;
}

void checks_unit(const struct doctor *doctor, struct doctor_finding *out)
{
    char unit[PATH_MAX], name[] = "systemd-analyze", verb[] = "security",
                         offline[] = "--offline=true", plain[] = "--no-pager";
    char *argv[] = {name, verb, offline, plain, unit, NULL}, *text = NULL;
    int status;
    double score = 0;
    if (!find_unit(doctor, unit)) {
        doctor_say(out, DOCTOR_SKIP, "install packaging/lanewardd.service", "no unit is installed");
        return;
    }
    bool is_run = program_run(argv, &text, &status);
    const char *line = is_run ? strstr(text, "exposure level for ") : NULL;
    bool is_told =
        line != NULL && (line = strchr(line, ':')) != NULL && sscanf(line, ": %lf", &score) == 1;
    free(text);
    if (!is_told)
        doctor_say(out, DOCTOR_SKIP, "", "not checked: systemd-analyze is not there, or too old");
    else
        doctor_say(out,
                   score <= good_score  ? DOCTOR_PASS
                   : score <= bad_score ? DOCTOR_WARN
                                        : DOCTOR_FAIL,
                   score <= good_score ? "" : "take out the drop-ins that loosen the unit",
                   "exposure %.1f of 10", score);
}

/* The first thing that an intruder could do, or that could not be tried. */
static const char *worst_of(const json_t *results, const char **form, const char **got)
{
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        *form = client_text(result, "form");
        *got = client_text(result, "got");
        if (strcmp(*got, client_text(result, "expected")) != 0)
            return client_text(result, "action");
    }
    return NULL;
}

static void judge_roles(const json_t *answer, struct doctor_finding *out)
{
    size_t i, n_refused = 0, n_rights = 0;
    size_t n_missing = json_array_size(json_object_get(answer, "missing"));
    const json_t *probe;
    json_array_foreach(json_object_get(answer, "probes"), i, probe)
    {
        const char *form = "", *got = "";
        size_t actions = (size_t)client_number(probe, "actions");
        if (client_number(probe, "as_stated") != (json_int_t)actions) {
            const char *action = worst_of(json_object_get(probe, "results"), &form, &got);
            doctor_say(out, DOCTOR_FAIL, "an intruder in this role could do it: tell the makers",
                       "%s: %s (%s) %s", client_text(probe, "role"), action != NULL ? action : "?",
                       form, got);
            return;
        }
        n_refused += (size_t)client_number(probe, "refused");
        n_rights += actions - (size_t)client_number(probe, "refused");
    }
    doctor_say(out, n_missing == 0 ? DOCTOR_PASS : DOCTOR_WARN,
               n_missing == 0 ? "" : "this kernel lacks a protection: see the daemon's first words",
               "%zu of %zu break-outs refused, from %zu roles; the other %zu are roles' own rights",
               n_refused, n_refused + n_rights, i, n_rights);
}

void checks_roles(const struct doctor *doctor, struct doctor_finding *out)
{
    char program[PATH_MAX], option[] = "--probe", all[] = "all", with[] = "--config",
                            config[PATH_MAX];
    char *argv[] = {program, option, all, with, config, NULL}, *text = NULL;
    int status;
    program_beside("lanewardd", program, sizeof program);
    snprintf(config, sizeof config, "%s", doctor->config_path);
    if (access(doctor->config.state_dir, X_OK) != 0) {
        doctor_say(out, DOCTOR_SKIP, "ask as root or as the daemon's user",
                   "only root or the daemon's user can take a role's place");
        return;
    }
    json_t *answer =
        program_run(argv, &text, &status) ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (json_array_size(json_object_get(answer, "probes")) == 0)
        doctor_say(out, DOCTOR_SKIP, "`lanewardd --probe all` tells why",
                   "the roles could not be started for it");
    else
        judge_roles(answer, out);
    json_decref(answer);
}
