/* One plain question: options, asking, showing. */
#include "tools/plain.h"

#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"

static int show(const struct plain *plain, const json_t *answer, bool as_json)
{
    if (as_json) {
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        plain->print(answer);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? CLIENT_ANSWERED : CLIENT_ERROR;
}

static int ask(const struct plain *plain, const char *socket_path, bool as_json)
{
    struct fault why;
    json_t *answer = NULL;
    struct query query = {.kind = plain->kind};
    if (client_ask(socket_path, &query, &answer, &why) != ERR_OK) {
        fprintf(stderr, "laneward %s: %s\n", plain->name, why.text);
        return CLIENT_ERROR;
    }
    int status = show(plain, answer, as_json);
    json_decref(answer);
    return status;
}

int plain_run(const struct plain *plain, int argc, char **argv)
{
    enum { JSON = 256, SOCKET };
    static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                            {"socket", required_argument, NULL, SOCKET},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *socket_path = plain->socket;
    bool as_json = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            plain->help(plain->socket);
            return 0;
        }
        if (option == '?' || option == ':')
            return CLIENT_USAGE;
        as_json |= option == JSON;
        socket_path = option == SOCKET ? optarg : socket_path;
    }
    if (optind < argc) {
        fprintf(stderr, "laneward %s: only options are understood; see --help\n", plain->name);
        return CLIENT_USAGE;
    }
    return ask(plain, socket_path, as_json);
}
