/* The probing parent: serves what must not be reached, starts a process for each attempt, counts.
 */
#include "daemon/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/attempt.h"
#include "daemon/house.h"
#include "daemon/links.h"
#include "daemon/parent.h"
#include "daemon/rights.h"
#include "daemon/spawn.h"

enum { PATIENCE_MS = 10000 };

struct order {
    uint32_t attempt;
    struct attempt_scene scene;
};

struct probe {
    struct config config;
    struct links links;
    char data_dir[CONFIG_PATH_SIZE];
    int counters_fd;
    int own, tcp, udp; /* what the attempts may reach, on loopback */
    struct attempt_scene scene;
};

enum outcome { ALLOWED, REFUSED, FAILED };

/* What came of one attempt, and what stood in its way: an error's name or SIGSYS. */
struct finding {
    enum outcome outcome;
    const char *by;
};

enum err probe_serve(const struct role_env *env, struct fault *why)
{
    static struct order order;
    if (read(env->probe_fd, &order, sizeof order) != (ssize_t)sizeof order ||
        attempt_at(order.attempt) == NULL)
        return fault_set(why, ERR_INPUT, "a probe is asked by lanewardd, not by hand");
    order.scene.state_dir[sizeof order.scene.state_dir - 1] = '\0';
    struct attempt_result result = attempt_make(attempt_at(order.attempt), &order.scene);
    if (write(env->probe_fd, &result, sizeof result) != (ssize_t)sizeof result)
        return fault_set(why, ERR_IO, "a probe cannot tell what it found");
    return ERR_OK;
}

static int serve(int kind, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        (kind == SOCK_STREAM && listen(fd, 64) != 0))
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

/* TCP and UDP at the same port, where the other kind has it free too. */
static bool serve_other(struct probe *probe)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    probe->tcp = serve(SOCK_STREAM, &probe->scene.other_port);
    probe->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    at.sin_port = htons(probe->scene.other_port);
    return probe->tcp >= 0 && probe->udp >= 0 &&
           bind(probe->udp, (const struct sockaddr *)&at, sizeof at) == 0;
}

/* The cameras' addresses and the witness's become the parent's own; logins are left aside. */
static void point_home(struct probe *probe)
{
    struct config *config = &probe->config;
    config->witness_ca[0] = config->witness_cert[0] = config->witness_key[0] = '\0';
    snprintf(config->witness_url, sizeof config->witness_url, "https://127.0.0.1:%u/",
             (unsigned)probe->scene.own_port);
    for (uint32_t i = 0; i < probe->config.n_cameras; i++) {
        struct config_camera *camera = &probe->config.cameras[i];
        camera->credentials_file[0] = '\0';
        if (camera->kind == CONFIG_MJPEG)
            snprintf(camera->source, sizeof camera->source, "http://127.0.0.1:%u/",
                     (unsigned)probe->scene.own_port);
    }
}

static enum err open_probe(struct probe *probe, const char *config_path, struct fault *why)
{
    static const char in_reach = 'x';
    enum err err = parent_load(config_path, &probe->config, why);
    if (err != ERR_OK)
        return err;
    probe->own = serve(SOCK_STREAM, &probe->scene.own_port);
    if (probe->own < 0 || !serve_other(probe))
        return fault_errno(why, ERR_IO, errno, "cannot listen on loopback");
    probe->counters_fd = memfd_create("laneward-counters", MFD_CLOEXEC);
    if (probe->counters_fd < 0 || ftruncate(probe->counters_fd, sizeof(struct counters)) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot make the counters");
    probe->scene.parent = getpid();
    const void *address = &in_reach;
    memcpy(&probe->scene.parent_address, &address, sizeof address);
    snprintf(probe->scene.state_dir, sizeof probe->scene.state_dir, "%s", probe->config.state_dir);
    point_home(probe);
    err = house_data_dir(probe->data_dir, sizeof probe->data_dir, why);
    if (err == ERR_OK)
        err = links_open_cameras(&probe->links, &probe->config, why);
    if (err == ERR_OK)
        err = links_open_keeper(&probe->links, &probe->config, why);
    if (err == ERR_OK)
        err = house_become_user(&probe->config, why);
    return err != ERR_OK ? err : rights_apply_parent(why);
}

/* It ends by itself after its answer, or when it is refused, or as the program that it has become;
 * one that hangs is ended. */
static bool wait_for_end(pid_t pid, int *status)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended != 0)
            return ended == pid;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    return waitpid(pid, status, 0) == pid;
}

static struct finding judge(pid_t pid, bool has_told, const struct attempt_result *result)
{
    int status = 0;
    if (!wait_for_end(pid, &status))
        return (struct finding){FAILED, "waitpid"};
    if (WIFSIGNALED(status))
        return (struct finding){WTERMSIG(status) == SIGSYS ? REFUSED : FAILED,
                                WTERMSIG(status) == SIGSYS ? "SIGSYS" : "another signal"};
    if (has_told)
        return (struct finding){result->has_succeeded ? ALLOWED : REFUSED,
                                result->has_succeeded ? "" : strerrorname_np(result->errnum)};
    if (WEXITSTATUS(status) == 0) /* it has become another program */
        return (struct finding){ALLOWED, ""};
    return (struct finding){FAILED, "its process did not start"};
}

static bool hear(int fd, struct attempt_result *out)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, PATIENCE_MS) == 1 && read(fd, out, sizeof *out) == (ssize_t)sizeof *out;
}

static struct finding try_one(struct probe *probe, struct role_env *env, uint32_t number)
{
    static struct order order;
    struct attempt_result result = {0, 0};
    struct fault why;
    int pair[2];
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return (struct finding){FAILED, "socketpair"};
    env->probe_fd = pair[1];
    enum err err = spawn_role(env, probe->counters_fd, &pid, &why);
    close(pair[1]);
    env->probe_fd = -1;
    if (err != ERR_OK) {
        close(pair[0]);
        return (struct finding){FAILED, "its process did not start"};
    }
    order.attempt = number;
    order.scene = probe->scene;
    bool has_told = send(pair[0], &order, sizeof order, MSG_NOSIGNAL) == (ssize_t)sizeof order &&
                    hear(pair[0], &result);
    close(pair[0]);
    return judge(pid, has_told, &result);
}

static bool is_as_stated(const struct finding *finding, bool is_right)
{
    if (finding->outcome == FAILED)
        return false;
    if (is_right) /* what is not there yet is nobody's hole */
        return finding->outcome == ALLOWED || strcmp(finding->by, "ENOENT") == 0;
    return finding->outcome == REFUSED;
}

static json_t *tell(const struct attempt *attempt, bool is_right, const struct finding *finding)
{
    static const char *const words[] = {
        [ALLOWED] = "allowed", [REFUSED] = "refused", [FAILED] = "failed"};
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "action", attempt->action, "form", attempt->form,
                     "expected", is_right ? "allowed" : "refused", "got", words[finding->outcome],
                     "by", finding->by != NULL ? finding->by : "?");
}

/* All attempts from one role, as an object; forms of one action count once. NULL: no memory. */
static json_t *probe_one(struct probe *probe, enum role role, unsigned camera, bool *all_well)
{
    struct role_env env = {.role = role,
                           .camera = camera,
                           .config = &probe->config,
                           .data_dir = probe->data_dir,
                           .stop_fd = -1,
                           .alive_fd = -1};
    json_t *results = json_array();
    const struct attempt *attempt;
    int as_stated = 0, refused = 0;
    bool is_well = true, is_refused = true;
    links_give(&probe->links, &env);
    for (uint32_t i = 0; (attempt = attempt_at(i)) != NULL; i++) {
        bool is_right = attempt_is_right(attempt, &env);
        struct finding finding = try_one(probe, &env, i);
        is_well = is_well && is_as_stated(&finding, is_right);
        is_refused = is_refused && finding.outcome == REFUSED;
        json_array_append_new(results, tell(attempt, is_right, &finding));
        const struct attempt *next = attempt_at(i + 1);
        if (next != NULL && strcmp(next->action, attempt->action) == 0)
            continue;
        as_stated += is_well;
        refused += is_refused;
        *all_well = *all_well && is_well;
        is_well = is_refused = true;
    }
    bool of_camera = role == ROLE_CAPTURE || role == ROLE_RECOGNIZER;
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o}", "role", role_name(role), "camera",
                     of_camera ? probe->config.cameras[camera].name : "", "actions",
                     ATTEMPT_ACTIONS, "as_stated", as_stated, "refused", refused, "results",
                     results);
}

/* Of cameras, the first of each kind: a folder, an address. */
static bool is_like_an_earlier(const struct config *config, unsigned camera)
{
    for (unsigned i = 0; i < camera; i++)
        if ((config->cameras[i].kind == CONFIG_MJPEG) ==
            (config->cameras[camera].kind == CONFIG_MJPEG))
            return true;
    return false;
}

static void probe_role(struct probe *probe, enum role role, json_t *probes, bool *all_well)
{
    if (role == ROLE_CAPTURE)
        for (unsigned i = 0; i < probe->config.n_cameras; i++) {
            if (!is_like_an_earlier(&probe->config, i))
                json_array_append_new(probes, probe_one(probe, role, i, all_well));
        }
    else
        json_array_append_new(probes, probe_one(probe, role, 0, all_well));
}

static json_t *missing(void)
{
    json_t *all = json_array();
    const char *text;
    for (size_t i = 0; (text = rights_missing(i)) != NULL; i++)
        json_array_append_new(all, json_string(text));
    return all;
}

static int report(struct probe *probe, const char *role)
{
    bool all_well = true, is_known = false;
    json_t *probes = json_array();
    for (enum role r = ROLE_CAPTURE; r < ROLE_COUNT; r++)
        if (strcmp(role, "all") == 0 || strcmp(role, role_name(r)) == 0) {
            is_known = true;
            probe_role(probe, r, probes, &all_well);
        }
    json_t *all =
        json_pack("{s:i, s:o, s:o}", "version", 1, "missing", missing(), "probes", probes);
    if (is_known && (json_dumpf(all, stdout, JSON_COMPACT) != 0 || puts("") < 0))
        all_well = false;
    json_decref(all);
    if (!is_known)
        fprintf(stderr, "lanewardd: there is no role %s\n", role);
    return !is_known ? 2 : all_well && fflush(stdout) == 0 ? 0 : 1;
}

int probe_run(const char *role, const char *config_path)
{
    static struct probe probe = {.own = -1, .tcp = -1, .udp = -1, .counters_fd = -1};
    struct fault why;
    links_clear(&probe.links);
    if (open_probe(&probe, config_path, &why) != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        return 1;
    }
    int status = report(&probe, role);
    links_close(&probe.links);
    return status;
}
