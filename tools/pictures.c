/* Lists and loads the pictures that a command line names. */
#include "tools/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const size_t MOST_BYTES = (size_t)256 * 1024 * 1024;

static int is_jpeg(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

/* By bytes, so that the order is the same in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Takes `path` over, a malloc'ed string or NULL. */
static enum err append(struct pictures *pictures, char *path, struct fault *why)
{
    char **more = path ? realloc(pictures->paths, (pictures->n + 1) * sizeof *more) : NULL;
    if (more == NULL) {
        free(path);
        return fault_set(why, ERR_MEMORY, "no memory for a list of pictures");
    }
    pictures->paths = more;
    pictures->paths[pictures->n++] = path;
    return ERR_OK;
}

static enum err add_folder(struct pictures *pictures, const char *folder, struct fault *why)
{
    struct dirent **entries;
    enum err err = ERR_OK;
    int n = scandir(folder, &entries, is_jpeg, by_name);
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "%s", folder);
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (!err && asprintf(&path, "%s%s%s", folder, slash, entries[i]->d_name) < 0)
            path = NULL;
        if (!err)
            err = append(pictures, path, why);
        free(entries[i]);
    }
    free(entries);
    return err;
}

enum err pictures_add(struct pictures *pictures, const char *path, struct fault *why)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return add_folder(pictures, path, why);
    return append(pictures, strdup(path), why); /* what is wrong with it is told when it is read */
}

void pictures_release(struct pictures *pictures)
{
    for (size_t i = 0; i < pictures->n; i++)
        free(pictures->paths[i]);
    free(pictures->paths);
    *pictures = (struct pictures){0};
}

enum err pictures_load(const char *path, uint8_t **bytes, size_t *size, struct fault *why)
{
    FILE *file = fopen(path, "rbe");
    struct stat info;
    if (file == NULL)
        return fault_errno(why, ERR_IO, errno, "%s", path);
    enum err err = ERR_OK;
    uint8_t *got = NULL;
    size_t n = 0;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
        err = fault_set(why, ERR_IO, "%s: not a file", path);
    else if ((uintmax_t)info.st_size > MOST_BYTES)
        err = fault_set(why, ERR_LIMIT, "%s: longer than %zu bytes", path, MOST_BYTES);
    else if ((got = malloc((size_t)info.st_size + 1)) == NULL)
        err = fault_set(why, ERR_MEMORY, "%s: no memory for it", path);
    else if ((n = fread(got, 1, (size_t)info.st_size, file)) != (size_t)info.st_size)
        err = fault_errno(why, ERR_IO, errno, "%s", path);
    fclose(file);
    if (err) {
        free(got);
        return err;
    }
    *bytes = got;
    *size = n;
    return ERR_OK;
}
