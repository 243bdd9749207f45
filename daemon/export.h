/* The only way out: passages and their pictures as one encrypted file for one named recipient. Pure
 * but for the random numbers. */
#ifndef LANEWARD_DAEMON_EXPORT_H
#define LANEWARD_DAEMON_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/row.h"

enum { EXPORT_MAX = 20, EXPORT_MARK_SIZE = 16, EXPORT_DIGEST_SIZE = 32 };

/* A certificate that files may be encrypted to. */
struct export_recipient;

/* From the PEM text of a certificate; `now_ms` Unix. ERR_INPUT: it is none, its key is neither RSA
 * of 2048 bits or more nor P-256, or its time is over or has not begun. */
enum err export_recipient_parse(struct export_recipient **out, const char *pem, size_t size,
                                int64_t now_ms, struct fault *why) MUST_USE;
void export_recipient_free(struct export_recipient **recipient);

/* NAME.pem of the folder, as it is now. ERR_NOT_FOUND: there is no such recipient. ERR_INPUT as
 * above, ERR_IO. */
enum err export_recipient_load(struct export_recipient **out, const char *dir, const char *name,
                               int64_t now_ms, struct fault *why) MUST_USE;

struct export_passage {
    const struct row *row;
    const uint8_t *crop; /* crop_size bytes; 0: the passage has no picture, or no longer */
    size_t crop_size;
    bool is_sealed; /* the crop is sealed to the port's key, and stays so */
};

/* What stands in the file beside the passages. */
struct export_order {
    uint64_t number; /* of this export in the log */
    int64_t at_ms;
    const char *reason, *case_number, *requester, *approver, *recipient;
    uint8_t host[16];
    uint8_t mark[EXPORT_MARK_SIZE]; /* random: the watermark; the document's id */
    uint32_t n;                     /* 1..EXPORT_MAX */
    const struct export_passage *passages;
};

/* A file of CMS (RFC 5652) EnvelopedData, DER, AES-256: `openssl cms -decrypt` opens it. Its
 * content is one JSON document. `*out` is to be freed by the caller; `digest` is the file's
 * SHA-256. ERR_MEMORY when OpenSSL or memory fails. */
enum err export_make(const struct export_order *order, const struct export_recipient *to,
                     uint8_t **out, size_t *size, uint8_t digest[EXPORT_DIGEST_SIZE],
                     struct fault *why) MUST_USE;

#endif
