/* Times as officers type and read them. Pure but for the host's time zone. */
#ifndef LANEWARD_TOOLS_WHEN_H
#define LANEWARD_TOOLS_WHEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A point in time, as Unix milliseconds: RFC 3339 ("2026-11-22T10:30:00Z", "...+01:00"), local time
 * "YYYY-MM-DD", "YYYY-MM-DD HH:MM[:SS]", "HH:MM[:SS]" of today, "now", or so long ago: "10m" (units
 * s m h d). ERR_INPUT. */
enum err when_parse(const char *text, int64_t now_ms, int64_t *out, struct fault *why) MUST_USE;

/* A length of time, in milliseconds: "90s", "10m", "2h", "3d". ERR_INPUT. */
enum err when_parse_length(const char *text, int64_t *out, struct fault *why) MUST_USE;

/* Unix milliseconds. */
int64_t when_now(void);

/* Local time "2026-11-22 10:30:00", or "never" for 0. */
enum { WHEN_TEXT_SIZE = 32 };
void when_text(int64_t ms, char out[WHEN_TEXT_SIZE]);

#endif
