/* The error record: a small code to decide by, and the sentence that an operator reads. */
#ifndef LANEWARD_BASE_ERR_H
#define LANEWARD_BASE_ERR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

/* What the caller can decide by. Details belong in the fault's text. */
enum err {
    ERR_OK = 0,
    ERR_INPUT,     /* bytes, a field or an argument from outside are wrong */
    ERR_IO,        /* the operating system said no: disk full, broken device, no such host */
    ERR_MEMORY,    /* no memory */
    ERR_LIMIT,     /* a stated bound is exceeded: too large, too many, too often */
    ERR_DENIED,    /* the asker has no right to it */
    ERR_NOT_FOUND, /* the thing asked for is not there */
    ERR_AGAIN,     /* nothing now, try later: empty, time-out */
    ERR_CLOSED,    /* the other side has ended the conversation */
    ERR_CORRUPT,   /* what is stored fails its check */
    ERR_IDENTITY,  /* what is stored is bound to another host, key or library */
    ERR_COUNT
};

/* One failure. `text` is one line, without plate text, camera URL or credential. */
struct fault {
    enum err code;
    char text[480];
};

/* Short fixed name of a code, for logs and tests: "input", "io", ... */
const char *err_name(enum err code);

/* Fill `why` (may be NULL: then only the code is returned). Returns `code`, which is not ERR_OK. */
enum err fault_set(struct fault *why, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Same, and append ": " and the system's text for `errnum`. */
enum err fault_errno(struct fault *why, enum err code, int errnum, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Put "context: " in front of a text that a lower function has set. Returns why->code. */
enum err fault_context(struct fault *why, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
