/* Reading: an upright plate in, a distribution over the alphabet at each step out. */
#ifndef LANEWARD_OCR_READER_H
#define LANEWARD_OCR_READER_H

#include "base/err.h"
#include "ocr/calibration.h"
#include "ocr/ctc.h"

/* The alphabet that every reader has: class i >= 1 is READER_ALPHABET[i - 1]. */
#define READER_ALPHABET "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
enum { READER_CLASSES = 37 };

/* What the model's card says. */
struct reader_card {
    uint32_t width, height;   /* of the input, pixels */
    float margin_x, margin_y; /* of the plate's width and height, on each side */
    uint16_t steps;
    double temperature; /* logits are divided by it */
    float reject;       /* a confidence below it is for a human */
    struct calibration calibration;
};

struct reader;

/* Opens DIR/reader.json and its network; errors as model_open. */
enum err reader_open(struct reader **out, const char *dir, struct fault *why) MUST_USE;
void reader_close(struct reader **reader);

const struct reader_card *reader_card(const struct reader *reader);

/* `plate` is card width x height packed grey pixels. */
enum err reader_run(struct reader *reader, const uint8_t *plate, struct ctc_odds *out,
                    struct fault *why) MUST_USE;

#endif
