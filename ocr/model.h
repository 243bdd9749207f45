/* A trained model on disk: an ONNX file and the JSON card that says how to use it and what its hash
 * is. */
#ifndef LANEWARD_OCR_MODEL_H
#define LANEWARD_OCR_MODEL_H

#include <jansson.h>

#include "base/err.h"
#include "ocr/calibration.h"
#include "ocr/file.h"
#include "ocr/net.h"

struct model {
    json_t *card;
    struct net *net; /* NULL after model_load */
};

/* Reads DIR/NAME.json and the ONNX file it names in the same folder, checks the SHA-256 in the card
 * and builds the network: nothing is opened afterwards. ERR_IO, ERR_INPUT (the card), ERR_CORRUPT
 * (the hash), ERR_MEMORY. */
enum err model_open(struct model *out, const char *dir, const char *name,
                    struct fault *why) MUST_USE;
void model_close(struct model *model);

/* The same of a model that is no network: its card, and the bytes of its file, for the caller
 * to release. */
enum err model_load(struct model *out, const char *dir, const char *name, struct file *bytes,
                    struct fault *why) MUST_USE;

/* A number of the card in low..high. `*value` keeps what it holds where the card has no such key,
 * unless it is NAN: then the key is required. ERR_INPUT. */
enum err model_number(const struct model *model, const char *key, double low, double high,
                      double *value, struct fault *why) MUST_USE;

/* The card's "calibration", rows of [from, to]; without one, the empty table. ERR_INPUT. */
enum err model_calibration(const struct model *model, struct calibration *out,
                           struct fault *why) MUST_USE;

#endif
