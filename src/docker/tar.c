#include "docker/tar.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "docker/folder.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct Tar {
    struct archive *archive;
    int fd;
    StrBuf memory;
    size_t size, max, n_entries;
};

/* ---- sink ---- */

static la_ssize_t write_all(int fd, const char *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t r = write(fd, bytes + done, n - done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        done += (size_t)r;
    }
    return (la_ssize_t)n;
}

static la_ssize_t on_write(struct archive *a, void *ctx, const void *bytes, size_t n)
{
    Tar *tar = ctx;

    if (n > tar->max - tar->size) {
        archive_set_error(a, EFBIG, "larger than %zu bytes", tar->max);
        return -1;
    }
    if (tar->fd >= 0 && write_all(tar->fd, bytes, n) < 0) {
        archive_set_error(a, errno, "cannot write the archive");
        return -1;
    }
    if (tar->fd < 0)
        strbuf_add(&tar->memory, bytes, n);
    tar->size += n;
    return (la_ssize_t)n;
}

static int failed(Tar *tar, const char *path, Error *err)
{
    int why = archive_errno(tar->archive);
    const char *text = archive_error_string(tar->archive);

    return error_set(err, why == EFBIG ? E_TOO_LARGE : E_INTERNAL, "archive, at \"%.200s\": %s",
                     path, text ? text : "failed");
}

int tar_begin(Tar **ret, int fd, size_t max, Error *err)
{
    AUTO_TAR Tar *tar = xnew(Tar);
    struct archive *a = archive_write_new();

    if (!a)
        return error_set(err, E_INTERNAL, "libarchive gave no writer");
    tar->archive = a;
    tar->fd = fd;
    tar->max = max;
    /*
     * GNU rather than pax: names are plain bytes in any locale, and a short first entry has its own
     * head in the first block, by which BuildKit tells a context from a bare Dockerfile.
     */
    if (archive_write_set_format_gnutar(a) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(a, 64 * 1024) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open(a, tar, NULL, on_write, NULL) != ARCHIVE_OK)
        return failed(tar, "start", err);
    *ret = TAKE(tar);
    return 0;
}

void tar_free(Tar *tar)
{
    if (!tar)
        return;
    if (tar->archive)
        (void)archive_write_free(tar->archive);
    strbuf_fini(&tar->memory);
    free(tar);
}

/* ---- entries ---- */

static void entry_free_p(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

/* What an entry is. */
typedef struct EntryKind {
    mode_t type;
    size_t n;         /* S_IFREG: bytes that follow */
    const char *link; /* S_IFLNK: where to */
} EntryKind;

static int add_head(Tar *tar, const char *path, const TarMeta *meta, EntryKind kind, Error *err)
{
    CLEANUP(entry_free_p) struct archive_entry *entry = archive_entry_new();

    while (*path == '/')
        path++;
    if (!entry)
        return error_set(err, E_INTERNAL, "libarchive gave no entry");
    if (!*path)
        return error_set(err, E_INVALID, "an archive entry needs a name");
    if (++tar->n_entries > TAR_ENTRIES_MAX)
        return error_set(err, E_TOO_LARGE, "more than %d files and folders", TAR_ENTRIES_MAX);
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, kind.type);
    archive_entry_set_perm(entry, meta->mode & 07777);
    archive_entry_set_uid(entry, meta->uid);
    archive_entry_set_gid(entry, meta->gid);
    archive_entry_set_mtime(entry, (time_t)meta->mtime_s, 0);
    archive_entry_set_size(entry, (la_int64_t)kind.n);
    if (kind.link)
        archive_entry_set_symlink(entry, kind.link);
    /* A warning means that something was left out or bent: not what was asked for. */
    if (archive_write_header(tar->archive, entry) != ARCHIVE_OK)
        return failed(tar, path, err);
    return 0;
}

static int add_bytes(Tar *tar, const char *path, const void *bytes, size_t n, Error *err)
{
    if (n > 0 && archive_write_data(tar->archive, bytes, n) != (la_ssize_t)n)
        return failed(tar, path, err);
    return 0;
}

int tar_add_file(Tar *tar, const char *path, const TarMeta *meta, const void *bytes, size_t n,
                 Error *err)
{
    if (add_head(tar, path, meta, (EntryKind){ .type = S_IFREG, .n = n }, err) < 0)
        return -1;
    return add_bytes(tar, path, bytes, n, err);
}

int tar_add_dir(Tar *tar, const char *path, const TarMeta *meta, Error *err)
{
    return add_head(tar, path, meta, (EntryKind){ .type = S_IFDIR }, err);
}

int tar_add_symlink(Tar *tar, const char *path, const char *target, const TarMeta *meta, Error *err)
{
    return add_head(tar, path, meta, (EntryKind){ .type = S_IFLNK, .link = target }, err);
}

int tar_add_fd(Tar *tar, const char *path, const TarMeta *meta, int fd, size_t n, Error *err)
{
    char buffer[64 * 1024];

    if (add_head(tar, path, meta, (EntryKind){ .type = S_IFREG, .n = n }, err) < 0)
        return -1;
    while (n > 0) {
        ssize_t got = read(fd, buffer, n < sizeof buffer ? n : sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_sys(err, "read \"%.200s\"", path);
        if (got == 0)
            return error_set(err, E_INVALID, "\"%.200s\" became shorter while it was read", path);
        if (add_bytes(tar, path, buffer, (size_t)got, err) < 0)
            return -1;
        n -= (size_t)got;
    }
    return 0;
}

/* ---- trees ---- */

static TarMeta meta_of(const struct stat *st)
{
    return (TarMeta){ .mode = st->st_mode & 07777, .mtime_s = st->st_mtime };
}

static int add_tree_file(Tar *tar, int fd, const char *target, Error *err)
{
    struct stat st;
    TarMeta meta;

    if (fstat(fd, &st) < 0)
        return error_sys(err, "look at \"%.200s\"", target);
    if (!S_ISREG(st.st_mode))
        return error_set(err, E_INVALID, "\"%.200s\" is neither file nor folder", target);
    meta = meta_of(&st);
    return tar_add_fd(tar, target, &meta, fd, (size_t)st.st_size, err);
}

static int add_folder(Tar *tar, int dir_fd, const char *target, int depth, Error *err);

static int add_child(Tar *tar, int dir_fd, const char *name, const char *target, int depth,
                     Error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", target, name);
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "look at \"%.200s\"", path);
    if (S_ISLNK(st.st_mode))
        return error_set(err, E_INVALID,
                         "\"%.200s\" is a symbolic link; only files and folders can be copied into "
                         "a container",
                         path);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return error_set(err, E_INVALID, "\"%.200s\" is neither file nor folder", path);
    fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "open \"%.200s\"", path);
    return S_ISDIR(st.st_mode) ? add_folder(tar, fd, path, depth + 1, err)
                               : add_tree_file(tar, fd, path, err);
}

static int add_folder(Tar *tar, int dir_fd, const char *target, int depth, Error *err)
{
    CLEANUP(folder_names_fini) FolderNames names = { 0 };
    struct stat st;
    TarMeta meta;

    if (depth > TAR_DEPTH_MAX)
        return error_set(err, E_INVALID, "\"%.200s\" lies more than %d folders deep", target,
                         TAR_DEPTH_MAX);
    if (fstat(dir_fd, &st) < 0)
        return error_sys(err, "look at \"%.200s\"", target);
    meta = meta_of(&st);
    if (tar_add_dir(tar, target, &meta, err) < 0 || folder_names(dir_fd, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++)
        if (add_child(tar, dir_fd, names.items[i], target, depth, err) < 0)
            return -1;
    return 0;
}

int tar_add_tree(Tar *tar, int dir_fd, const char *source, const char *target, Error *err)
{
    AUTO_CLOSE int fd = -1;
    Error not_a_folder;

    fd = fs_open_dir_beneath(dir_fd, source, &not_a_folder);
    if (fd >= 0)
        return add_folder(tar, fd, target, 0, err);
    fd = fs_open_beneath(dir_fd, source, err);
    return fd < 0 ? -1 : add_tree_file(tar, fd, target, err);
}

/* ---- end ---- */

int tar_finish(Tar *tar, Error *err)
{
    return archive_write_close(tar->archive) == ARCHIVE_OK ? 0 : failed(tar, "end", err);
}

char *tar_take(Tar *tar, size_t *ret_len)
{
    *ret_len = tar->memory.len;
    return strbuf_take(&tar->memory);
}

size_t tar_size(const Tar *tar)
{
    return tar->size;
}
