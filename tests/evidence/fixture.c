/* What the tests of the room share. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

const char fixture_scalar[] = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";

size_t fixture_bytes(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (uint8_t)value;
    }
    return n;
}

static struct signature_key *key_of(const char *hex)
{
    uint8_t scalar[32];
    struct signature_key *key = NULL;
    struct fault why;
    assert_int_equal(fixture_bytes(hex, scalar), sizeof scalar);
    assert_int_equal(signature_key_from_scalar(&key, scalar, &why), ERR_OK);
    return key;
}

struct signature_key *fixture_key(void)
{
    return key_of(fixture_scalar);
}

struct signature_key *fixture_other_key(void)
{
    return key_of("0000000000000000000000000000000000000000000000000000000000000007");
}

size_t fixture_read(const char *name, uint8_t *out, size_t room)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", LANEWARD_SOURCE_DIR, name);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    size_t size = fread(out, 1, room, file);
    fclose(file);
    assert_true(size < room);
    return size;
}
