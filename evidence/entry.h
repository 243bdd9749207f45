/* One record of the log of looks: what happened, by whom, why. What is packed here is what the
 * log's tree hashes. Pure. */
#ifndef LANEWARD_EVIDENCE_ENTRY_H
#define LANEWARD_EVIDENCE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/envelope.h"

enum {
    ENTRY_TEXT_SIZE = 128, /* with the closing zero, as the sizes below */
    ENTRY_NAME_SIZE = 32,
    ENTRY_WHAT_SIZE = 256,
    ENTRY_MAX_IDS = 50,
    ENTRY_ID_SIZE = 16,
    ENTRY_DIGEST_SIZE = 32,
    ENTRY_MAC_SIZE = 16,
    ENTRY_MAX_DETAIL = 2048, /* bytes of a packed detail */
    ENTRY_MAX_SEALED = ENTRY_MAX_DETAIL + ENVELOPE_OVERHEAD,
    ENTRY_MAX_BYTES = 4096, /* of a packed record, its sealed detail included */
};

/* What is recorded. The numbers are in the log for ever: new ones go to the end. */
enum entry_kind {
    ENTRY_START = 1, /* the keeper has opened the store */
    ENTRY_QUERY,     /* number: the ticket under which it was answered, or 0 */
    ENTRY_IMAGE,     /* the same */
    ENTRY_REFUSED,
    ENTRY_REQUEST,  /* asked for what needs a second person: name: "query", "image", "export";
                       number: the ticket */
    ENTRY_APPROVAL, /* a second person said yes; number: the ticket */
    ENTRY_EXPORT,   /* number: the export's; digest: of the encrypted file; mac: its watermark */
    ENTRY_ALARM,    /* name: "robot", "honey", "rollback" */
    ENTRY_CONFIG,   /* digest: of the configuration in force */
    ENTRY_KEY,      /* name: "enrolled", "suspended", "resealed", "credential" (it has its part from
                       now on), "migrated"; number: the epoch that began, or 0; n: 0, or as of a
                       late ENTRY_FORGET */
    ENTRY_FORGET,   /* number: the epoch that began; n: keys destroyed; name "late": a stop came
                       before the record, n: epochs that had begun without one, up to number */
    ENTRY_CLOCK,    /* number: the step in milliseconds, two's complement */
    ENTRY_GAP,      /* at_ms: its end; number: its length in milliseconds; name: the lane */
    ENTRY_MEDIA,    /* n: storage devices that came since the last record */
    ENTRY_LOGIN,    /* n: logins to the host since the last record */
    ENTRY_POSTURE,  /* digest: of what `laneward doctor` found; n: failures */
    ENTRY_LIMIT,    /* number of kinds + 1 */
};

/* The part that everyone who holds the log may read; it tells of no vehicle. */
struct entry {
    enum entry_kind kind;
    uint64_t index; /* its place in the log, from 0 */
    uint64_t epoch; /* of the keys in force */
    int64_t at_ms;  /* Unix */
    uint32_t uid;   /* of who asked; UINT32_MAX: nobody, the program itself */
    char user[ENTRY_NAME_SIZE];
    char credential[ENTRY_NAME_SIZE]; /* "uid", or "uid+key" with a signature that was checked */
    char name[ENTRY_NAME_SIZE];       /* as the kind says; else "" */
    uint32_t n;                       /* passages answered, or as the kind says */
    uint64_t number;
    uint8_t digest[ENTRY_DIGEST_SIZE]; /* as the kind says; else zero */
    uint8_t mac[ENTRY_MAC_SIZE]; /* HMAC of the plate that was asked for, under a key of this host;
                                    zero without a plate */
};

/* The part that is for the auditor alone. */
struct entry_detail {
    char reason[ENTRY_TEXT_SIZE];
    char case_number[ENTRY_TEXT_SIZE];
    char what[ENTRY_WHAT_SIZE]; /* what was asked, in the words of the command line */
    uint32_t n_ids;             /* passages that were answered */
    uint8_t ids[ENTRY_MAX_IDS][ENTRY_ID_SIZE];
};

/* The whole record as it goes into the log: a domain tag, the fields above, then `sealed` bytes of
 * the detail (0: none). Returns the length; `out` has room for ENTRY_MAX_BYTES. */
size_t entry_pack(const struct entry *entry, const uint8_t *sealed, size_t sealed_size,
                  uint8_t *out);
/* *sealed points into `bytes`. ERR_INPUT. */
enum err entry_parse(const uint8_t *bytes, size_t size, struct entry *out, const uint8_t **sealed,
                     size_t *sealed_size, struct fault *why) MUST_USE;

/* Only what is used of the texts and ids is packed; `out` has room for ENTRY_MAX_DETAIL. */
size_t entry_pack_detail(const struct entry_detail *detail, uint8_t *out);
/* ERR_INPUT. */
enum err entry_parse_detail(const uint8_t *bytes, size_t size, struct entry_detail *out,
                            struct fault *why) MUST_USE;

/* The detail as it goes into the record: sealed to the auditor's key, or with `to` NULL packed and
 * open. It is bound to the entry's own fields, so these must be final (index, epoch, time). `out`
 * has room for ENTRY_MAX_SEALED. */
enum err entry_seal(const struct entry *entry, const struct entry_detail *detail,
                    const struct signature_key *to, uint8_t *out, size_t *size,
                    struct fault *why) MUST_USE;
/* The other way, of either form; `key` may be NULL. ERR_NOT_FOUND: the record has no detail.
 * ERR_DENIED: it is sealed and there is no key. ERR_IDENTITY: sealed to another key, or it belongs
 * to another record. ERR_INPUT. */
enum err entry_open(const struct entry *entry, const uint8_t *sealed, size_t size,
                    const struct signature_key *key, struct entry_detail *out,
                    struct fault *why) MUST_USE;

/* "query", "image", ...; NULL: no such kind. */
const char *entry_kind_name(enum entry_kind kind);

#endif
