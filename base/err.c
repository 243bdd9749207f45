/* Filling the error record. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[ERR_COUNT] = {
    [ERR_OK] = "ok",           [ERR_INPUT] = "input",         [ERR_IO] = "io",
    [ERR_MEMORY] = "memory",   [ERR_LIMIT] = "limit",         [ERR_DENIED] = "denied",
    [ERR_AGAIN] = "again",     [ERR_NOT_FOUND] = "not-found", [ERR_CLOSED] = "closed",
    [ERR_CORRUPT] = "corrupt", [ERR_IDENTITY] = "identity",
};

const char *err_name(enum err code)
{
    assert(code < ERR_COUNT);
    return names[code];
}

enum err fault_set(struct fault *why, enum err code, const char *format, ...)
{
    assert(code != ERR_OK && code < ERR_COUNT);
    if (why == NULL)
        return code;
    va_list args;
    va_start(args, format);
    why->code = code;
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return code;
}

enum err fault_errno(struct fault *why, enum err code, int errnum, const char *format, ...)
{
    assert(code != ERR_OK && code < ERR_COUNT);
    if (why == NULL)
        return code;
    va_list args;
    va_start(args, format);
    why->code = code;
    int used = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof why->text)
        snprintf(why->text + used, sizeof why->text - (size_t)used, ": %s", strerror(errnum));
    return code;
}

enum err fault_context(struct fault *why, const char *format, ...)
{
    if (why == NULL)
        return ERR_IO;
    assert(why->code != ERR_OK);
    char lower[sizeof why->text];
    memcpy(lower, why->text, sizeof lower);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof why->text - 3) {
        memcpy(why->text + used, ": ", 2);
        size_t room = sizeof why->text - (size_t)used - 3, length = strnlen(lower, room);
        memcpy(why->text + used + 2, lower, length);
        why->text[(size_t)used + 2 + length] = '\0';
    }
    return why->code;
}
