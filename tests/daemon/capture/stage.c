/* Running one capture for a test. */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "daemon/lookup.h"
#include "daemon/rights.h"

static void open_secret(struct stage *stage, const char *secret)
{
    stage->env.secret_fd = -1;
    if (secret == NULL)
        return;
    stage->env.secret_fd = memfd_create("secret", MFD_CLOEXEC);
    assert_int_equal(write(stage->env.secret_fd, secret, strlen(secret)), (ssize_t)strlen(secret));
}

struct stage *stage_new(enum config_source kind, const char *source, const char *secret)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct fault why;
    assert_non_null(stage);
    struct config_camera *camera = &stage->config.cameras[0];
    stage->config.n_cameras = 1;
    stage->config.max_frame_bytes = STAGE_FRAME_BYTES;
    camera->kind = kind;
    camera->stall_timeout_ms = 1500;
    snprintf(camera->source, sizeof camera->source, "%s", source);
    snprintf(camera->name, sizeof camera->name, "north");
    stage->env.role = ROLE_CAPTURE;
    stage->env.config = &stage->config;
    stage->env.data_dir = "";
    stage->env.counters = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(stage->env.counters != MAP_FAILED);
    stage->counters = &stage->env.counters->cameras[0];
    stage->env.mailbox_fd = mailbox_create(STAGE_FRAME_BYTES);
    stage->env.shot_event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stage->env.taken_event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stage->env.source_fd =
        kind == CONFIG_MJPEG ? -1 : open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    open_secret(stage, secret);
    assert_int_equal(mailbox_open(&stage->mailbox, stage->env.mailbox_fd, STAGE_FRAME_BYTES, &why),
                     ERR_OK);
    return stage;
}

static void act(struct stage *stage)
{
    struct fault why = {.code = ERR_IO};
    log_open("test capture", LOG_LEVEL_WARNING);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    if (stage->config.cameras[0].kind == CONFIG_MJPEG)
        lookup_prepare(stage->config.cameras[0].source);
    enum err err = rights_apply(&stage->env, &why);
    if (err == ERR_OK)
        err = capture_run(&stage->env, &why);
    if (err != ERR_OK)
        log_fault(LOG_LEVEL_ERROR, &why);
    _exit((int)err);
}

void stage_start(struct stage *stage)
{
    int stop[2], alive[2];
    assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
    assert_int_equal(pipe2(alive, O_CLOEXEC | O_NONBLOCK), 0);
    stage->env.stop_fd = stop[0];
    stage->env.alive_fd = alive[1];
    stage->stop_end = stop[1];
    stage->alive_end = alive[0];
    stage->pid = fork();
    assert_true(stage->pid >= 0);
    if (stage->pid == 0) {
        close(stop[1]);
        act(stage);
    }
    close(stop[0]);
    close(alive[1]);
}

void stage_resume(struct stage *stage, const char *cursor)
{
    char text[MAILBOX_CURSOR_SIZE] = "";
    snprintf(text, sizeof text, "%s", cursor);
    mailbox_set_resume(stage->mailbox, text);
}

bool stage_take(struct stage *stage, int timeout_ms)
{
    uint64_t count = 1;
    struct pollfd wait = {.fd = stage->env.shot_event_fd, .events = POLLIN};
    while (!mailbox_take(stage->mailbox, &stage->shot, stage->bytes, &stage->size)) {
        if (poll(&wait, 1, timeout_ms) <= 0)
            return false;
        assert_int_equal(read(stage->env.shot_event_fd, &count, sizeof count), sizeof count);
    }
    count = 1;
    assert_int_equal(write(stage->env.taken_event_fd, &count, sizeof count), sizeof count);
    return true;
}

void stage_kill(struct stage *stage)
{
    kill(stage->pid, SIGKILL);
    waitpid(stage->pid, NULL, 0);
    close(stage->stop_end);
    close(stage->alive_end);
    stage->pid = 0;
}

void stage_stop(struct stage *stage)
{
    int status = 0;
    close(stage->stop_end);
    pid_t ended = 0;
    for (int i = 0; i < 100 && ended == 0; i++) {
        ended = waitpid(stage->pid, &status, WNOHANG);
        if (ended == 0)
            usleep(10000);
    }
    assert_int_equal(ended, stage->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ERR_OK);
    close(stage->alive_end);
    stage->pid = 0;
}

void stage_free(struct stage **stage)
{
    if ((*stage)->pid != 0)
        stage_kill(*stage);
    int *const fds[] = {&(*stage)->env.mailbox_fd, &(*stage)->env.shot_event_fd,
                        &(*stage)->env.taken_event_fd, &(*stage)->env.source_fd,
                        &(*stage)->env.secret_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
    mailbox_close(&(*stage)->mailbox);
    munmap((*stage)->env.counters, sizeof(struct counters));
    free(*stage);
    *stage = NULL;
}

bool stage_reaches(const _Atomic uint64_t *value, uint64_t wanted, int timeout_ms)
{
    for (int waited = 0; waited < timeout_ms; waited += 10) {
        if (*value >= wanted)
            return true;
        usleep(10000);
    }
    return *value >= wanted;
}

void stage_make_folder(char *path, size_t size)
{
    snprintf(path, size, "/tmp/laneward-test-XXXXXX");
    assert_non_null(mkdtemp(path));
}

void stage_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    assert_int_equal(rmdir(path), 0);
}

void stage_write(const char *folder, const char *name, const char *mark, size_t size)
{
    char path[512];
    uint8_t *bytes = calloc(1, size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    memcpy(bytes, "\xff\xd8", 2);
    memcpy(bytes + 2, mark, strlen(mark) + 1);
    memcpy(bytes + size - 2, "\xff\xd9", 2);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    free(bytes);
}
