/* Texts of bytes, the log's part of an answer, and the line's end. */
#include "daemon/finish.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"

json_t *finish_base64(const uint8_t *bytes, size_t size)
{
    char *text = malloc(BASE64_LENGTH(size) + 1);
    if (text == NULL)
        return NULL;
    size_t length = base64_encode(bytes, size, text);
    json_t *string = json_stringn_nocheck(text, length);
    free(text);
    return string;
}

json_t *finish_hex(const uint8_t *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    if (text == NULL)
        return NULL;
    hex_encode(bytes, size, text);
    json_t *string = json_string_nocheck(text);
    free(text);
    return string;
}

json_t *finish_proof(const struct merkle_proof *proof)
{
    json_t *list = json_array();
    for (size_t i = 0; i < proof->n; i++)
        json_array_append_new(list, finish_hex(proof->hash[i].byte, MERKLE_HASH_SIZE));
    return list;
}

/* Nothing, while no head has been signed and nothing has to be explained. */
static json_t *log_json(const struct message_evidence *log)
{
    json_t *object = json_object();
    if (log->head_size > 0) {
        json_object_set_new(object, "head", finish_base64(log->head, log->head_size));
        json_object_set_new(object, "key", finish_hex(log->key, sizeof log->key));
    }
    if (log->has_growth)
        json_object_set_new(object, "growth", finish_proof(&log->growth));
    if (log->error[0] != '\0')
        json_object_set_new(object, "error", json_string(log->error));
    if (json_object_size(object) > 0)
        return object;
    json_decref(object);
    return NULL;
}

char *finish_line(json_t *object, const struct message_evidence *log)
{
    json_t *part = log != NULL ? log_json(log) : NULL;
    if (part != NULL)
        json_object_set_new(object, "log", part);
    json_object_set_new(object, "version", json_integer(1));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (text == NULL)
        return NULL;
    size_t length = strlen(text);
    char *line = realloc(text, length + 2);
    if (line == NULL) {
        free(text);
        return NULL;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    return line;
}
