/* laneward open: pictures that were sealed to the port's key, opened where that key is. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/hex.h"
#include "tools/client.h"
#include "tools/command.h"
#include "tools/files.h"
#include "tools/sealed.h"

static const char usage[] =
    "usage: laneward open FILE --key KEY.pem --output PLATE.jpg\n"
    "       laneward open EXPORT.json --key KEY.pem --output FOLDER\n\n"
    "Opens a picture that `laneward query --image` has saved without the port's key, or all "
    "pictures of a decrypted\n"
    "export, as ID.jpg into a folder. No daemon is asked.\n\n"
    "      --key KEY.pem     the private key of [storage] port_key\n"
    "  -o, --output PATH     a file (- is standard output), for an export a folder\n"
    "  -h, --help\n\n"
    "Exit status: 0 all were opened, 1 error, 2 wrong use.\n";

enum { MAX_FILE = 16 * 1024 * 1024 };

struct opener {
    const char *path, *output;
    struct signature_key *key; /* NULL: only open pictures can be saved */
};

static enum err open_one(const struct opener *opener, const json_t *object, const char *uuid,
                         const char *path, struct fault *why)
{
    static uint8_t jpeg[ROW_MAX_CROP];
    const char *sealed = json_string_value(json_object_get(object, "sealed_image")),
               *plain = client_text(object, "image");
    size_t size = 0;
    enum err err = ERR_OK;
    if (sealed == NULL && (!base64_decode(plain, strlen(plain), jpeg, sizeof jpeg, &size)))
        err = fault_set(why, ERR_INPUT, "the picture is not understood");
    else if (sealed != NULL && opener->key == NULL)
        err = fault_set(why, ERR_DENIED, "sealed to the port's key; --key KEY.pem is missing");
    else if (sealed != NULL)
        err = sealed_open(uuid, sealed, opener->key, jpeg, &size, why);
    return err == ERR_OK ? files_write(path, jpeg, size, why) : err;
}

/* All pictures of an export; what cannot be opened is told, and the next is taken. */
static enum err open_export(const struct opener *opener, const json_t *object, struct fault *why)
{
    size_t i, n = 0;
    const json_t *passage;
    enum err worst = ERR_OK;
    if (mkdir(opener->output, 0700) != 0 && errno != EEXIST)
        return fault_errno(why, ERR_IO, errno, "cannot make %s", opener->output);
    json_array_foreach(json_object_get(object, "results"), i, passage)
    {
        const char *uuid = client_text(passage, "best_uuid");
        uint8_t id[ROW_ID_SIZE];
        char path[4096];
        if (json_object_get(passage, "image") == NULL &&
            json_object_get(passage, "sealed_image") == NULL)
            continue; /* no picture was kept of it */
        if (strlen(uuid) != 2 * sizeof id || !hex_decode(uuid, id, sizeof id))
            return fault_set(why, ERR_INPUT, "passage %zu has no id", i);
        snprintf(path, sizeof path, "%s/%s.jpg", opener->output, uuid);
        enum err err = open_one(opener, passage, uuid, path, why);
        if (err == ERR_OK)
            n++;
        else
            fprintf(stderr, "laneward open: %s: %s\n", uuid, why->text);
        worst = err != ERR_OK ? err : worst;
    }
    fprintf(stderr, "%zu pictures in %s\n", n, opener->output);
    return worst == ERR_OK ? ERR_OK : fault_set(why, worst, "not all pictures were opened");
}

static enum err open_file(const struct opener *opener, struct fault *why)
{
    uint8_t *text = NULL;
    size_t size = 0;
    enum err err = files_read(opener->path, MAX_FILE, &text, &size, why);
    if (err != ERR_OK)
        return err;
    json_t *object = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    if (sealed_is_file(object))
        err = open_one(opener, object, client_text(object, "uuid"), opener->output, why);
    else if (strcmp(client_text(object, "data_type"), "laneward_export") == 0)
        err = open_export(opener, object, why);
    else
        err =
            fault_set(why, ERR_INPUT, "%s is neither a sealed picture nor an export", opener->path);
    json_decref(object);
    return err;
}

int command_open(int argc, char **argv)
{
    enum { KEY = 256 };
    static const struct option options[] = {{"key", required_argument, NULL, KEY},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct opener opener = {0};
    const char *key = NULL;
    struct fault why;
    for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option != KEY && option != 'o')
            return CLIENT_USAGE;
        key = option == KEY ? optarg : key;
        opener.output = option == 'o' ? optarg : opener.output;
    }
    if (argc - optind != 1 || opener.output == NULL) {
        fprintf(stderr, "laneward open: one FILE and --output PATH are wanted; see --help\n");
        return CLIENT_USAGE;
    }
    opener.path = argv[optind];
    enum err err = key != NULL ? files_read_key(key, &opener.key, &why) : ERR_OK;
    if (err == ERR_OK)
        err = open_file(&opener, &why);
    if (err != ERR_OK)
        fprintf(stderr, "laneward open: %s\n", why.text);
    signature_key_free(&opener.key);
    return err == ERR_OK ? CLIENT_ANSWERED : CLIENT_ERROR;
}
