/* What a library that is not SQLCipher would have to have to be taken for it: a key that does
 * nothing. */
int sqlite3_key_v2(void *db, const char *name, const void *key, int size);

int sqlite3_key_v2(void *db, const char *name, const void *key, int size)
{
    (void)db;
    (void)name;
    (void)key;
    (void)size;
    return 0;
}
