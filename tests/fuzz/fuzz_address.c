/* A camera's or witness's address from a configuration file: what is accepted has a host and a
 * port, and nothing that could split a request. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct address address;
    struct fault why;
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (address_parse(text, &address, &why) == ERR_OK) {
        assert(address.host[0] != '\0' && strlen(address.host) < sizeof address.host &&
               address.port != 0);
        assert(strpbrk(text, " \r\n\t") == NULL);
    }
    free(text);
    return 0;
}
