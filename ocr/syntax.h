/* Syntax: how much likelier a text is because it follows the plates of the chosen jurisdictions. */
#ifndef LANEWARD_OCR_SYNTAX_H
#define LANEWARD_OCR_SYNTAX_H

#include "base/err.h"
#include "ocr/pattern.h"
#include "ocr/reading.h"

struct syntax;

/* How a text stands to the patterns. */
struct syntax_fit {
    double odds;  /* of the text under the mixture of patterns and free text, against free text */
    bool matches; /* a pattern */
};

/* Where a text comes from, by its form. */
struct syntax_origin {
    char region[READING_REGION_SIZE]; /* "us-ny"; "us" where its parts share the form; or "" */
    float share;                      /* 0..1, of all that have the form */
};

/* Reads every .conf file of DIR and keeps the regions chosen: names or globs with spaces between; a
 * name chooses its parts too ("us": us-ny, us-ca ...); NULL or "" = all. `dir` NULL: no patterns,
 * every text is free. ERR_IO; ERR_INPUT: a line that cannot be read, or a choice that names
 * nothing. */
enum err syntax_open(struct syntax **out, const char *dir, const char *chosen,
                     struct fault *why) MUST_USE;
void syntax_close(struct syntax **syntax);

/* Pure: of patterns that are already parsed; `list` is emptied into the syntax, unless it fails. */
enum err syntax_of(struct syntax **out, struct pattern_list *list, const char *chosen,
                   struct fault *why) MUST_USE;

/* Pure: `code` holds n classes, 1 = '0' .. 36 = 'Z'. */
struct syntax_fit syntax_judge(const struct syntax *syntax, const uint8_t *code, size_t n);

/* Pure: the jurisdiction that the text's form speaks for by half or more; else what is common to
 * the jurisdictions that share it, by half or more; else none. */
struct syntax_origin syntax_origin_of(const struct syntax *syntax, const uint8_t *code, size_t n);

#endif
