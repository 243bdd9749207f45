/* Reading INI text through libinih, line by line, so that nothing in it is passed over in silence.
 *
 * libinih splits a line, but says nothing of what it drops: a second fault in a file, the rest of a
 * line that is longer than its buffer, text behind a section's name, an empty section, an indented
 * line (it continues the value before). So its reader, which is ours, looks at every line first,
 * hands over only what libinih takes whole, without indentation, and asks afterwards whether it was
 * understood. */
#include "config/draft.h"

#include <assert.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

struct reading_state {
    struct draft *draft;
    struct config_report *report;
    const char *name;
    const char *at, *end;
    uint32_t line;
    bool awaited;        /* libinih has a line with a key and has not given it back yet */
    const char *section; /* "" before the first; "?" = one that is not known */
    void *base;          /* what the section's offsets count from */
    struct draft_marks *marks;
    struct config_camera spare; /* takes the keys of a camera's section that cannot be kept */
    struct draft_marks spare_marks;
    uint32_t section_lines[OPTION_MAX]; /* where a section began, by its first row; 0: not yet */
};

static struct place here(const struct reading_state *state)
{
    return (struct place){.file = state->name, .line = state->line};
}

static void set_initial(const char *section, void *base)
{
    size_t count;
    const struct option *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool of_camera = strcmp(table[i].section, "camera") == 0;
        if (of_camera != (strcmp(section, "camera") == 0) || table[i].initial[0] == '\0')
            continue;
        enum err failed = value_set(&table[i], table[i].initial, base, NULL);
        assert(!failed);
    }
}

/* Length of the UTF-8 character at `at`, 0 if there is none. */
static size_t utf8_length(const unsigned char *at, const unsigned char *end)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t length;
    } kinds[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (*at < kinds[i].first || *at > kinds[i].last)
            continue;
        size_t length = kinds[i].length;
        if ((size_t)(end - at) < length)
            return 0;
        for (size_t j = 1; j < length; j++)
            if (at[j] < (j == 1 ? kinds[i].low : 0x80) || at[j] > (j == 1 ? kinds[i].high : 0xbf))
                return 0;
        return length;
    }
    return 0;
}

/* Is the line text at all? Says what is not. */
static bool check_bytes(const char *line, size_t length, struct reading_state *state)
{
    const unsigned char *at = (const unsigned char *)line, *end = at + length;
    const char *fault = NULL;
    while (at < end && fault == NULL) {
        size_t step = utf8_length(at, end);
        if (*at == '\0')
            fault = "a NUL byte";
        else if (step == 0)
            fault = "a byte that is not UTF-8";
        else if ((*at < ' ' && *at != '\t') || *at == 0x7f)
            fault = "a control character";
        at += step;
    }
    if (fault != NULL) {
        struct place place = here(state);
        report_add(state->report, &place, "holds %s", fault);
    }
    return fault == NULL;
}

/* Where the n-th camera's values go. A section that cannot be kept is still read, for its
 * complaints. */
static void use_camera(struct reading_state *state, struct config_camera *camera,
                       struct draft_marks *marks)
{
    memset(marks, 0, sizeof *marks);
    *camera = (struct config_camera){0};
    set_initial("camera", camera);
    marks->section_line = state->line;
    state->base = camera;
    state->marks = marks;
    state->section = "camera";
}

static void begin_camera(struct reading_state *state, const char *name)
{
    struct config *config = &state->draft->config;
    struct place place = here(state);
    struct fault why;
    char title[160];
    snprintf(title, sizeof title, "camera%s%s", *name != '\0' ? " " : "", name);
    place_name(&place, title, NULL, NULL);
    use_camera(state, &state->spare, &state->spare_marks);
    if (*name == '\0') {
        report_add(state->report, &place, "needs a name, as in [camera north]");
        return;
    }
    if (value_check_name(name, CONFIG_NAME_SIZE, &why)) {
        report_add(state->report, &place, "the camera's name %s", why.text);
        return;
    }
    for (uint32_t i = 0; i < config->n_cameras; i++)
        if (strcmp(config->cameras[i].name, name) == 0) {
            report_add(state->report, &place, "there is a camera of this name in line %u",
                       state->draft->camera_marks[i].section_line);
            return;
        }
    if (config->n_cameras == CONFIG_MAX_CAMERAS) {
        report_add(state->report, &place, "there are %d cameras already, and no more are possible",
                   CONFIG_MAX_CAMERAS);
        return;
    }
    uint32_t at = config->n_cameras++;
    use_camera(state, &config->cameras[at], &state->draft->camera_marks[at]);
    memcpy(config->cameras[at].name, name, strlen(name) + 1);
}

static void begin_section(struct reading_state *state, const char *name)
{
    size_t count;
    const struct option *table = option_table(&count);
    struct place place = here(state);
    if (strncmp(name, "camera", 6) == 0 && (name[6] == '\0' || name[6] == ' ' || name[6] == '\t')) {
        begin_camera(state, name + 6 + strspn(name + 6, " \t"));
        return;
    }
    place_name(&place, name, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].section, name) != 0)
            continue;
        if (state->section_lines[i] != 0)
            report_add(state->report, &place, "this section began already in line %u",
                       state->section_lines[i]);
        else
            state->section_lines[i] = state->line;
        state->section = table[i].section;
        state->base = &state->draft->config;
        state->marks = &state->draft->marks;
        return;
    }
    char hint[96];
    option_hint(name, NULL, hint, sizeof hint);
    report_add(state->report, &place, "is no known section%s%s", *hint != '\0' ? "; " : "", hint);
    state->section = "?";
}

/* `line` begins with '[' and has no blanks at its end. */
static void read_section(struct reading_state *state, const char *line)
{
    enum { LONGEST = 48 }; /* libinih keeps 49 bytes of a section's name */
    struct place place = here(state);
    const char *close = strchr(line, ']');
    const char *behind = close == NULL ? "" : close + 1 + strspn(close + 1, " \t");
    state->section = "?";
    if (close == NULL)
        report_add(state->report, &place, "a section's name has no ] behind it");
    else if (*behind != '\0' && (*behind != ';' || behind == close + 1))
        report_add(state->report, &place, "there is something behind the section's name");
    else if (close - line - 1 > LONGEST)
        report_add(state->report, &place, "a section's name is longer than %d characters", LONGEST);
    else {
        char name[LONGEST + 1];
        snprintf(name, sizeof name, "%.*s", (int)(close - line - 1), line + 1);
        begin_section(state, name);
    }
}

/* Did libinih understand the line that it was given last? */
static void check_answer(struct reading_state *state)
{
    if (state->awaited) {
        struct place place = here(state);
        report_add(state->report, &place, "is neither [section], nor key = value, nor a comment");
    }
    state->awaited = false;
}

/* fgets for libinih: one call a line of the file; a line that must not reach it becomes an empty
 * one. */
static char *next_line(char *out, int room, void *user)
{
    struct reading_state *state = user;
    check_answer(state);
    if (state->at == state->end)
        return NULL;
    const char *line = state->at;
    const char *feed = memchr(line, '\n', (size_t)(state->end - line));
    size_t length = (size_t)((feed != NULL ? feed : state->end) - line);
    state->at = feed != NULL ? feed + 1 : state->end;
    state->line++;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    for (; length > 0 && (*line == ' ' || *line == '\t'); length--)
        line++;
    struct place place = here(state);
    snprintf(out, (size_t)room, "\n");
    if (length == 0 || !check_bytes(line, length, state))
        return out;
    if (line[0] == ';' || line[0] == '#')
        return out;
    if (length + 2 > (size_t)room) {
        report_add(state->report, &place, "the line is longer than %d bytes", room - 2);
        return out;
    }
    memcpy(out, line, length);
    out[length] = '\0';
    if (out[0] == '[') {
        read_section(state, out);
        out[0] = '\0'; /* the section is known here; libinih need not */
    } else {
        state->awaited = true;
    }
    snprintf(out + strlen(out), (size_t)room - strlen(out), "\n");
    return out;
}

static void read_unknown(struct reading_state *state, const struct place *place, const char *key)
{
    char hint[96];
    option_hint(state->section, key, hint, sizeof hint);
    const char *before = *hint != '\0' ? "; " : "";
    if (*key == '\0')
        report_add(state->report, place, "has no key before the =");
    else if (state->section[0] == '\0')
        report_add(state->report, place, "stands before any [section]%s%s", before, hint);
    else
        report_add(state->report, place, "is no known key of this section%s%s", before, hint);
}

/* libinih's handler. Its section is not looked at: sections are read in next_line. */
static int take_value(void *user, const char *section, const char *key, const char *value)
{
    struct reading_state *state = user;
    (void)section;
    state->awaited = false;
    if (strcmp(state->section, "?") == 0)
        return 1;
    struct place place = here(state);
    const struct option *option = option_find(state->section, key);
    place_name(&place, state->section, key, value);
    if (option == NULL) {
        read_unknown(state, &place, key);
        return 1;
    }
    size_t count;
    struct place *first = &state->marks->place[option - option_table(&count)];
    if (first->line != 0) {
        report_add(state->report, &place, "is set already in line %u", first->line);
        return 1;
    }
    struct fault why;
    if (value_set(option, value != NULL ? value : "", state->base, &why))
        report_add(state->report, &place, "%s", why.text);
    *first = place;
    return 1;
}

const struct place *draft_place(const struct draft *draft, int camera, const char *section,
                                const char *key)
{
    size_t count;
    const struct option *table = option_table(&count), *option = option_find(section, key);
    assert(option != NULL && camera < CONFIG_MAX_CAMERAS);
    return camera < 0 ? &draft->marks.place[option - table]
                      : &draft->camera_marks[camera].place[option - table];
}

/* What one value alone does not tell. */
static void check_camera(struct draft *draft, int at, const char *name,
                         struct config_report *report)
{
    struct config_camera *camera = &draft->config.cameras[at];
    const struct place *mode = draft_place(draft, at, "camera", "mode");
    const struct place *rate = draft_place(draft, at, "camera", "rate");
    const struct place *login = draft_place(draft, at, "camera", "credentials_file");
    const struct place *source = draft_place(draft, at, "camera", "source");
    if (camera->lane[0] == '\0')
        memcpy(camera->lane, camera->name, sizeof camera->lane);
    if (source->line == 0) {
        struct place place = {.file = name, .line = draft->camera_marks[at].section_line};
        char title[64];
        snprintf(title, sizeof title, "camera %s", camera->name);
        place_name(&place, title, "source", NULL);
        report_add(report, &place, "is required");
        return;
    }
    if (camera->source[0] == '\0')
        return; /* complained about already */
    bool dir = camera->source[0] == '/';
    if (!dir)
        camera->kind = CONFIG_MJPEG;
    if (!dir && mode->line != 0)
        report_add(report, mode, "is for a folder (dir:) only");
    if (camera->kind != CONFIG_DIR_ONCE && camera->rate > 0)
        report_add(report, rate, "is for a folder with mode = once only");
    if (dir && login->line != 0)
        report_add(report, login, "is for a camera with an address only, a folder has no login");
}

/* Which terms the file sets; and pictures go with their passage at the latest. */
static void check_terms(struct draft *draft, struct config_report *report)
{
    struct config *config = &draft->config;
    const struct {
        const char *key, *crop_key;
        uint32_t bit, crop_bit, *term, *crop_term;
    } kinds[] = {
        {"hit_term", "hit_crop_term", CONFIG_HIT_TERM, CONFIG_HIT_CROP_TERM, &config->hit_term_s,
         &config->hit_crop_term_s},
        {"other_term", "other_crop_term", CONFIG_OTHER_TERM, CONFIG_OTHER_CROP_TERM,
         &config->other_term_s, &config->other_crop_term_s},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct place *term = draft_place(draft, -1, "storage", kinds[i].key);
        const struct place *crop = draft_place(draft, -1, "storage", kinds[i].crop_key);
        config->terms_set |= term->line != 0 ? kinds[i].bit : 0;
        config->terms_set |= crop->line != 0 ? kinds[i].crop_bit : 0;
        if (*kinds[i].crop_term <= *kinds[i].term)
            continue;
        if (crop->line != 0)
            report_add(report, crop, "pictures are not kept longer than their passages (%s)",
                       kinds[i].key);
        *kinds[i].crop_term = *kinds[i].term;
    }
}

/* What goes with an address of the witness, and a certificate with its key. */
static void check_witness(struct draft *draft, struct config_report *report)
{
    static const char *const with_url[] = {"witness_ca", "witness_cert", "witness_key"};
    bool has_url = draft_place(draft, -1, "audit", "witness_url")->line != 0;
    const struct place *cert = draft_place(draft, -1, "audit", "witness_cert");
    const struct place *key = draft_place(draft, -1, "audit", "witness_key");
    for (size_t i = 0; i < sizeof with_url / sizeof with_url[0] && !has_url; i++) {
        const struct place *place = draft_place(draft, -1, "audit", with_url[i]);
        if (place->line != 0)
            report_add(report, place, "is for a witness with an address only: set witness_url");
    }
    if (has_url && (cert->line != 0) != (key->line != 0))
        report_add(report, cert->line != 0 ? cert : key,
                   "witness_cert and witness_key belong together");
}

static void check_whole(struct draft *draft, const char *name, struct config_report *report)
{
    const struct config *config = &draft->config;
    check_terms(draft, report);
    check_witness(draft, report);
    for (uint32_t i = 0; i < config->n_cameras; i++)
        check_camera(draft, (int)i, name, report);
    if ((uint64_t)config->passage_parked_s * 1000 <= config->passage_gap_ms) {
        const struct place *parked = draft_place(draft, -1, "passages", "parked");
        const struct place *gap = draft_place(draft, -1, "passages", "gap");
        report_add(report, parked->line != 0 ? parked : gap, "parked must be longer than gap");
    }
}

void draft_read(struct draft *draft, const char *text, size_t size, const char *name,
                struct config_report *report)
{
    enum { LARGEST = 256 * 1024 };
    static const char bom[] = "\xef\xbb\xbf";
    struct reading_state state = {.draft = draft,
                                  .report = report,
                                  .name = name,
                                  .at = text,
                                  .end = text + size,
                                  .section = ""};
    memset(draft, 0, sizeof *draft);
    set_initial("", &draft->config);
    if (size > LARGEST) {
        struct place place = here(&state);
        report_add(report, &place, "the file is larger than %d KiB", LARGEST / 1024);
        return;
    }
    if (size >= 3 && memcmp(text, bom, 3) == 0)
        state.at += 3;
    int failed = ini_parse_stream(next_line, &state, take_value, &state);
    check_answer(&state);
    if (failed < 0) {
        struct place place = here(&state);
        report_add(report, &place, "libinih has no memory");
    }
    check_whole(draft, name, report);
}
