/* Papers as JSON. */
#include "daemon/docket.h"

#include <jansson.h>

#include "daemon/finish.h"

char *docket_pending(const struct docket_ticket *tickets, uint32_t n,
                     const struct message_evidence *log)
{
    json_t *answer = json_object(), *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        const struct docket_ticket *t = &tickets[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s%}", "ticket", t->number, "user",
                                              t->user, "asked", (json_int_t)t->asked_ms, "text",
                                              t->text, (size_t)t->size));
    }
    json_object_set_new(answer, "pending", list);
    return finish_line(answer, log);
}

char *docket_ticket(const char *number, const struct message_evidence *log)
{
    return finish_line(json_pack("{s:s}", "ticket", number), log);
}

char *docket_done(const char *what, const struct message_evidence *log)
{
    return finish_line(json_pack("{s:b}", what, 1), log);
}

/* The page's records, each behind its length in two bytes; message_unpack has checked them. */
char *docket_log(const struct message *page, const struct message_evidence *log)
{
    json_t *answer = json_object(), *records = json_array();
    size_t at = 0;
    for (uint32_t i = 0; i < page->n_left; i++) {
        size_t length = page->data[at] | (size_t)page->data[at + 1] << 8;
        json_array_append_new(records, finish_base64(page->data + at + 2, length));
        at += 2 + length;
    }
    json_object_set_new(answer, "first", json_integer((json_int_t)page->first));
    json_object_set_new(answer, "records", records);
    json_object_set_new(answer, "size", json_integer((json_int_t)page->total));
    return finish_line(answer, log);
}

char *docket_proof(const struct message *proof, const struct message_evidence *log)
{
    return finish_line(json_pack("{s:I, s:o}", "leaf_index", (json_int_t)proof->first, "proof",
                                 finish_proof(&proof->proof)),
                       log);
}

char *docket_export(const struct message *blob, const uint8_t *bytes,
                    const struct message_evidence *log)
{
    json_t *file = finish_base64(bytes, blob->total);
    if (file == NULL)
        return NULL;
    return finish_line(json_pack("{s:o, s:I, s:o}", "cms", file, "number", (json_int_t)blob->number,
                                 "sha256", finish_hex(blob->digest, sizeof blob->digest)),
                       log);
}

char *docket_refused(const struct message *refused, const struct message_evidence *log)
{
    json_t *answer = json_pack("{s:{s:s, s:s}}", "error", "code", err_name(refused->fault.code),
                               "text", refused->fault.text);
    if (refused->needs_second)
        json_object_set_new(answer, "needs_second", json_true());
    if (refused->ticket[0] != '\0')
        json_object_set_new(answer, "ticket", json_string(refused->ticket));
    return finish_line(answer, log);
}
