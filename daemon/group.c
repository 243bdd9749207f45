/* A passage as JSON, in OpenALPR's words. */
#include "daemon/group.h"

#include <math.h>

/* Confidence as 0..100 with two decimals: more would claim what no calibration gives. */
static json_t *percent(float confidence)
{
    return json_real(round((double)confidence * 10000) / 100);
}

json_t *group_id(const uint8_t id[ROW_ID_SIZE])
{
    char hex[2 * ROW_ID_SIZE + 1];
    for (size_t i = 0; i < ROW_ID_SIZE; i++) {
        hex[2 * i] = "0123456789abcdef"[id[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
    hex[sizeof hex - 1] = '\0';
    return json_string(hex);
}

static json_t *candidates(const struct row *row)
{
    json_t *list = json_array();
    for (int i = 0; i < row->n_candidates; i++) {
        const struct row_candidate *c = &row->candidates[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:i}", "plate", c->plate, "confidence",
                                              percent(c->confidence), "matches_template",
                                              (int)c->matches_pattern));
    }
    return list;
}

static json_t *coordinates(const struct row *row)
{
    json_t *list = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(list, json_pack("{s:i, s:i}", "x", (int)lroundf(row->corner[2 * i]),
                                              "y", (int)lroundf(row->corner[2 * i + 1])));
    return list;
}

static json_t *best_plate(const struct row *row, int matches)
{
    return json_pack("{s:s, s:o, s:i, s:s, s:o, s:o}", "plate", row->plate, "confidence",
                     percent(row->confidence), "matches_template", matches, "region", row->region,
                     "coordinates", coordinates(row), "candidates", candidates(row));
}

static const char *state_name(enum row_state state)
{
    return state == ROW_NEW ? "new" : state == ROW_UPDATE ? "update" : "lost";
}

json_t *group_json(const struct row *row)
{
    int matches = row->n_candidates > 0 && row->candidates[0].matches_pattern;
    json_t *g = json_pack("{s:s, s:i, s:I, s:I, s:o, s:s, s:o, s:s}", "data_type", "alpr_group",
                          "version", 2, "epoch_start", (json_int_t)row->first_ms, "epoch_end",
                          (json_int_t)row->last_ms, "best_uuid", group_id(row->id),
                          "best_plate_number", row->plate, "best_confidence",
                          percent(row->confidence), "best_region", row->region);
    json_object_set_new(g, "best_image_width", json_integer(row->frame_width));
    json_object_set_new(g, "best_image_height", json_integer(row->frame_height));
    json_object_set_new(g, "best_plate", best_plate(row, matches));
    json_object_set_new(g, "candidates", candidates(row));
    json_t *uuids = json_array();
    json_array_append_new(uuids, group_id(row->id));
    json_object_set_new(g, "uuids", uuids);
    json_object_set_new(g, "matches_template", json_integer(matches));
    json_object_set_new(g, "camera_id", json_string(row->camera));
    json_object_set_new(g, "agent_type", json_string("laneward"));
    /* Laneward's own. */
    json_object_set_new(g, "lane", json_string(row->lane));
    json_object_set_new(g, "state", json_string(state_name(row->state)));
    json_object_set_new(g, "frames", json_integer(row->n_frames));
    json_object_set_new(g, "clock_synchronised", json_boolean(row->clock_synchronised));
    json_object_set_new(g, "needs_review", json_boolean(row->needs_review));
    json_object_set_new(g, "image_bytes", json_integer(row->crop_size));
    return g;
}
