/* The recognition engine: bytes of a picture in, readings out. One engine a thread. */
#ifndef LANEWARD_OCR_OCR_H
#define LANEWARD_OCR_OCR_H

#include <stddef.h>

#include "base/err.h"
#include "ocr/reading.h"

struct ocr;

/* Who reads: the network; Tesseract with the project's plate model; or the network, and Tesseract
 * where the network is unsure. */
enum ocr_reader { OCR_READER_NETWORK, OCR_READER_TESSERACT, OCR_READER_BOTH };

/* All plain values; texts are copied by ocr_open. */
struct ocr_options {
    const char *models_dir;    /* holds locate.onnx, locate.json, reader.onnx, reader.json */
    const char *regions_dir;   /* holds the pattern files *.conf */
    const char *regions;       /* which of them: "us-* mx ca-*"; NULL or "" = all */
    const char *mask_file;     /* detection_mask_image: white = look here; NULL = everywhere */
    unsigned topn;             /* 1..READING_MAX_CANDIDATES */
    float detection_threshold; /* 0..1; 0 = the model card's */
    bool must_match_pattern;   /* readings that fit no pattern lose their text */
    enum ocr_reader reader;
    bool plate_only;       /* the picture is a plate: no localization */
    bool motion_detection; /* a picture like the one before is not looked at again */
};

/* Microseconds of the last ocr_read. */
struct ocr_times {
    uint32_t decode, locate, rectify, read, second;
};

/* What was found in one picture. */
struct ocr_result {
    uint32_t width, height; /* of the whole picture, pixels */
    bool unchanged;         /* by the motion gate: the readings are those of an earlier picture */
    uint8_t n_readings;
    struct reading readings[READING_MAX_PLATES]; /* best localization score first */
    struct ocr_times times;
};

/* Loads and checks the models (their hashes are in their cards), reads pattern files, runs one
 * empty picture to warm up. After it, ocr_read opens no file. ERR_IO, ERR_INPUT (a pattern file:
 * names file and line), ERR_CORRUPT (hash), ERR_MEMORY. */
enum err ocr_open(struct ocr **out, const struct ocr_options *options, struct fault *why) MUST_USE;
void ocr_close(struct ocr **ocr);

/* Finds and reads plates; a weakly located place on which nothing can be read is left out. `jpeg`
 * is borrowed until return. ERR_INPUT: not a readable JPEG. ERR_LIMIT: more than 65,500 pixels a
 * side or 64 megapixels. The result is identical from run to run. */
enum err ocr_read(struct ocr *ocr, const uint8_t *jpeg, size_t size, struct ocr_result *out,
                  struct fault *why) MUST_USE;

/* Reads the plates at places that are known already (full-picture pixels; at most
 * READING_MAX_PLATES), without looking for any; `n` 0: the whole picture is one plate. For
 * measuring the reader alone. Errors as ocr_read. */
struct ocr_places {
    const struct region *where;
    uint8_t n;
};
enum err ocr_read_at(struct ocr *ocr, const uint8_t *jpeg, size_t size,
                     const struct ocr_places *places, struct ocr_result *out,
                     struct fault *why) MUST_USE;

/* The plate at `where` in the last picture read, straightened, as a small grey JPEG (at most 320
 * pixels wide) with a margin of about 10 %: never the scene. Writes at most `capacity` bytes.
 * ERR_LIMIT: it does not fit. */
enum err ocr_crop(struct ocr *ocr, const struct region *where, uint8_t *out, size_t capacity,
                  size_t *size, struct fault *why) MUST_USE;

#endif
