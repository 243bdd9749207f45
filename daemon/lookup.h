/* The numbers behind the name in an address, looked up before a role gives up its rights. */
#ifndef LANEWARD_DAEMON_LOOKUP_H
#define LANEWARD_DAEMON_LOOKUP_H

#include <stdbool.h>

/* Before rights are given up: looks up the host's name, which needs files and servers that the role
 * may not reach. A name without an answer is tried again when the role is next started. */
void lookup_prepare(const char *address);

/* Whether the address had a name; and "HOST:PORT:NUMBER[,NUMBER...]" as CURLOPT_RESOLVE has it, ""
 * = a number, or no answer. */
bool lookup_is_name(void);
const char *lookup_result(void);

/* libcurl's handle that lookup_prepare has made, or a new one; the caller's from now on. NULL: no
 * memory. */
void *lookup_take_multi(void);

#endif
