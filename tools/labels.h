/* Labelled pictures: what is truly on them. Two forms: NAME.txt beside the pictures, and a
 * manifest.jsonl. */
#ifndef LANEWARD_TOOLS_LABELS_H
#define LANEWARD_TOOLS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ocr/reading.h"

enum { LABELS_MAX_PLATES = 16, LABELS_TEXT_SIZE = 24 };

/* Pixels; x, y is the top left. */
struct box {
    double x, y, w, h;
};

struct label {
    struct box box;
    struct point corner[4]; /* the box's where `has_corners` is false */
    bool has_corners;
    char text[LABELS_TEXT_SIZE]; /* A-Z 0-9; "" = not known */
};

struct labelled {
    char *path;
    bool is_crop; /* the whole picture is a plate, its one label's box is empty */
    unsigned n, n_ignored;
    struct label label[LABELS_MAX_PLATES];
    struct box ignored[LABELS_MAX_PLATES]; /* plates that are there without a label */
};

struct labels {
    struct labelled *pictures;
    size_t n;
};

/* Reads a folder's labels: FOLDER/NAME.txt, lines of picture, x, y, w, h, text with tabs between,
 * with ignore.tsv (stem, x, y, w, h) in the folder or above it; or FOLDER/manifest.jsonl, of which
 * `split` ("train", "test"; NULL = all) is kept. By path. ERR_IO, ERR_INPUT (file and line),
 * ERR_NOT_FOUND (no labels), ERR_MEMORY. */
enum err labels_load(struct labels *out, const char *folder, const char *split,
                     struct fault *why) MUST_USE;
void labels_release(struct labels *labels);

#endif
