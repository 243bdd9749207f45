/* The rows of the option table, and the two texts made from it: hints and the listing. */
#include "config/option.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define GLOBAL(field) offsetof(struct config, field), sizeof((struct config *)0)->field
#define CAMERA(field)                                                                              \
    offsetof(struct config_camera, field), sizeof((struct config_camera *)0)->field

static const struct option table[] = {
    {"daemon", "state_dir", OPTION_PATH, GLOBAL(state_dir), 0, 0, "/var/lib/laneward",
     "Folder of the encrypted store and its key; only the keeper opens it."},
    {"daemon", "run_dir", OPTION_PATH, GLOBAL(run_dir), 0, 0, "/run/laneward",
     "Folder of the officers' socket."},
    {"daemon", "user", OPTION_ACCOUNT, GLOBAL(user), 0, 0, "laneward",
     "Account to become when started as root; otherwise unused."},
    {"daemon", "log_level", OPTION_LEVEL, GLOBAL(log_level), 3, 7, "info",
     "The most verbose messages that are logged."},

    {"recognition", "models_dir", OPTION_PATH, GLOBAL(models_dir), 0, 0, "",
     "Folder of the trained models; without it, the one installed with the program."},
    {"recognition", "regions_dir", OPTION_PATH, GLOBAL(regions_dir), 0, 0, "",
     "Folder of the pattern files; without it, the one installed with the program."},
    {"recognition", "regions", OPTION_REGIONS, GLOBAL(regions), 0, 0, "",
     "Jurisdictions whose patterns are tried: us-ny, us-n*, us for all of us-; without it, all."},
    {"recognition", "topn", OPTION_NUMBER, GLOBAL(topn), 1, 10, "10",
     "Texts kept for one plate, best first."},
    {"recognition", "detection_threshold", OPTION_DECIMAL, GLOBAL(detection_threshold), 0, 1, "0",
     "Least score of a plate that is looked at; 0 takes the one measured for the model."},
    {"recognition", "must_match_pattern", OPTION_FLAG, GLOBAL(must_match_pattern), 0, 1, "0",
     "1: a text that fits no pattern is dropped, and the plate counts as seen but unread."},
    {"recognition", "reader", OPTION_READER, GLOBAL(reader), CONFIG_READER_NETWORK,
     CONFIG_READER_BOTH, "both",
     "Who reads: the network, Tesseract, or both: Tesseract where the network is unsure."},
    {"recognition", "motion_detection", OPTION_FLAG, GLOBAL(motion_detection), 0, 1, "1",
     "1: a picture like the one before is not looked at again, so an idle lane costs little."},
    {"recognition", "max_frame_bytes", OPTION_SIZE, GLOBAL(max_frame_bytes), 65536, 67108864, "8M",
     "Largest encoded frame that is taken from a camera; a larger one counts as bad."},

    {"passages", "gap", OPTION_MS, GLOBAL(passage_gap_ms), 500, 60000, "3s",
     "A plate unseen for so long is a vehicle gone."},
    {"passages", "parked", OPTION_SECONDS, GLOBAL(passage_parked_s), 5, 3600, "60s",
     "A vehicle that stands longer is parked: its updates become rare."},
    {"passages", "min_frames", OPTION_NUMBER, GLOBAL(passage_min_frames), 1, 20, "2",
     "Frames in which a plate must be found before it counts as seen."},
    {"passages", "min_confidence", OPTION_DECIMAL, GLOBAL(passage_min_confidence), 0, 1, "0.2",
     "A text less likely right than this is dropped: the plate counts as seen, not read."},
    {"passages", "store_crops", OPTION_NUMBER, GLOBAL(store_crops), 0, 1, "1",
     "1: the best picture of the plate, never of the scene, is kept with its passage."},

    {"storage", "tpm", OPTION_WORD, GLOBAL(tpm), 0, 0, "auto",
     "What binds the store to this host: auto, none, or a TCTI such as device:/dev/tpmrm0."},
    {"storage", "pcrs", OPTION_PCRS, GLOBAL(pcr_mask), 0, 23, "7",
     "Boot state that the TPM's binding holds to: PCRs, as in 7 11."},
    {"storage", "tpm_nv_index", OPTION_HANDLE, GLOBAL(tpm_nv_index), 0x01800000, 0x01bfffff,
     "0x01804c57", "NV index of the TPM's counter of forgetting; one a store."},
    {"storage", "hit_term", OPTION_SECONDS, GLOBAL(hit_term_s), 1, CONFIG_MAX_TERM_S, "72h",
     "Passages of wanted vehicles are forgotten after it; without a TPM the default is 24h."},
    {"storage", "other_term", OPTION_SECONDS, GLOBAL(other_term_s), 0, CONFIG_MAX_TERM_S, "72h",
     "So are all others; 0: they never reach the disk. Without a TPM the default is 24h."},
    {"storage", "hit_crop_term", OPTION_SECONDS, GLOBAL(hit_crop_term_s), 1, CONFIG_MAX_TERM_S,
     "72h", "As hit_term for plate pictures, which never outlive their passage."},
    {"storage", "other_crop_term", OPTION_SECONDS, GLOBAL(other_crop_term_s), 1, CONFIG_MAX_TERM_S,
     "24h", "As other_term for plate pictures, which never outlive their passage."},
    {"storage", "port_key", OPTION_PATH, GLOBAL(port_key), 0, 0, "",
     "PEM file of the port's public key, to which pictures are sealed; without it, not sealed."},

    {"audit", "auditor_key", OPTION_PATH, GLOBAL(auditor_key), 0, 0, "",
     "PEM file of the auditor's public key for the log's details; without it, not sealed."},
    {"audit", "witness_file", OPTION_PATH, GLOBAL(witness_file), 0, 0, "",
     "File to which each signed head of the log is appended; without it, the journal alone."},
    {"audit", "witness_url", OPTION_ADDRESS, GLOBAL(witness_url), 0, 0, "",
     "https://host[:port]/path to which each signed head is posted, too; without it, none."},
    {"audit", "witness_ca", OPTION_PATH, GLOBAL(witness_ca), 0, 0, "",
     "PEM file of the authorities that its certificate is checked by; without it, the system's."},
    {"audit", "witness_cert", OPTION_PATH, GLOBAL(witness_cert), 0, 0, "",
     "PEM file of the certificate by which it knows this lane; without it, none."},
    {"audit", "witness_key", OPTION_PATH, GLOBAL(witness_key), 0, 0, "",
     "PEM file of mode 0600 with the private key of witness_cert."},
    {"audit", "honey_file", OPTION_PATH, GLOBAL(honey_file), 0, 0, "",
     "Auditor's file of decoy passages, each of which alarms when answered; without it, none."},

    {"desk", "socket_group", OPTION_ACCOUNT, GLOBAL(socket_group), 0, 0, "",
     "Group whose members may ask over the socket; without it, only the daemon's own."},
    {"desk", "supervisor_group", OPTION_ACCOUNT, GLOBAL(supervisor_group), 0, 0, "",
     "Group whose members may approve; without it, root and the daemon's own user."},
    {"desk", "auditor_group", OPTION_ACCOUNT, GLOBAL(auditor_group), 0, 0, "",
     "Group whose members may read the log; without it, root and the daemon's own user."},
    {"desk", "maintenance_group", OPTION_ACCOUNT, GLOBAL(maintenance_group), 0, 0, "",
     "Group that may use the maintenance socket; without it, root and the daemon's own user."},
    {"desk", "supervisor_keys", OPTION_PATH, GLOBAL(supervisor_keys), 0, 0, "",
     "Folder of NAME.pem; approvals then need NAME's signature; without it, the user's word."},
    {"desk", "recipients_dir", OPTION_PATH, GLOBAL(recipients_dir), 0, 0, "",
     "Folder of NAME.pem, the certificates that an export can be encrypted to; without it, none."},
    {"desk", "queries_per_hour", OPTION_NUMBER, GLOBAL(queries_per_hour), 1, 60, "60",
     "Queries of one user within an hour."},
    {"desk", "images_per_hour", OPTION_NUMBER, GLOBAL(images_per_hour), 0, 30, "30",
     "Pictures for one user within an hour."},
    {"desk", "images_per_day", OPTION_NUMBER, GLOBAL(images_per_day), 0, 300, "300",
     "Pictures for all users within a day."},
    {"desk", "queries_per_day", OPTION_NUMBER, GLOBAL(queries_per_day), 1, 2000, "2000",
     "Queries of all users within a day."},
    {"desk", "lane_minutes", OPTION_NUMBER, GLOBAL(lane_minutes), 0, 10, "10",
     "Longest time of a query without a plate; 0: there is none."},
    {"desk", "free_age", OPTION_SECONDS, GLOBAL(free_age_s), 1, 86400, "24h",
     "What lies farther back is answered when a second person has approved it."},
    {"desk", "max_rows", OPTION_NUMBER, GLOBAL(max_rows), 1, 50, "50",
     "Most passages in one answer."},

    {"camera", "source", OPTION_SOURCE, CAMERA(source), 0, 0, "",
     "Required. dir:/path of a folder of JPEGs, or mjpeg:http://host[:port]/path."},
    {"camera", "lane", OPTION_NAME, CAMERA(lane), 0, 0, "",
     "Lane that the camera looks at; without it, the camera's name."},
    {"camera", "mode", OPTION_MODE, CAMERA(kind), CONFIG_DIR_ONCE, CONFIG_DIR_WATCH, "watch",
     "Of a folder: watch takes new pictures as they come, once replays what is there."},
    {"camera", "rate", OPTION_DECIMAL, CAMERA(rate), 0, 120, "0",
     "Frames a second of a replay (mode = once); 0 is as fast as they are read."},
    {"camera", "credentials_file", OPTION_PATH, CAMERA(credentials_file), 0, 0, "",
     "File of mode 0600 with the camera's user:password on one line; without it, no login."},
    {"camera", "detection_mask_image", OPTION_PATH, CAMERA(detection_mask_image), 0, 0, "",
     "Picture as large as the frames, white where plates are looked for; without it, all."},
    {"camera", "stall_timeout", OPTION_MS, CAMERA(stall_timeout_ms), 1000, 300000, "10s",
     "Without a frame for so long, the connection is made anew."},
};

enum { N_OPTIONS = sizeof table / sizeof table[0] };
static_assert((int)N_OPTIONS <= (int)OPTION_MAX, "OPTION_MAX is too small");

const struct option *option_table(size_t *count)
{
    *count = N_OPTIONS;
    return table;
}

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}

bool option_is_text(const struct option *option)
{
    return option->type <= OPTION_SOURCE;
}

/* Levenshtein distance; texts of 32 characters or more count as far. */
static unsigned distance(const char *a, const char *b)
{
    enum { ROOM = 32 };
    size_t n_a = strlen(a), n_b = strlen(b);
    if (n_a >= ROOM || n_b >= ROOM)
        return ROOM;
    unsigned row[ROOM];
    for (unsigned j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 0; i < n_a; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < n_b; j++) {
            unsigned change = diagonal + (a[i] != b[j]);
            unsigned drop = row[j + 1] + 1, add = row[j] + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < drop ? change : drop;
            if (add < row[j + 1])
                row[j + 1] = add;
        }
    }
    return row[n_b];
}

void option_hint(const char *section, const char *key, char *out, size_t size)
{
    assert(size > 0);
    out[0] = '\0';
    const char *wrong = key != NULL ? key : section;
    unsigned nearest = (unsigned)strlen(wrong) / 3 + 1; /* farther is another word, not a typo */
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const char *right = key != NULL ? table[i].key : table[i].section;
        bool elsewhere = key != NULL && strcmp(table[i].section, section) != 0;
        if (elsewhere && strcmp(right, key) == 0) {
            snprintf(out, size, "it belongs to [%s]", table[i].section);
            return;
        }
        unsigned far = distance(wrong, right);
        if (!elsewhere && far < nearest) {
            nearest = far;
            snprintf(out, size, "did you mean %s?", right);
        }
    }
}

static void quantity(const struct option *option, double value, char *out, size_t size)
{
    static const struct {
        double scale;
        const char *unit;
    } units[][3] = {
        {{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}},
        {{3600e3, "h"}, {60e3, "min"}, {1e3, "s"}},
        {{3600, "h"}, {60, "min"}, {1, "s"}},
    };
    if (option->type >= OPTION_SIZE && value != 0)
        for (int i = 0; i < 3; i++) {
            double scale = units[option->type - OPTION_SIZE][i].scale, n = value / scale;
            if (n >= 1 && n == (double)(uint64_t)n) {
                snprintf(out, size, "%.0f%s", n, units[option->type - OPTION_SIZE][i].unit);
                return;
            }
        }
    snprintf(out, size, "%g%s", value, option->type == OPTION_MS ? "ms" : "");
}

void option_range(const struct option *option, char *out, size_t size)
{
    static const char *const words[] = {
        [OPTION_PATH] = "absolute path",
        [OPTION_NAME] = "name of a-z, 0-9 and -",
        [OPTION_ACCOUNT] = "account name",
        [OPTION_WORD] = "word",
        [OPTION_REGIONS] = "names apart by spaces, * at the end for any",
        [OPTION_ADDRESS] = "https: address",
        [OPTION_SOURCE] = "dir: or mjpeg:http:",
        [OPTION_LEVEL] = "error, warning, notice, info or debug",
        [OPTION_READER] = "network, tesseract or both",
        [OPTION_MODE] = "once or watch",
        [OPTION_FLAG] = "0 or 1",
        [OPTION_PCRS] = "numbers of 0 to 23 apart by spaces",
        [OPTION_HANDLE] = "0x01800000 to 0x01bfffff",
    };
    if (option->type <= OPTION_HANDLE) {
        snprintf(out, size, "%s", words[option->type]);
        return;
    }
    char min[24], max[24];
    quantity(option, option->min, min, sizeof min);
    quantity(option, option->max, max, sizeof max);
    snprintf(out, size, "%s to %s", min, max);
}

struct page {
    char *out;
    size_t size, used;
    bool roff;
};

PRINTF_LIKE(2, 3) static void append(struct page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wrote = vsnprintf(page->out + page->used, page->size - page->used, format, args);
    va_end(args);
    if (wrote > 0)
        page->used += (size_t)wrote;
    if (page->used >= page->size)
        page->used = page->size - 1;
}

/* A minus that stays a minus when a manual page is shown in UTF-8. */
static void append_text(struct page *page, const char *text)
{
    for (; *text != '\0'; text++)
        if (page->roff && *text == '-')
            append(page, "\\-");
        else
            append(page, "%c", *text);
}

static void append_option(struct page *page, const struct option *option)
{
    char range[96];
    option_range(option, range, sizeof range);
    const char *initial = option->initial[0] != '\0' ? option->initial : "none";
    append(page, page->roff ? ".TP\n.B " : "  ");
    append_text(page, option->key);
    append(page, page->roff ? "\n" : "  (");
    append_text(page, range);
    append(page, "; default ");
    append_text(page, initial);
    append(page, page->roff ? ".\n" : ")\n      ");
    append_text(page, option->meaning);
    append(page, "\n");
}

size_t option_listing(bool roff, char *out, size_t size)
{
    assert(size > 0);
    struct page page = {.out = out, .size = size, .roff = roff};
    out[0] = '\0';
    const char *section = "";
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(section, table[i].section) != 0) {
            section = table[i].section;
            const char *name = strcmp(section, "camera") == 0 ? " NAME" : "";
            append(&page, roff ? ".SS [%s%s]\n" : i > 0 ? "\n[%s%s]\n" : "[%s%s]\n", section, name);
        }
        append_option(&page, &table[i]);
    }
    return page.used;
}
