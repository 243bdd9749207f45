/* Answers as JSON: passages as alpr_group objects, a picture as base64, the state of the daemon, an
 * error. */
#include "daemon/answer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/finish.h"
#include "daemon/group.h"

static json_t *tenths(double value)
{
    return json_real(round(value * 10) / 10);
}

char *answer_find(const struct answer_rows *rows, const struct message_evidence *log)
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
    return finish_line(answer, log);
}

char *answer_image(const struct message *crop, const struct message_evidence *log)
{
    json_t *bytes = finish_base64(crop->data, crop->n_data);
    if (bytes == NULL)
        return NULL;
    json_t *answer = json_object();
    json_object_set_new(answer, "uuid", group_id(crop->id));
    json_object_set_new(answer, "content_type", json_string("image/jpeg"));
    json_object_set_new(answer, "sealed", json_boolean(crop->is_sealed));
    json_object_set_new(answer, crop->is_sealed ? "sealed_jpeg" : "image", bytes);
    return finish_line(answer, log);
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

static json_t *log_status(const struct health *health, int64_t now_ms)
{
    json_t *o = json_object();
    int64_t age = now_ms > health->head_ms ? (now_ms - health->head_ms) / 1000 : 0;
    json_object_set_new(o, "size", json_integer((json_int_t)health->log_size));
    json_object_set_new(o, "head_size", json_integer((json_int_t)health->head_size));
    json_object_set_new(o, "head_age_s", health->head_ms > 0 ? json_integer(age) : json_null());
    json_object_set_new(o, "details",
                        json_string(health->seals_details ? "sealed-to-auditor" : "host-only"));
    json_object_set_new(o, "witness",
                        json_string(!health->has_witness ? "journal"
                                    : health->witness_ok ? "file"
                                                         : "failing"));
    json_object_set_new(o, "witness_server",
                        json_string(!health->has_server ? "none"
                                    : health->server_ok ? "ok"
                                                        : "failing"));
    return o;
}

static json_t *terms_status(const struct health *health)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "hit_s", (json_int_t)health->hit_term_s, "other_s",
                     (json_int_t)health->other_term_s, "hit_crop_s",
                     (json_int_t)health->hit_crop_term_s, "other_crop_s",
                     (json_int_t)health->other_crop_term_s);
}

static void set_health(json_t *answer, const struct health *health, int64_t now_ms)
{
    json_t *pcrs = json_array();
    for (int i = 0; i < 24; i++)
        if (health->pcr_mask & UINT32_C(1) << i)
            json_array_append_new(pcrs, json_integer(i));
    json_object_set_new(answer, "crops",
                        json_string(health->seals_crops ? "sealed-to-port" : "host-only"));
    json_object_set_new(answer, "log", log_status(health, now_ms));
    json_object_set_new(answer, "terms", terms_status(health));
    json_object_set_new(answer, "epoch", json_integer((json_int_t)health->epoch));
    json_object_set_new(answer, "pcrs", pcrs);
    json_object_set_new(answer, "credential", json_boolean(health->with_credential));
    json_object_set_new(answer, "suspended", json_boolean(health->is_suspended));
}

static json_t *store_status(const struct message *told)
{
    json_t *store = json_object();
    json_object_set_new(store, "available", json_boolean(told != NULL));
    if (told != NULL) {
        json_object_set_new(store, "passages", json_integer((json_int_t)told->stats.n_rows));
        json_object_set_new(store, "bytes", json_integer((json_int_t)told->stats.bytes));
        json_object_set_new(store, "oldest", when(told->stats.oldest_ms));
    }
    return store;
}

char *answer_status(const struct counters *counters, const struct config *config,
                    const struct message *told, int64_t now_ms)
{
    json_t *answer = json_object(), *cameras = json_array(), *store = store_status(told);
    for (uint32_t i = 0; i < config->n_cameras && i < CONFIG_MAX_CAMERAS; i++)
        json_array_append_new(cameras, camera_status(&counters->cameras[i], &config->cameras[i]));
    json_object_set_new(store, "errors", number(&counters->store_errors));
    uint32_t kind = told != NULL ? (uint32_t)told->stats.binding : atomic_load(&counters->binding);
    bool known = kind == BINDING_SOFTWARE || kind == BINDING_TPM;
    json_object_set_new(answer, "cameras", cameras);
    json_object_set_new(answer, "store", store);
    json_object_set_new(answer, "binding",
                        known ? json_string(binding_name((enum binding_kind)kind)) : json_null());
    if (told != NULL)
        set_health(answer, &told->health, now_ms);
    json_object_set_new(answer, "alarms", number(&counters->alarms));
    json_object_set_new(answer, "media", number(&counters->media));
    json_object_set_new(answer, "logins", number(&counters->logins));
    json_object_set_new(answer, "restarts", number(&counters->restarts));
    int64_t started = atomic_load(&counters->started_ms);
    json_object_set_new(answer, "uptime_s",
                        json_integer(started > 0 ? (now_ms - started) / 1000 : 0));
    json_object_set_new(answer, "clock_synchronised", json_boolean(counters_clock_synchronised()));
    return finish_line(answer, NULL);
}

char *answer_quality(const struct counters *counters, const struct config *config)
{
    json_t *answer = json_object(), *cameras = json_array();
    for (uint32_t i = 0; i < config->n_cameras && i < CONFIG_MAX_CAMERAS; i++) {
        const struct counters_camera *c = &counters->cameras[i];
        json_t *o = json_object(), *bins = json_array();
        for (int k = 0; k < COUNTERS_CONFIDENCE_BINS; k++)
            json_array_append_new(bins, number(&c->confidence[k]));
        json_object_set_new(o, "camera_id", json_string(config->cameras[i].name));
        json_object_set_new(o, "passages", number(&c->passages));
        json_object_set_new(o, "unread", number(&c->unread));
        json_object_set_new(o, "read", number(&c->read));
        json_object_set_new(o, "matched", number(&c->matched));
        json_object_set_new(o, "compared", number(&c->compared));
        json_object_set_new(o, "agreed", number(&c->agreed));
        json_object_set_new(o, "confidence", bins);
        json_array_append_new(cameras, o);
    }
    json_object_set_new(answer, "quality", cameras);
    return finish_line(answer, NULL);
}

char *answer_error(const struct fault *why)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "error",
                        json_pack("{s:s, s:s}", "code", err_name(why->code), "text", why->text));
    return finish_line(answer, NULL);
}
