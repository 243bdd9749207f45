/* The store linked with a SQLite that has no cipher and takes a key without a word: it refuses to
 * write in the clear. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "storage/store.h"

/* What such a library does with a key. */
int sqlite3_key_v2(sqlite3 *db, const char *name, const void *key, int size)
{
    (void)db;
    (void)name;
    (void)key;
    (void)size;
    return SQLITE_OK;
}

static void store_refuses_a_library_without_a_cipher(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_compileoption_used("HAS_CODEC"), 0);
    char dir[] = "/tmp/laneward-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    struct store *store = NULL;
    struct fault why = {0};
    const struct store_options options = {.binding = {.dir = dir, .tpm = "none"},
                                          .terms = {1000, 1000, 1000, 1000}};
    assert_int_equal(store_open(&store, &options, &why), ERR_IDENTITY);
    assert_null(store);
    assert_non_null(strstr(why.text, "no cipher"));
    /* Nothing is left behind, in the clear least of all. */
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.') { /* the keys alone */
            if (strcmp(entry->d_name, "host.key") != 0 &&
                strncmp(entry->d_name, "keyring.", 8) != 0)
                fail_msg("left behind: %s", entry->d_name);
            (void)snprintf(path, sizeof path, "%s/%.32s", dir, entry->d_name);
            assert_int_equal(unlink(path), 0);
        }
    closedir(folder);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(store_refuses_a_library_without_a_cipher)};
    return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
