/* Logging to stderr, one line a message; systemd's journal understands the level prefix. */
#ifndef LANEWARD_BASE_LOG_H
#define LANEWARD_BASE_LOG_H

#include "base/err.h"

/* Severities, with the numbers of syslog (RFC 5424). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* Name this process's source ("keeper", "capture north", at most 47 bytes) and the most verbose
 * level shown. Under systemd (JOURNAL_STREAM set) lines begin with "<level>", elsewhere with the
 * time. */
void log_open(const char *source, enum log_level most_verbose);

/* One line. Never a plate, a camera URL or a credential. Keeps errno. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* A failure, with its code's name. */
void log_fault(enum log_level level, const struct fault *why);

#endif
