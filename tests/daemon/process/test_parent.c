/* The parent with small roles: ready, restart, reload, stop, and what remains when it is killed. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* One daemon of a test in a folder of its own. */
static struct {
    char folder[64];
    int notify_fd; /* where systemd would listen */
    pid_t pid;
} house;

static void path_of(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", house.folder, name);
}

static void write_text(const char *name, const char *text)
{
    char path[128];
    path_of(name, path, sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* `extra` goes to the end: the cameras and whatever is wrong. */
static void write_config(const char *extra)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "[daemon]\nstate_dir = %s/state\nrun_dir = %s/run\nuser = root\n[storage]\ntpm = none\n%s",
        house.folder, house.folder, extra);
    write_text("laneward.conf", text);
}

static void write_camera(const char *lane)
{
    char text[512];
    snprintf(text, sizeof text, "[camera north]\nsource = dir:%s/pictures\nlane = %s\n",
             house.folder, lane);
    write_config(text);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void start(void)
{
    char config[128], log[128], notify[128];
    path_of("laneward.conf", config, sizeof config);
    path_of("log", log, sizeof log);
    path_of("notify", notify, sizeof notify);
    house.pid = fork();
    assert_true(house.pid >= 0);
    if (house.pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDERR_FILENO);
        setenv("NOTIFY_SOCKET", notify, 1);
        setenv("CAMERA_PASSWORD", "open-sesame", 1);
        execl(LANEWARD_BINARY_DIR "/bin/tiny_lanewardd", "tiny_lanewardd", "--config", config,
              (char *)NULL);
        _exit(126);
    }
}

/* Waits for a notice that holds `wanted`. */
static bool is_told(const char *wanted, int timeout_ms)
{
    for (int64_t end = now_ms() + timeout_ms; now_ms() < end;) {
        char text[512];
        struct pollfd wait = {.fd = house.notify_fd, .events = POLLIN};
        if (poll(&wait, 1, (int)(end - now_ms())) <= 0)
            continue;
        ssize_t size = recv(house.notify_fd, text, sizeof text - 1, 0);
        text[size > 0 ? size : 0] = '\0';
        if (strstr(text, wanted) != NULL)
            return true;
    }
    return false;
}

/* Returns the exit status, and asserts that it comes in time. */
static int ends_within(int timeout_ms)
{
    int status;
    for (int64_t end = now_ms() + timeout_ms; now_ms() < end; usleep(5000))
        if (waitpid(house.pid, &status, WNOHANG) == house.pid) {
            house.pid = 0;
            assert_true(WIFEXITED(status));
            return WEXITSTATUS(status);
        }
    fail_msg("the daemon does not end");
    return -1;
}

static void stop(void)
{
    kill(house.pid, SIGTERM);
    assert_int_equal(ends_within(2200), 0);
}

static bool read_proc(pid_t pid, const char *what, char *text, size_t size, size_t *got)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    *got = n > 0 ? (size_t)n : 0;
    text[*got] = '\0';
    return n >= 0;
}

/* The process of this name whose parent is the daemon (any parent when `of` is 0); 0: none. */
static pid_t find_role(const char *name, pid_t of)
{
    pid_t found = 0;
    DIR *all = opendir("/proc");
    assert_non_null(all);
    for (const struct dirent *entry; found == 0 && (entry = readdir(all)) != NULL;) {
        char text[512], wanted[64];
        size_t got;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !read_proc(pid, "stat", text, sizeof text, &got))
            continue;
        const char *after = strrchr(text, ')');
        int parent = 0;
        char state = 0;
        if (after == NULL || sscanf(after, ") %c %d", &state, &parent) != 2 || state == 'Z' ||
            (of != 0 && parent != (int)of))
            continue;
        snprintf(wanted, sizeof wanted, "lanewardd: %s", name);
        if (read_proc(pid, "cmdline", text, sizeof text, &got) && strcmp(text, wanted) == 0)
            found = pid;
    }
    closedir(all);
    return found;
}

static pid_t waits_for_role(const char *name, pid_t other_than, int timeout_ms)
{
    for (int64_t end = now_ms() + timeout_ms; now_ms() < end; usleep(10000)) {
        pid_t pid = find_role(name, house.pid);
        if (pid != 0 && pid != other_than)
            return pid;
    }
    return 0;
}

static char *read_log(void)
{
    static char text[65536];
    char path[128];
    path_of("log", path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static size_t times_in_log(const char *words)
{
    size_t count = 0;
    for (const char *at = read_log(); (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(house.folder, sizeof house.folder, "/tmp/laneward-parent-XXXXXX");
    if (mkdtemp(house.folder) == NULL)
        return 1;
    path_of("pictures", path, sizeof path);
    mkdir(path, 0755);
    house.notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", house.folder);
    return bind(house.notify_fd, (const struct sockaddr *)&at, sizeof at);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {"state/foreign",
                                        "run/laneward.sock",
                                        "run/maintenance.sock",
                                        "laneward.conf",
                                        "log",
                                        "notify",
                                        "state",
                                        "run",
                                        "pictures"};
    char path[128];
    if (house.pid != 0) {
        kill(house.pid, SIGKILL);
        waitpid(house.pid, NULL, 0);
        house.pid = 0;
    }
    close(house.notify_fd);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_of(files[i], path, sizeof path);
        if (unlink(path) != 0)
            rmdir(path);
    }
    return rmdir(house.folder);
}

static void it_is_ready_when_all_roles_are_and_stops_in_order(void **state)
{
    (void)state;
    char path[128];
    struct stat info;
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    path_of("run/laneward.sock", path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    int64_t begun = now_ms();
    stop();
    assert_true(now_ms() - begun < 2000);
    assert_true(is_told("STOPPING=1", 100));
    const char *log = read_log(), *order[] = {"capture north stopped", "recognizer north stopped",
                                              "desk stopped", "keeper stopped"};
    for (size_t i = 0; i < 4; i++) {
        log = strstr(log, order[i]);
        assert_non_null(log);
    }
    assert_int_equal(stat(path, &info), -1);
    path_of("state", path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_killed_role_is_started_again_and_the_others_stay(void **state)
{
    (void)state;
    static const char *const roles[] = {"capture north", "recognizer north", "desk", "keeper"};
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    for (size_t i = 0; i < 4; i++) {
        pid_t others[4];
        for (size_t k = 0; k < 4; k++)
            others[k] = find_role(roles[k], house.pid);
        kill(others[i], SIGKILL);
        assert_true(waits_for_role(roles[i], others[i], 3000) != 0);
        for (size_t k = 0; k < 4; k++)
            if (k != i)
                assert_int_equal(find_role(roles[k], house.pid), others[k]);
    }
    stop();
}

static void a_role_that_crashes_is_started_at_growing_intervals(void **state)
{
    (void)state;
    write_camera("crash");
    start();
    usleep(2500000);
    size_t starts = times_in_log("capture north started");
    /* Pauses of 0.1, 0.2, 0.4, 0.8, 1.6 s. */
    assert_in_range(starts, 3, 6);
    assert_int_equal(times_in_log("keeper started"), 1);
    stop();
}

static void a_role_that_does_not_stop_is_ended_within_two_seconds(void **state)
{
    (void)state;
    write_camera("stuck");
    start();
    assert_true(is_told("READY=1", 5000));
    int64_t begun = now_ms();
    stop();
    assert_true(now_ms() - begun < 2000);
    assert_int_equal(times_in_log("capture north does not stop and is ended"), 1);
    assert_int_equal(times_in_log("keeper stopped"), 1);
}

static void a_silent_role_is_ended_and_started_again(void **state)
{
    (void)state;
    write_camera("stuck");
    start();
    assert_true(is_told("READY=1", 5000));
    pid_t silent = find_role("capture north", house.pid);
    assert_true(waits_for_role("capture north", silent, 14000) != 0);
    assert_int_equal(times_in_log("capture north has been silent for 10 s"), 1);
    stop();
}

static void no_role_outlives_a_killed_parent(void **state)
{
    (void)state;
    static const char *const roles[] = {"capture north", "recognizer north", "desk", "keeper"};
    pid_t pids[4];
    write_camera("stuck");
    start();
    assert_true(is_told("READY=1", 5000));
    for (size_t i = 0; i < 4; i++)
        pids[i] = find_role(roles[i], house.pid);
    kill(house.pid, SIGKILL);
    waitpid(house.pid, NULL, 0);
    house.pid = 0;
    for (int64_t end = now_ms() + 5000; now_ms() < end; usleep(50000)) {
        bool any = false;
        for (size_t i = 0; i < 4; i++) {
            char text[512];
            size_t got;
            /* An orphan may stay a zombie where nobody reaps: its command line is then empty. */
            any = any || (read_proc(pids[i], "cmdline", text, sizeof text, &got) && got > 0);
        }
        if (!any)
            return;
    }
    fail_msg("a role has outlived its parent");
}

static void a_store_of_another_host_ends_the_start(void **state)
{
    (void)state;
    char path[128];
    write_camera("north");
    path_of("state", path, sizeof path);
    mkdir(path, 0700);
    write_text("state/foreign", "");
    start();
    assert_int_equal(ends_within(5000), 1);
    assert_int_equal(times_in_log("the store is another host's (identity)"), 1);
}

static void a_state_folder_that_others_may_read_is_refused(void **state)
{
    (void)state;
    char path[128];
    write_camera("north");
    path_of("state", path, sizeof path);
    mkdir(path, 0755);
    chmod(path, 0755);
    start();
    assert_int_equal(ends_within(5000), 1);
    assert_int_equal(times_in_log("it must be 0700"), 1);
}

static void every_complaint_about_the_configuration_is_told(void **state)
{
    (void)state;
    write_config("[recognition]\ntopn = 99\ncolour = red\n");
    start();
    assert_int_equal(ends_within(5000), 1);
    assert_non_null(strstr(read_log(), "topn"));
    assert_non_null(strstr(read_log(), "colour"));
    assert_int_equal(times_in_log("started"), 0);
}

static void a_bad_new_configuration_changes_nothing(void **state)
{
    (void)state;
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    pid_t capture = find_role("capture north", house.pid), keeper = find_role("keeper", house.pid);
    write_config("[camera north]\nsource = dir:/nowhere\nrate = fast\n");
    kill(house.pid, SIGHUP);
    assert_true(is_told("RELOADING=1", 2000));
    assert_true(is_told("READY=1", 2000));
    assert_int_equal(find_role("capture north", house.pid), capture);
    assert_int_equal(find_role("keeper", house.pid), keeper);
    assert_non_null(strstr(read_log(), "rate"));
    assert_int_equal(times_in_log("the old one stays in force"), 1);
    stop();
}

static void a_good_new_configuration_leaves_the_keeper_alone(void **state)
{
    (void)state;
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    pid_t capture = find_role("capture north", house.pid), keeper = find_role("keeper", house.pid);
    char text[512];
    snprintf(text, sizeof text, "[camera north]\nsource = dir:%s/pictures\nmode = once\n",
             house.folder);
    write_config(text);
    kill(house.pid, SIGHUP);
    assert_true(is_told("READY=1", 5000));
    assert_true(waits_for_role("capture north", capture, 3000) != 0);
    assert_int_equal(find_role("keeper", house.pid), keeper);
    snprintf(text, sizeof text, "[camera south]\nsource = dir:%s/pictures\n", house.folder);
    write_config(text);
    kill(house.pid, SIGHUP);
    assert_true(is_told("READY=1", 5000));
    assert_true(find_role("capture south", house.pid) != 0);
    assert_int_equal(find_role("capture north", house.pid), 0);
    assert_true(find_role("keeper", house.pid) != keeper);
    stop();
}

static void a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not(void **state)
{
    (void)state;
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    pid_t first = house.pid;
    start();
    assert_int_equal(ends_within(5000), 1);
    assert_int_equal(times_in_log("another daemon listens at"), 1);
    house.pid = first;
    kill(house.pid, SIGKILL);
    waitpid(house.pid, NULL, 0);
    usleep(500000); /* its desk has the socket too, and ends by itself */
    start();
    assert_true(is_told("READY=1", 5000));
    stop();
}

static void nothing_of_the_parents_environment_reaches_a_role(void **state)
{
    (void)state;
    char text[8192];
    size_t got;
    write_camera("north");
    start();
    assert_true(is_told("READY=1", 5000));
    pid_t capture = find_role("capture north", house.pid);
    assert_true(read_proc(capture, "cmdline", text, sizeof text, &got));
    assert_string_equal(text, "lanewardd: capture north");
    assert_int_equal(got, strlen(text) + 1);
    if (read_proc(capture, "environ", text, sizeof text, &got)) /* nobody but root may look */
        assert_null(memmem(text, got, "open-sesame", 11));
    stop();
}

static void the_watchdog_is_fed(void **state)
{
    (void)state;
    write_camera("north");
    setenv("WATCHDOG_USEC", "900000", 1);
    start();
    unsetenv("WATCHDOG_USEC");
    assert_true(is_told("WATCHDOG=1", 5000));
    assert_true(is_told("WATCHDOG=1", 900));
    stop();
}

#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOUSE(it_is_ready_when_all_roles_are_and_stops_in_order),
        IN_HOUSE(a_killed_role_is_started_again_and_the_others_stay),
        IN_HOUSE(a_role_that_crashes_is_started_at_growing_intervals),
        IN_HOUSE(a_role_that_does_not_stop_is_ended_within_two_seconds),
        IN_HOUSE(a_silent_role_is_ended_and_started_again),
        IN_HOUSE(no_role_outlives_a_killed_parent),
        IN_HOUSE(a_store_of_another_host_ends_the_start),
        IN_HOUSE(a_state_folder_that_others_may_read_is_refused),
        IN_HOUSE(every_complaint_about_the_configuration_is_told),
        IN_HOUSE(a_bad_new_configuration_changes_nothing),
        IN_HOUSE(a_good_new_configuration_leaves_the_keeper_alone),
        IN_HOUSE(a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not),
        IN_HOUSE(nothing_of_the_parents_environment_reaches_a_role),
        IN_HOUSE(the_watchdog_is_fed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
