/* Messages between the recognizer, the desk and the keeper: pure packing and unpacking. Every
 * receiver checks all. */
#ifndef LANEWARD_DAEMON_MESSAGE_H
#define LANEWARD_DAEMON_MESSAGE_H

#include "base/err.h"
#include "daemon/ask.h"
#include "daemon/health.h"
#include "daemon/passage.h"
#include "daemon/ticket.h"
#include "evidence/head.h"
#include "storage/ledger.h"

enum { MESSAGE_MAX = 64 * 1024 }; /* bytes of one packet */
enum {
    MESSAGE_MAX_GAPS = 8,
    MESSAGE_CURSOR_SIZE = 304,
    MESSAGE_MAX_DATA = 56 * 1024,   /* bytes of a picture, of a page of the log, of a file's part */
    MESSAGE_MAX_BLOB = 2560 * 1024, /* bytes of a file that is exported */
};

enum message_type {
    MESSAGE_HELLO = 1, /* recognizer -> keeper: I have (re)started; seq */
    MESSAGE_WELCOME,   /* keeper -> recognizer: the camera's cursor; the hello's seq */
    MESSAGE_PASSAGE,   /* recognizer -> keeper: store it; seq */
    MESSAGE_ACK,       /* keeper -> recognizer: seq (of a passage, cursor or gap) is durable */
    MESSAGE_NACK,      /* keeper -> recognizer: seq is not stored: keep it, send it again later */
    MESSAGE_CURSOR,    /* recognizer -> keeper: before this position all is durable or empty; seq */
    MESSAGE_ASK,       /* desk -> keeper: a question, with the kernel's uid; seq */
    MESSAGE_ROWS,      /* keeper -> desk: one packet a row, then one with n_left = 0 and the gaps */
    MESSAGE_CROP,      /* keeper -> desk */
    MESSAGE_STATS,     /* keeper -> desk */
    MESSAGE_REFUSED,   /* keeper -> desk: a fault; needs_second: the ticket it has opened */
    MESSAGE_GAP,       /* recognizer -> keeper: gaps[0], passages that had to be given up; seq */
    MESSAGE_EVIDENCE,  /* keeper -> desk: the log's head, before any answer but STATS */
    MESSAGE_TICKET,    /* keeper -> desk: an export waits for its approval */
    MESSAGE_PENDING,   /* keeper -> desk: one packet a ticket, then one with n_left = 0 */
    MESSAGE_DONE,      /* keeper -> desk: approved, or recorded */
    MESSAGE_LOG,       /* keeper -> desk: records */
    MESSAGE_PROOF,     /* keeper -> desk: that a record is in the log */
    MESSAGE_BLOB,      /* keeper -> desk: a part of the exported file, from the beginning on */
    MESSAGE_MORE,      /* desk -> keeper: the file's part from `first` on, please; the ask's seq */
    MESSAGE_COUNT
};

/* What every answer says of the log. */
struct message_evidence {
    uint32_t head_size; /* of the packed newest head; 0: none was signed yet */
    uint8_t head[HEAD_MAX_BYTES];
    uint8_t key[SIGNATURE_PUBLIC_SIZE]; /* the point that the head is signed with */
    bool has_growth;                    /* that it continues the asker's seen_size */
    struct merkle_proof growth;
    char error[128]; /* why that cannot be shown; "" = it can, or was not asked for */
};

/* A message in memory; which members hold depends on the type. */
struct message {
    enum message_type type;
    uint64_t seq;                     /* of a passage, or of the desk's question */
    struct passage passage;           /* PASSAGE, ROWS (without crop) */
    char cursor[MESSAGE_CURSOR_SIZE]; /* WELCOME, CURSOR */
    struct ask ask;                   /* ASK */
    uint32_t n_left; /* ROWS, PENDING: that follow, this one included; LOG: records in data */
    uint32_t n_gaps; /* ROWS, the last; GAP: 1 */
    struct ledger_gap gaps[MESSAGE_MAX_GAPS];
    struct store_stats stats; /* STATS, with what follows */
    struct health health;
    struct fault fault;                /* NACK, REFUSED */
    bool needs_second;                 /* REFUSED */
    char ticket[ASK_TICKET_SIZE];      /* REFUSED ("" = none), TICKET, PENDING */
    struct message_evidence evidence;  /* EVIDENCE */
    char user[ENTRY_NAME_SIZE];        /* PENDING: who asks */
    int64_t asked_ms;                  /* PENDING */
    uint8_t id[ROW_ID_SIZE];           /* CROP */
    bool is_sealed;                    /* CROP: to the port's key */
    uint64_t first;                    /* LOG, PROOF: index; BLOB, MORE: offset */
    uint64_t total;                    /* LOG: records of the whole log; BLOB: the file's bytes */
    uint64_t number;                   /* BLOB: the export's */
    uint8_t digest[ENTRY_DIGEST_SIZE]; /* BLOB: SHA-256 of the whole */
    struct merkle_proof proof;         /* PROOF */
    /* CROP; PENDING: ticket_text; LOG: as audit_read packs them; BLOB. */
    uint32_t n_data;
    uint8_t data[MESSAGE_MAX_DATA];
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
