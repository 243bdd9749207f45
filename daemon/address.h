/* The parts of a camera's or a witness's address. Pure. */
#ifndef LANEWARD_DAEMON_ADDRESS_H
#define LANEWARD_DAEMON_ADDRESS_H

#include <stdint.h>

#include "base/err.h"

struct address {
    char host[256]; /* a name, or a number without brackets */
    uint16_t port;  /* 80 or, of https, 443 when the address names none */
};

/* "http://HOST[:PORT][/PATH]", or https. ERR_INPUT: another scheme, a user or password inside, an
 * empty host, a port outside 1..65535, a character that an address cannot hold. The fault never
 * repeats the address. */
enum err address_parse(const char *text, struct address *out, struct fault *why) MUST_USE;

#endif
