/* The parent's life: load, open, start, watch, reload, stop. */
#include "daemon/parent.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/change.h"
#include "daemon/child.h"
#include "daemon/host_watch.h"
#include "daemon/house.h"
#include "daemon/links.h"
#include "daemon/rights.h"

static const char utmp_path[] = "/run/utmp";

enum { MAX_CHILDREN = 2 * CONFIG_MAX_CAMERAS + 3, TICK_MS = 250, MAX_CONFIG_BYTES = 1 << 20 };

/* Roles stop in this order, each with its share of the two seconds, so that what is seen becomes
 * durable: pictures stop coming, the last are recognized and stored, questions end, the store is
 * closed, and the head that was signed last is brought to the witness. */
static const struct {
    enum role role;
    int by_ms; /* after the stop began; then it is killed */
} stop_order[] = {{ROLE_CAPTURE, 300},
                  {ROLE_RECOGNIZER, 1100},
                  {ROLE_DESK, 1300},
                  {ROLE_KEEPER, 1900},
                  {ROLE_HERALD, 1950}};

enum { N_STOP = sizeof stop_order / sizeof *stop_order };

struct parent {
    const char *config_path;
    char data_dir[CONFIG_PATH_SIZE];
    struct config config;
    struct links links;
    struct counters *counters;
    struct host_watch host;
    int counters_fd;
    int credential_fd; /* the host's, for the keeper; -1: none */
    int signal_fd;
    struct child children[MAX_CHILDREN];
    size_t n_children;
    bool is_ready;  /* every role was heard of, and systemd was told */
    bool was_ready; /* once */
    bool must_stop;
    bool must_reload;
    enum err failed; /* a role cannot start at all */
    uint64_t watchdog_ms;
    int64_t watched_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum err parent_load(const char *path, struct config *out, struct fault *why)
{
    static struct config_report report;
    report.n_complaints = 0;
    enum err err = config_load(path, out, &report, why);
    for (uint32_t i = 0; i < report.n_complaints && i < CONFIG_MAX_COMPLAINTS; i++) {
        char line[CONFIG_PATH_SIZE + 400];
        config_complaint_text(&report.complaints[i], line, sizeof line);
        log_write(LOG_LEVEL_ERROR, "%s", line);
    }
    if (report.n_complaints > CONFIG_MAX_COMPLAINTS)
        log_write(LOG_LEVEL_ERROR, "and %" PRIu32 " complaints more",
                  report.n_complaints - CONFIG_MAX_COMPLAINTS);
    return err;
}

/* Tells the keeper which configuration is in force, for the log. */
static void note_config(struct parent *parent)
{
    static uint8_t text[MAX_CONFIG_BYTES];
    uint64_t digest[4] = {0};
    int fd = open(parent->config_path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0)
        close(fd);
    if (size < 0 ||
        EVP_Digest(text, (size_t)size, (uint8_t *)digest, NULL, EVP_sha256(), NULL) != 1)
        return;
    for (int i = 0; i < 4; i++)
        atomic_store(&parent->counters->config_digest[i], digest[i]);
    atomic_fetch_add(&parent->counters->config_turn, 1);
}

/* Keeper, desk, herald, and each camera's capture and recognizer: in the order in which they start.
 */
static void list_children(struct parent *parent)
{
    parent->n_children = 0;
    child_init(&parent->children[parent->n_children++], ROLE_KEEPER, 0, "");
    child_init(&parent->children[parent->n_children++], ROLE_DESK, 0, "");
    if (parent->config.witness_url[0] != '\0')
        child_init(&parent->children[parent->n_children++], ROLE_HERALD, 0, "");
    for (uint32_t i = 0; i < parent->config.n_cameras; i++) {
        const char *name = parent->config.cameras[i].name;
        child_init(&parent->children[parent->n_children++], ROLE_RECOGNIZER, i, name);
        child_init(&parent->children[parent->n_children++], ROLE_CAPTURE, i, name);
    }
}

static void start_child(struct parent *parent, struct child *child)
{
    struct fault why;
    struct role_env env = {.role = child->role,
                           .camera = child->camera,
                           .config = &parent->config,
                           .counters = parent->counters,
                           .data_dir = parent->data_dir};
    links_give(&parent->links, &env);
    if (child->role == ROLE_KEEPER)
        env.secret_fd = parent->credential_fd;
    if (child_start(child, &env, parent->counters_fd, now_ms(), &why) != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        child->start_at_ms = now_ms() + CHILD_LAST_PAUSE_MS;
    } else if (child->starts > 1) {
        atomic_fetch_add(&parent->counters->restarts, 1);
    }
}

static void start_due(struct parent *parent)
{
    for (size_t i = 0; i < parent->n_children; i++) {
        struct child *child = &parent->children[i];
        if (child->pid == 0 && now_ms() >= child->start_at_ms)
            start_child(parent, child);
    }
}

/* A role that waiting cannot mend: before the daemon was ever ready it refuses to start at all. */
static bool is_hopeless(enum err err)
{
    return err == ERR_INPUT || err == ERR_DENIED || err == ERR_CORRUPT || err == ERR_IDENTITY ||
           err == ERR_NOT_FOUND;
}

static void reap(struct parent *parent, bool were_asked)
{
    for (size_t i = 0; i < parent->n_children; i++) {
        struct child *child = &parent->children[i];
        int status;
        if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
            continue;
        enum err err = child_ended(child, status, were_asked && child->stop_fd < 0, now_ms());
        if (!parent->was_ready && !were_asked && is_hopeless(err)) {
            parent->failed = err;
            parent->must_stop = true;
        }
    }
}

static void read_signals(struct parent *parent)
{
    struct signalfd_siginfo info;
    while (read(parent->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            parent->must_stop = true;
        else if (info.ssi_signo == SIGHUP)
            parent->must_reload = true;
    }
}

static bool is_running(const struct parent *parent, enum role role)
{
    for (size_t i = 0; i < parent->n_children; i++)
        if (parent->children[i].role == role && parent->children[i].pid != 0)
            return true;
    return false;
}

static void for_role(struct parent *parent, enum role role, void (*act)(struct child *child))
{
    for (size_t i = 0; i < parent->n_children; i++)
        if (parent->children[i].role == role && parent->children[i].pid != 0)
            act(&parent->children[i]);
}

static void kill_child(struct child *child)
{
    log_write(LOG_LEVEL_WARNING, "%s does not stop and is ended", child->name);
    kill(child->pid, SIGKILL);
}

/* Stops the roles up to `last` of the order; returns when they are gone, within two seconds. */
static void stop_roles(struct parent *parent, enum role last)
{
    int64_t begun = now_ms();
    struct pollfd wait = {.fd = parent->signal_fd, .events = POLLIN};
    for (int i = 0; i < N_STOP; i++) {
        bool is_killed = false;
        for_role(parent, stop_order[i].role, child_stop);
        while (is_running(parent, stop_order[i].role)) {
            int64_t left = begun + stop_order[i].by_ms - now_ms();
            if (left <= 0 && !is_killed) {
                for_role(parent, stop_order[i].role, kill_child);
                is_killed = true;
            }
            (void)poll(&wait, 1, left > 0 && left < 20 ? (int)left : 20);
            read_signals(parent);
            reap(parent, true);
        }
        if (stop_order[i].role == last)
            return;
    }
}

static void tell_ready(struct parent *parent)
{
    for (size_t i = 0; i < parent->n_children; i++)
        if (!parent->children[i].is_ready)
            return;
    parent->is_ready = parent->was_ready = true;
    log_write(LOG_LEVEL_NOTICE, "ready: %" PRIu32 " cameras", parent->config.n_cameras);
    sd_notifyf(0, "READY=1\nSTATUS=%" PRIu32 " cameras", parent->config.n_cameras);
}

/* The new descriptors beside the old ones; nothing of the old is touched but a socket that has to
 * move. */
static enum err open_next(struct parent *parent, const struct config *next, struct links *links,
                          struct fault *why)
{
    links_clear(links);
    enum err err = house_folders(next, why);
    if (err == ERR_OK)
        err = links_open_cameras(links, next, why);
    if (err == ERR_OK && !change_keeps_keeper(&parent->config, next))
        err = links_open_keeper(links, next, why);
    if (err == ERR_OK && !change_keeps_sockets(&parent->config, next)) {
        if (strcmp(parent->config.run_dir, next->run_dir) == 0)
            links_unlink(&parent->config);
        err = links_listen(links, next, why);
    }
    if (err != ERR_OK)
        links_close(links);
    return err;
}

static void switch_to(struct parent *parent, const struct config *next, struct links *links)
{
    bool keep = change_keeps_keeper(&parent->config, next);
    stop_roles(parent, keep ? ROLE_DESK : ROLE_HERALD);
    struct child keeper = parent->children[0];
    assert(keeper.role == ROLE_KEEPER);
    bool keep_sockets = change_keeps_sockets(&parent->config, next);
    links_move(links, &parent->links, keep, keep_sockets);
    if (!keep_sockets && strcmp(parent->config.run_dir, next->run_dir) != 0)
        links_unlink(&parent->config);
    if (!change_keeps_lanes(&parent->config, next))
        memset((void *)parent->counters->cameras, 0, sizeof parent->counters->cameras);
    links_close(&parent->links);
    parent->links = *links;
    parent->config = *next;
    list_children(parent);
    if (keep)
        parent->children[0] = keeper;
    parent->is_ready = false;
    note_config(parent);
}

static void reload(struct parent *parent)
{
    static struct config next;
    struct links links;
    struct fault why;
    struct timespec now;
    parent->must_reload = false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    enum err err = parent_load(parent->config_path, &next, &why);
    if (err == ERR_OK)
        err = change_check(&parent->config, &next, &why);
    if (err == ERR_OK)
        err = open_next(parent, &next, &links, &why);
    if (err != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, &why);
        log_write(LOG_LEVEL_ERROR, "the new configuration is refused; the old one stays in force");
        sd_notify(0, "READY=1\nSTATUS=a new configuration was refused");
        return;
    }
    log_write(LOG_LEVEL_NOTICE, "the configuration is read anew");
    switch_to(parent, &next, &links);
    log_open("parent", (enum log_level)next.log_level);
}

static enum err open_counters(struct parent *parent, struct fault *why)
{
    parent->counters_fd = memfd_create("laneward-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (parent->counters_fd < 0 || ftruncate(parent->counters_fd, sizeof *parent->counters) != 0 ||
        fcntl(parent->counters_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot make the counters");
    parent->counters = mmap(NULL, sizeof *parent->counters, PROT_READ | PROT_WRITE, MAP_SHARED,
                            parent->counters_fd, 0);
    if (parent->counters == MAP_FAILED)
        return fault_errno(why, ERR_MEMORY, errno, "cannot map the counters");
    atomic_store(&parent->counters->started_ms, counters_now_ms());
    return ERR_OK;
}

static enum err open_signals(struct parent *parent, struct fault *why)
{
    sigset_t all, ours;
    sigfillset(&all);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    sigemptyset(&ours);
    static const int read_ones[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof read_ones / sizeof *read_ones; i++)
        sigaddset(&ours, read_ones[i]);
    sigprocmask(SIG_SETMASK, &all, NULL);
    parent->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    return parent->signal_fd >= 0 ? ERR_OK : fault_errno(why, ERR_IO, errno, "cannot read signals");
}

/* All that needs rights, then an ordinary user's rights. */
static enum err open_house(struct parent *parent, struct fault *why)
{
    enum err err = house_data_dir(parent->data_dir, sizeof parent->data_dir, why);
    if (err == ERR_OK)
        err = house_folders(&parent->config, why);
    if (err == ERR_OK)
        err = links_open_cameras(&parent->links, &parent->config, why);
    if (err == ERR_OK)
        err = links_open_keeper(&parent->links, &parent->config, why);
    if (err == ERR_OK)
        err = links_listen(&parent->links, &parent->config, why);
    if (err == ERR_OK)
        err = house_credential(&parent->credential_fd, why);
    if (err == ERR_OK)
        err = open_counters(parent, why);
    if (err == ERR_OK)
        host_watch_open(&parent->host, utmp_path);
    if (err == ERR_OK)
        err = house_become_user(&parent->config, why);
    if (err == ERR_OK)
        err = rights_apply_parent(why);
    return err;
}

static void tell_missing(const struct parent *parent)
{
    const char *text;
    for (size_t i = 0; (text = rights_missing(i)) != NULL; i++)
        log_write(LOG_LEVEL_WARNING, "%s", text);
    for (size_t i = 0; (text = host_watch_missing(&parent->host, i)) != NULL; i++)
        log_write(LOG_LEVEL_WARNING, "%s", text);
    if (geteuid() == 0)
        log_write(LOG_LEVEL_WARNING, "the roles run as root; set daemon.user to an ordinary user");
}

static void watchdog(struct parent *parent)
{
    if (parent->watchdog_ms == 0 ||
        now_ms() - parent->watched_ms < (int64_t)parent->watchdog_ms / 3)
        return;
    parent->watched_ms = now_ms();
    sd_notify(0, "WATCHDOG=1");
}

static void wait_for_news(struct parent *parent)
{
    struct pollfd waits[1 + MAX_CHILDREN] = {{.fd = parent->signal_fd, .events = POLLIN}};
    int64_t now = now_ms(), soonest = now + TICK_MS;
    for (size_t i = 0; i < parent->n_children; i++) {
        const struct child *child = &parent->children[i];
        /* Alive bytes are counted at each tick; only the first of a role is waited for. */
        waits[1 + i] =
            (struct pollfd){.fd = child->is_ready ? -1 : child->alive_fd, .events = POLLIN};
        if (child->pid == 0 && child->start_at_ms < soonest)
            soonest = child->start_at_ms;
    }
    (void)poll(waits, 1 + parent->n_children, soonest > now ? (int)(soonest - now) : 0);
}

static void live(struct parent *parent)
{
    while (!parent->must_stop) {
        start_due(parent);
        wait_for_news(parent);
        read_signals(parent);
        for (size_t i = 0; i < parent->n_children; i++)
            child_hear(&parent->children[i], now_ms());
        reap(parent, false);
        if (!parent->is_ready && !parent->must_stop)
            tell_ready(parent);
        if (parent->must_reload && !parent->must_stop)
            reload(parent);
        host_watch_look(&parent->host, parent->counters, now_ms());
        watchdog(parent);
    }
}

static void end(struct parent *parent)
{
    sd_notify(0, "STOPPING=1");
    stop_roles(parent, ROLE_HERALD);
    links_unlink(&parent->config);
    log_write(LOG_LEVEL_NOTICE, "stopped");
}

enum err parent_run(const char *config_path, struct fault *why)
{
    static struct parent parent = {
        .signal_fd = -1, .counters_fd = -1, .credential_fd = -1, .host.uevents = -1};
    uint64_t watchdog_us = 0;
    parent.config_path = config_path;
    links_clear(&parent.links);
    enum err err = parent_load(config_path, &parent.config, why);
    if (err == ERR_OK) {
        log_open("parent", (enum log_level)parent.config.log_level);
        err = open_signals(&parent, why);
    }
    if (err == ERR_OK)
        err = open_house(&parent, why);
    if (err == ERR_OK) {
        tell_missing(&parent);
        note_config(&parent);
        if (sd_watchdog_enabled(0, &watchdog_us) > 0)
            parent.watchdog_ms = watchdog_us / 1000;
        list_children(&parent);
        live(&parent);
        end(&parent);
        if (parent.failed != ERR_OK)
            err = fault_set(why, parent.failed, "a role cannot start; see its words above");
    }
    links_close(&parent.links);
    host_watch_close(&parent.host);
    return err;
}
