/* The log of looks, record by record: from the daemon, page after page, or from a copy's file. */
#ifndef LANEWARD_TOOLS_RECORDS_H
#define LANEWARD_TOOLS_RECORDS_H

#include <stdio.h>

#include "evidence/entry.h"
#include "evidence/head.h"
#include "tools/who.h"

/* Gets each record in its order; anything but ERR_OK ends the reading. */
typedef enum err records_take_fn(void *context, const uint8_t *record, size_t size,
                                 struct fault *why);

/* What is known when all records were given. */
struct records_end {
    uint64_t n;
    bool has_head, has_key; /* the newest head, and the key that came with it */
    struct head head;
    uint8_t key[SIGNATURE_PUBLIC_SIZE];
};

/* Asks with who->query's reason and case until all records of the newest head are there.
 * ERR_CORRUPT: the daemon lacks some that its head has signed. */
enum err records_from_daemon(struct who *who, struct talk *talk, records_take_fn *take,
                             void *context, struct records_end *out, struct fault *why) MUST_USE;

/* A copy that the functions below have written; "-" is standard input. ERR_INPUT: it is none. */
enum err records_from_copy(const char *path, records_take_fn *take, void *context,
                           struct records_end *out, struct fault *why) MUST_USE;

/* The lines of a copy: one of JSON each, the opening, the records, the end. false: the file does
 * not take it. */
bool records_copy_begin(FILE *to);
bool records_copy_record(FILE *to, const uint8_t *record, size_t size);
bool records_copy_end(FILE *to, const struct records_end *end);

/* A head as text, and back; false: it is none. `out` has room for RECORDS_HEAD_TEXT. */
enum { RECORDS_HEAD_TEXT = 4 * HEAD_MAX_BYTES };
void records_head_text(const struct head *head, char *out);
bool records_parse_head(const char *text, struct head *out);

#endif
