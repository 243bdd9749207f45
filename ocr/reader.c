/* Reading: run the network, turn its logits into probabilities. */
#include "ocr/reader.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/model.h"
#include "ocr/rectify.h"

struct reader {
    struct model model;
    struct reader_card card;
    float *input;
};

static enum err read_numbers(const struct model *model, struct reader_card *card, struct fault *why)
{
    double width = NAN, height = NAN, steps = NAN, margin_x = NAN, margin_y = NAN, heat = 1,
           reject = 0.8;
    enum err err;
    if ((err = model_number(model, "input_width", 8, RECTIFY_MAX_SIDE, &width, why)) ||
        (err = model_number(model, "input_height", 8, RECTIFY_MAX_SIDE, &height, why)) ||
        (err = model_number(model, "steps", 1, CTC_MAX_STEPS, &steps, why)) ||
        (err = model_number(model, "margin_x", 0, 1, &margin_x, why)) ||
        (err = model_number(model, "margin_y", 0, 1, &margin_y, why)) ||
        (err = model_number(model, "temperature", 0.1, 10, &heat, why)) ||
        (err = model_number(model, "reject", 0, 1, &reject, why)))
        return err;
    *card = (struct reader_card){(uint32_t)width, (uint32_t)height,
                                 (float)margin_x, (float)margin_y,
                                 (uint16_t)steps, heat,
                                 (float)reject,   {0}};
    return ERR_OK;
}

static enum err read_card(const struct model *model, struct reader_card *out, struct fault *why)
{
    const char *alphabet = json_string_value(json_object_get(model->card, "alphabet"));
    double blank = 0;
    if (alphabet == NULL || strcmp(alphabet, READER_ALPHABET) != 0)
        return fault_set(why, ERR_INPUT, "model card: \"alphabet\" must be \"%s\"",
                         READER_ALPHABET);
    enum err err = model_number(model, "blank", 0, 0, &blank, why);
    if (!err)
        err = read_numbers(model, out, why);
    if (!err)
        err = model_calibration(model, &out->calibration, why);
    return err;
}

enum err reader_open(struct reader **out, const char *dir, struct fault *why)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the reader");
    enum err err = model_open(&reader->model, dir, "reader", why);
    if (!err)
        err = read_card(&reader->model, &reader->card, why);
    if (!err) {
        reader->input =
            malloc((size_t)reader->card.width * reader->card.height * sizeof *reader->input);
        if (reader->input == NULL)
            err = fault_set(why, ERR_MEMORY, "no memory for the reader");
    }
    if (err)
        reader_close(&reader);
    else
        *out = reader;
    return err;
}

void reader_close(struct reader **reader)
{
    struct reader *gone = *reader;
    *reader = NULL;
    if (gone == NULL)
        return;
    model_close(&gone->model);
    free(gone->input);
    free(gone);
}

const struct reader_card *reader_card(const struct reader *reader)
{
    return &reader->card;
}

static void soften(const float *logits, double temperature, double *p)
{
    float most = logits[0];
    double sum = 0;
    for (size_t c = 1; c < READER_CLASSES; c++)
        most = fmaxf(most, logits[c]);
    for (size_t c = 0; c < READER_CLASSES; c++) {
        p[c] = (double)expf((logits[c] - most) / (float)temperature);
        sum += p[c];
    }
    for (size_t c = 0; c < READER_CLASSES; c++)
        p[c] /= sum;
}

enum err reader_run(struct reader *reader, const uint8_t *plate, struct ctc_odds *out,
                    struct fault *why)
{
    const struct reader_card *card = &reader->card;
    size_t pixels = (size_t)card->width * card->height;
    for (size_t i = 0; i < pixels; i++)
        reader->input[i] = (float)plate[i] * (1.0f / 255.0f);
    const struct net_tensor input = {reader->input, {1, 1, (int)card->height, (int)card->width}};
    struct net_tensor output;
    enum err err = net_run(reader->model.net, &input, &output, why);
    if (err)
        return err;
    if (output.size[0] != 1 || output.size[1] != 1 || output.size[2] != card->steps ||
        output.size[3] != READER_CLASSES)
        return fault_set(why, ERR_INPUT,
                         "the reader's scores have another shape than its card says");
    for (size_t i = 0; i < (size_t)card->steps * READER_CLASSES; i++)
        if (!isfinite(output.data[i]))
            return fault_set(why, ERR_INPUT, "the reader's scores are no numbers");
    out->steps = card->steps;
    out->classes = READER_CLASSES;
    for (size_t t = 0; t < card->steps; t++)
        soften(output.data + t * READER_CLASSES, card->temperature, out->p[t]);
    return ERR_OK;
}
