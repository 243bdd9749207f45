/* Writing log lines to stderr in one write each, so that lines of several processes do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char source[48] = "laneward";
static enum log_level shown = LOG_LEVEL_INFO;
static int to_journal;

void log_open(const char *name, enum log_level most_verbose)
{
    snprintf(source, sizeof source, "%s", name);
    shown = most_verbose;
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    int used;
    if (to_journal) {
        used = snprintf(line, size, "<%d>%s: ", (int)level, source);
    } else {
        static const char *const words[] = {"",        "",       "",     "error",
                                            "warning", "notice", "info", "debug"};
        struct timespec now;
        struct tm parts;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &parts);
        used = snprintf(line, size, "%02d:%02d:%02d.%03dZ %s %s: ", parts.tm_hour, parts.tm_min,
                        parts.tm_sec, (int)(now.tv_nsec / 1000000), words[level], source);
    }
    return used < 0 ? 0 : (size_t)used;
}

void log_write(enum log_level level, const char *format, ...)
{
    if (level > shown)
        return;
    int kept_errno = errno;
    char line[1024];
    size_t used = write_prefix(line, sizeof line, level);
    va_list args;
    va_start(args, format);
    int text = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    if (text > 0)
        used += (size_t)text;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';
    /* A log that cannot be written has nobody to complain to. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
    errno = kept_errno;
}

void log_fault(enum log_level level, const struct fault *why)
{
    log_write(level, "%s (%s)", why->text, err_name(why->code));
}
