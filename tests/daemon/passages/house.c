/* Real roles in forked processes, connected as the parent connects them. */
#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/mailbox.h"
#include "storage/audit.h"

static void pair(int *one, int *other)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                     0);
    *one = ends[0];
    *other = ends[1];
}

static void configure(struct house *h)
{
    static const char *const names[] = {"north", "south"};
    config_defaults(&h->config);
    snprintf(h->config.state_dir, sizeof h->config.state_dir, "%s", h->state_dir);
    snprintf(h->config.tpm, sizeof h->config.tpm, "none");
    h->config.max_rows = 40;
    h->config.n_cameras = 2;
    for (int i = 0; i < 2; i++) {
        struct config_camera *camera = &h->config.cameras[i];
        snprintf(camera->lane, sizeof camera->lane, "%s", names[i]);
        snprintf(camera->name, sizeof camera->name, "%s-1", names[i]);
        pair(&h->recognizer_side[i], &h->keeper_side[i]);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    memcpy(place.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

int house_setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    assert_non_null(h);
    const char *folder = getenv("TMPDIR");
    snprintf(h->root, sizeof h->root, "%.32s/laneward-house-XXXXXX",
             folder != NULL ? folder : "/tmp");
    assert_non_null(mkdtemp(h->root));
    snprintf(h->state_dir, sizeof h->state_dir, "%s/state", h->root);
    assert_int_equal(mkdir(h->state_dir, 0700), 0);
    h->counters =
        mmap(NULL, sizeof *h->counters, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(h->counters != MAP_FAILED);
    pair(&h->desk_side, &h->keeper_desk_side);
    h->keeper_stop = h->desk_stop = h->recognizer_stop = -1;
    configure(h);
    snprintf(h->socket_path, sizeof h->socket_path, "%s/laneward.sock", h->root);
    snprintf(h->maintenance_path, sizeof h->maintenance_path, "%s/maintenance.sock", h->root);
    h->listen_fd = listen_at(h->socket_path);
    h->maintenance_fd = listen_at(h->maintenance_path);
    h->mailbox_fd = mailbox_create(h->config.max_frame_bytes);
    h->shot_event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->taken_event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(h->mailbox_fd >= 0 && h->shot_event_fd >= 0 && h->taken_event_fd >= 0);
    *state = h;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int house_teardown(void **state)
{
    struct house *h = *state;
    house_kill(&h->keeper, &h->keeper_stop);
    house_kill(&h->desk, &h->desk_stop);
    house_kill(&h->recognizer, &h->recognizer_stop);
    close(h->mailbox_fd);
    close(h->shot_event_fd);
    close(h->taken_event_fd);
    for (int i = 0; i < 2; i++) {
        close(h->recognizer_side[i]);
        close(h->keeper_side[i]);
    }
    close(h->desk_side);
    close(h->keeper_desk_side);
    close(h->listen_fd);
    close(h->maintenance_fd);
    munmap(h->counters, sizeof *h->counters);
    unlink(h->socket_path);
    unlink(h->maintenance_path);
    remove_folder(h->state_dir);
    rmdir(h->root);
    free(h);
    return 0;
}

static void clear_env(const struct house *h, struct role_env *env)
{
    *env = (struct role_env){.config = &h->config,
                             .counters = h->counters,
                             .data_dir = LANEWARD_BINARY_DIR "/share/laneward",
                             .alive_fd = -1,
                             .mailbox_fd = -1,
                             .shot_event_fd = -1,
                             .taken_event_fd = -1,
                             .source_fd = -1,
                             .secret_fd = -1,
                             .keeper_fd = -1,
                             .desk_fd = -1,
                             .herald_fd = -1,
                             .listen_fd = -1,
                             .maintenance_fd = -1};
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        env->recognizer_fd[i] = -1;
}

/* Forks a role and waits for its first sign of life. */
static pid_t start(const struct house *h, struct role_env *env, int *stop,
                   enum err (*run)(const struct role_env *, struct fault *))
{
    int stop_pipe[2], alive_pipe[2];
    assert_int_equal(pipe2(stop_pipe, O_CLOEXEC), 0);
    assert_int_equal(pipe2(alive_pipe, O_CLOEXEC | O_NONBLOCK), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fault why;
        close(stop_pipe[1]);
        close(h->keeper_stop); /* the other role's pipe must end when the test closes it */
        close(h->desk_stop);
        close(h->recognizer_stop);
        signal(SIGXFSZ, SIG_IGN);
        env->stop_fd = stop_pipe[0];
        env->alive_fd = alive_pipe[1];
        if (run(env, &why) == ERR_OK)
            _exit(0);
        fprintf(stderr, "%s\n", why.text);
        _exit(10 + (int)why.code);
    }
    close(stop_pipe[0]);
    close(alive_pipe[1]);
    struct pollfd alive = {.fd = alive_pipe[0], .events = POLLIN};
    char sign;
    assert_int_equal(poll(&alive, 1, 30000), 1);
    assert_int_equal(read(alive_pipe[0], &sign, 1), 1);
    close(alive_pipe[0]); /* the child's own copy keeps the pipe open */
    *stop = stop_pipe[1];
    return pid;
}

void house_start_keeper(struct house *h)
{
    struct role_env env;
    clear_env(h, &env);
    env.role = ROLE_KEEPER;
    env.desk_fd = h->keeper_desk_side;
    for (int i = 0; i < 2; i++)
        env.recognizer_fd[i] = h->keeper_side[i];
    h->keeper = start(h, &env, &h->keeper_stop, keeper_run);
}

void house_start_desk(struct house *h)
{
    struct role_env env;
    clear_env(h, &env);
    env.role = ROLE_DESK;
    env.keeper_fd = h->desk_side;
    env.listen_fd = h->listen_fd;
    env.maintenance_fd = h->maintenance_fd;
    h->desk = start(h, &env, &h->desk_stop, desk_run);
}

void house_start_recognizer(struct house *h)
{
    struct role_env env;
    clear_env(h, &env);
    env.role = ROLE_RECOGNIZER;
    env.camera = 0;
    env.keeper_fd = h->recognizer_side[0];
    env.mailbox_fd = h->mailbox_fd;
    env.shot_event_fd = h->shot_event_fd;
    env.taken_event_fd = h->taken_event_fd;
    h->recognizer = start(h, &env, &h->recognizer_stop, recognizer_run);
}

void house_stop(pid_t *role, int *stop)
{
    int status;
    close(*stop);
    *stop = -1;
    for (int i = 0; i < 200; i++) {
        pid_t ended = waitpid(*role, &status, WNOHANG);
        if (ended == *role) {
            *role = 0;
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("a role did not stop within 2 s");
}

void house_kill(pid_t *role, int *stop)
{
    int status;
    if (*role == 0)
        return;
    kill(*role, SIGKILL);
    waitpid(*role, &status, 0);
    *role = 0;
    close(*stop);
    *stop = -1;
}

void house_receive(struct house *h, int fd)
{
    struct pollfd there = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&there, 1, 5000), 1);
    assert_int_equal(message_receive(fd, &h->in, h->scratch, &h->why), ERR_OK);
}

int64_t house_begin_ms(void)
{
    static int64_t begin_ms;
    if (begin_ms == 0)
        begin_ms = counters_now_ms() - 3600000;
    return begin_ms;
}

void house_passage(uint32_t n, struct passage *out)
{
    memset(out, 0, sizeof *out);
    struct row *row = &out->row;
    passage_id("north-1", "made up", n, 0, row->id);
    row->state = ROW_LOST;
    row->first_ms = house_begin_ms() + 1000 * (int64_t)n;
    row->last_ms = row->first_ms + 700;
    row->clock_synchronised = true;
    snprintf(row->lane, sizeof row->lane, "north");
    snprintf(row->camera, sizeof row->camera, "north-1");
    snprintf(row->plate, sizeof row->plate, "TST%04u", (unsigned)n % 10000);
    row->confidence = 0.9f;
    row->n_frames = n;
    row->n_candidates = 1;
    memcpy(row->candidates[0].plate, row->plate, sizeof row->plate);
    row->candidates[0].confidence = 0.9f;
    row->crop_size = 2000 + n % 1000;
    for (uint32_t i = 0; i < row->crop_size; i++)
        out->crop[i] = (uint8_t)(i * 7 + n);
}

struct store *house_open_store(struct house *h)
{
    struct store *store = NULL;
    const struct store_options options = {
        .binding = {.dir = h->state_dir, .tpm = "none"},
        .terms = {259200000, 259200000, 259200000, 86400000},
    };
    assert_int_equal(h->keeper, 0);
    if (store_open(&store, &options, &h->why) != ERR_OK)
        fail_msg("%s", h->why.text);
    return store;
}

void house_close_store(struct store **store)
{
    store_close(store);
}

/* Every record of the log, one after the other. */
static bool next_record(struct store *store, uint64_t index, struct entry *entry,
                        struct entry_detail *detail)
{
    static uint8_t bytes[ENTRY_MAX_BYTES + 2];
    const uint8_t *sealed;
    size_t sealed_size;
    struct fault why;
    struct audit_page page = {.first = index, .room = 1, .out = bytes, .out_size = sizeof bytes};
    assert_int_equal(audit_read(store, &page, &why), ERR_OK);
    if (page.n == 0)
        return false;
    assert_int_equal(entry_parse(bytes + 2, page.size - 2, entry, &sealed, &sealed_size, &why),
                     ERR_OK);
    memset(detail, 0, sizeof *detail);
    if (sealed_size > 0)
        assert_int_equal(entry_open(entry, sealed, sealed_size, NULL, detail, &why), ERR_OK);
    return true;
}

int house_count_looks(struct store *store, const char *kind)
{
    struct entry entry;
    struct entry_detail detail;
    int n = 0;
    for (uint64_t i = 0; next_record(store, i, &entry, &detail); i++)
        n += strcmp(entry_kind_name(entry.kind), kind) == 0;
    return n;
}

bool house_last_look(struct store *store, const char *kind, struct entry *entry,
                     struct entry_detail *detail)
{
    struct entry at;
    struct entry_detail its;
    bool found = false;
    for (uint64_t i = 0; next_record(store, i, &at, &its); i++)
        if (strcmp(entry_kind_name(at.kind), kind) == 0) {
            *entry = at;
            *detail = its;
            found = true;
        }
    return found;
}

int house_count_looks_by(struct store *store, uid_t uid, const char *user, const char *reason)
{
    struct entry entry;
    struct entry_detail detail;
    int n = 0;
    for (uint64_t i = 0; next_record(store, i, &entry, &detail); i++)
        n +=
            entry.uid == uid && strcmp(entry.user, user) == 0 && strcmp(detail.reason, reason) == 0;
    return n;
}
