/* Asking for a name, and of what kind the host's network is, while that is still possible. */
#include "daemon/lookup.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "daemon/address.h"

static struct {
    bool is_name;
    char resolved[512];
    CURLM *multi;
} lookup;

static void append_number(const struct addrinfo *one, size_t *used)
{
    char number[INET6_ADDRSTRLEN] = "";
    if (getnameinfo(one->ai_addr, one->ai_addrlen, number, sizeof number, NULL, 0,
                    NI_NUMERICHOST) != 0 ||
        *used + strlen(number) + 4 > sizeof lookup.resolved)
        return;
    bool is_six = one->ai_family == AF_INET6, is_first = lookup.resolved[*used - 1] == ':';
    *used += (size_t)snprintf(lookup.resolved + *used, sizeof lookup.resolved - *used, "%s%s%s%s",
                              is_first ? "" : ",", is_six ? "[" : "", number, is_six ? "]" : "");
}

void lookup_prepare(const char *text)
{
    struct address address;
    struct in6_addr number;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    /* libcurl finds out about IPv6 when this is made, with a socket that the role may not have. */
    if (lookup.multi == NULL && curl_global_init(CURL_GLOBAL_NOTHING) == 0)
        lookup.multi = curl_multi_init();
    if (address_parse(text, &address, NULL) != ERR_OK ||
        inet_pton(AF_INET, address.host, &number) == 1 ||
        inet_pton(AF_INET6, address.host, &number) == 1)
        return;
    lookup.is_name = true;
    if (getaddrinfo(address.host, NULL, &hints, &all) != 0)
        return;
    size_t used = (size_t)snprintf(lookup.resolved, sizeof lookup.resolved, "%s:%u:", address.host,
                                   (unsigned)address.port);
    for (const struct addrinfo *one = all; one != NULL; one = one->ai_next)
        append_number(one, &used);
    freeaddrinfo(all);
}

bool lookup_is_name(void)
{
    return lookup.is_name;
}

const char *lookup_result(void)
{
    return lookup.resolved;
}

void *lookup_take_multi(void)
{
    CURLM *multi = lookup.multi != NULL ? lookup.multi : curl_multi_init();
    lookup.multi = NULL;
    return multi;
}
