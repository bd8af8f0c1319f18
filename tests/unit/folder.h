/* folder - temporary folders for tests: made, filled and removed again. */
#pragma once

#include "base/alloc.h"
#include "base/macros.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static UNUSED char *folder_new(void)
{
    char *path = xstrdup("/tmp/whaley-test-XXXXXX");

    if (!mkdtemp(path) || chmod(path, 0755) != 0)
        fail_msg("no temporary folder");
    return path;
}

static int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* Removes the folder and frees its path. */
static UNUSED void folder_free(char *path)
{
    (void)nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}
DEFINE_CLEANUP(char, folder_free_p, folder_free)
#define AUTO_FOLDER CLEANUP(folder_free_p)

/* Makes the folders on the way, too. */
static UNUSED void folder_write_n(const char *folder, const char *name, const char *text, size_t n)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
    AUTO_CLOSE int fd = -1;

    for (char *p = path + strlen(folder) + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n)
        fail_msg("cannot write %s", path);
}

static UNUSED void folder_write(const char *folder, const char *name, const char *text)
{
    folder_write_n(folder, name, text, strlen(text));
}

/* Runs what follows as somebody whom file modes stop; undone by folder_become_self(). */
static UNUSED void folder_become_nobody(void)
{
    if (geteuid() == 0 && seteuid(65534) != 0)
        fail_msg("cannot become another user");
}

static UNUSED void folder_become_self(void)
{
    if (getuid() == 0 && seteuid(0) != 0)
        fail_msg("cannot become root again");
}
