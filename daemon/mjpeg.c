/* The MJPEG camera: libcurl fetches, multipart cuts; connections that fail or stall are made anew
 * with a growing pause. */
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/capture.h"
#include "daemon/lookup.h"
#include "daemon/multipart.h"

enum {
    FIRST_PAUSE_MS = 500, /* before a connection is tried again; doubles */
    LAST_PAUSE_MS = 10000,
    CONNECT_MS = 5000,
    ANSWER_MS = 10000,   /* until the answer's headers are complete, login included */
    MAX_HEADERS = 65536, /* bytes of all headers of one answer */
    LOOK_UP_MS =
        60000, /* a name that leads nowhere for so long is looked up anew, in a new process */
    MAX_SECRET = 512,
};

struct mjpeg {
    struct capture *capture;
    CURLM *multi;
    CURL *easy; /* one connection; NULL: none */
    struct curl_slist *resolve;
    char *user, *password; /* NULL: no login */
    struct multipart parser;
    bool has_type;    /* the answer has begun, and is a stream */
    bool has_picture; /* of this connection */
    bool was_tried;   /* a connection before this one */
    bool told_lost;   /* its loss was logged */
    size_t header_bytes;
    struct fault fault; /* why a callback has ended the connection; code ERR_OK: it has not */
    int64_t begun_ms, heard_ms; /* the connection; its last picture */
    int64_t reached_ms;         /* the last picture of any, or the start */
    int64_t retry_ms;
    int pause_ms;
};

/* "user:password" on one line. The text lies in a sealed memfd whose position an earlier process
 * may have moved. */
static enum err read_secret(struct mjpeg *mjpeg, int fd, struct fault *why)
{
    char text[MAX_SECRET + 1];
    if (fd < 0)
        return ERR_OK;
    ssize_t size = lseek(fd, 0, SEEK_SET) == 0 ? read(fd, text, MAX_SECRET) : -1;
    if (size <= 0)
        return fault_set(why, ERR_IO, "cannot read the camera's credentials");
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    char *colon = strchr(text, ':');
    enum err err = ERR_OK;
    if (colon == NULL) {
        err =
            fault_set(why, ERR_INPUT, "the camera's credentials are not user:password on one line");
    } else {
        *colon = '\0';
        mjpeg->user = strdup(text);
        mjpeg->password = strdup(colon + 1);
        if (mjpeg->user == NULL || mjpeg->password == NULL)
            err = fault_set(why, ERR_MEMORY, "no memory for a login");
    }
    explicit_bzero(text, sizeof text);
    return err;
}

static void free_secret(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void disconnect(struct mjpeg *mjpeg)
{
    if (mjpeg->easy == NULL)
        return;
    curl_multi_remove_handle(mjpeg->multi, mjpeg->easy);
    curl_easy_cleanup(mjpeg->easy);
    mjpeg->easy = NULL;
    atomic_store(&mjpeg->capture->counters->connected, 0);
}

static void close_mjpeg(void **source)
{
    struct mjpeg *mjpeg = *source;
    disconnect(mjpeg);
    if (mjpeg->multi != NULL)
        curl_multi_cleanup(mjpeg->multi);
    curl_slist_free_all(mjpeg->resolve);
    free_secret(&mjpeg->user);
    free_secret(&mjpeg->password);
    free(mjpeg);
    curl_global_cleanup();
    *source = NULL;
}

static enum err open_mjpeg(struct capture *capture, void **source, struct fault *why)
{
    struct mjpeg *mjpeg = calloc(1, sizeof *mjpeg);
    /* Nothing of TLS is set up: cameras are spoken to in plain HTTP. */
    if (mjpeg == NULL || curl_global_init(CURL_GLOBAL_NOTHING) != 0) {
        free(mjpeg);
        return fault_set(why, ERR_MEMORY, "no memory for a camera's connection");
    }
    void *handle = mjpeg;
    mjpeg->capture = capture;
    mjpeg->pause_ms = FIRST_PAUSE_MS;
    mjpeg->reached_ms = capture_now_ms();
    mjpeg->multi = lookup_take_multi();
    if (lookup_result()[0] != '\0')
        mjpeg->resolve = curl_slist_append(NULL, lookup_result());
    enum err err = read_secret(mjpeg, capture->env->secret_fd, why);
    if (err == ERR_OK && mjpeg->multi == NULL)
        err = fault_set(why, ERR_MEMORY, "no memory for a camera's connection");
    if (err != ERR_OK) {
        close_mjpeg(&handle);
        return err;
    }
    *source = mjpeg;
    return ERR_OK;
}

static bool is_jpeg_type(const char *type)
{
    return type[0] == '\0' || strcmp(type, "image/jpeg") == 0 || strcmp(type, "image/jpg") == 0 ||
           strcmp(type, "image/pjpeg") == 0;
}

/* A part is complete in the mailbox's slot. Cameras may pad a picture behind its end, but it begins
 * and ends as one. */
static void take_part(struct mjpeg *mjpeg, const uint8_t *slot, size_t size)
{
    if (!is_jpeg_type(mjpeg->parser.type))
        return; /* some cameras put sound or text in between */
    while (size > 0 && (slot[size - 1] == 0 || slot[size - 1] == '\n' || slot[size - 1] == '\r'))
        size--;
    if (size < 4 || slot[0] != 0xff || slot[1] != 0xd8) {
        capture_bad(mjpeg->capture, "is no JPEG");
        return;
    }
    if (slot[size - 2] != 0xff || slot[size - 1] != 0xd9) {
        capture_bad(mjpeg->capture, "is truncated");
        return;
    }
    mjpeg->heard_ms = mjpeg->reached_ms = capture_now_ms();
    mjpeg->pause_ms = FIRST_PAUSE_MS;
    if (!mjpeg->has_picture) {
        mjpeg->has_picture = true;
        mjpeg->told_lost = false;
        atomic_store(&mjpeg->capture->counters->connected, 1);
        log_write(LOG_LEVEL_INFO, "connected");
    }
    capture_deliver(mjpeg->capture, size, 0, counters_now_ms(), "");
}

/* At the first bytes of an answer's body. */
static enum err judge_answer(struct mjpeg *mjpeg)
{
    long status = 0;
    const char *type = NULL;
    curl_easy_getinfo(mjpeg->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(mjpeg->easy, CURLINFO_CONTENT_TYPE, &type);
    if (status == 401)
        return fault_set(&mjpeg->fault, ERR_DENIED, "the camera refuses the login");
    if (status != 200)
        return fault_set(&mjpeg->fault, ERR_INPUT, "the camera answers with status %ld", status);
    enum err err = multipart_begin(&mjpeg->parser, type != NULL ? type : "", &mjpeg->fault);
    mjpeg->has_type = err == ERR_OK;
    return err;
}

static size_t on_bytes(char *bytes, size_t one, size_t size, void *context)
{
    struct mjpeg *mjpeg = context;
    assert(one == 1);
    if (!mjpeg->has_type && judge_answer(mjpeg) != ERR_OK)
        return 0;
    size_t room = mjpeg->capture->env->config->max_frame_bytes;
    for (size_t done = 0, used = 0; done < size; done += used) {
        uint8_t *slot = mailbox_slot(mjpeg->capture->mailbox, NULL);
        enum multipart_event event;
        mjpeg->parser.part = slot;
        mjpeg->parser.room = room;
        if (multipart_feed(&mjpeg->parser, (const uint8_t *)bytes + done, size - done, &used,
                           &event, &mjpeg->fault) != ERR_OK)
            return 0;
        if (event == MULTIPART_PART)
            take_part(mjpeg, slot, mjpeg->parser.part_size);
        else if (event == MULTIPART_BAD)
            capture_bad(mjpeg->capture, "is larger than max_frame_bytes");
    }
    return size;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
    struct mjpeg *mjpeg = context;
    (void)bytes;
    mjpeg->header_bytes += one * size;
    if (mjpeg->header_bytes <= MAX_HEADERS)
        return one * size;
    fault_set(&mjpeg->fault, ERR_LIMIT, "the headers of the camera's answer have no end");
    return 0;
}

static bool set_options(struct mjpeg *mjpeg)
{
    CURL *easy = mjpeg->easy;
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
        {CURLOPT_BUFFERSIZE, 131072},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_FRESH_CONNECT, 1},
        {CURLOPT_HTTPAUTH, CURLAUTH_DIGEST | CURLAUTH_BASIC},
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ok = ok && curl_easy_setopt(easy, numbers[i].option, numbers[i].value) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_URL, mjpeg->capture->camera->source) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_USERAGENT, "laneward") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_RESOLVE, mjpeg->resolve) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEDATA, mjpeg) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HEADERDATA, mjpeg) == CURLE_OK;
    if (mjpeg->user != NULL)
        ok = ok && curl_easy_setopt(easy, CURLOPT_USERNAME, mjpeg->user) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_PASSWORD, mjpeg->password) == CURLE_OK;
    return ok;
}

static enum err connect_camera(struct mjpeg *mjpeg, struct fault *why)
{
    mjpeg->easy = curl_easy_init();
    if (mjpeg->easy == NULL || !set_options(mjpeg) ||
        curl_multi_add_handle(mjpeg->multi, mjpeg->easy) != CURLM_OK)
        return fault_set(why, ERR_MEMORY, "cannot set up the camera's connection");
    if (mjpeg->was_tried)
        atomic_fetch_add(&mjpeg->capture->counters->reconnects, 1);
    mjpeg->was_tried = true;
    mjpeg->has_type = mjpeg->has_picture = false;
    mjpeg->header_bytes = 0;
    mjpeg->fault.code = ERR_OK;
    mjpeg->begun_ms = mjpeg->heard_ms = capture_now_ms();
    return ERR_OK;
}

/* Ends the connection and sets when the next is tried. Said once until a picture comes again. */
static void lose(struct mjpeg *mjpeg, const char *reason)
{
    bool is_refused = mjpeg->fault.code == ERR_DENIED;
    log_write(mjpeg->told_lost ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING,
              "no pictures: %s; trying again", reason);
    mjpeg->told_lost = true;
    disconnect(mjpeg);
    if (is_refused) /* a camera may lock out who tries too often */
        mjpeg->pause_ms = LAST_PAUSE_MS;
    mjpeg->retry_ms = capture_now_ms() + mjpeg->pause_ms;
    mjpeg->pause_ms = 2 * mjpeg->pause_ms < LAST_PAUSE_MS ? 2 * mjpeg->pause_ms : LAST_PAUSE_MS;
}

static void check_ended(struct mjpeg *mjpeg)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(mjpeg->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return;
    CURLcode code = message->data.result;
    if (mjpeg->fault.code == ERR_OK && code == CURLE_OK && !mjpeg->has_type)
        (void)judge_answer(mjpeg); /* an answer without a body: a refusal, or a redirection, which
                                      is not followed */
    const char *reason = mjpeg->fault.code != ERR_OK ? mjpeg->fault.text
                         : code == CURLE_OK          ? "the camera has ended the stream"
                                                     : curl_easy_strerror(code);
    lose(mjpeg, reason);
}

static void check_time(struct mjpeg *mjpeg)
{
    int64_t now = capture_now_ms();
    if (mjpeg->easy == NULL)
        return;
    if (!mjpeg->has_type && now - mjpeg->begun_ms > ANSWER_MS)
        lose(mjpeg, "the camera does not answer");
    else if (now - mjpeg->heard_ms > (int64_t)mjpeg->capture->camera->stall_timeout_ms)
        lose(mjpeg, "the stream stands still");
}

static enum err next_of_mjpeg(void *source, struct fault *why)
{
    struct mjpeg *mjpeg = source;
    int64_t now = capture_now_ms();
    if (lookup_is_name() &&
        now - mjpeg->reached_ms > (mjpeg->resolve != NULL ? LOOK_UP_MS : LOOK_UP_MS / 6))
        return fault_set(why, ERR_IO, "the camera's name is to be looked up anew");
    if (mjpeg->easy == NULL &&
        (now < mjpeg->retry_ms || (lookup_is_name() && mjpeg->resolve == NULL))) {
        (void)capture_wait(mjpeg->capture, -1, 100);
        return ERR_OK;
    }
    if (mjpeg->easy == NULL) {
        enum err err = connect_camera(mjpeg, why);
        if (err != ERR_OK)
            return err;
    }
    int running;
    struct curl_waitfd stop = {.fd = mjpeg->capture->env->stop_fd, .events = CURL_WAIT_POLLIN};
    if (curl_multi_perform(mjpeg->multi, &running) != CURLM_OK ||
        curl_multi_poll(mjpeg->multi, &stop, 1, 250, NULL) != CURLM_OK)
        return fault_set(why, ERR_IO, "the camera's connection cannot be served");
    check_ended(mjpeg);
    check_time(mjpeg);
    return ERR_OK;
}

const struct capture_source capture_mjpeg = {open_mjpeg, next_of_mjpeg, close_mjpeg};
