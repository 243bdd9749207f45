/* Another program's output, through a pipe. */
#include "tools/program.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_OUTPUT = 1 << 20 };

extern char **environ;

static pid_t start(char *const argv[], int out_fd)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return 0;
    bool ok = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
              posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, out_fd, 1) == 0 &&
              posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return ok ? pid : 0;
}

bool program_run(char *const argv[], char **out, int *status)
{
    int fds[2], how = 0;
    char *text = malloc(MAX_OUTPUT);
    if (text == NULL || pipe2(fds, O_CLOEXEC) != 0) {
        free(text);
        return false;
    }
    pid_t pid = start(argv, fds[1]);
    close(fds[1]);
    size_t size = 0;
    ssize_t got = 1;
    while (pid > 0 && got > 0 && size < MAX_OUTPUT - 1) {
        got = read(fds[0], text + size, MAX_OUTPUT - 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    close(fds[0]); /* one that prints more ends by this */
    text[size] = '\0';
    if (pid == 0 || waitpid(pid, &how, 0) != pid || !WIFEXITED(how) || got != 0) {
        free(text);
        return false;
    }
    *out = text;
    *status = WEXITSTATUS(how);
    return true;
}

void program_beside(const char *name, char *out, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    snprintf(out, size, "%s/%s", dirname(self), name);
}
