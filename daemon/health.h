/* What the keeper knows of keys, log and terms, and tells with the state of the store; it tells of
 * no vehicle. */
#ifndef LANEWARD_DAEMON_HEALTH_H
#define LANEWARD_DAEMON_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct health {
    uint64_t epoch;                    /* of the keys */
    uint32_t pcr_mask;                 /* that the binding holds to; 0 in software */
    bool with_credential;              /* in software: the host's has its part */
    bool is_suspended;                 /* the next start seals to the boot state of then */
    bool seals_crops;                  /* to the port's key: the host cannot open a picture again */
    bool seals_details;                /* of the log, to the auditor's key */
    bool has_witness, witness_ok;      /* a file beside the journal; the last head is in it */
    bool has_server, server_ok;        /* the witness's; it keeps heads, or is not late yet */
    uint64_t log_size, head_size;      /* records; those under the newest signed head */
    int64_t head_ms;                   /* Unix; 0: none was signed yet */
    uint32_t hit_term_s, other_term_s; /* in force */
    uint32_t hit_crop_term_s, other_crop_term_s;
};

#endif
