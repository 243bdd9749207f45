/* Golden pictures: each NAME.jpg here has a NAME.txt of what is read in it.
 *
 *   test_golden              compare (the test)
 *   test_golden --generate   write the .txt files anew; look at them before committing
 *   test_golden --show OUT   write the pictures with what is read drawn on them
 *
 * A line is a plate: text, then x and y of four corners, with tabs between. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/file.h"
#include "ocr/ocr.h"
#include "ocr/show.h"

enum mode { COMPARE, GENERATE, SHOW };

/* A plate of a .txt file. */
struct line {
    char text[READING_MAX_CHARS + 1];
    struct point corner[4];
};

static const char folder[] = LANEWARD_SOURCE_DIR "/tests/golden";
static struct fault why;

static bool read_picture(struct ocr *ocr, const char *name, struct ocr_result *out)
{
    char path[512];
    struct file file;
    snprintf(path, sizeof path, "%s/%s.jpg", folder, name);
    if (file_read(path, 1 << 24, &file, &why) != ERR_OK)
        return false;
    enum err err = ocr_read(ocr, file.bytes, file.size, out, &why);
    file_release(&file);
    return err == ERR_OK;
}

static const char *text_of(const struct reading *reading)
{
    return reading->n_candidates > 0 ? reading->candidates[0].text : "-";
}

static bool generate(const char *name, const struct ocr_result *result)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    for (unsigned i = 0; i < result->n_readings; i++) {
        const struct reading *reading = &result->readings[i];
        fprintf(file, "%s", text_of(reading));
        for (int c = 0; c < 4; c++)
            fprintf(file, "\t%.0f\t%.0f", (double)reading->where.corner[c].x,
                    (double)reading->where.corner[c].y);
        fputc('\n', file);
    }
    return fclose(file) == 0;
}

static bool show(struct ocr *ocr, const char *name, const struct ocr_result *result,
                 const char *out)
{
    struct show_mark marks[READING_MAX_PLATES];
    char path[512];
    uint8_t *bytes;
    size_t size;
    for (unsigned i = 0; i < result->n_readings; i++) {
        marks[i] = (struct show_mark){.text = text_of(&result->readings[i]), .rgb = 0xffd000};
        memcpy(marks[i].corner, result->readings[i].where.corner, sizeof marks[i].corner);
    }
    if (show_picture(ocr, marks, result->n_readings, &bytes, &size, &why) != ERR_OK)
        return false;
    snprintf(path, sizeof path, "%s/%s.jpg", out, name);
    FILE *file = fopen(path, "wb");
    bool whole = file != NULL && fwrite(bytes, 1, size, file) == size;
    free(bytes);
    return file != NULL && fclose(file) == 0 && whole;
}

static int read_lines(const char *name, struct line *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    FILE *file = fopen(path, "r");
    int n = 0;
    if (file == NULL)
        return -1;
    for (; n < READING_MAX_PLATES; n++) {
        struct line *l = &out[n];
        if (fscanf(file, "%12s %f %f %f %f %f %f %f %f", l->text, &l->corner[0].x, &l->corner[0].y,
                   &l->corner[1].x, &l->corner[1].y, &l->corner[2].x, &l->corner[2].y,
                   &l->corner[3].x, &l->corner[3].y) != 9)
            break;
    }
    fclose(file);
    return n;
}

/* Same text, and no corner further away than a twentieth of the plate's width. */
static bool agrees(const struct line *line, const struct reading *reading)
{
    float width =
        hypotf(line->corner[1].x - line->corner[0].x, line->corner[1].y - line->corner[0].y);
    for (int i = 0; i < 4; i++)
        if (hypotf(line->corner[i].x - reading->where.corner[i].x,
                   line->corner[i].y - reading->where.corner[i].y) > 0.05f * width)
            return false;
    return strcmp(line->text, text_of(reading)) == 0;
}

static bool compare(const char *name, const struct ocr_result *result)
{
    struct line wanted[READING_MAX_PLATES];
    int n = read_lines(name, wanted);
    if (n < 0 || n != result->n_readings) {
        printf("%s: %d plates wanted, %u read\n", name, n, result->n_readings);
        return false;
    }
    for (int i = 0; i < n; i++) {
        bool found = false;
        for (unsigned k = 0; k < result->n_readings && !found; k++)
            found = agrees(&wanted[i], &result->readings[k]);
        if (!found) {
            printf("%s: %s is not read, or not at its place\n", name, wanted[i].text);
            return false;
        }
    }
    return true;
}

static int is_jpeg(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".jpg") == 0;
}

static int run(struct ocr *ocr, enum mode mode, const char *out)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_jpeg, alphasort), failed = n < 1;
    for (int i = 0; i < n; i++) {
        static struct ocr_result result;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(entries[i]->d_name) - 4),
                 entries[i]->d_name);
        bool good = read_picture(ocr, name, &result);
        if (!good)
            printf("%s: %s\n", name, why.text);
        else
            good = mode == COMPARE    ? compare(name, &result)
                   : mode == GENERATE ? generate(name, &result)
                                      : show(ocr, name, &result, out);
        printf("%-16s %s\n", name, good ? "ok" : "FAILED");
        failed |= !good;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    static const struct ocr_options options = {.models_dir = LANEWARD_SOURCE_DIR "/ocr/models",
                                               .regions_dir = LANEWARD_SOURCE_DIR "/config/regions",
                                               .topn = 10};
    enum mode mode = COMPARE;
    struct ocr *ocr;
    if (argc == 2 && strcmp(argv[1], "--generate") == 0)
        mode = GENERATE;
    else if (argc == 3 && strcmp(argv[1], "--show") == 0)
        mode = SHOW;
    else if (argc != 1)
        return 2;
    if (ocr_open(&ocr, &options, &why) != ERR_OK) {
        printf("%s\n", why.text);
        return 1;
    }
    int failed = run(ocr, mode, argc == 3 ? argv[2] : NULL);
    ocr_close(&ocr);
    return failed;
}
