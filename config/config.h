/* Configuration files into one struct of plain values. */
#ifndef LANEWARD_CONFIG_CONFIG_H
#define LANEWARD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CONFIG_MAX_CAMERAS = 8,
    CONFIG_NAME_SIZE = 32, /* [a-z0-9-], with the closing zero */
    CONFIG_TEXT_SIZE = 512,
    CONFIG_PATH_SIZE = 256,
    CONFIG_MAX_COMPLAINTS = 64,
    CONFIG_MAX_TERM_S = 7 * 86400, /* nothing is kept longer */
};

/* Where a camera's pictures come from. */
enum config_source { CONFIG_DIR_ONCE, CONFIG_DIR_WATCH, CONFIG_MJPEG };

/* Who reads plates; the numbers are ocr_options' own. */
enum config_reader { CONFIG_READER_NETWORK, CONFIG_READER_TESSERACT, CONFIG_READER_BOTH };

/* Bits of config.terms_set. */
enum { CONFIG_HIT_TERM = 1, CONFIG_OTHER_TERM = 2, CONFIG_HIT_CROP_TERM = 4 };
enum { CONFIG_OTHER_CROP_TERM = 8 };

/* A section [camera NAME]. */
struct config_camera {
    char name[CONFIG_NAME_SIZE];
    char lane[CONFIG_NAME_SIZE]; /* default: the camera's name */
    enum config_source kind;
    char source[CONFIG_TEXT_SIZE]; /* a folder's path, or an http:// address without a login */
    char credentials_file[CONFIG_PATH_SIZE]; /* "user:password" on one line, mode 0600; "" = none */
    float rate; /* frames a second of a replay (dir, once); 0 = at once */
    char detection_mask_image[CONFIG_PATH_SIZE];
    uint32_t stall_timeout_ms; /* no frame for so long: reconnect */
};

struct config {
    char state_dir[CONFIG_PATH_SIZE];  /* the store and its key */
    char run_dir[CONFIG_PATH_SIZE];    /* the officers' socket */
    char user[CONFIG_NAME_SIZE];       /* to become when started as root */
    uint32_t log_level;                /* 3..7 */
    char tpm[CONFIG_TEXT_SIZE];        /* auto | none | TCTI */
    char models_dir[CONFIG_PATH_SIZE]; /* "" = beside the program */
    char regions_dir[CONFIG_PATH_SIZE];
    char regions[CONFIG_TEXT_SIZE]; /* "us-* mx ca-*"; "" = all */
    uint32_t topn;
    float detection_threshold; /* 0 = the model card's */
    bool must_match_pattern;
    uint32_t reader;       /* enum config_reader */
    bool motion_detection; /* a still picture is not looked at again */
    uint32_t max_frame_bytes;
    uint32_t passage_gap_ms;           /* a plate unseen for so long is a vehicle gone */
    uint32_t passage_parked_s;         /* one standing longer is parked: updates become rare */
    uint32_t passage_min_frames;       /* frames before a plate counts as seen */
    float passage_min_confidence;      /* 0..1: a less certain text counts as unread */
    uint32_t store_crops;              /* 0 or 1 */
    uint32_t pcr_mask, tpm_nv_index;   /* PCRs of the binding, a bit each; its counter */
    uint32_t hit_term_s, other_term_s; /* other_term_s may be 0: never to disk */
    uint32_t hit_crop_term_s, other_crop_term_s;
    uint32_t terms_set; /* in the file; the others are defaults, which are 24 h without a TPM */
    /* Files (PEM keys), folders of NAME.pem, groups, an https:// address; "" = none. */
    char port_key[CONFIG_PATH_SIZE], auditor_key[CONFIG_PATH_SIZE];
    char witness_file[CONFIG_PATH_SIZE], honey_file[CONFIG_PATH_SIZE];
    char witness_url[CONFIG_TEXT_SIZE], witness_ca[CONFIG_PATH_SIZE];
    char witness_cert[CONFIG_PATH_SIZE], witness_key[CONFIG_PATH_SIZE];
    char supervisor_keys[CONFIG_PATH_SIZE], recipients_dir[CONFIG_PATH_SIZE];
    char socket_group[CONFIG_NAME_SIZE], supervisor_group[CONFIG_NAME_SIZE];
    char auditor_group[CONFIG_NAME_SIZE], maintenance_group[CONFIG_NAME_SIZE];
    uint32_t max_rows;                          /* 1..50 */
    uint32_t queries_per_hour, images_per_hour; /* of one user */
    uint32_t images_per_day, queries_per_day;   /* of all */
    uint32_t lane_minutes, free_age_s; /* of a query without a plate; without a second person */
    uint32_t n_cameras;
    struct config_camera cameras[CONFIG_MAX_CAMERAS];
};

/* One thing that is wrong: where, what was there, and why not. */
struct config_complaint {
    char file[CONFIG_PATH_SIZE];
    uint32_t line; /* 1-based; 0 = the file as a whole */
    char key[64];  /* "section.key" */
    char value[64];
    char reason[160];
};

struct config_report {
    uint32_t n_complaints; /* may pass CONFIG_MAX_COMPLAINTS; so many are kept */
    struct config_complaint complaints[CONFIG_MAX_COMPLAINTS];
};

/* Pure: INI text in, struct out; `name` stands in the complaints. All that is wrong goes to the
 * report, emptied first. ERR_INPUT: there are complaints, `out` is untouched. ERR_MEMORY. */
enum err config_parse(const char *text, size_t size, const char *name, struct config *out,
                      struct config_report *report, struct fault *why) MUST_USE;

/* For the daemon: reads a file, parses it, and checks what only the outside can tell, with
 * complaints of the same kind: there is a camera; folders, files, accounts and jurisdictions that
 * are named exist; a credentials file has mode 0600. Without complaints: ERR_NOT_FOUND, ERR_IO,
 * ERR_LIMIT, ERR_DENIED (everyone may write the file). A client that needs run_dir alone reads the
 * file itself and calls config_parse. */
enum err config_load(const char *path, struct config *out, struct config_report *report,
                     struct fault *why) MUST_USE;

/* The default configuration, without cameras. */
void config_defaults(struct config *out);

/* One complaint as a line: "FILE:LINE: section.key = value: reason"; parts that are not there are
 * left out; what may hold a login or an address reads "(not shown)". Returns as snprintf does. */
int config_complaint_text(const struct config_complaint *complaint, char *out, size_t size);

/* The option table as text: for `lanewardd --options` and, in roff, for the man page. Returns the
 * length written, less than `size`; 16 KiB is enough. */
size_t config_options_text(bool roff, char *out, size_t size);

#endif
