/* Comparing two configurations, for a reload. */
#include "daemon/change.h"

#include <string.h>

bool change_keeps_lanes(const struct config *a, const struct config *b)
{
    bool same = a->n_cameras == b->n_cameras;
    for (uint32_t i = 0; same && i < a->n_cameras; i++)
        same = strcmp(a->cameras[i].name, b->cameras[i].name) == 0 &&
               strcmp(a->cameras[i].lane, b->cameras[i].lane) == 0;
    return same;
}

static bool is_same_terms(const struct config *a, const struct config *b)
{
    return a->hit_term_s == b->hit_term_s && a->other_term_s == b->other_term_s &&
           a->hit_crop_term_s == b->hit_crop_term_s &&
           a->other_crop_term_s == b->other_crop_term_s && a->terms_set == b->terms_set;
}

static bool is_same_limits(const struct config *a, const struct config *b)
{
    return a->max_rows == b->max_rows && a->queries_per_hour == b->queries_per_hour &&
           a->images_per_hour == b->images_per_hour && a->images_per_day == b->images_per_day &&
           a->queries_per_day == b->queries_per_day && a->lane_minutes == b->lane_minutes &&
           a->free_age_s == b->free_age_s;
}

static bool is_same_evidence(const struct config *a, const struct config *b)
{
    return strcmp(a->port_key, b->port_key) == 0 && strcmp(a->auditor_key, b->auditor_key) == 0 &&
           strcmp(a->witness_file, b->witness_file) == 0 &&
           strcmp(a->witness_url, b->witness_url) == 0 &&
           strcmp(a->honey_file, b->honey_file) == 0 &&
           strcmp(a->supervisor_keys, b->supervisor_keys) == 0 &&
           strcmp(a->recipients_dir, b->recipients_dir) == 0;
}

/* Keys and lists are read when keeper and herald start: a new text in the same place takes a new
 * start. */
static bool reads_files(const struct config *config)
{
    return config->port_key[0] != '\0' || config->auditor_key[0] != '\0' ||
           config->witness_file[0] != '\0' || config->witness_url[0] != '\0' ||
           config->honey_file[0] != '\0' || config->supervisor_keys[0] != '\0';
}

bool change_keeps_keeper(const struct config *a, const struct config *b)
{
    return !reads_files(b) && change_keeps_lanes(a, b) && is_same_terms(a, b) &&
           is_same_limits(a, b) && is_same_evidence(a, b) &&
           strcmp(a->state_dir, b->state_dir) == 0 && strcmp(a->tpm, b->tpm) == 0 &&
           a->log_level == b->log_level && a->store_crops == b->store_crops;
}

bool change_keeps_sockets(const struct config *a, const struct config *b)
{
    return strcmp(a->run_dir, b->run_dir) == 0 && strcmp(a->socket_group, b->socket_group) == 0 &&
           strcmp(a->maintenance_group, b->maintenance_group) == 0;
}

enum err change_check(const struct config *now, const struct config *next, struct fault *why)
{
    if (strcmp(next->user, now->user) != 0)
        return fault_set(why, ERR_INPUT, "another user takes a restart");
    if (strcmp(next->state_dir, now->state_dir) == 0 &&
        (next->pcr_mask != now->pcr_mask || next->tpm_nv_index != now->tpm_nv_index))
        return fault_set(why, ERR_INPUT,
                         "other pcrs or another tpm_nv_index take a restart, after `laneward "
                         "reseal`");
    return ERR_OK;
}
