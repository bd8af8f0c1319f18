#include "challenge/revision.h"
#include "base/alloc.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

typedef VEC(char *) Names;

typedef struct Walk {
    Sha256 *sum;
    DiagList *diags;
    char *chunk;
    int64_t n_bytes;
    int n_files, depth;
    bool stopped; /* a limit was reached, and said so */
} Walk;

static void names_fini(Names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    vec_fini(names);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void trouble(Walk *w, const char *path, const char *code, const char *hint, const char *what)
{
    diag_add(w->diags, DIAG_ERROR, (DiagAt){ .file = path }, code, hint, "%s", what);
}

static void stop(Walk *w, const char *path, const char *what)
{
    if (w->stopped)
        return;
    w->stopped = true;
    trouble(w, path, "folder-too-large",
            "keep only what the challenge needs in its folder; large data belongs into an image",
            what);
}

/* One record of the hash: kind, mode and path; what follows has a fixed length or its own end. */
static void add_record(Walk *w, char kind, mode_t mode, const char *path)
{
    AUTO_FREE char *head = xasprintf("%c%04o", kind, (unsigned)(mode & 07777));

    sha256_add(w->sum, head, strlen(head));
    sha256_add(w->sum, path, strlen(path) + 1);
}

/* --- one file ------------------------------------------------------------------------------- */

static int hash_content(Walk *w, int fd, char ret_hex[SHA256_HEX_SIZE], const char *path)
{
    Sha256 *sum = sha256_new();
    ssize_t n = 0;

    for (;;) {
        n = read(fd, w->chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        sha256_add(sum, w->chunk, (size_t)n);
        w->n_bytes += n;
        if (w->n_bytes > REVISION_BYTES_MAX) {
            stop(w, path, "the folder holds more than 1 GiB");
            break;
        }
    }
    sha256_finish(sum, ret_hex);
    return n < 0 ? -1 : 0;
}

static void add_file(Walk *w, int dir_fd, const char *name, const char *path)
{
    char hex[SHA256_HEX_SIZE];
    struct stat st;
    Error err = { 0 };
    AUTO_CLOSE int fd = fs_open_beneath(dir_fd, name, &err);

    if (fd < 0) {
        if (err.code == E_NOT_FOUND)
            trouble(w, path, "vanished", "check again", "it vanished while the folder was read");
        else
            trouble(w, path, "unreadable", "make it readable for Whaley or remove it",
                    "the file cannot be opened");
        return;
    }
    if (fstat(fd, &st) != 0) {
        trouble(w, path, "unreadable", NULL, "the file cannot be read");
        return;
    }
    /* Asked first, so that a huge sparse file costs nothing. */
    if (st.st_size > REVISION_BYTES_MAX - w->n_bytes) {
        stop(w, path, "the folder holds more than 1 GiB");
        return;
    }
    if (hash_content(w, fd, hex, path) < 0) {
        trouble(w, path, "unreadable", NULL, "the file cannot be read");
        return;
    }
    add_record(w, 'f', st.st_mode, path);
    sha256_add(w->sum, hex, strlen(hex));
}

static void add_link(Walk *w, int dir_fd, const char *name, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);

    if (n < 0) {
        trouble(w, path, "vanished", "check again", "it changed while the folder was read");
        return;
    }
    target[n] = '\0';
    add_record(w, 'l', 0, path);
    sha256_add(w->sum, target, (size_t)n + 1);
}

/* --- folders -------------------------------------------------------------------------------- */

static void add_folder(Walk *w, int fd, const char *prefix);

static void add_sub_folder(Walk *w, int dir_fd, const char *name, const char *path, mode_t mode)
{
    Error err = { 0 };
    int fd;

    if (w->depth >= REVISION_DEPTH_MAX) {
        stop(w, path, "folders are nested too deep");
        return;
    }
    fd = fs_open_dir_beneath(dir_fd, name, &err);
    if (fd < 0) {
        trouble(w, path, "unreadable", "make it readable for Whaley or remove it",
                "the folder cannot be opened");
        return;
    }
    add_record(w, 'd', mode, path);
    w->depth++;
    add_folder(w, fd, path);
    w->depth--;
}

static void add_entry(Walk *w, int dir_fd, const char *name, const char *path)
{
    struct stat st;

    if (++w->n_files > REVISION_FILES_MAX) {
        stop(w, path, "the folder holds more than 50,000 files");
        return;
    }
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        trouble(w, path, "vanished", "check again", "it vanished while the folder was read");
        return;
    }
    if (S_ISREG(st.st_mode))
        add_file(w, dir_fd, name, path);
    else if (S_ISLNK(st.st_mode))
        add_link(w, dir_fd, name, path);
    else if (S_ISDIR(st.st_mode))
        add_sub_folder(w, dir_fd, name, path, st.st_mode);
    else
        trouble(w, path, "special-file", "remove it; only files, folders and links can be copied",
                "a FIFO, socket or device");
}

/* The sorted names of a folder; false when it cannot be read. */
static bool list_names(Walk *w, DIR *dir, Names *names)
{
    struct dirent *entry;

    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (names->n >= REVISION_FILES_MAX) {
            stop(w, entry->d_name, "the folder holds more than 50,000 files");
            break;
        }
        vec_push(names, xstrdup(entry->d_name));
        errno = 0;
    }
    if (names->n > 0)
        qsort(names->items, names->n, sizeof *names->items, by_name);
    return errno == 0;
}

/* Takes `fd` over. */
static void add_folder(Walk *w, int fd, const char *prefix)
{
    CLEANUP(names_fini) Names names = { 0 };
    DIR *dir = fdopendir(fd);

    if (!dir) {
        (void)close(fd);
        trouble(w, *prefix ? prefix : ".", "unreadable", NULL, "the folder cannot be read");
        return;
    }
    if (!list_names(w, dir, &names))
        trouble(w, *prefix ? prefix : ".", "unreadable", NULL, "the folder cannot be read");
    for (size_t i = 0; i < names.n && !w->stopped; i++) {
        AUTO_FREE char *path =
            *prefix ? xasprintf("%s/%s", prefix, names.items[i]) : xstrdup(names.items[i]);
        add_entry(w, dirfd(dir), names.items[i], path);
    }
    (void)closedir(dir);
}

void revision_of_folder(int dir_fd, DiagList *diags, char ret_revision[REVISION_SIZE])
{
    AUTO_FREE char *chunk = xmalloc(CHUNK);
    Walk w = { .sum = sha256_new(), .diags = diags, .chunk = chunk };
    char hex[SHA256_HEX_SIZE];
    Error err = { 0 };
    int fd = fs_open_dir_beneath(dir_fd, ".", &err);

    if (fd < 0)
        trouble(&w, ".", "unreadable", NULL, "the folder cannot be opened");
    else
        add_folder(&w, fd, "");
    sha256_finish(w.sum, hex);
    memcpy(ret_revision, hex, REVISION_SIZE - 1);
    ret_revision[REVISION_SIZE - 1] = '\0';
}
