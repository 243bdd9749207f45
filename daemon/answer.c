/* Answers as JSON: passages as alpr_group objects, a picture as base64, the state of the daemon, an
 * error. */
#include "daemon/answer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/group.h"

static char *finish(json_t *object)
{
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

static json_t *tenths(double value)
{
    return json_real(round(value * 10) / 10);
}

char *answer_find(const struct answer_rows *rows)
{
    json_t *results = json_array(), *gaps = json_array(), *answer = json_object();
    for (uint32_t i = 0; i < rows->n_rows; i++)
        json_array_append_new(results, group_json(&rows->rows[i]));
    for (uint32_t i = 0; i < rows->n_gaps; i++) {
        const struct ledger_gap *gap = &rows->gaps[i];
        json_array_append_new(
            gaps, json_pack("{s:I, s:I, s:s, s:s}", "from", (json_int_t)gap->from_ms, "to",
                            (json_int_t)gap->to_ms, "lane", gap->lane, "why", gap->why));
    }
    json_object_set_new(answer, "results", results);
    json_object_set_new(answer, "gaps", gaps);
    json_object_set_new(answer, "limit", json_integer(rows->limit));
    json_object_set_new(answer, "limit_reached", json_boolean(rows->n_rows >= rows->limit));
    json_object_set_new(answer, "binding", json_string(binding_name(rows->binding)));
    return finish(answer);
}

static char *base64(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = malloc((size + 2) / 3 * 4 + 1), *at = out;
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= left > 2 ? bytes[i + 2] : 0;
        *at++ = digits[three >> 18];
        *at++ = digits[three >> 12 & 63];
        *at++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[three & 63] : '=';
    }
    *at = '\0';
    return out;
}

char *answer_image(const uint8_t id[ROW_ID_SIZE], const uint8_t *jpeg, size_t size)
{
    char *text = base64(jpeg, size);
    if (text == NULL)
        return NULL;
    json_t *answer = json_object();
    json_object_set_new(answer, "uuid", group_id(id));
    json_object_set_new(answer, "content_type", json_string("image/jpeg"));
    json_object_set_new(answer, "image", json_string(text));
    free(text);
    return finish(answer);
}

/* A time that may be "never". */
static json_t *when(int64_t ms)
{
    return ms > 0 ? json_integer(ms) : json_null();
}

static json_t *number(_Atomic uint64_t const *value)
{
    return json_integer((json_int_t)atomic_load(value));
}

static json_t *camera_status(const struct counters_camera *c, const struct config_camera *config)
{
    json_t *o = json_object();
    json_object_set_new(o, "camera_id", json_string(config->name));
    json_object_set_new(o, "lane", json_string(config->lane));
    json_object_set_new(o, "connected", json_boolean(atomic_load(&c->connected) != 0));
    json_object_set_new(o, "frames", number(&c->frames));
    json_object_set_new(o, "dropped", number(&c->dropped));
    json_object_set_new(o, "bad_frames", number(&c->bad_frames));
    json_object_set_new(o, "reconnects", number(&c->reconnects));
    json_object_set_new(o, "recognized", number(&c->recognized));
    json_object_set_new(o, "plates", number(&c->plates));
    json_object_set_new(o, "passages", number(&c->passages));
    json_object_set_new(o, "unread", number(&c->unread));
    json_object_set_new(o, "unacknowledged", number(&c->unacknowledged));
    json_object_set_new(o, "lost_passages", number(&c->lost_passages));
    json_object_set_new(o, "fps", tenths(atomic_load(&c->millifps) / 1000.0));
    json_object_set_new(o, "last_frame", when(atomic_load(&c->last_frame_ms)));
    json_object_set_new(o, "last_read", when(atomic_load(&c->last_read_ms)));
    json_object_set_new(o, "latency_p50_ms", tenths(counters_quantile(c, 0.50)));
    json_object_set_new(o, "latency_p99_ms", tenths(counters_quantile(c, 0.99)));
    return o;
}

char *answer_status(const struct counters *counters, const struct config *config,
                    const struct store_stats *stats, int64_t now_ms)
{
    json_t *answer = json_object(), *cameras = json_array(), *store = json_object();
    for (uint32_t i = 0; i < config->n_cameras && i < CONFIG_MAX_CAMERAS; i++)
        json_array_append_new(cameras, camera_status(&counters->cameras[i], &config->cameras[i]));
    json_object_set_new(store, "available", json_boolean(stats != NULL));
    if (stats != NULL) {
        json_object_set_new(store, "passages", json_integer((json_int_t)stats->n_rows));
        json_object_set_new(store, "bytes", json_integer((json_int_t)stats->bytes));
        json_object_set_new(store, "oldest", when(stats->oldest_ms));
    }
    json_object_set_new(store, "errors", number(&counters->store_errors));
    uint32_t kind = stats != NULL ? (uint32_t)stats->binding : atomic_load(&counters->binding);
    bool known = kind == BINDING_SOFTWARE || kind == BINDING_TPM;
    json_object_set_new(answer, "cameras", cameras);
    json_object_set_new(answer, "store", store);
    json_object_set_new(answer, "binding",
                        known ? json_string(binding_name((enum binding_kind)kind)) : json_null());
    json_object_set_new(answer, "restarts", number(&counters->restarts));
    int64_t started = atomic_load(&counters->started_ms);
    json_object_set_new(answer, "uptime_s",
                        json_integer(started > 0 ? (now_ms - started) / 1000 : 0));
    json_object_set_new(answer, "clock_synchronised", json_boolean(counters_clock_synchronised()));
    return finish(answer);
}

char *answer_error(const struct fault *why)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "error",
                        json_pack("{s:s, s:s}", "code", err_name(why->code), "text", why->text));
    return finish(answer);
}
