/* What the tests of the room share: keys that everybody knows, files of the fuzz corpora. */
#ifndef TESTS_EVIDENCE_FIXTURE_H
#define TESTS_EVIDENCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence/signature.h"

/* The key of RFC 6979, A.2.5, as hexadecimal digits. */
extern const char fixture_scalar[];

/* That key, and another one. */
struct signature_key *fixture_key(void);
struct signature_key *fixture_other_key(void);

/* Bytes of hexadecimal digits; returns how many. */
size_t fixture_bytes(const char *hex, uint8_t *out);

/* tests/fuzz/corpus/NAME; returns its size. */
size_t fixture_read(const char *name, uint8_t *out, size_t room);

#endif
