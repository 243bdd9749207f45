/* Tesseract through its C API: an engine from memory, a line of grey pixels in, characters and
 * their least belief out. */
#include "ocr/second.h"

#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "ocr/line.h"
#include "ocr/model.h"

enum { RESOLUTION = 300 /* dots an inch: any, so that Tesseract does not guess */ };

struct second {
    struct model model;
    struct agree_rules rules;
    struct calibration calibration;
    TessBaseAPI *api;
};

/* Tesseract asks OpenMP for four threads whatever the environment of the process; none may start
 * beside this one. The setting belongs to the calling thread. */
static void stay_one_thread(void)
{
    void (*levels)(int);
    void *found = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
    memcpy(&levels, &found, sizeof levels);
    if (found != NULL)
        levels(0);
}

static enum err start(struct second *second, const struct file *data, struct fault *why)
{
    /* No word lists, no adapting, no looking at the negative; messages go nowhere. */
    static char *names[] = {"debug_file",         "load_system_dawg",
                            "load_freq_dawg",     "classify_enable_learning",
                            "tessedit_do_invert", "invert_threshold"};
    static char *values[] = {"/dev/null", "0", "0", "0", "0", "0"};
    second->api = TessBaseAPICreate();
    if (second->api == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for Tesseract");
    if (data->size > INT_MAX ||
        TessBaseAPIInit5(second->api, (const char *)data->bytes, (int)data->size, "plate",
                         OEM_LSTM_ONLY, NULL, 0, names, values, sizeof names / sizeof names[0],
                         FALSE) != 0)
        return fault_set(why, ERR_INPUT, "Tesseract cannot load its plate model");
    TessBaseAPISetPageSegMode(second->api, PSM_RAW_LINE);
    return ERR_OK;
}

static enum err read_card(struct second *second, struct fault *why)
{
    const struct model *model = &second->model;
    double height = NAN, unsure = NAN, right = NAN, wrong = NAN, alone = NAN, heard = NAN;
    enum err err;
    if ((err = model_number(model, "height", LINE_HEIGHT, LINE_HEIGHT, &height, why)) ||
        (err = model_number(model, "unsure_below", 0, 1, &unsure, why)) ||
        (err = model_number(model, "same_if_right", 0.001, 0.999, &right, why)) ||
        (err = model_number(model, "same_if_wrong", 0.001, 0.999, &wrong, why)) ||
        (err = model_number(model, "alone", 0, 1, &alone, why)) ||
        (err = model_number(model, "heard_from", 0, 1, &heard, why)) ||
        (err = model_calibration(model, &second->calibration, why)))
        return fault_context(why, "plate.json");
    second->rules =
        (struct agree_rules){(float)unsure, (float)right, (float)wrong, (float)alone, (float)heard};
    return ERR_OK;
}

/* The first recognition allocates, and opens where messages go: it is made to give one by leaving
 * the resolution out. */
static void warm_up(struct second *second)
{
    static const uint8_t grey[LINE_WIDTH * LINE_HEIGHT] = {0};
    TessBaseAPISetImage(second->api, grey, LINE_WIDTH, LINE_HEIGHT, 1, LINE_WIDTH);
    (void)TessBaseAPIRecognize(second->api, NULL);
    TessBaseAPIClear(second->api);
}

enum err second_open(struct second **out, const char *dir, struct fault *why)
{
    struct second *second = calloc(1, sizeof *second);
    struct file data = {0};
    if (second == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the second reader");
    stay_one_thread();
    enum err err = model_load(&second->model, dir, "plate", &data, why);
    if (!err)
        err = read_card(second, why);
    if (!err)
        err = start(second, &data, why);
    file_release(&data);
    if (err) {
        second_close(&second);
        return err;
    }
    warm_up(second);
    *out = second;
    return ERR_OK;
}

void second_close(struct second **second)
{
    struct second *gone = *second;
    *second = NULL;
    if (gone == NULL)
        return;
    if (gone->api != NULL)
        TessBaseAPIDelete(gone->api);
    model_close(&gone->model);
    free(gone);
}

const struct agree_rules *second_rules(const struct second *second)
{
    return &second->rules;
}

/* Appends the characters of one symbol; false: too many, or none that a plate has. */
static bool append(struct candidate *text, const char *symbol)
{
    size_t n = strlen(text->text), more = strlen(symbol);
    if (more == 0 || n + more > READING_MAX_CHARS)
        return false;
    for (size_t i = 0; i < more; i++)
        if (!(symbol[i] >= '0' && symbol[i] <= '9') && !(symbol[i] >= 'A' && symbol[i] <= 'Z'))
            return false;
    memcpy(text->text + n, symbol, more + 1);
    return true;
}

/* The text of the last recognition, with its least sure symbol's confidence. */
static struct candidate collect(const struct second *second)
{
    struct candidate text = {.confidence = 1};
    TessResultIterator *at = TessBaseAPIGetIterator(second->api);
    bool good = at != NULL;
    while (good) {
        char *symbol = TessResultIteratorGetUTF8Text(at, RIL_SYMBOL);
        good = symbol != NULL && append(&text, symbol);
        TessDeleteText(symbol);
        text.confidence =
            fminf(text.confidence, TessResultIteratorConfidence(at, RIL_SYMBOL) / 100);
        if (good && !TessResultIteratorNext(at, RIL_SYMBOL))
            break;
    }
    if (at != NULL)
        TessResultIteratorDelete(at);
    if (!good || !(text.confidence >= 0))
        return (struct candidate){.text = ""};
    text.confidence = calibration_at(&second->calibration, fminf(text.confidence, 1));
    return text;
}

enum err second_run(struct second *second, const uint8_t *plate, struct candidate *out,
                    struct fault *why)
{
    struct line line;
    enum err err = line_cut(plate, &line, why);
    if (err)
        return err;
    stay_one_thread();
    TessBaseAPISetImage(second->api, line.pixels, (int)line.width, LINE_HEIGHT, 1, (int)line.width);
    TessBaseAPISetSourceResolution(second->api, RESOLUTION);
    struct candidate text = {.text = ""};
    if (TessBaseAPIRecognize(second->api, NULL) == 0)
        text = collect(second);
    TessBaseAPIClear(second->api);
    *out = text;
    return ERR_OK;
}
