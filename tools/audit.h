/* The subcommands of `laneward audit`; each returns the exit status. */
#ifndef LANEWARD_TOOLS_AUDIT_H
#define LANEWARD_TOOLS_AUDIT_H

#include "tools/inspection.h"
#include "tools/records.h"

struct audit {
    struct who who;
    const char *file;        /* a copy; NULL: the daemon's log */
    const char *output;      /* of copy */
    const char *witness;     /* file of heads */
    const char *auditor_key; /* opens details */
    int64_t since_ms;        /* show: records of this time or later */
    uint64_t index;          /* prove */
    bool as_json, yes;
};

int audit_verify(struct audit *audit); /* audit_verify.c */
int audit_show(struct audit *audit);   /* audit_show.c */
int audit_prove(struct audit *audit);  /* audit_prove.c */
int audit_copy(struct audit *audit);   /* audit_copy.c, as audit_accept */
int audit_accept(struct audit *audit);

/* Reads all records of the copy, or of the daemon within a talk, which is opened. */
enum err audit_read(struct audit *audit, struct talk *talk, records_take_fn *take, void *context,
                    struct records_end *out, struct fault *why) MUST_USE;

/* Checks the newest head, and prints what is wrong in an inspection: CLIENT_TAMPERED if anything
 * is, else `status`. */
void audit_check_newest(struct inspection *inspection, const struct records_end *end);
int audit_judge(const struct inspection *inspection, int status);

#endif
