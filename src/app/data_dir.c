#include "app/data_dir.h"
#include "base/alloc.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { WAIT_STEPS = 20, STEP_US = 100000 };

int data_dir_lock(const char *path, Error *err)
{
    AUTO_FREE char *name = xasprintf("%s/whaley.lock", path);
    AUTO_CLOSE int fd = -1;
    char text[32];
    int len;

    if (fs_mkdir_p(path, 0750, err) < 0)
        return error_wrap(err, "DATA_DIR");
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return error_sys(err, "DATA_DIR: opening %s", name);
    /* A process that was just killed gives its lock up a moment later. */
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        char holder[32] = "";
        if (errno != EWOULDBLOCK)
            return error_sys(err, "DATA_DIR: locking %s", name);
        if (i < WAIT_STEPS) {
            (void)usleep(STEP_US);
            continue;
        }
        if (pread(fd, holder, sizeof holder - 1, 0) < 0)
            holder[0] = '\0';
        holder[strcspn(holder, "\n")] = '\0';
        return error_set(
            err, E_UNAVAILABLE,
            "DATA_DIR %s is used by another Whaley (pid %s); stop it, or give this one "
            "its own DATA_DIR",
            path, holder);
    }
    len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return error_sys(err, "DATA_DIR: writing %s", name);
    return TAKE_FD(fd);
}
