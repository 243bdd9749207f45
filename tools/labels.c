/* Reads the labels of a folder of pictures. */
#include "tools/labels.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char NO_MEMORY[] = "no memory for labels";

/* Where a complaint points to. */
struct source {
    const char *path;
    unsigned line;
    struct fault *why;
};

static void copy_text(char out[LABELS_TEXT_SIZE], const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < LABELS_TEXT_SIZE; text++) {
        char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
            out[n++] = c;
    }
    out[n] = 0;
}

static void corners_of_box(struct label *label)
{
    float x = (float)label->box.x, y = (float)label->box.y, w = (float)label->box.w,
          h = (float)label->box.h;
    const struct point corner[4] = {{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}};
    memcpy(label->corner, corner, sizeof corner);
}

/* The picture of that name, added if it is not there yet; NULL: no memory. */
static struct labelled *find_picture(struct labels *labels, const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return NULL;
    for (size_t i = labels->n;
         i-- > 0 && i + 64 > labels->n;) /* labels of a picture stand together */
        if (strcmp(labels->pictures[i].path, path) == 0) {
            free(path);
            return &labels->pictures[i];
        }
    struct labelled *more = realloc(labels->pictures, (labels->n + 1) * sizeof *more);
    if (more == NULL) {
        free(path);
        return NULL;
    }
    labels->pictures = more;
    more[labels->n] = (struct labelled){.path = path};
    return &more[labels->n++];
}

/* Splits at tabs, in place; returns how many of `most` fields there are. */
static unsigned split_fields(char *line, char **field, unsigned most)
{
    unsigned n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at != NULL && n < most;) {
        field[n++] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = 0;
    }
    return n;
}

static bool read_box(char *const field[4], struct box *out)
{
    double *value[4] = {&out->x, &out->y, &out->w, &out->h};
    for (int i = 0; i < 4; i++) {
        char *end;
        *value[i] = strtod(field[i], &end);
        if (end == field[i] || *end != 0 || !isfinite(*value[i]))
            return false;
    }
    return true;
}

static enum err add_text_line(struct labels *labels, const char *folder, char *line,
                              const struct source *source)
{
    char *field[6];
    struct label label = {0};
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    if (split_fields(line, field, 6) < 6)
        return ERR_OK; /* not a label: such files may hold remarks */
    if (!read_box(field + 1, &label.box))
        return fault_set(source->why, ERR_INPUT, "%s:%u: x, y, w, h are not numbers", source->path,
                         source->line);
    copy_text(label.text, field[5]);
    corners_of_box(&label);
    struct labelled *picture = find_picture(labels, folder, field[0]);
    if (picture == NULL)
        return fault_set(source->why, ERR_MEMORY, NO_MEMORY);
    if (picture->n == LABELS_MAX_PLATES)
        return fault_set(source->why, ERR_LIMIT, "%s:%u: more than %d plates", source->path,
                         source->line, LABELS_MAX_PLATES);
    picture->label[picture->n++] = label;
    return ERR_OK;
}

static enum err read_text_file(struct labels *labels, const char *folder, const char *name,
                               struct fault *why)
{
    char path[4096], line[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    struct source source = {path, 0, why};
    enum err err = ERR_OK;
    while (!err && fgets(line, sizeof line, file) != NULL) {
        source.line++;
        err = add_text_line(labels, folder, line, &source);
    }
    fclose(file);
    return err;
}

/* Is `stem` the file name of `path` without its ending? */
static bool has_stem(const char *path, const char *stem)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    return strlen(stem) == n && strncmp(name, stem, n) == 0;
}

/* A missing ignore.tsv is no error. */
static void read_ignored(struct labels *labels, const char *folder, const char *where)
{
    char path[4096], line[1024], *field[6];
    struct box box;
    snprintf(path, sizeof path, "%s/%signore.tsv", folder, where);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (split_fields(line, field, 6) < 5 || !read_box(field + 1, &box))
            continue;
        for (size_t i = 0; i < labels->n; i++)
            if (has_stem(labels->pictures[i].path, field[0]) &&
                labels->pictures[i].n_ignored < LABELS_MAX_PLATES)
                labels->pictures[i].ignored[labels->pictures[i].n_ignored++] = box;
    }
    fclose(file);
}

static int is_text(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".txt") == 0;
}

static enum err read_text_folder(struct labels *labels, const char *folder, struct fault *why)
{
    struct dirent **entries;
    enum err err = ERR_OK;
    int n = scandir(folder, &entries, is_text, alphasort);
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "%s", folder);
    for (int i = 0; i < n; i++) {
        if (!err)
            err = read_text_file(labels, folder, entries[i]->d_name, why);
        free(entries[i]);
    }
    free(entries);
    read_ignored(labels, folder, "");
    read_ignored(labels, folder, "../");
    return err;
}

/* {"box": [x, y, w, h], "corners": [[x, y] x 4] or null, "text": "..." or null} */
static void read_plate(const json_t *object, struct label *label)
{
    const json_t *box = json_object_get(object, "box"),
                 *corners = json_object_get(object, "corners");
    const char *text = json_string_value(json_object_get(object, "text"));
    double *value[4] = {&label->box.x, &label->box.y, &label->box.w, &label->box.h};
    for (size_t i = 0; i < 4; i++)
        *value[i] = json_number_value(json_array_get(box, i));
    corners_of_box(label);
    label->has_corners = json_array_size(corners) == 4;
    for (size_t i = 0; i < 4 && label->has_corners; i++) {
        const json_t *corner = json_array_get(corners, i);
        label->corner[i] = (struct point){(float)json_number_value(json_array_get(corner, 0)),
                                          (float)json_number_value(json_array_get(corner, 1))};
    }
    copy_text(label->text, text ? text : "");
}

static enum err add_object(struct labels *labels, const char *folder, const json_t *object,
                           const struct source *source)
{
    const char *crop = json_string_value(json_object_get(object, "crop"));
    const char *image = json_string_value(json_object_get(object, "image"));
    const json_t *plates = json_object_get(object, "plates");
    if (crop == NULL && image == NULL)
        return fault_set(source->why, ERR_INPUT, "%s:%u: neither \"image\" nor \"crop\"",
                         source->path, source->line);
    struct labelled *picture = find_picture(labels, folder, crop ? crop : image);
    if (picture == NULL)
        return fault_set(source->why, ERR_MEMORY, NO_MEMORY);
    if (crop != NULL) {
        picture->is_crop = true;
        picture->n = 1;
        read_plate(object, &picture->label[0]);
    }
    for (size_t i = 0;
         crop == NULL && i < json_array_size(plates) && picture->n < LABELS_MAX_PLATES; i++)
        read_plate(json_array_get(plates, i), &picture->label[picture->n++]);
    return ERR_OK;
}

static enum err read_manifest(struct labels *labels, const char *folder, FILE *file,
                              const char *split, struct source *source)
{
    char *line = NULL;
    size_t room = 0;
    enum err err = ERR_OK;
    for (ssize_t n; !err && (n = getline(&line, &room, file)) > 0;) {
        json_error_t problem;
        source->line++;
        json_t *object = json_loadb(line, (size_t)n, 0, &problem);
        const char *part = json_string_value(json_object_get(object, "split"));
        if (!json_is_object(object))
            err = fault_set(source->why, ERR_INPUT, "%s:%u: %s", source->path, source->line,
                            object ? "not an object" : problem.text);
        else if (split == NULL || (part != NULL && strcmp(part, split) == 0))
            err = add_object(labels, folder, object, source);
        json_decref(object);
    }
    free(line);
    return err;
}

enum err labels_load(struct labels *out, const char *folder, const char *split, struct fault *why)
{
    char path[4096];
    struct labels labels = {0};
    snprintf(path, sizeof path, "%s/manifest.jsonl", folder);
    FILE *file = fopen(path, "re");
    struct source source = {path, 0, why};
    enum err err = file ? read_manifest(&labels, folder, file, split, &source)
                        : read_text_folder(&labels, folder, why);
    if (file != NULL)
        fclose(file);
    if (!err && labels.n == 0)
        err = fault_set(why, ERR_NOT_FOUND,
                        "%s: no labels: neither manifest.jsonl nor NAME.txt files", folder);
    if (err)
        labels_release(&labels);
    else
        *out = labels;
    return err;
}

void labels_release(struct labels *labels)
{
    for (size_t i = 0; i < labels->n; i++)
        free(labels->pictures[i].path);
    free(labels->pictures);
    *labels = (struct labels){0};
}
