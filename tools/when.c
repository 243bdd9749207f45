/* Reading and writing times. */
#include "tools/when.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t longest_ms = INT64_C(100) * 366 * 86400 * 1000;

/* Exactly `digits` digits, then `after` (0: whatever follows). */
static bool take_number(const char **at, int digits, char after, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        value = value * 10 + (**at - '0');
    }
    *out = value;
    if (after == '\0')
        return true;
    return *(*at)++ == after;
}

static bool take_date(const char **at, struct tm *parts)
{
    if (!take_number(at, 4, '-', &parts->tm_year) || !take_number(at, 2, '-', &parts->tm_mon) ||
        !take_number(at, 2, '\0', &parts->tm_mday))
        return false;
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    return parts->tm_mon >= 0 && parts->tm_mon < 12 && parts->tm_mday >= 1 && parts->tm_mday <= 31;
}

static bool take_clock(const char **at, struct tm *parts)
{
    if (!take_number(at, 2, ':', &parts->tm_hour) || !take_number(at, 2, '\0', &parts->tm_min))
        return false;
    if (**at == ':') {
        (*at)++;
        if (!take_number(at, 2, '\0', &parts->tm_sec))
            return false;
    }
    return parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60;
}

/* "Z" or "+01:00": minutes east of Greenwich. */
static bool take_zone(const char **at, int *minutes)
{
    int hour, minute, sign = **at == '-' ? -1 : 1;
    *minutes = 0;
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return true;
    }
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    if (!take_number(at, 2, ':', &hour) || !take_number(at, 2, '\0', &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return hour < 24 && minute < 60;
}

/* mktime accepts the 31st of June and makes another day of it. */
static bool is_real_day(const struct tm *asked, const struct tm *made)
{
    return asked->tm_mday == made->tm_mday && asked->tm_mon == made->tm_mon;
}

static bool parse_point(const char *text, int64_t now_ms, int64_t *out)
{
    time_t now = (time_t)(now_ms / 1000), made;
    struct tm parts = {.tm_isdst = -1}, today;
    const char *at = text;
    bool has_date = strchr(text, '-') == text + 4;
    localtime_r(&now, &today);
    parts.tm_year = today.tm_year, parts.tm_mon = today.tm_mon, parts.tm_mday = today.tm_mday;
    if (has_date && !take_date(&at, &parts))
        return false;
    if (has_date && (*at == ' ' || *at == 'T' || *at == 't'))
        at++;
    else if (has_date && *at != '\0')
        return false;
    if ((!has_date || *at != '\0') && !take_clock(&at, &parts))
        return false;
    if (*at == '.') /* fractions of a second are not needed */
        for (at++; isdigit((unsigned char)*at); at++)
            continue;
    struct tm asked = parts;
    int zone;
    if (*at == '\0') {
        made = mktime(&parts);
    } else {
        if (!has_date || !take_zone(&at, &zone) || *at != '\0')
            return false;
        made = timegm(&parts) - (time_t)zone * 60;
    }
    *out = (int64_t)made * 1000;
    return is_real_day(&asked, &parts) && made > 0;
}

enum err when_parse_length(const char *text, int64_t *out, struct fault *why)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 86400 * 1000}};
    int64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at) && value < longest_ms; at++)
        value = value * 10 + (*at - '0');
    for (size_t i = 0; at != text && i < sizeof units / sizeof units[0]; i++)
        if (*at == units[i].unit && at[1] == '\0' && value > 0 &&
            value <= longest_ms / units[i].ms) {
            *out = value * units[i].ms;
            return ERR_OK;
        }
    return fault_set(why, ERR_INPUT, "\"%s\" is no length of time: write 90s, 10m, 2h or 3d", text);
}

enum err when_parse(const char *text, int64_t now_ms, int64_t *out, struct fault *why)
{
    int64_t ago;
    if (strcmp(text, "now") == 0) {
        *out = now_ms;
        return ERR_OK;
    }
    if (when_parse_length(text, &ago, NULL) == ERR_OK && ago < now_ms) {
        *out = now_ms - ago;
        return ERR_OK;
    }
    if (parse_point(text, now_ms, out))
        return ERR_OK;
    return fault_set(why, ERR_INPUT,
                     "\"%s\" is no time: write 2026-11-22T10:30:00Z, \"2026-11-22 10:30\" or 10:30 "
                     "(local time), or 10m for ten minutes ago",
                     text);
}

int64_t when_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void when_text(int64_t ms, char out[WHEN_TEXT_SIZE])
{
    struct tm parts;
    time_t seconds = (time_t)(ms / 1000);
    if (ms == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(out, WHEN_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(out, WHEN_TEXT_SIZE, "never");
}
