/* The MJPEG capture against servers that others wrote: FFmpeg's, and motion's with both kinds of
 * login. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"

enum { LATEST_START_MS = 45000, STALL_MS = 8000 }; /* a busy host starts motion slowly */

static char folder[64];

static bool is_installed(const char *program)
{
    char path[128];
    snprintf(path, sizeof path, "/usr/bin/%s", program);
    if (access(path, X_OK) == 0)
        return true;
    print_message("SKIPPED: %s is not installed\n", program);
    return false;
}

/* A port that nobody has at the moment. */
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static pid_t start_program(char *const argv[])
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static void end_program(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void takes_whole_pictures(struct stage *stage, int count)
{
    assert_true(stage_take(stage, LATEST_START_MS));
    for (int i = 0; i < count; i++) {
        assert_true(stage_take(stage, STALL_MS));
        assert_true(stage->size > 1000);
        assert_memory_equal(stage->bytes, "\xff\xd8", 2);
        assert_memory_equal(stage->bytes + stage->size - 2, "\xff\xd9", 2);
    }
    assert_int_equal(stage->counters->connected, 1);
    assert_int_equal(stage->counters->bad_frames, 0);
}

static void ffmpegs_stream_is_read(void **state)
{
    (void)state;
    if (!is_installed("ffmpeg"))
        skip();
    char address[64], *argv[] = {"/usr/bin/ffmpeg",
                                 "-loglevel",
                                 "quiet",
                                 "-re",
                                 "-f",
                                 "lavfi",
                                 "-i",
                                 "testsrc=size=640x480:rate=20",
                                 "-c:v",
                                 "mjpeg",
                                 "-q:v",
                                 "3",
                                 "-f",
                                 "mpjpeg",
                                 "-content_type",
                                 "multipart/x-mixed-replace;boundary=ffmpeg",
                                 "-listen",
                                 "1",
                                 address,
                                 NULL};
    snprintf(address, sizeof address, "http://127.0.0.1:%d/lane", free_port());
    pid_t server = start_program(argv);
    struct stage *stage = stage_new(CONFIG_MJPEG, address, NULL);
    stage->config.cameras[0].stall_timeout_ms = STALL_MS;
    stage_start(stage);
    takes_whole_pictures(stage, 30);
    end_program(server);
    for (int waited = 0; stage->counters->connected && waited < 10000; waited += 20)
        usleep(20000);
    assert_int_equal(stage->counters->connected, 0);
    /* The server comes back, as a camera after a power cut. */
    server = start_program(argv);
    takes_whole_pictures(stage, 5);
    assert_true(stage->counters->reconnects > 0);
    stage_stop(stage);
    stage_free(&stage);
    end_program(server);
}

/* A film that motion plays as if a camera showed it. */
static void make_film(const char *path)
{
    char *argv[] = {"/usr/bin/ffmpeg",
                    "-loglevel",
                    "quiet",
                    "-y",
                    "-f",
                    "lavfi",
                    "-i",
                    "testsrc=size=320x240:rate=10",
                    "-t",
                    "30",
                    "-c:v",
                    "mjpeg",
                    "-q:v",
                    "4",
                    "-f",
                    "avi",
                    strdup(path),
                    NULL};
    int status;
    pid_t pid = start_program(argv);
    waitpid(pid, &status, 0);
    free(argv[16]);
    assert_int_equal(status, 0);
}

static void write_motion_config(const char *path, const char *film, int port, int method)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "daemon off\nsetup_mode off\nlog_level 1\ntarget_dir %s\nnetcam_url file://%s\nwidth 320\n"
        "height 240\nframerate 10\npicture_output off\nmovie_output off\nwebcontrol_port 0\n"
        "stream_port %d\nstream_localhost on\nstream_maxrate 10\nstream_auth_method %d\n"
        "stream_authentication gate:keeper-of-the-lane\n",
        folder, film, port, method);
    fclose(file);
}

static void motion_lets_in(int method)
{
    if (!is_installed("ffmpeg") || !is_installed("motion"))
        skip();
    char film[128], config[128], address[64];
    int port = free_port();
    stage_make_folder(folder, sizeof folder);
    snprintf(film, sizeof film, "%s/film.avi", folder);
    snprintf(config, sizeof config, "%s/motion.conf", folder);
    snprintf(address, sizeof address, "http://127.0.0.1:%d/", port);
    make_film(film);
    write_motion_config(config, film, port, method);
    char *argv[] = {"/usr/bin/motion", "-n", "-c", config, NULL};
    pid_t server = start_program(argv);
    struct stage *right = stage_new(CONFIG_MJPEG, address, "gate:keeper-of-the-lane\n");
    right->config.cameras[0].stall_timeout_ms = STALL_MS;
    stage_start(right);
    takes_whole_pictures(right, 5);
    struct stage *wrong = stage_new(CONFIG_MJPEG, address, "gate:keeper\n");
    stage_start(wrong);
    assert_false(stage_take(wrong, 2000));
    stage_stop(wrong);
    stage_free(&wrong);
    stage_stop(right);
    stage_free(&right);
    end_program(server);
    stage_remove_folder(folder);
}

static void motion_with_basic_login_is_read(void **state)
{
    (void)state;
    motion_lets_in(1);
}

static void motion_with_digest_login_is_read(void **state)
{
    (void)state;
    motion_lets_in(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ffmpegs_stream_is_read),
        cmocka_unit_test(motion_with_basic_login_is_read),
        cmocka_unit_test(motion_with_digest_login_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
