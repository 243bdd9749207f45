/* The table of all options: the parser, `lanewardd --options` and the manual come from it. */
#ifndef LANEWARD_CONFIG_OPTION_H
#define LANEWARD_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>

enum option_type {
    OPTION_PATH,    /* absolute path: char[] */
    OPTION_NAME,    /* [a-z0-9-], begins with a letter or digit: char[] */
    OPTION_ACCOUNT, /* a user or group of the system: char[] */
    OPTION_WORD,    /* auto, none or a TCTI, without spaces: char[] */
    OPTION_REGIONS, /* jurisdictions, each may end in '*': char[] */
    OPTION_ADDRESS, /* https://host/path: char[] */
    OPTION_SOURCE,  /* dir:/path or mjpeg:http://host/path: char[], and config_camera.kind */
    OPTION_LEVEL,   /* a word for log_level: uint32_t */
    OPTION_READER,  /* network, tesseract or both: uint32_t, as enum config_reader */
    OPTION_MODE,    /* once or watch: enum config_source */
    OPTION_FLAG,    /* 0 or 1: bool */
    OPTION_PCRS,    /* numbers 0..23 apart by spaces: uint32_t, a bit each */
    OPTION_HANDLE,  /* 0x and 8 hexadecimal digits: uint32_t */
    OPTION_NUMBER,  /* uint32_t */
    OPTION_DECIMAL, /* 0.5: float */
    OPTION_SIZE,    /* bytes, with K, M or G (powers of 1024): uint32_t */
    OPTION_MS,      /* a duration with its unit, kept in milliseconds: uint32_t */
    OPTION_SECONDS, /* a duration with its unit (0 needs none), kept in seconds: uint32_t */
};

enum { OPTION_MAX = 64 }; /* rows of the table, at most */

/* One row. min and max are in the unit of the field; both 0 for texts. */
struct option {
    const char *section; /* "camera" stands for every [camera NAME] */
    const char *key;
    enum option_type type;
    size_t offset; /* in struct config, or in struct config_camera */
    size_t room;   /* bytes of a text's field */
    double min, max;
    const char *initial; /* the default as it would be written; "" = none */
    const char *meaning; /* one line; says what an absent value means */
};

/* The rows, grouped by section. */
const struct option *option_table(size_t *count);

/* NULL: no such key in this section. */
const struct option *option_find(const char *section, const char *key);

/* What to write instead of a key (or, `key` NULL, of a section) that is not in the table: "did you
 * mean topn?", "it belongs to [daemon]", or "". */
void option_hint(const char *section, const char *key, char *out, size_t size);

/* What values the row takes, in words: "1 to 10", "500ms to 1min". */
void option_range(const struct option *option, char *out, size_t size);

bool option_is_text(const struct option *option);

/* The table for people, or in roff; returns the length written, always less than `size`. */
size_t option_listing(bool roff, char *out, size_t size);

#endif
