#include "base/fs.h"
#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_beneath(int dir_fd, const char *path, unsigned flags)
{
    struct open_how how = {
        .flags = flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

static int open_failed(const char *path, Error *err)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: /* nothing can have that name */
        return error_set(err, E_NOT_FOUND, "%s: no such file", path);
    case ELOOP:
        return error_set(err, E_INVALID, "%s: symbolic links are not followed", path);
    case EXDEV:
        return error_set(err, E_INVALID, "%s: leaves the folder", path);
    case EACCES:
        return error_set(err, E_INVALID, "%s: permission denied", path);
    default:
        return error_sys(err, "opening %s", path);
    }
}

int fs_open_beneath(int dir_fd, const char *path, Error *err)
{
    AUTO_CLOSE int fd = open_beneath(dir_fd, path, 0);
    struct stat st;

    if (fd < 0)
        return open_failed(path, err);
    if (fstat(fd, &st) != 0)
        return error_sys(err, "reading %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, E_INVALID, "%s: not a regular file", path);
    return TAKE_FD(fd);
}

int fs_open_dir_beneath(int dir_fd, const char *path, Error *err)
{
    int fd = open_beneath(dir_fd, path, O_DIRECTORY);

    return fd < 0 ? open_failed(path, err) : fd;
}

int fs_read_all(int fd, size_t max, char **ret_text, size_t *ret_len, Error *err)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0, cap = 4096;

    text = xmalloc(cap + 1);
    for (;;) {
        ssize_t n;
        if (len == cap) {
            cap *= 2;
            text = xrealloc(text, cap + 1);
        }
        n = read(fd, text + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max)
            return error_set(err, E_TOO_LARGE, "larger than %zu bytes", max);
    }
    text[len] = '\0';
    *ret_text = TAKE(text);
    *ret_len = len;
    return 0;
}

int fs_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len, Error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return open_failed(path, err);
    if (fs_read_all(fd, max, ret_text, ret_len, err) < 0)
        return error_wrap(err, "%s", path);
    return 0;
}

int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, Error *err)
{
    AUTO_FREE char *temp = xasprintf("%s.tmp-%d", path, (int)getpid());
    AUTO_CLOSE int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    const char *p = bytes;

    if (fd < 0)
        return error_sys(err, "creating %s", temp);
    while (n > 0) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            (void)error_sys(err, "writing %s", temp);
            (void)unlink(temp);
            return -1;
        }
        p += wrote;
        n -= (size_t)wrote;
    }
    if (fsync(fd) != 0 || rename(temp, path) != 0) {
        (void)error_sys(err, "replacing %s", path);
        (void)unlink(temp);
        return -1;
    }
    return 0;
}

int fs_mkdir_p(const char *path, mode_t mode, Error *err)
{
    AUTO_FREE char *copy = xstrdup(path);

    if (!*copy)
        return error_set(err, E_INVALID, "the name of the folder is empty");
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char saved = *p;
        *p = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return error_sys(err, "creating folder %s", copy);
        *p = saved;
        if (!saved)
            return 0;
    }
}
