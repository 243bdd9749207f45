/* Recipients' certificates, the document, and its encryption. */
#include "daemon/export.h"

#include <assert.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/group.h"
#include "daemon/pem.h"

enum { MIN_RSA_BITS = 2048 };

struct export_recipient {
    X509 *certificate;
};

static enum err failed(struct fault *why, enum err code, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    ERR_clear_error();
    return reason != NULL ? fault_set(why, code, "%s (%s)", what, reason)
                          : fault_set(why, code, "%s", what);
}

static bool is_p256(EVP_PKEY *key)
{
    char group[64];
    size_t length = 0;
    return EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static enum err check_certificate(X509 *certificate, int64_t now_ms, struct fault *why)
{
    time_t now = (time_t)(now_ms / 1000);
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL)
        return failed(why, ERR_INPUT, "the certificate's key is not understood");
    bool is_rsa = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= MIN_RSA_BITS;
    if (!is_rsa && !(EVP_PKEY_is_a(key, "EC") && is_p256(key)))
        return fault_set(why, ERR_INPUT,
                         "the certificate's key must be RSA of at least %d bits, or P-256",
                         MIN_RSA_BITS);
    if (X509_cmp_time(X509_get0_notBefore(certificate), &now) >= 0)
        return fault_set(why, ERR_INPUT, "the certificate is not valid yet");
    if (X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0)
        return fault_set(why, ERR_INPUT, "the certificate has expired");
    return ERR_OK;
}

enum err export_recipient_parse(struct export_recipient **out, const char *pem, size_t size,
                                int64_t now_ms, struct fault *why)
{
    BIO *text = size <= PEM_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
    X509 *certificate = text != NULL ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    BIO_free(text);
    if (certificate == NULL)
        return failed(why, ERR_INPUT, "it is no certificate in PEM");
    enum err err = check_certificate(certificate, now_ms, why);
    struct export_recipient *recipient = err == ERR_OK ? malloc(sizeof *recipient) : NULL;
    if (err == ERR_OK && recipient == NULL)
        err = fault_set(why, ERR_MEMORY, "no memory for a certificate");
    if (err != ERR_OK) {
        X509_free(certificate);
        return err;
    }
    recipient->certificate = certificate;
    *out = recipient;
    return ERR_OK;
}

void export_recipient_free(struct export_recipient **recipient)
{
    if (*recipient != NULL)
        X509_free((*recipient)->certificate);
    free(*recipient);
    *recipient = NULL;
}

enum err export_recipient_load(struct export_recipient **out, const char *dir, const char *name,
                               int64_t now_ms, struct fault *why)
{
    char pem[PEM_MAX];
    size_t size = 0;
    if (dir[0] == '\0')
        return fault_set(why, ERR_NOT_FOUND, "recipient: this lane has no list of recipients");
    enum err err = pem_read_named(dir, name, pem, &size, why);
    if (err == ERR_NOT_FOUND)
        return fault_set(why, err, "recipient: there is no such recipient");
    if (err == ERR_OK)
        err = export_recipient_parse(out, pem, size, now_ms, why);
    return err == ERR_OK ? err : fault_context(why, "recipient");
}

/* What was on the heap is wiped when it is given back: it was plates and pictures. */
static void wipe_and_free(void *bytes)
{
    if (bytes != NULL)
        explicit_bzero(bytes, malloc_usable_size(bytes));
    free(bytes);
}

static json_t *base64(const uint8_t *bytes, size_t size)
{
    char *text = malloc((size + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    json_t *out = json_string(text);
    wipe_and_free(text);
    return out;
}

static json_t *passage(const struct export_passage *passage)
{
    json_t *o = group_json(passage->row);
    if (passage->crop_size == 0)
        return o;
    json_t *image = base64(passage->crop, passage->crop_size);
    json_object_set_new(o, passage->is_sealed ? "sealed_image" : "image", image);
    json_object_set_new(o, "sealed", json_boolean(passage->is_sealed));
    if (image != NULL)
        return o;
    json_decref(o);
    return NULL;
}

/* The document's text, or NULL: no memory. */
static char *write_document(const struct export_order *order)
{
    json_t *mark = group_id(order->mark), *host = group_id(order->host), *list = json_array();
    bool ok = true;
    for (uint32_t i = 0; i < order->n && ok; i++)
        ok = json_array_append_new(list, passage(&order->passages[i])) == 0;
    json_t *o =
        json_pack("{s:s, s:i, s:o, s:I, s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "data_type",
                  "laneward_export", "version", 1, "id", mark, "number", (json_int_t)order->number,
                  "exported", (json_int_t)order->at_ms, "host", host, "reason", order->reason,
                  "case_number", order->case_number, "requested_by", order->requester,
                  "approved_by", order->approver, "recipient", order->recipient, "results", list);
    char *text = ok && o != NULL ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    return text;
}

/* RSA keys get OAEP with SHA-256; P-256 keys CMS's own key agreement. */
static bool add_recipient(CMS_ContentInfo *cms, X509 *certificate)
{
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
    if (info == NULL || !EVP_PKEY_is_a(X509_get0_pubkey(certificate), "RSA"))
        return info != NULL;
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(info);
    return context != NULL && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1;
}

static bool encrypt(const char *text, X509 *certificate, uint8_t **out, size_t *size)
{
    unsigned flags = CMS_BINARY | CMS_PARTIAL;
    BIO *in = BIO_new_mem_buf(text, (int)strlen(text));
    CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_256_cbc(), flags);
    bool ok = in != NULL && cms != NULL && add_recipient(cms, certificate) &&
              CMS_final(cms, in, NULL, CMS_BINARY) == 1;
    uint8_t *der = NULL;
    int length = ok ? i2d_CMS_ContentInfo(cms, &der) : -1;
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    uint8_t *copy = length > 0 ? malloc((size_t)length) : NULL;
    if (copy != NULL) {
        memcpy(copy, der, (size_t)length);
        *out = copy;
        *size = (size_t)length;
    }
    OPENSSL_free(der);
    return copy != NULL;
}

enum err export_make(const struct export_order *order, const struct export_recipient *to,
                     uint8_t **out, size_t *size, uint8_t digest[EXPORT_DIGEST_SIZE],
                     struct fault *why)
{
    assert(order->n >= 1 && order->n <= EXPORT_MAX);
    json_set_alloc_funcs(malloc, wipe_and_free);
    char *text = write_document(order);
    if (text == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for an export");
    uint8_t *der = NULL;
    size_t length = 0;
    bool ok = encrypt(text, to->certificate, &der, &length);
    wipe_and_free(text);
    if (ok && EVP_Digest(der, length, digest, NULL, EVP_sha256(), NULL) != 1) {
        free(der);
        ok = false;
    }
    if (!ok)
        return failed(why, ERR_MEMORY, "an export cannot be encrypted");
    *out = der;
    *size = length;
    return ERR_OK;
}
