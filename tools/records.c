/* Both sources of the log's records, and the copy's form: JSON lines. */
#include "tools/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"

static const char copy_type[] = "laneward_log_copy";

/* How far it is, once a second, on a terminal. */
struct progress {
    time_t told;
    bool is_on;
};

static void tell(struct progress *progress, uint64_t n)
{
    time_t now = time(NULL);
    if (progress->told == 0)
        progress->told = now;
    if (now == progress->told || !isatty(STDERR_FILENO))
        return;
    progress->told = now;
    progress->is_on = true;
    fprintf(stderr, "\r%" PRIu64 " records", n);
}

static void tell_no_more(const struct progress *progress)
{
    if (progress->is_on)
        fprintf(stderr, "\r%24s\r", "");
}

void records_head_text(const struct head *head, char *out)
{
    uint8_t packed[HEAD_MAX_BYTES];
    base64_encode(packed, head_pack(head, packed), out);
}

bool records_parse_head(const char *text, struct head *out)
{
    uint8_t packed[HEAD_MAX_BYTES];
    size_t size = 0;
    struct fault ignored;
    return base64_decode(text, strlen(text), packed, sizeof packed, &size) &&
           head_parse(packed, size, out, &ignored) == ERR_OK;
}

/* One base64 record, handed on. */
static enum err give(const char *text, records_take_fn *take, void *context, uint64_t *n,
                     struct fault *why)
{
    uint8_t record[ENTRY_MAX_BYTES];
    size_t size = 0;
    if (text == NULL || !base64_decode(text, strlen(text), record, sizeof record, &size))
        return fault_set(why, ERR_INPUT, "record %" PRIu64 " is not understood", *n);
    enum err err = take(context, record, size, why);
    *n += err == ERR_OK;
    return err;
}

static enum err take_page(const json_t *answer, records_take_fn *take, void *context, uint64_t *n,
                          struct fault *why)
{
    size_t i;
    const json_t *record;
    enum err err = client_error(answer, why);
    if (err == ERR_OK && (uint64_t)client_number(answer, "first") != *n)
        return fault_set(why, ERR_INPUT, "the daemon gives other records than were asked for");
    json_array_foreach(json_object_get(answer, "records"), i, record)
    {
        if (err == ERR_OK)
            err = give(json_string_value(record), take, context, n, why);
    }
    return err;
}

enum err records_from_daemon(struct who *who, struct talk *talk, records_take_fn *take,
                             void *context, struct records_end *out, struct fault *why)
{
    struct progress progress = {0};
    struct records_end end = {0};
    struct query query = who->query;
    uint64_t before;
    query.kind = QUERY_LOG;
    enum err err;
    do {
        json_t *answer = NULL;
        before = query.first = end.n;
        err = talk_ask(talk, &query, &answer, why);
        if (err == ERR_OK)
            err = take_page(answer, take, context, &end.n, why);
        json_decref(answer);
        tell(&progress, end.n);
    } while (err == ERR_OK && end.n > before &&
             !(talk->memory.has_head && end.n >= talk->memory.head.size));
    tell_no_more(&progress);
    if (err != ERR_OK)
        return err;
    end.has_head = talk->memory.has_head;
    end.has_key = talk->memory.has_key;
    end.head = talk->memory.head;
    memcpy(end.key, talk->memory.key, sizeof end.key);
    if (end.has_head && end.n < end.head.size)
        return fault_set(why, ERR_CORRUPT,
                         "the log ends after %" PRIu64 " records, and its head has signed %" PRIu64,
                         end.n, end.head.size);
    *out = end;
    return ERR_OK;
}

/* One line of a copy. */
static enum err take_line(const json_t *line, records_take_fn *take, void *context,
                          struct records_end *end, struct fault *why)
{
    const char *record = json_string_value(json_object_get(line, "record")),
               *head = json_string_value(json_object_get(line, "head"));
    if (end->has_head)
        return fault_set(why, ERR_INPUT, "the copy goes on after its end");
    if (record != NULL)
        return give(record, take, context, &end->n, why);
    if (head == NULL || !records_parse_head(head, &end->head) ||
        !hex_decode(client_text(line, "key"), end->key, sizeof end->key))
        return fault_set(why, ERR_INPUT, "the line after record %" PRIu64 " is not understood",
                         end->n);
    end->has_head = end->has_key = true;
    return ERR_OK;
}

static enum err read_lines(FILE *file, records_take_fn *take, void *context,
                           struct records_end *end, struct fault *why)
{
    struct progress progress = {0};
    char *text = NULL;
    size_t room = 0;
    bool is_first = true;
    enum err err = ERR_OK;
    for (ssize_t size; err == ERR_OK && (size = getline(&text, &room, file)) > 0;) {
        json_t *line = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
        if (is_first && strcmp(client_text(line, "data_type"), copy_type) != 0)
            err = fault_set(why, ERR_INPUT, "it is no copy of a log (laneward audit copy)");
        else if (!is_first)
            err = take_line(line, take, context, end, why);
        is_first = false;
        json_decref(line);
        tell(&progress, end->n);
    }
    if (err == ERR_OK && ferror(file))
        err = fault_errno(why, ERR_IO, errno, "cannot be read");
    if (err == ERR_OK && is_first)
        err = fault_set(why, ERR_INPUT, "it is empty");
    tell_no_more(&progress);
    free(text);
    return err;
}

enum err records_from_copy(const char *path, records_take_fn *take, void *context,
                           struct records_end *out, struct fault *why)
{
    struct records_end end = {0};
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL)
        return fault_errno(why, ERR_IO, errno, "cannot read %s", path);
    enum err err = read_lines(file, take, context, &end, why);
    if (file != stdin)
        fclose(file);
    if (err != ERR_OK)
        return fault_context(why, "%s", path);
    *out = end;
    return ERR_OK;
}

bool records_copy_record(FILE *to, const uint8_t *record, size_t size)
{
    char text[BASE64_LENGTH(ENTRY_MAX_BYTES) + 1];
    base64_encode(record, size, text);
    return fprintf(to, "{\"record\":\"%s\"}\n", text) > 0;
}

bool records_copy_begin(FILE *to)
{
    return fprintf(to, "{\"data_type\":\"%s\",\"version\":1}\n", copy_type) > 0;
}

bool records_copy_end(FILE *to, const struct records_end *end)
{
    char head[RECORDS_HEAD_TEXT], key[2 * SIGNATURE_PUBLIC_SIZE + 1];
    if (!end->has_head)
        return true;
    records_head_text(&end->head, head);
    hex_encode(end->key, sizeof end->key, key);
    return fprintf(to, "{\"head\":\"%s\",\"key\":\"%s\"}\n", head, key) > 0;
}
