#include "store/sqlite_file.h"
#include "base/alloc.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int check_folder(const char *path, Error *err)
{
    AUTO_FREE char *folder = folder_of(path);
    struct stat st;

    if (stat(folder, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(err, E_STORE,
                         "the folder %s for the database does not exist: create it, or point "
                         "DATA_DIR (or DATABASE_URL) elsewhere",
                         folder);
    if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
        return error_set(err, E_STORE,
                         "%s is no folder, so the database cannot lie in it: point DATA_DIR (or "
                         "DATABASE_URL) elsewhere",
                         folder);
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return error_set(err, E_STORE,
                         "the folder %s of the database cannot be written (%s): give user id %u "
                         "write access, or point DATA_DIR (or DATABASE_URL) elsewhere",
                         folder, strerror(errno), (unsigned)geteuid());
    return 0;
}

static int check_file(const char *path, const struct stat *st, Error *err)
{
    if (S_ISDIR(st->st_mode))
        return error_set(err, E_STORE,
                         "the database %s is a folder, not a file: name a file in it, such as "
                         "%s/whaley.db",
                         path, path);
    if (!S_ISREG(st->st_mode))
        return error_set(err, E_STORE,
                         "the database %s is no ordinary file: name another in DATABASE_URL", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0)
        return error_set(err, E_STORE,
                         "the database file %s cannot be read and written (%s): give it to user "
                         "id %u with mode 600",
                         path, strerror(errno), (unsigned)geteuid());
    return 0;
}

int sqlite_file_prepare(const char *path, Error *err)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (check_folder(path, err) < 0)
        return -1;
    /* An existing file is not opened here: closing any descriptor of it would drop the POSIX locks
     * that SQLite may hold on it in this process. */
    if (stat(path, &st) == 0)
        return check_file(path, &st, err);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 && errno != EEXIST) {
        (void)error_sys(err, "creating the database file %s", path);
        if (err)
            err->code = E_STORE;
        return -1;
    }
    return 0;
}
