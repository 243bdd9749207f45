/* A conversation with the desk in which each answer's log of looks is checked against what this
 * user has seen of it before. */
#ifndef LANEWARD_TOOLS_TALK_H
#define LANEWARD_TOOLS_TALK_H

#include "tools/client.h"
#include "tools/memory.h"

struct talk {
    const char *command; /* for what is said on standard error: "query" */
    const char *socket_path;
    struct memory memory;
    bool is_forgetful; /* there is no place to remember anything */
    bool was_told;     /* that the log is not what it was */
};

/* Reads what is remembered. `log_key` NULL, or a file with the key that the log must be signed
 * with: PEM, or the point's hexadecimal digits. The fault tells what to do. ERR_CORRUPT: what is
 * remembered is damaged, or of another key. */
enum err talk_open(struct talk *out, const char *command, const char *socket_path,
                   const char *log_key, struct fault *why) MUST_USE;

/* Asks. Whatever is wrong with the log is told on standard error before this returns, and
 * remembered; the answer is handed over all the same, also one that is an error (client_error). */
enum err talk_ask(struct talk *talk, struct query *query, json_t **out, struct fault *why) MUST_USE;

/* CLIENT_TAMPERED if the log was found wrong, now or earlier, else `status`. */
int talk_status(const struct talk *talk, int status);

/* "3f2a 90cc ...": the SHA-256 of a key's point, to compare by voice. */
enum { TALK_FINGERPRINT_SIZE = 48 };
void talk_fingerprint(const uint8_t point[SIGNATURE_PUBLIC_SIZE], char out[TALK_FINGERPRINT_SIZE]);

#endif
