/* Envelopes of plates' pictures. */
#include "tools/sealed.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "evidence/envelope.h"

static const char data_type[] = "laneward_sealed_image";

enum err sealed_open(const char *uuid, const char *base64, const struct signature_key *key,
                     uint8_t *out, size_t *size, struct fault *why)
{
    uint8_t id[ROW_ID_SIZE];
    size_t length = strlen(base64), room = ROW_MAX_CROP + ENVELOPE_OVERHEAD, n = 0;
    uint8_t *sealed = malloc(room);
    const struct envelope_purpose purpose = {
        .label = "laneward crop 1", .bound = id, .bound_size = sizeof id};
    if (sealed == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a picture");
    enum err err = ERR_OK;
    if (strlen(uuid) != 2 * sizeof id || !hex_decode(uuid, id, sizeof id) ||
        !base64_decode(base64, length, sealed, room, &n) || n < ENVELOPE_OVERHEAD)
        err = fault_set(why, ERR_INPUT, "the sealed picture is not understood");
    if (err == ERR_OK)
        err = envelope_open(key, &purpose, sealed, n, out, why);
    if (err == ERR_OK)
        *size = n - ENVELOPE_OVERHEAD;
    free(sealed);
    return err;
}

char *sealed_file(const char *uuid, const char *base64)
{
    json_t *object = json_pack("{s:s, s:i, s:s, s:s}", "data_type", data_type, "version", 1, "uuid",
                               uuid, "sealed_image", base64);
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
    json_decref(object);
    return text;
}

bool sealed_is_file(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "data_type"));
    return type != NULL && strcmp(type, data_type) == 0;
}
