/* Ids of passages. */
#include "daemon/passage.h"

#include <string.h>

/* FNV-1a's start and prime; the second start is the first with its halves swapped. */
static const uint64_t starts[2] = {0xcbf29ce484222325u, 0x84222325cbf29ce4u};
static const uint64_t prime = 0x100000001b3u;

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * prime;
    return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return hash_bytes(hash, bytes, sizeof bytes);
}

/* MurmurHash3's 64-bit finisher: every bit of the input reaches every bit of the output. */
static uint64_t hash_end(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 33);
}

void passage_tag(const char *camera, uint8_t tag[PASSAGE_TAG_SIZE])
{
    uint64_t hash = hash_end(hash_bytes(starts[0], camera, strlen(camera)));
    for (int i = 0; i < PASSAGE_TAG_SIZE; i++)
        tag[i] = (uint8_t)(hash >> (8 * i));
}

void passage_id(const char *camera, const char *picture, int64_t seen_ms, uint32_t born,
                uint8_t id[ROW_ID_SIZE])
{
    uint64_t halves[2];
    for (int h = 0; h < 2; h++) {
        uint64_t hash = hash_bytes(starts[h], camera, strlen(camera) + 1);
        hash = hash_bytes(hash, picture, strlen(picture) + 1);
        halves[h] = hash_end(hash_number(hash_number(hash, (uint64_t)seen_ms), born));
    }
    passage_tag(camera, id);
    for (int i = PASSAGE_TAG_SIZE; i < ROW_ID_SIZE; i++)
        id[i] = (uint8_t)(halves[i / 8] >> (8 * (i % 8)));
}
