/* What `laneward doctor` looks at: a table of checks, one small function each. */
#ifndef LANEWARD_TOOLS_DOCTOR_H
#define LANEWARD_TOOLS_DOCTOR_H

#include <jansson.h>
#include <sys/types.h>

#include "config/config.h"

enum doctor_verdict { DOCTOR_PASS, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP };

enum { DOCTOR_TEXT_SIZE = 240, DOCTOR_DIGEST_SIZE = 65 };

struct doctor_finding {
    enum doctor_verdict verdict;
    char found[DOCTOR_TEXT_SIZE];
    const char *advice; /* what to do; "" = nothing */
};

/* What the checks go by. */
struct doctor {
    const char *root; /* "" = this host; else a folder with a host's /proc, /sys, /etc below it */
    const char *config_path;
    struct config config;
    char config_complaint[DOCTOR_TEXT_SIZE]; /* "" = it is in order */
    const json_t *status;                    /* the daemon's answer; NULL: it does not run */
    pid_t daemon;                            /* its process; 0: not known */
};

typedef void doctor_look_fn(const struct doctor *doctor, struct doctor_finding *out);

/* Fills a finding. */
void doctor_say(struct doctor_finding *out, enum doctor_verdict verdict, const char *advice,
                const char *format, ...) PRINTF_LIKE(4, 5);

/* The first line of a file below root, without its line feed. false: it is not to be read. */
bool doctor_line(const struct doctor *doctor, const char *path, char *out, size_t size);

/* All checks, in the table's order: an array of {"check", "verdict", "found", "advice"}. NULL: no
 * memory. */
json_t *doctor_run(const struct doctor *doctor);

/* How many have a verdict. */
int doctor_count(const json_t *checks, enum doctor_verdict verdict);

/* SHA-256 over the canonical JSON of the checks (keys sorted, no blanks), as hex. */
bool doctor_digest(const json_t *checks, char out[DOCTOR_DIGEST_SIZE]);

/* "pass", "warn", "fail", "skip". */
const char *doctor_word(enum doctor_verdict verdict);

#endif
