/* Messages between the recognizer, the desk and the keeper: pure packing and unpacking. Every
 * receiver checks all. */
#ifndef LANEWARD_DAEMON_MESSAGE_H
#define LANEWARD_DAEMON_MESSAGE_H

#include "base/err.h"
#include "daemon/passage.h"
#include "storage/ledger.h"

enum { MESSAGE_MAX = 64 * 1024 }; /* bytes of one packet */
enum { MESSAGE_MAX_GAPS = 8, MESSAGE_CURSOR_SIZE = 304 };

enum message_type {
    MESSAGE_HELLO = 1, /* recognizer -> keeper: I have (re)started; seq */
    MESSAGE_WELCOME,   /* keeper -> recognizer: the camera's cursor; the hello's seq */
    MESSAGE_PASSAGE,   /* recognizer -> keeper: store it; seq */
    MESSAGE_ACK,       /* keeper -> recognizer: seq (of a passage, cursor or gap) is durable */
    MESSAGE_NACK,      /* keeper -> recognizer: seq is not stored: keep it, send it again later */
    MESSAGE_CURSOR,    /* recognizer -> keeper: before this position all is durable or empty; seq */
    MESSAGE_ASK,       /* desk -> keeper: a look, already with the kernel's uid; seq */
    MESSAGE_ROWS,      /* keeper -> desk: one packet a row, then one with n_left = 0 and the gaps */
    MESSAGE_CROP,      /* keeper -> desk */
    MESSAGE_STATS,     /* keeper -> desk */
    MESSAGE_REFUSED,   /* keeper -> desk: a fault */
    MESSAGE_GAP,       /* recognizer -> keeper: gaps[0], passages that had to be given up; seq */
    MESSAGE_COUNT
};

/* A message in memory; which members hold depends on the type. */
struct message {
    enum message_type type;
    uint64_t seq;                     /* of a passage, or of the desk's question */
    struct passage passage;           /* PASSAGE, ROWS (without crop), CROP (id and crop only) */
    char cursor[MESSAGE_CURSOR_SIZE]; /* WELCOME, CURSOR */
    struct ledger_look look;          /* ASK */
    uint32_t n_left;                  /* ROWS: rows that follow, this one included */
    uint32_t n_gaps;                  /* ROWS, the last; GAP: 1 */
    struct ledger_gap gaps[MESSAGE_MAX_GAPS];
    struct store_stats stats; /* STATS */
    struct fault fault;       /* NACK, REFUSED */
};

/* Pure. `out` has room for MESSAGE_MAX. Returns the bytes written. */
size_t message_pack(const struct message *message, uint8_t *out);

/* Pure; every length, range, text and enumeration is checked. ERR_INPUT; `out` then holds nothing
 * that anybody may read. */
enum err message_unpack(const uint8_t *bytes, size_t size, struct message *out,
                        struct fault *why) MUST_USE;

/* One packet over a SOCK_SEQPACKET socket. `scratch` has room for MESSAGE_MAX. Send never blocks:
 * ERR_AGAIN when the peer is behind. Receive: ERR_AGAIN nothing there, ERR_CLOSED, ERR_INPUT. */
enum err message_send(int fd, const struct message *message, uint8_t *scratch,
                      struct fault *why) MUST_USE;
enum err message_receive(int fd, struct message *message, uint8_t *scratch,
                         struct fault *why) MUST_USE;

#endif
