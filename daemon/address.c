/* Taking an address apart, and refusing what is none of HTTP. */
#include "daemon/address.h"

#include <stdbool.h>
#include <string.h>

static bool is_host_char(char c, bool is_bracketed)
{
    bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_alnum || c == '.' || (is_bracketed ? c == ':' : c == '-' || c == '_');
}

/* Returns what follows "http://" or "https://", or NULL. */
static const char *take_scheme(const char *at, struct address *out)
{
    bool is_secure = strncmp(at, "https://", 8) == 0;
    if (!is_secure && strncmp(at, "http://", 7) != 0)
        return NULL;
    out->port = is_secure ? 443 : 80;
    return at + (is_secure ? 8 : 7);
}

/* Returns what follows the host, or NULL. */
static const char *take_host(const char *at, struct address *out)
{
    bool is_bracketed = *at == '[';
    at += is_bracketed;
    size_t length = 0;
    while (is_host_char(at[length], is_bracketed))
        length++;
    if (length == 0 || length >= sizeof out->host || (is_bracketed && at[length] != ']'))
        return NULL;
    memcpy(out->host, at, length);
    out->host[length] = '\0';
    return at + length + is_bracketed;
}

static const char *take_port(const char *at, struct address *out)
{
    uint32_t port = 0;
    const char *first = at;
    for (; *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
        port = port * 10 + (uint32_t)(*at - '0');
    if (at == first || port == 0 || port > UINT16_MAX)
        return NULL;
    out->port = (uint16_t)port;
    return at;
}

enum err address_parse(const char *text, struct address *out, struct fault *why)
{
    struct address parts;
    const char *rest = take_scheme(text, &parts);
    if (rest == NULL)
        return fault_set(why, ERR_INPUT, "an address begins with http:// or https://");
    if ((rest = take_host(rest, &parts)) == NULL)
        return fault_set(why, ERR_INPUT, "the address has no proper host");
    if (*rest == ':' && (rest = take_port(rest + 1, &parts)) == NULL)
        return fault_set(why, ERR_INPUT, "the address's port is not within 1..65535");
    if (*rest != '\0' && *rest != '/' && *rest != '?')
        return fault_set(why, ERR_INPUT,
                         "the address may hold no user, and nothing but a path after its host");
    for (; *rest; rest++)
        if (*rest <= ' ' || *rest == 0x7f || *rest == '#')
            return fault_set(why, ERR_INPUT,
                             "the address's path holds a character that has to be written as %%xx");
    *out = parts;
    return ERR_OK;
}
