#include "base/process.h"
#include "base/alloc.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024 };
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* An unlinked in-memory file holding the input, positioned at its start. */
static int input_file(const char *input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t n = input ? strlen(input) : 0;

    if (fd >= 0 &&
        (write(fd, input ? input : "", n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int spawn(const char *const argv[], int in, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    const char *search = getenv("PATH");
    AUTO_FREE char *path = xasprintf("PATH=%s", search ? search : DEFAULT_PATH);
    char locale[] = "LC_ALL=C";
    char *environment[] = { path, locale, NULL }; /* ours holds keys and passwords */
    char **args = NULL;
    int rc;

    memcpy(&args, &argv, sizeof args); /* posix_spawnp does not write through it */
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &defaults);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    rc = posix_spawnp(ret_pid, argv[0], &actions, &attr, args, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    return rc;
}

/* Reads until the other end closes. False when the deadline came first. */
static bool drain(int fd, Millis deadline, StrBuf *output)
{
    char chunk[4096];

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        Millis left = deadline - clock_mono_ms();
        ssize_t n;

        if (left <= 0)
            return false;
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            return true;
        if (n > 0)
            strbuf_add(output, chunk, (size_t)n);
        else if (errno != EINTR)
            return true;
    }
}

/* False when the deadline came first: a process may close its output and go on. */
static bool wait_for_end(pid_t pid, Millis deadline, int *ret_status)
{
    pid_t ended;

    while ((ended = waitpid(pid, ret_status, WNOHANG)) == 0 && clock_mono_ms() < deadline)
        clock_sleep_ms(1);
    return ended != 0;
}

int process_run(const char *const argv[], const char *input, Millis timeout, ProcessResult *ret,
                Error *err)
{
    AUTO_STRBUF StrBuf output = { .max = OUTPUT_MAX };
    AUTO_CLOSE int in = input_file(input);
    AUTO_CLOSE int read_end = -1;
    AUTO_CLOSE int write_end = -1;
    Millis deadline = clock_mono_ms() + timeout;
    int pipe_fds[2], status = 0, rc;
    bool in_time;
    pid_t pid;

    if (in < 0 || pipe2(pipe_fds, O_CLOEXEC) != 0)
        return error_sys(err, "preparing to run %s", argv[0]);
    read_end = pipe_fds[0];
    write_end = pipe_fds[1];
    rc = spawn(argv, in, write_end, &pid);
    if (rc != 0) {
        errno = rc;
        return error_sys(err, "running %s", argv[0]);
    }
    (void)close(TAKE_FD(write_end));
    in_time = drain(read_end, deadline, &output) && wait_for_end(pid, deadline, &status);
    if (!in_time) {
        (void)kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        return error_set(err, E_TIMEOUT, "%s did not finish in %lld ms", argv[0],
                         (long long)timeout);
    }
    ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ret->output = strbuf_take(&output);
    return 0;
}

void process_ignore_sigpipe(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)sigaction(SIGPIPE, &ignore, NULL);
}
