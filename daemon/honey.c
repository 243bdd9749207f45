/* Honey plates: reading the list, making up passages. */
#include "daemon/honey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/passage.h"

enum { WORDS = 5, WORD_SIZE = 40, NOISE_SIZE = 32 };

struct reader {
    const char *name;
    const struct config *config;
    struct config_report *report;
    uint32_t line;
};

static void complain(struct reader *reader, const char *reason, const char *what)
{
    struct config_report *report = reader->report;
    if (report->n_complaints++ >= CONFIG_MAX_COMPLAINTS)
        return;
    struct config_complaint *complaint = &report->complaints[report->n_complaints - 1];
    *complaint = (struct config_complaint){.line = reader->line};
    snprintf(complaint->file, sizeof complaint->file, "%s", reader->name);
    snprintf(complaint->reason, sizeof complaint->reason, "%s%s", reason, what);
}

/* Splits at blanks; 0: a word is too long or there are too many, or a byte is none of text. */
static size_t split(const char *line, size_t size, char words[WORDS][WORD_SIZE])
{
    size_t n = 0, at = 0;
    while (at < size) {
        while (at < size && (line[at] == ' ' || line[at] == '\t'))
            at++;
        size_t begin = at;
        while (at < size && line[at] > ' ' && line[at] < 127)
            at++;
        if (at == begin)
            break;
        if (n == WORDS || at - begin >= WORD_SIZE)
            return 0;
        memcpy(words[n], line + begin, at - begin);
        words[n++][at - begin] = '\0';
    }
    return at == size ? n : 0;
}

/* "####-##-##": as many digits as the form has '#', all else as it stands. */
static bool has_form(const char *text, const char *form)
{
    size_t i = 0;
    for (; form[i] != '\0'; i++)
        if (form[i] == '#' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return text[i] == '\0';
}

static bool read_minute(const char *date, const char *time, int64_t *out)
{
    struct tm tm = {0};
    if (!has_form(date, "####-##-##") || !has_form(time, "##:##"))
        return false;
    tm.tm_year = (int)strtol(date, NULL, 10) - 1900;
    tm.tm_mon = (int)strtol(date + 5, NULL, 10) - 1;
    tm.tm_mday = (int)strtol(date + 8, NULL, 10);
    tm.tm_hour = (int)strtol(time, NULL, 10);
    tm.tm_min = (int)strtol(time + 3, NULL, 10);
    struct tm same = tm; /* timegm would take the 31st of June for the 1st of July */
    time_t seconds = timegm(&same);
    if (tm.tm_year < 100 || same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday ||
        same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min)
        return false;
    *out = (int64_t)seconds * 1000;
    return true;
}

static bool find_lane(const struct config *config, const char *lane, uint32_t *camera)
{
    for (uint32_t i = 0; i < config->n_cameras; i++)
        if (strcmp(config->cameras[i].lane, lane) == 0) {
            *camera = i;
            return true;
        }
    return false;
}

static bool is_made_of(const char *text, size_t size, const char *allowed)
{
    size_t length = strlen(text);
    return length > 0 && length < size && strspn(text, allowed) == length;
}

static void read_line(struct reader *reader, const char *line, size_t size, struct honey *out)
{
    char words[WORDS][WORD_SIZE];
    struct honey_entry entry = {0};
    if (size == 0 || line[0] == '#')
        return;
    size_t n = split(line, size, words);
    if (n < 4)
        complain(reader, "a line is YYYY-MM-DD HH:MM LANE PLATE, and perhaps REGION", "");
    else if (!read_minute(words[0], words[1], &entry.at_ms))
        complain(reader, "there is no such minute", "");
    else if (!is_made_of(words[2], CONFIG_NAME_SIZE, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        complain(reader, "a lane's name is made of a-z, 0-9 and -", "");
    else if (!find_lane(reader->config, words[2], &entry.camera))
        complain(reader, "no camera has the lane ", words[2]);
    else if (!is_made_of(words[3], ROW_PLATE_SIZE, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
        complain(reader, "a plate is 1 to 12 characters A-Z and 0-9", "");
    else if (n > 4 &&
             !is_made_of(words[4], ROW_REGION_SIZE, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        complain(reader, "a region's name is made of a-z, 0-9 and -", "");
    else if (out->n == HONEY_MAX)
        complain(reader, "there are too many lines", "");
    else {
        memcpy(entry.plate, words[3], strlen(words[3]) + 1);
        if (n > 4)
            memcpy(entry.region, words[4], strlen(words[4]) + 1);
        out->entry[out->n++] = entry;
    }
}

void honey_parse(const char *text, size_t size, const char *name, const struct config *config,
                 struct honey *out, struct config_report *report)
{
    struct reader reader = {.name = name, .config = config, .report = report};
    report->n_complaints = 0;
    out->n = 0;
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end != NULL ? (size_t)(end - text) : size;
        size_t step = end != NULL ? length + 1 : length;
        reader.line++;
        read_line(&reader, text, length > 0 && text[length - 1] == '\r' ? length - 1 : length, out);
        text += step;
        size -= step;
    }
}

enum err honey_load(const char *path, const struct config *config, struct honey *out,
                    struct config_report *report, struct fault *why)
{
    struct stat info;
    enum err err = ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                           "cannot open the honey file %s", path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        err = fault_set(why, ERR_IO, "the honey file %s is no file", path);
    else if ((info.st_mode & 07) != 0)
        err = fault_set(why, ERR_DENIED, "the honey file %s may be read by everyone", path);
    else if (info.st_size > HONEY_MAX_BYTES)
        err = fault_set(why, ERR_LIMIT, "the honey file %s is too long", path);
    char *text = err == ERR_OK ? malloc(HONEY_MAX_BYTES) : NULL;
    if (err == ERR_OK && text == NULL)
        err = fault_set(why, ERR_MEMORY, "no memory for the honey file");
    ssize_t size = err == ERR_OK ? read(fd, text, HONEY_MAX_BYTES) : 0;
    if (size < 0)
        err = fault_errno(why, ERR_IO, errno, "cannot read the honey file %s", path);
    close(fd);
    if (err == ERR_OK) {
        honey_parse(text, (size_t)size, path, config, out, report);
        explicit_bzero(text, HONEY_MAX_BYTES);
    }
    free(text);
    return err;
}

/* Bytes that follow from the entry alone. */
static void make_noise(const struct honey_entry *entry, uint8_t noise[NOISE_SIZE])
{
    char text[96];
    int length = snprintf(text, sizeof text, "laneward honey 1 %u %lld %s", (unsigned)entry->camera,
                          (long long)entry->at_ms, entry->plate);
    memset(noise, 0, NOISE_SIZE);
    (void)EVP_Digest(text, (size_t)length, noise, NULL, EVP_sha256(), NULL);
}

static unsigned noise_at(const uint8_t noise[NOISE_SIZE], size_t at)
{
    return noise[at] | (unsigned)noise[at + 1] << 8;
}

int64_t honey_time(const struct honey_entry *entry)
{
    uint8_t noise[NOISE_SIZE];
    make_noise(entry, noise);
    return entry->at_ms + noise_at(noise, 0) * (int64_t)60000 / 65536;
}

/* What the reader might have taken the plate for instead: one character changed to one that looks
 * like it. */
static void add_candidates(struct row *row, const uint8_t noise[NOISE_SIZE])
{
    static const char from[] = "O0D8B5S2Z1I6GQ", to[] = "0OOB8S5Z2I1G6O";
    row->candidates[row->n_candidates++] =
        (struct row_candidate){.confidence = row->confidence, .matches_pattern = true};
    memcpy(row->candidates[0].plate, row->plate, sizeof row->plate);
    float left = 1.0f - row->confidence;
    for (size_t i = 0; row->plate[i] != '\0' && row->n_candidates < 4; i++) {
        const char *like = strchr(from, row->plate[i]);
        if (like == NULL)
            continue;
        left *= 0.2f + (float)noise[20 + i % 8] / 512;
        struct row_candidate *candidate = &row->candidates[row->n_candidates++];
        *candidate = (struct row_candidate){.confidence = left};
        memcpy(candidate->plate, row->plate, sizeof row->plate);
        candidate->plate[i] = to[like - from];
    }
}

/* A quadrangle near that of another passage, or in the middle of a picture. */
static void place(struct row *row, const struct row *like, const uint8_t noise[NOISE_SIZE])
{
    static const float middle[8] = {880, 520, 1040, 524, 1039, 566, 879, 562};
    bool is_known = like != NULL && like->frame_width > 0 && like->frame_height > 0;
    row->frame_width = is_known ? like->frame_width : 1920;
    row->frame_height = is_known ? like->frame_height : 1080;
    float x = ((float)noise[8] - 128) / 8, y = ((float)noise[9] - 128) / 16;
    float limit[2] = {(float)row->frame_width - 1, (float)row->frame_height - 1};
    for (int i = 0; i < 8; i++) {
        float at = (is_known ? like->corner[i] : middle[i]) + (i % 2 ? y : x);
        row->corner[i] = at < 0 ? 0 : at > limit[i % 2] ? limit[i % 2] : at;
    }
}

void honey_row(const struct honey_entry *entry, const struct config *config, const struct row *like,
               struct row *out)
{
    uint8_t noise[NOISE_SIZE];
    char picture[24];
    const struct config_camera *camera = &config->cameras[entry->camera];
    make_noise(entry, noise);
    *out =
        (struct row){.state = ROW_LOST, .last_ms = honey_time(entry), .clock_synchronised = true};
    out->first_ms = out->last_ms - 700 - noise_at(noise, 2) % 2800;
    snprintf(picture, sizeof picture, "%u", noise_at(noise, 4));
    passage_id(camera->name, picture, out->first_ms, 0, out->id);
    snprintf(out->lane, sizeof out->lane, "%s", camera->lane);
    snprintf(out->camera, sizeof out->camera, "%s", camera->name);
    memcpy(out->plate, entry->plate, sizeof out->plate);
    memcpy(out->region, entry->region, sizeof out->region);
    out->confidence = 0.93f + (float)noise_at(noise, 6) / 65536 * 0.065f;
    out->n_frames = 4 + noise[10] % 24;
    place(out, like, noise);
    add_candidates(out, noise);
}
