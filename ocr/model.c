/* Reads a model's card and its file, and checks the one against the other. */
#include "ocr/model.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ocr/file.h"

enum { MODEL_MAX_BYTES = 32 * 1024 * 1024, CARD_MAX_BYTES = 256 * 1024, SHA256_BYTES = 32 };

static enum err read_card(const char *path, json_t **out, struct fault *why)
{
    struct file text;
    enum err err = file_read(path, CARD_MAX_BYTES, &text, why);
    if (err)
        return err;
    json_error_t problem;
    json_t *card =
        json_loadb((const char *)text.bytes, text.size, JSON_REJECT_DUPLICATES, &problem);
    file_release(&text);
    if (!json_is_object(card)) {
        err = fault_set(why, ERR_INPUT, "%s:%d: a model card: %s", path, card ? 1 : problem.line,
                        card ? "not an object" : problem.text);
        json_decref(card);
        return err;
    }
    *out = card;
    return ERR_OK;
}

static enum err check_hash(const struct file *file, const char *wanted, const char *path,
                           struct fault *why)
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    unsigned length = sizeof digest;
    if (EVP_Digest(file->bytes, file->size, digest, &length, EVP_sha256(), NULL) != 1)
        return fault_set(why, ERR_MEMORY, "%s: no SHA-256", path);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    if (strcasecmp(text, wanted) != 0)
        return fault_set(why, ERR_CORRUPT, "%s: its SHA-256 is %s, its card says %s", path, text,
                         wanted);
    return ERR_OK;
}

enum err model_load(struct model *out, const char *dir, const char *name, struct file *bytes,
                    struct fault *why)
{
    char card_path[512], path[512];
    struct model model = {0};
    struct file file = {0};
    snprintf(card_path, sizeof card_path, "%s/%s.json", dir, name);
    enum err err = read_card(card_path, &model.card, why);
    if (err)
        return err;
    const char *named = json_string_value(json_object_get(model.card, "file"));
    const char *hash = json_string_value(json_object_get(model.card, "sha256"));
    if (named == NULL || hash == NULL || strchr(named, '/') != NULL) {
        err = fault_set(why, ERR_INPUT, "%s: needs \"file\", a name, and \"sha256\"", card_path);
        goto failed;
    }
    snprintf(path, sizeof path, "%s/%s", dir, named);
    err = file_read(path, MODEL_MAX_BYTES, &file, why);
    if (!err)
        err = check_hash(&file, hash, path, why);
    if (err)
        goto failed;
    *out = model;
    *bytes = file;
    return ERR_OK;
failed:
    file_release(&file);
    model_close(&model);
    return err;
}

enum err model_open(struct model *out, const char *dir, const char *name, struct fault *why)
{
    struct model model;
    struct file onnx;
    enum err err = model_load(&model, dir, name, &onnx, why);
    if (err)
        return err;
    if ((err = net_new(&model.net, onnx.bytes, onnx.size, NULL, why)))
        fault_context(why, "%s/%s", dir, json_string_value(json_object_get(model.card, "file")));
    file_release(&onnx);
    if (err)
        model_close(&model);
    else
        *out = model;
    return err;
}

void model_close(struct model *model)
{
    json_decref(model->card);
    model->card = NULL;
    net_free(&model->net);
}

enum err model_number(const struct model *model, const char *key, double low, double high,
                      double *value, struct fault *why)
{
    const json_t *found = json_object_get(model->card, key);
    if (found == NULL && !isnan(*value))
        return ERR_OK;
    double number = json_number_value(found);
    if (!json_is_number(found) || !(number >= low && number <= high))
        return fault_set(why, ERR_INPUT, "model card: \"%s\" must be a number in %g..%g", key, low,
                         high);
    *value = number;
    return ERR_OK;
}

enum err model_calibration(const struct model *model, struct calibration *out, struct fault *why)
{
    const json_t *table = json_object_get(model->card, "calibration");
    struct calibration got = {0};
    if (table == NULL)
        return ERR_OK;
    for (size_t i = 0; i < json_array_size(table); i++) {
        const json_t *row = json_array_get(table, i);
        float from = (float)json_number_value(json_array_get(row, 0)),
              to = (float)json_number_value(json_array_get(row, 1));
        bool rises = got.n == 0 || (from > got.from[got.n - 1] && to >= got.to[got.n - 1]);
        if (json_array_size(row) != 2 || got.n == CALIBRATION_MAX_POINTS || !rises ||
            !(from >= 0) || !(from <= 1) || !(to >= 0) || !(to <= 1))
            return fault_set(why, ERR_INPUT,
                             "model card: \"calibration\" row %zu is not [from, to], rising, 0..1",
                             i + 1);
        got.from[got.n] = from;
        got.to[got.n++] = to;
    }
    *out = got;
    return ERR_OK;
}
