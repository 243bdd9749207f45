/* The attempts of `lanewardd --probe` where nothing forbids them: one that cannot succeed anywhere
 * would prove nothing. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/attempt.h"

static struct attempt_scene scene;

static const struct attempt *find(const char *action, const char *form)
{
    const struct attempt *attempt;
    for (size_t i = 0; (attempt = attempt_at(i)) != NULL; i++)
        if (strcmp(attempt->action, action) == 0 && strcmp(attempt->form, form) == 0)
            return attempt;
    fail_msg("no attempt %s, %s", action, form);
    return NULL;
}

/* In a process without any right taken away. One that becomes /bin/true ends with 0, too. */
static bool succeeds(const char *action, const char *form)
{
    const struct attempt *attempt = find(action, form);
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(attempt_make(attempt, &scene).has_succeeded ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void attempts_work_where_nothing_forbids_them(void **state)
{
    (void)state;
    static const char *const open_to_all[][2] = {
        {"users", "/etc/passwd"},
        {"state", "the store's folder"},
        {"create", "a file in /tmp"},
        {"own", "the camera's or the witness's port"},
        {"connect", "TCP"},
        {"connect", "UDP"},
        {"local", "AF_UNIX stream"},
        {"local", "AF_UNIX datagram"},
        {"raw", "AF_NETLINK"},
        {"listen", "TCP"},
        {"execute", "/bin/true"},
        {"execute", "a memfd"},
        {"fork", "fork"},
        {"fork", "clone"},
        {"fork", "clone3"},
        {"trace", "itself"},
        {"signal", "kill"},
        {"signal", "tgkill"},
        {"signal", "F_SETOWN"},
        {"signal", "pidfd"},
        {"code", "mmap"},
        {"code", "mprotect"},
        {"code", "a memfd"},
        {"namespace", "setns"},
    };
    for (size_t i = 0; i < sizeof open_to_all / sizeof *open_to_all; i++)
        if (!succeeds(open_to_all[i][0], open_to_all[i][1]))
            fail_msg("%s, %s does not work at all", open_to_all[i][0], open_to_all[i][1]);
}

static void root_can_do_more(void **state)
{
    (void)state;
    static const char *const roots[][2] = {
        {"mount", "mount"},
        {"mount", "chroot"},
        {"root", "setuid"},
        {"kernel", "bpf"},
        {"keys", "keyctl"},
        {"trace", "the parent"},
        {"memory", "process_vm_readv"},
        {"memory", "/proc/PID/mem"},
    };
    unsigned n = 0;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        n += succeeds(roots[i][0], roots[i][1]);
    assert_true(n >= 4); /* a container takes some away from root, too */
}

static void there_are_twenty_actions(void **state)
{
    (void)state;
    unsigned n = 0;
    const struct attempt *attempt;
    const char *last = "";
    for (size_t i = 0; (attempt = attempt_at(i)) != NULL; i++) {
        n += strcmp(attempt->action, last) != 0;
        last = attempt->action;
    }
    assert_int_equal(n, ATTEMPT_ACTIONS);
}

static void a_role_has_the_rights_of_its_work_and_no_other(void **state)
{
    (void)state;
    static struct config config;
    unsigned n = 0;
    const struct attempt *attempt;
    config.cameras[0].kind = CONFIG_MJPEG;
    config.cameras[1].kind = CONFIG_DIR_WATCH;
    for (enum role role = ROLE_CAPTURE; role < ROLE_COUNT; role++)
        for (unsigned camera = 0; camera < 2; camera++) {
            struct role_env env = {.role = role, .camera = camera, .config = &config};
            for (size_t i = 0; (attempt = attempt_at(i)) != NULL; i++)
                n += attempt_is_right(attempt, &env);
        }
    /* The camera's port for the first camera; store, users' names, witness's port, twice. */
    assert_int_equal(n, 1 + 2 + 2 + 2);
}

static int serve(int kind, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        (kind == SOCK_STREAM && listen(fd, 8) != 0))
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

static int set_up(void **state)
{
    static const char here = 'x';
    const void *address = &here;
    (void)state;
    scene.parent = getpid();
    memcpy(&scene.parent_address, &address, sizeof address);
    snprintf(scene.state_dir, sizeof scene.state_dir, "/tmp");
    signal(SIGPIPE, SIG_IGN);
    return serve(SOCK_STREAM, &scene.own_port) < 0 || serve(SOCK_STREAM, &scene.other_port) < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_work_where_nothing_forbids_them),
        cmocka_unit_test(root_can_do_more),
        cmocka_unit_test(there_are_twenty_actions),
        cmocka_unit_test(a_role_has_the_rights_of_its_work_and_no_other),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
