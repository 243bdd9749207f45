/* What cmocka needs included before it, and what the tests of this room share. */
#ifndef LANEWARD_TESTS_OCR_CHECK_H
#define LANEWARD_TESTS_OCR_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* Code and fault's text of a call that should have worked. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum err got_ = (call);                                                                    \
        if (got_ != ERR_OK)                                                                        \
            fail_msg("%s", why.text);                                                              \
    } while (0)

#endif
