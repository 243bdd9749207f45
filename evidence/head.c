/* Heads of the log, as bytes and back. Little-endian fields after a tag; the signature is over all
 * that stands before it. */
#include "evidence/head.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/wire.h"

enum { TAG_SIZE = 15 };
static const char head_tag[] = "laneward head 1";
static_assert(sizeof head_tag == TAG_SIZE + 1, "");

size_t head_message(const struct head *head, uint8_t *out)
{
    struct wire w = {.at = out, .end = out + HEAD_MAX_BYTES};
    wire_put_bytes(&w, head_tag, TAG_SIZE);
    wire_put(&w, head->size, 8);
    wire_put_bytes(&w, head->root.byte, sizeof head->root.byte);
    wire_put(&w, head->epoch, 8);
    wire_put(&w, head->binding, 1);
    wire_put_bytes(&w, head->host, sizeof head->host);
    wire_put_bytes(&w, head->boot, sizeof head->boot);
    wire_put(&w, (uint64_t)head->at_ms, 8);
    wire_put_bytes(&w, head->previous.byte, sizeof head->previous.byte);
    wire_put_bytes(&w, head->posture, sizeof head->posture);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

size_t head_pack(const struct head *head, uint8_t *out)
{
    assert(head->signature.size > 0 && head->signature.size <= SIGNATURE_MAX);
    struct wire w = {.at = out + head_message(head, out), .end = out + HEAD_MAX_BYTES};
    wire_put(&w, head->signature.size, 1);
    wire_put_bytes(&w, head->signature.der, head->signature.size);
    assert(!w.bad);
    return (size_t)(w.at - out);
}

enum err head_parse(const uint8_t *bytes, size_t size, struct head *out, struct fault *why)
{
    uint8_t copy[HEAD_MAX_BYTES];
    char tag[TAG_SIZE] = "";
    if (size > sizeof copy)
        return fault_set(why, ERR_INPUT, "a head of the log is too long");
    if (size > 0)
        memcpy(copy, bytes, size);
    struct wire w = {.at = copy, .end = copy + size};
    struct head head = {0};
    wire_get_bytes(&w, tag, sizeof tag);
    head.size = wire_get(&w, 8);
    wire_get_bytes(&w, head.root.byte, sizeof head.root.byte);
    head.epoch = wire_get(&w, 8);
    head.binding = (uint8_t)wire_get(&w, 1);
    wire_get_bytes(&w, head.host, sizeof head.host);
    wire_get_bytes(&w, head.boot, sizeof head.boot);
    head.at_ms = (int64_t)wire_get(&w, 8);
    wire_get_bytes(&w, head.previous.byte, sizeof head.previous.byte);
    wire_get_bytes(&w, head.posture, sizeof head.posture);
    head.signature.size = (uint8_t)wire_get(&w, 1);
    if (w.bad || memcmp(tag, head_tag, sizeof tag) != 0 || head.binding < 1 || head.binding > 2 ||
        head.signature.size == 0 || head.signature.size > SIGNATURE_MAX ||
        (size_t)(w.end - w.at) != head.signature.size)
        return fault_set(why, ERR_INPUT, "a head of the log is not understood");
    wire_get_bytes(&w, head.signature.der, head.signature.size);
    *out = head;
    return ERR_OK;
}

bool head_is_signed(const struct head *head, const struct signature_key *key)
{
    uint8_t message[HEAD_MAX_BYTES];
    return signature_holds(key, message, head_message(head, message), &head->signature);
}

struct merkle_hash head_digest(const struct head *head)
{
    uint8_t packed[HEAD_MAX_BYTES];
    struct merkle_hash digest;
    int good = EVP_Digest(packed, head_pack(head, packed), digest.byte, NULL, EVP_sha256(), NULL);
    assert(good == 1);
    return digest;
}
