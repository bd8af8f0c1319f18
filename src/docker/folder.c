#include "docker/folder.h"
#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir_p(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

int folder_names(int dir_fd, FolderNames *ret, Error *err)
{
    VEC(char *) names = { 0 };
    CLEANUP(close_dir_p) DIR *dir = NULL;
    AUTO_CLOSE int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;

    dir = own < 0 ? NULL : fdopendir(own);
    if (!dir)
        return error_sys(err, "read a folder");
    own = -1; /* the stream's now */
    while ((errno = 0, entry = readdir(dir)) && names.n <= FOLDER_NAMES_MAX)
        if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
            vec_push(&names, xstrdup(entry->d_name));
    if (names.n)
        qsort(names.items, names.n, sizeof *names.items, by_bytes);
    *ret = (FolderNames){ names.items, names.n };
    if (errno || names.n > FOLDER_NAMES_MAX) {
        int why = errno;
        folder_names_fini(ret);
        errno = why;
        return why ? error_sys(err, "read a folder")
                   : error_set(err, E_TOO_LARGE, "a folder holds more than %d entries",
                               FOLDER_NAMES_MAX);
    }
    return 0;
}

void folder_names_fini(FolderNames *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (FolderNames){ 0 };
}
