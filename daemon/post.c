/* Posting lines to the witness's server. */
#include "daemon/post.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/lookup.h"

enum {
    CONNECT_MS = 5000,
    WHOLE_MS = 10000,
    MAX_REPLY = 16384,    /* bytes of an answer, headers included; only its status counts */
    MAX_PEM = 1024 * 1024 /* the system's authorities are 200 KiB */
};

static struct {
    const char *url;
    struct curl_blob authorities, certificate, key; /* data NULL: none */
    struct fault failed; /* of the preparation; code ERR_OK: all is there */
    CURLM *multi;
    CURL *easy; /* the request that is under way; NULL: none */
    struct curl_slist *resolve, *headers;
    size_t reply_bytes;
} post;

/* What the descriptor holds, from its beginning. Closes it. */
static enum err read_pem(int fd, const char *mark, const char *what, struct curl_blob *out)
{
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return fault_errno(&post.failed, ERR_IO, errno, "%s cannot be opened", what);
    bool is_file = S_ISREG(info.st_mode) && info.st_size <= MAX_PEM;
    char *text = is_file ? malloc((size_t)info.st_size + 1) : NULL;
    ssize_t size = text != NULL ? pread(fd, text, (size_t)info.st_size, 0) : -1;
    close(fd);
    if (size < 0) {
        free(text);
        return fault_set(&post.failed, ERR_IO, "%s cannot be read, or is too long", what);
    }
    text[size] = '\0';
    if (strstr(text, mark) == NULL) {
        explicit_bzero(text, (size_t)size);
        free(text);
        return fault_set(&post.failed, ERR_INPUT, "%s holds none in PEM", what);
    }
    *out = (struct curl_blob){.data = text, .len = (size_t)size, .flags = CURL_BLOB_NOCOPY};
    return ERR_OK;
}

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static enum err read_all(const struct role_env *env)
{
    static const char certificate[] = "-----BEGIN CERTIFICATE-----";
    const struct config *config = env->config;
    const char *own = config->witness_ca;
    const char *system = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (own[0] == '\0' && system == NULL)
        return fault_set(&post.failed, ERR_INPUT,
                         "the system has no file of authorities; set witness_ca in [audit]");
    enum err err = read_pem(open_file(own[0] != '\0' ? own : system), certificate,
                            "the file of the witness's authorities", &post.authorities);
    if (err == ERR_OK && config->witness_cert[0] != '\0')
        err = read_pem(open_file(config->witness_cert), certificate,
                       "the file of the certificate for the witness", &post.certificate);
    if (err == ERR_OK && env->secret_fd >= 0)
        err = read_pem(env->secret_fd, "PRIVATE KEY-----", "the file of the key for the witness",
                       &post.key);
    return err;
}

void post_prepare(const struct role_env *env)
{
    post.url = env->config->witness_url;
    if (curl_global_init(CURL_GLOBAL_SSL) != 0)
        fault_set(&post.failed, ERR_MEMORY, "no memory for TLS");
    else
        (void)read_all(env); /* it leaves its word in `failed` */
    lookup_prepare(post.url);
}

enum err post_open(struct fault *why)
{
    if (post.failed.code != ERR_OK) {
        *why = post.failed;
        return why->code;
    }
    post.multi = lookup_take_multi();
    post.headers = curl_slist_append(NULL, "Content-Type: text/plain");
    if (lookup_result()[0] != '\0')
        post.resolve = curl_slist_append(NULL, lookup_result());
    if (post.multi == NULL || post.headers == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for the witness's connection");
    return ERR_OK;
}

static void end_request(void)
{
    if (post.easy == NULL)
        return;
    curl_multi_remove_handle(post.multi, post.easy);
    curl_easy_cleanup(post.easy);
    post.easy = NULL;
}

void post_close(void)
{
    end_request();
    curl_multi_cleanup(post.multi);
    curl_slist_free_all(post.headers);
    curl_slist_free_all(post.resolve);
    if (post.key.data != NULL)
        explicit_bzero(post.key.data, post.key.len);
    free(post.key.data);
    free(post.certificate.data);
    free(post.authorities.data);
    memset(&post, 0, sizeof post);
    curl_global_cleanup();
}

/* Headers and body alike: counted, and let go. */
static size_t on_bytes(char *bytes, size_t one, size_t size, void *context)
{
    (void)bytes;
    (void)context;
    post.reply_bytes += one * size;
    return post.reply_bytes <= MAX_REPLY ? one * size : 0;
}

static bool set_certificates(CURL *easy)
{
    bool ok = curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &post.authorities) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (post.certificate.data != NULL)
        ok = ok && curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &post.certificate) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &post.key) == CURLE_OK;
    return ok;
}

static bool set_options(CURL *easy, const char *line)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
        {CURLOPT_TIMEOUT_MS, WHOLE_MS},
        {CURLOPT_FRESH_CONNECT, 1},
        {CURLOPT_FORBID_REUSE, 1},
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ok = ok && curl_easy_setopt(easy, numbers[i].option, numbers[i].value) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_URL, post.url) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_USERAGENT, "laneward") == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_RESOLVE, post.resolve) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post.headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, line) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK;
    ok = ok && curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_bytes) == CURLE_OK;
    return ok && set_certificates(easy);
}

enum err post_begin(const char *line, struct fault *why)
{
    assert(post.easy == NULL);
    if (lookup_is_name() && post.resolve == NULL)
        return fault_set(why, ERR_IO, "the witness's name is not found");
    post.reply_bytes = 0;
    post.easy = curl_easy_init();
    if (post.easy != NULL && set_options(post.easy, line) &&
        curl_multi_add_handle(post.multi, post.easy) == CURLM_OK)
        return ERR_OK;
    end_request();
    return fault_set(why, ERR_MEMORY, "cannot set up the witness's connection");
}

static enum err judge(CURLcode code, struct fault *why)
{
    long status = 0;
    curl_easy_getinfo(post.easy, CURLINFO_RESPONSE_CODE, &status);
    if (post.reply_bytes > MAX_REPLY)
        return fault_set(why, ERR_IO, "the witness's answer has no end");
    if (code != CURLE_OK)
        return fault_set(why, ERR_IO, "%s", curl_easy_strerror(code));
    if (status < 200 || status > 299)
        return fault_set(why, ERR_IO, "the witness answers with status %ld", status);
    return ERR_OK;
}

enum err post_turn(const int *fds, size_t n, int timeout_ms, struct fault *why)
{
    struct curl_waitfd waits[2];
    int running, left;
    assert(n <= sizeof waits / sizeof *waits);
    for (size_t i = 0; i < n; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    if (curl_multi_perform(post.multi, &running) != CURLM_OK ||
        curl_multi_poll(post.multi, waits, (unsigned)n,
                        running || post.easy == NULL ? timeout_ms : 0, NULL) != CURLM_OK)
        return fault_set(why, ERR_MEMORY, "the witness's connection cannot be served");
    const CURLMsg *message = curl_multi_info_read(post.multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return ERR_AGAIN;
    enum err err = judge(message->data.result, why);
    end_request();
    return err;
}
