/* The MJPEG capture with its real rights against a scripted camera: what cameras and networks do
 * wrong is borne. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"

/* What the camera does with its n-th connection (0, 1, ...). */
typedef void behave_fn(int client, int n);

static struct {
    int fd, port;
    pid_t pid;
    int log_fd; /* requests as the camera has seen them */
} camera;

static void say(int client, const char *text)
{
    ssize_t ignored = send(client, text, strlen(text), MSG_NOSIGNAL);
    (void)ignored;
}

static void read_request(int client, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    while (used + 1 < size && strstr(text, "\r\n\r\n") == NULL) {
        ssize_t n = recv(client, text + used, size - used - 1, 0);
        if (n <= 0)
            break;
        used += (size_t)n;
        text[used] = '\0';
    }
    ssize_t ignored = write(camera.log_fd, text, used);
    (void)ignored;
}

static void serve(behave_fn *behave)
{
    for (int n = 0;; n++) {
        char request[4096];
        int client = accept(camera.fd, NULL, NULL);
        if (client < 0)
            _exit(1);
        read_request(client, request, sizeof request);
        behave(client, n);
        close(client);
    }
}

static void start_camera(behave_fn *behave)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int pair[2];
    camera.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(camera.fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(camera.fd, 16), 0);
    assert_int_equal(getsockname(camera.fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pipe2(pair, 0), 0);
    camera.port = ntohs(at.sin_port);
    camera.log_fd = pair[1];
    camera.pid = fork();
    assert_true(camera.pid >= 0);
    if (camera.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        serve(behave);
    }
    close(camera.fd);
    close(pair[1]);
    camera.fd = pair[0];
}

/* Everything that the capture has asked until now. */
static char *stop_camera(void)
{
    static char text[65536];
    kill(camera.pid, SIGKILL);
    waitpid(camera.pid, NULL, 0);
    size_t used = 0;
    for (ssize_t n;
         used + 1 < sizeof text && (n = read(camera.fd, text + used, sizeof text - used - 1)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    close(camera.fd);
    return text;
}

static struct stage *watch_camera(const char *secret)
{
    char address[64];
    snprintf(address, sizeof address, "http://127.0.0.1:%d/live?channel=1", camera.port);
    struct stage *stage = stage_new(CONFIG_MJPEG, address, secret);
    stage_start(stage);
    return stage;
}

static void takes(struct stage *stage, const char *mark)
{
    assert_true(stage_take(stage, 5000));
    assert_string_equal((const char *)stage->bytes + 2, mark);
}

static void say_picture(int client, const char *mark)
{
    char bytes[256];
    size_t size = strlen(mark) + 5;
    size_t used = (size_t)snprintf(bytes, sizeof bytes,
                                   "--edge\r\nContent-Type: image/jpeg\r\n"
                                   "Content-Length: %zu\r\n\r\n\xff\xd8%s",
                                   size, mark);
    memcpy(bytes + used, "\0\xff\xd9\r\n", 5);
    ssize_t ignored = send(client, bytes, used + 5, MSG_NOSIGNAL);
    (void)ignored;
}

static const char good_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=\"--edge\"\r\n\r\n";

static void show_two(int client, int n)
{
    (void)n;
    say(client, good_answer);
    say_picture(client, "one");
    usleep(200000);
    say_picture(client, "two");
    sleep(60);
}

static void pictures_come_through(void **state)
{
    (void)state;
    start_camera(show_two);
    struct stage *stage = watch_camera(NULL);
    takes(stage, "one");
    assert_string_equal(stage->shot.cursor, "");
    assert_true(stage->shot.seen_ms > 1600000000000);
    assert_int_equal(stage->counters->connected, 1);
    takes(stage, "two");
    stage_stop(stage);
    assert_int_equal(stage->counters->connected, 0);
    stage_free(&stage);
    const char *asked = stop_camera();
    assert_non_null(strstr(asked, "GET /live?channel=1 HTTP/1.1\r\n"));
    assert_null(strstr(asked, "Authorization"));
}

static void end_after_one(int client, int n)
{
    char mark[16];
    snprintf(mark, sizeof mark, "%d", n);
    say(client, good_answer);
    say_picture(client, mark);
}

static void a_lost_connection_is_made_anew(void **state)
{
    (void)state;
    start_camera(end_after_one);
    struct stage *stage = watch_camera(NULL);
    takes(stage, "0");
    takes(stage, "1");
    takes(stage, "2");
    assert_int_equal(stage->counters->reconnects, 2);
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void stand_still(int client, int n)
{
    end_after_one(client, n);
    if (n == 0)
        sleep(60);
}

static void a_stream_that_stands_still_is_left(void **state)
{
    (void)state;
    start_camera(stand_still);
    struct stage *stage = watch_camera(NULL);
    takes(stage, "0");
    assert_false(stage_take(stage, 1000)); /* stall_timeout is 1.5 s */
    assert_false(
        stage_take(stage, 1000)); /* the camera serves one client at a time, and never ends */
    assert_int_equal(stage->counters->connected, 0);
    assert_true(stage_reaches(&stage->counters->reconnects, 1, 3000));
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void trickle_headers(int client, int n)
{
    (void)n;
    say(client, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 600; i++) {
        if (send(client, "X", 1, MSG_NOSIGNAL) < 0)
            return;
        usleep(100000);
    }
}

static void headers_that_trickle_in_do_not_hold_it(void **state)
{
    (void)state;
    start_camera(trickle_headers);
    struct stage *stage = watch_camera(NULL);
    assert_true(stage_reaches(&stage->counters->reconnects, 1, 6000));
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void endless_headers(int client, int n)
{
    (void)n;
    say(client, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3000; i++) {
        char line[64];
        snprintf(line, sizeof line, "X-Header-%d: 0123456789012345678901234567890\r\n", i);
        if (send(client, line, strlen(line), MSG_NOSIGNAL) < 0)
            return;
    }
    sleep(60);
}

static void headers_without_end_are_cut_off(void **state)
{
    (void)state;
    start_camera(endless_headers);
    struct stage *stage = watch_camera(NULL);
    assert_true(stage_reaches(&stage->counters->reconnects, 1, 1400)); /* before any deadline */
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void redirect(int client, int n)
{
    (void)n;
    char text[256];
    snprintf(text, sizeof text,
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/elsewhere\r\n"
             "Content-Length: 0\r\n\r\n",
             camera.port);
    say(client, text);
}

static void a_redirection_is_not_followed(void **state)
{
    (void)state;
    start_camera(redirect);
    struct stage *stage = watch_camera(NULL);
    assert_true(stage_reaches(&stage->counters->reconnects, 1, 3000));
    stage_stop(stage);
    stage_free(&stage);
    assert_null(strstr(stop_camera(), "elsewhere"));
}

static void say_chunked(int client, int n)
{
    (void)n;
    say(client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                "Content-Type: multipart/x-mixed-replace;boundary=edge\r\n\r\n");
    say(client, "5\r\n--edg\r\n");
    say(client, "1e\r\ne\r\nContent-Type: image/jpeg\r\n\r\r\n");
    const char bytes[] = "d\r\n\n\xff\xd8in bits\0\xff\xd9\r\n"
                         "9\r\n\r\n--edge\n\r\n";
    ssize_t ignored = send(client, bytes, sizeof bytes - 1, MSG_NOSIGNAL);
    (void)ignored;
    sleep(60);
}

static void chunks_may_cut_anywhere(void **state)
{
    (void)state;
    start_camera(say_chunked);
    struct stage *stage = watch_camera(NULL);
    takes(stage, "in bits");
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void say_rubbish(int client, int n)
{
    static char filler[300000];
    memset(filler, 'x', sizeof filler - 1);
    (void)n;
    say(client, good_answer);
    say(client, "--edge\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\nno jpg\r\n"
                "--edge\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n\xff\xd8"
                "cut.\r\n"
                "--edge\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ntext\r\n"
                "--edge\r\nContent-Type: image/jpeg\r\n\r\n");
    say(client, filler); /* larger than max_frame_bytes */
    say(client, "\r\n--edge\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\n");
    ssize_t ignored = send(client, "\xff\xd8well\0\xff\xd9\r\n", 11, MSG_NOSIGNAL);
    (void)ignored;
    sleep(60);
}

static void bad_parts_are_counted_and_the_next_good_one_comes(void **state)
{
    (void)state;
    start_camera(say_rubbish);
    struct stage *stage = watch_camera(NULL);
    takes(stage, "well");
    assert_int_equal(stage->counters->bad_frames, 3);
    assert_int_equal(stage->counters->frames, 1);
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void ask_for_digest(int client, int n)
{
    if (n % 2 == 0) {
        say(client, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n"
                    "WWW-Authenticate: Basic realm=\"cam\"\r\n"
                    "WWW-Authenticate: Digest realm=\"cam\", qop=\"auth\", algorithm=SHA-256, "
                    "nonce=\"abc123\", "
                    "opaque=\"xyz\"\r\n\r\n");
        return;
    }
    end_after_one(client, n);
    sleep(60);
}

static void the_digest_is_chosen_before_the_plain_word(void **state)
{
    (void)state;
    start_camera(ask_for_digest);
    struct stage *stage = watch_camera("gate:keeper of lane\n");
    takes(stage, "1");
    stage_stop(stage);
    stage_free(&stage);
    const char *asked = stop_camera();
    assert_non_null(strstr(asked, "Authorization: Digest username=\"gate\""));
    assert_non_null(strstr(asked, "algorithm=SHA-256"));
    assert_non_null(strstr(asked, "qop=auth"));
    assert_null(strstr(asked, "Authorization: Basic"));
    assert_null(strstr(asked, "keeper of lane"));
}

static void refuse_login(int client, int n)
{
    (void)n;
    say(client, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nConnection: close\r\n"
                "WWW-Authenticate: Basic realm=\"cam\"\r\n\r\nnope");
}

static void a_refused_login_is_not_hammered(void **state)
{
    (void)state;
    start_camera(refuse_login);
    struct stage *stage = watch_camera("gate:wrong");
    sleep(3);
    assert_int_equal(stage->counters->reconnects, 0); /* the next try comes after 10 s */
    stage_stop(stage);
    stage_free(&stage);
    stop_camera();
}

static void a_camera_that_is_not_there_is_tried_again(void **state)
{
    (void)state;
    start_camera(show_two);
    stop_camera();
    struct stage *stage = watch_camera(NULL);
    assert_true(stage_reaches(&stage->counters->reconnects, 2, 4000)); /* after 0.5 and 1 s */
    assert_int_equal(stage->counters->connected, 0);
    stage_stop(stage);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_come_through),
        cmocka_unit_test(a_lost_connection_is_made_anew),
        cmocka_unit_test(a_stream_that_stands_still_is_left),
        cmocka_unit_test(headers_that_trickle_in_do_not_hold_it),
        cmocka_unit_test(headers_without_end_are_cut_off),
        cmocka_unit_test(a_redirection_is_not_followed),
        cmocka_unit_test(chunks_may_cut_anywhere),
        cmocka_unit_test(bad_parts_are_counted_and_the_next_good_one_comes),
        cmocka_unit_test(the_digest_is_chosen_before_the_plain_word),
        cmocka_unit_test(a_refused_login_is_not_hammered),
        cmocka_unit_test(a_camera_that_is_not_there_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
