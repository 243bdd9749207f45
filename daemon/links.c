/* Opening, handing out and closing the daemon's descriptors. */
#include "daemon/links.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/mailbox.h"

enum { MAX_CREDENTIALS = 512, MAX_KEY = 16384 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void clear_cameras(struct links *links)
{
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        links->cameras[i] = (struct links_camera){-1, -1, -1, -1, -1};
}

static void clear_keeper(struct links *links)
{
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        links->recognizer_side[i] = links->keeper_side[i] = -1;
    links->desk_side = links->keeper_desk_side = -1;
    links->herald_side = links->keeper_herald_side = links->herald_secret = -1;
}

void links_clear(struct links *links)
{
    clear_cameras(links);
    clear_keeper(links);
    links->listen = links->maintenance = -1;
}

/* The text of a file that holds `what`, less than `max` bytes, in a memfd that nobody can change.
 */
static enum err open_secret(const char *path, const char *what, size_t max, int *out,
                            struct fault *why)
{
    char text[MAX_KEY];
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return fault_errno(why, ERR_IO, errno, "cannot open the %s file %s", what, path);
    enum err err = ERR_OK;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
        err = fault_set(why, ERR_DENIED, "the %s file %s is no file", what, path);
    else if ((info.st_mode & 077) != 0 || (info.st_uid != 0 && info.st_uid != geteuid()))
        err = fault_set(why, ERR_DENIED,
                        "the %s file %s must have mode 0600 and belong to root or to the "
                        "daemon's user",
                        what, path);
    ssize_t size = err == ERR_OK ? read(file, text, max) : 0;
    if (err == ERR_OK && (size <= 0 || size >= (ssize_t)max))
        err = fault_set(why, ERR_INPUT, "the %s file %s is empty or too long", what, path);
    close(file);
    if (err != ERR_OK)
        return err;
    int fd = memfd_create("laneward-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, text, (size_t)size) != size ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        err = fault_errno(why, ERR_IO, errno, "cannot keep the text of a %s file", what);
        close_fd(&fd);
    }
    explicit_bzero(text, sizeof text);
    *out = fd;
    return err;
}

static enum err open_camera(struct links_camera *links, const struct config_camera *camera,
                            size_t max_bytes, struct fault *why)
{
    links->mailbox = mailbox_create(max_bytes);
    links->shot_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    links->taken_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (links->mailbox < 0 || links->shot_event < 0 || links->taken_event < 0)
        return fault_errno(why, ERR_IO, errno, "cannot make the mailbox of camera %s",
                           camera->name);
    if (camera->kind != CONFIG_MJPEG) {
        links->source = open(camera->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (links->source < 0)
            return fault_errno(why, ERR_IO, errno, "cannot open the folder of camera %s",
                               camera->name);
    }
    if (camera->credentials_file[0] == '\0')
        return ERR_OK;
    return open_secret(camera->credentials_file, "credentials", MAX_CREDENTIALS, &links->secret,
                       why);
}

static void close_cameras(struct links *links)
{
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++) {
        struct links_camera *camera = &links->cameras[i];
        int *const fds[] = {&camera->mailbox, &camera->shot_event, &camera->taken_event,
                            &camera->source, &camera->secret};
        for (size_t k = 0; k < sizeof fds / sizeof *fds; k++)
            close_fd(fds[k]);
    }
}

static void close_keeper(struct links *links)
{
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++) {
        close_fd(&links->recognizer_side[i]);
        close_fd(&links->keeper_side[i]);
    }
    close_fd(&links->desk_side);
    close_fd(&links->keeper_desk_side);
    close_fd(&links->herald_side);
    close_fd(&links->keeper_herald_side);
    close_fd(&links->herald_secret);
}

enum err links_open_cameras(struct links *links, const struct config *config, struct fault *why)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < config->n_cameras && err == ERR_OK; i++)
        err = open_camera(&links->cameras[i], &config->cameras[i], config->max_frame_bytes, why);
    if (err != ERR_OK)
        close_cameras(links);
    return err;
}

static bool open_pair(int *one, int *other)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return false;
    /* Room for several passages with their pictures; what the kernel gives less is only waited for.
     */
    int room = 1 << 20;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    *one = pair[0];
    *other = pair[1];
    return true;
}

enum err links_open_keeper(struct links *links, const struct config *config, struct fault *why)
{
    enum err err = ERR_OK;
    bool ok = open_pair(&links->desk_side, &links->keeper_desk_side);
    for (uint32_t i = 0; i < config->n_cameras && ok; i++)
        ok = open_pair(&links->recognizer_side[i], &links->keeper_side[i]);
    if (config->witness_url[0] != '\0' && ok)
        ok = open_pair(&links->herald_side, &links->keeper_herald_side);
    if (!ok)
        err = fault_errno(why, ERR_IO, errno, "cannot connect the roles");
    else if (config->witness_key[0] != '\0')
        err = open_secret(config->witness_key, "key", MAX_KEY, &links->herald_secret, why);
    if (err != ERR_OK)
        close_keeper(links);
    return err;
}

/* Nothing there, or a socket whose daemon has died: then the place is free. */
static enum err free_place(const struct sockaddr_un *place, struct fault *why)
{
    struct stat info;
    if (lstat(place->sun_path, &info) != 0)
        return errno == ENOENT
                   ? ERR_OK
                   : fault_errno(why, ERR_IO, errno, "cannot look at %s", place->sun_path);
    if (!S_ISSOCK(info.st_mode))
        return fault_set(why, ERR_DENIED, "%s is there, and is no socket", place->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failed = connect(fd, (const struct sockaddr *)place, sizeof *place);
    int kept = errno;
    close(fd);
    if (failed == 0 || kept != ECONNREFUSED)
        return fault_set(why, ERR_DENIED, "another daemon listens at %s", place->sun_path);
    if (unlink(place->sun_path) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot remove %s", place->sun_path);
    return ERR_OK;
}

static enum err allow_group(const char *path, const char *name, struct fault *why)
{
    if (name[0] == '\0')
        return ERR_OK;
    const struct group *group = getgrnam(name);
    if (group == NULL)
        return fault_set(why, ERR_NOT_FOUND, "there is no group %s", name);
    if (chown(path, (uid_t)-1, group->gr_gid) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot give %s to group %s", path, name);
    return ERR_OK;
}

static const char officers[] = "laneward.sock", maintenance[] = "maintenance.sock";

/* A socket of the group alone. */
static enum err listen_at(const struct config *config, const char *name, const char *group,
                          int *out, struct fault *why)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(place.sun_path, sizeof place.sun_path, "%s/%s", config->run_dir, name) >=
        sizeof place.sun_path)
        return fault_set(why, ERR_LIMIT, "the path of run_dir is too long for a socket");
    enum err err = free_place(&place, why);
    if (err != ERR_OK)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177); /* nobody else may connect until the group is right */
    bool is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&place, sizeof place) == 0;
    int kept = errno;
    umask(before);
    if (!is_bound) {
        close_fd(&fd);
        return fault_errno(why, ERR_IO, kept, "cannot make the socket %s", place.sun_path);
    }
    err = allow_group(place.sun_path, group, why);
    if (err == ERR_OK && (chmod(place.sun_path, 0660) != 0 || listen(fd, 64) != 0))
        err = fault_errno(why, ERR_IO, errno, "cannot listen at %s", place.sun_path);
    if (err != ERR_OK) {
        unlink(place.sun_path);
        close_fd(&fd);
        return err;
    }
    *out = fd;
    return ERR_OK;
}

static void unlink_at(const struct config *config, const char *name)
{
    char path[CONFIG_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/%s", config->run_dir, name);
    (void)unlink(path);
}

enum err links_listen(struct links *links, const struct config *config, struct fault *why)
{
    enum err err = listen_at(config, officers, config->socket_group, &links->listen, why);
    if (err != ERR_OK)
        return err;
    err = listen_at(config, maintenance, config->maintenance_group, &links->maintenance, why);
    if (err != ERR_OK) {
        unlink_at(config, officers);
        close_fd(&links->listen);
    }
    return err;
}

void links_unlink(const struct config *config)
{
    unlink_at(config, officers);
    unlink_at(config, maintenance);
}

static void move_keeper(struct links *to, struct links *from)
{
    memcpy(to->recognizer_side, from->recognizer_side, sizeof to->recognizer_side);
    memcpy(to->keeper_side, from->keeper_side, sizeof to->keeper_side);
    to->desk_side = from->desk_side;
    to->keeper_desk_side = from->keeper_desk_side;
    to->herald_side = from->herald_side;
    to->keeper_herald_side = from->keeper_herald_side;
    to->herald_secret = from->herald_secret;
    clear_keeper(from);
}

void links_move(struct links *to, struct links *from, bool keeper, bool sockets)
{
    if (keeper)
        move_keeper(to, from);
    if (!sockets)
        return;
    to->listen = from->listen;
    to->maintenance = from->maintenance;
    from->listen = from->maintenance = -1;
}

void links_give(const struct links *links, struct role_env *env)
{
    const struct links_camera *camera = &links->cameras[env->camera];
    bool of_camera = env->role == ROLE_CAPTURE || env->role == ROLE_RECOGNIZER;
    env->mailbox_fd = of_camera ? camera->mailbox : -1;
    env->shot_event_fd = of_camera ? camera->shot_event : -1;
    env->taken_event_fd = of_camera ? camera->taken_event : -1;
    env->source_fd = env->role == ROLE_CAPTURE ? camera->source : -1;
    env->secret_fd = env->role == ROLE_CAPTURE  ? camera->secret
                     : env->role == ROLE_HERALD ? links->herald_secret
                                                : -1;
    env->keeper_fd = env->role == ROLE_RECOGNIZER ? links->recognizer_side[env->camera]
                     : env->role == ROLE_DESK     ? links->desk_side
                     : env->role == ROLE_HERALD   ? links->herald_side
                                                  : -1;
    env->desk_fd = env->role == ROLE_KEEPER ? links->keeper_desk_side : -1;
    env->herald_fd = env->role == ROLE_KEEPER ? links->keeper_herald_side : -1;
    env->listen_fd = env->role == ROLE_DESK ? links->listen : -1;
    env->maintenance_fd = env->role == ROLE_DESK ? links->maintenance : -1;
    env->probe_fd = -1;
    for (int i = 0; i < CONFIG_MAX_CAMERAS; i++)
        env->recognizer_fd[i] = env->role == ROLE_KEEPER ? links->keeper_side[i] : -1;
}

void links_close(struct links *links)
{
    close_cameras(links);
    close_keeper(links);
    close_fd(&links->listen);
    close_fd(&links->maintenance);
}
