/* Characters that change what is around them. */
#include "base/words.h"

#include <string.h>

size_t words_odd(const char *text)
{
    static const struct {
        const char *first, *last;
    } odd[] = {{"\xc2\x80", "\xc2\x9f"},          /* C1 controls */
               {"\xd8\x9c", "\xd8\x9c"},          /* a letter mark of direction */
               {"\xe2\x80\x8b", "\xe2\x80\x8f"},  /* no width, direction */
               {"\xe2\x80\xa8", "\xe2\x80\xae"},  /* ends of lines, embeddings, overrides */
               {"\xe2\x81\xa0", "\xe2\x81\xaf"},  /* joiners, isolates */
               {"\xef\xbb\xbf", "\xef\xbb\xbf"}}; /* no width */
    unsigned char c = (unsigned char)text[0];
    if (c == '\0')
        return 0;
    if (c < ' ' || c == 0x7f)
        return 1;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        size_t length = strlen(odd[i].first);
        if (strncmp(text, odd[i].first, length) >= 0 && strncmp(text, odd[i].last, length) <= 0)
            return length;
    }
    return 0;
}

bool words_are_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (words_odd(text) > 0)
            return false;
    return true;
}
