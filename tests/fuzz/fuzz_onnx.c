/* Any bytes as a network: no crash, and either one that runs alike twice or a fault that is told.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { WIDTH = 40, HEIGHT = 24, MOST_BYTES = 1 << 20 };

static void run_twice(struct net *net)
{
    static float picture[WIDTH * HEIGHT];
    const struct net_tensor in = {picture, {1, 1, HEIGHT, WIDTH}};
    struct net_tensor out;
    struct fault why = {0};
    enum err code = net_run(net, &in, &out, &why);
    if (code != ERR_OK) {
        assert(why.code == code && why.text[0] != '\0');
        return;
    }
    size_t bytes = sizeof(float);
    for (int i = 0; i < 4; i++) {
        assert(out.size[i] >= 1);
        bytes *= (size_t)out.size[i];
    }
    void *first = malloc(bytes);
    if (first == NULL || bytes > MOST_BYTES) {
        free(first);
        return;
    }
    memcpy(first, out.data, bytes);
    assert(net_run(net, &in, &out, &why) == ERR_OK);
    assert(memcmp(first, out.data, bytes) == 0);
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct net *net = NULL;
    struct fault why = {0};
    enum err code = net_new(&net, bytes, size, NULL, &why);
    assert(code == ERR_OK ? net != NULL : net == NULL && why.code == code);
    if (code == ERR_OK)
        run_twice(net);
    net_free(&net);
    return 0;
}
