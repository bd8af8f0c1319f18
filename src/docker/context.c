#include "docker/context.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "docker/buildkit.h"
#include "docker/dockerignore.h"
#include "docker/folder.h"
#include "docker/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DOCKERFILE_MAX = 1024 * 1024, IGNORE_MAX = 256 * 1024, CONTEXT_MAX = 512 * 1024 * 1024 };
#define IGNORE_NAME ".dockerignore"

typedef struct Packer {
    const BuildSpec *spec;
    const char *dockerfile;
    Tar *tar;
    Dockerignore *ignore;
    bool has_dockerfile, has_ignore; /* packed on the way */
} Packer;

static bool is_cancelled(const BuildSpec *spec)
{
    return spec->stop && atomic_load(spec->stop);
}

/* ---- one entry ---- */

static int pack_symlink(Packer *p, int dir_fd, const char *name, const char *path, Error *err)
{
    const TarMeta meta = { .mode = 0777 };
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);

    if (n < 0)
        return error_sys(err, "read the link \"%.200s\"", path);
    target[n] = '\0';
    return tar_add_symlink(p->tar, path, target, &meta, err);
}

static int pack_file(Packer *p, int fd, const char *path, Error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_sys(err, "look at \"%.200s\"", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, E_INVALID, "\"%.200s\" is neither file, folder nor link", path);
    if (st.st_size < 0 || tar_size(p->tar) + (size_t)st.st_size > p->spec->context_max)
        return error_set(err, E_TOO_LARGE,
                         "the build context exceeds %zu bytes at \"%.200s\"; list what the image "
                         "does not need in .dockerignore",
                         p->spec->context_max, path);
    const TarMeta meta = { .mode = st.st_mode };
    p->has_dockerfile |= str_eq(path, p->dockerfile);
    p->has_ignore |= str_eq(path, IGNORE_NAME);
    return tar_add_fd(p->tar, path, &meta, fd, (size_t)st.st_size, err);
}

/* ---- the walk ---- */

static int pack_folder(Packer *p, int dir_fd, const char *path, int depth, Error *err);

static int pack_subfolder(Packer *p, int fd, const char *path, bool excluded, int depth, Error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_sys(err, "look at \"%.200s\"", path);
    const TarMeta meta = { .mode = st.st_mode };
    if (!excluded && tar_add_dir(p->tar, path, &meta, err) < 0)
        return -1;
    return pack_folder(p, fd, path, depth + 1, err);
}

static int pack_entry(Packer *p, int dir_fd, const char *name, const char *path, int depth,
                      Error *err)
{
    bool excluded = dockerignore_excludes(p->ignore, path);
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (p->spec->dockerfile_inline && str_eq(path, IGNORE_NAME))
        return 0; /* add_inline() sends one that hides our additions */
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "look at \"%.200s\"", path);
    if (excluded && !(S_ISDIR(st.st_mode) && dockerignore_has_exceptions(p->ignore)))
        return 0;
    if (S_ISLNK(st.st_mode))
        return pack_symlink(p, dir_fd, name, path, err);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return error_set(err, E_INVALID, "\"%.200s\" is neither file, folder nor link", path);
    fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "open \"%.200s\"", path);
    return S_ISDIR(st.st_mode) ? pack_subfolder(p, fd, path, excluded, depth, err)
                               : pack_file(p, fd, path, err);
}

static int pack_folder(Packer *p, int dir_fd, const char *path, int depth, Error *err)
{
    CLEANUP(folder_names_fini) FolderNames names = { 0 };

    if (depth > TAR_DEPTH_MAX)
        return error_set(err, E_INVALID, "\"%.200s\" lies more than %d folders deep", path,
                         TAR_DEPTH_MAX);
    if (folder_names(dir_fd, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        AUTO_FREE char *child =
            *path ? xasprintf("%s/%s", path, names.items[i]) : xstrdup(names.items[i]);
        if (is_cancelled(p->spec))
            return error_set(err, E_CANCELLED, "the build was cancelled");
        if (pack_entry(p, dir_fd, names.items[i], child, depth, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Dockerfile and .dockerignore ---- */

/* Reads one, if it is there: *ret_text stays NULL otherwise. */
static int read_if_there(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_len,
                         Error *err)
{
    Error why = { 0 };
    AUTO_CLOSE int fd = fs_open_beneath(dir_fd, path, &why);

    if (fd < 0 && why.code == E_NOT_FOUND)
        return 0;
    if (fd < 0 || fs_read_all(fd, max, ret_text, ret_len, &why) < 0)
        return error_set(err, why.code, "%s: %s", path, why.detail);
    return 0;
}

/* A Dockerfile's own "<name>.dockerignore" goes before the common one. */
static int read_ignore(Packer *p, char **ret_text, Error *err)
{
    AUTO_FREE char *own = xasprintf("%s%s", p->dockerfile, IGNORE_NAME);
    size_t len = 0;

    if (!p->spec->dockerfile_inline &&
        read_if_there(p->spec->context_fd, own, IGNORE_MAX, ret_text, &len, err) < 0)
        return -1;
    if (!*ret_text &&
        read_if_there(p->spec->context_fd, IGNORE_NAME, IGNORE_MAX, ret_text, &len, err) < 0)
        return -1;
    if (!*ret_text)
        return 0;
    return dockerignore_parse(&p->ignore, *ret_text, len, err);
}

/*
 * An inline Dockerfile is sent under a name of ours, together with a .dockerignore that names it
 * (and itself, if there was none), so that `COPY .` does not bring either into the image.
 */
static int add_inline(Packer *p, const char *ignore_text, Error *err)
{
    const TarMeta meta = { .mode = 0644 };
    const char *text = p->spec->dockerfile_inline;
    AUTO_FREE char *ignore = xasprintf("%s\n%s\n%s", ignore_text ? ignore_text : "",
                                       CONTEXT_INLINE_NAME, ignore_text ? "" : IGNORE_NAME "\n");

    if (tar_add_file(p->tar, CONTEXT_INLINE_NAME, &meta, text, strlen(text), err) < 0)
        return -1;
    return tar_add_file(p->tar, IGNORE_NAME, &meta, ignore, strlen(ignore), err);
}

static int add_if_missing(Packer *p, const char *path, bool there, Error *err)
{
    Error why = { 0 };
    AUTO_CLOSE int fd = there ? -1 : fs_open_beneath(p->spec->context_fd, path, &why);

    if (there || (fd < 0 && why.code == E_NOT_FOUND))
        return 0;
    if (fd < 0)
        return error_set(err, why.code, "%s: %s", path, why.detail);
    return pack_file(p, fd, path, err);
}

static int look_at_dockerfile(Packer *p, bool *ret_needs_buildkit, Error *err)
{
    const char *text = p->spec->dockerfile_inline;
    AUTO_FREE char *read = NULL;
    size_t len = text ? strlen(text) : 0;

    if (!text) {
        if (read_if_there(p->spec->context_fd, p->dockerfile, DOCKERFILE_MAX, &read, &len, err) < 0)
            return -1;
        if (!read)
            return error_set(err, E_BUILD_FAILED,
                             "there is no %s in the build context; add it, or name it with "
                             "`dockerfile:`",
                             p->dockerfile);
        text = read;
    }
    *ret_needs_buildkit = buildkit_needed(text, len);
    return 0;
}

/* ---- all of it ---- */

static int open_unlinked(Error *err)
{
    const char *const places[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
    int fd = -1;

    for (size_t i = 0; fd < 0 && i < ARRAY_LEN(places); i++)
        if (places[i] && *places[i])
            fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = memfd_create("build-context", MFD_CLOEXEC);
    return fd < 0 ? error_sys(err, "make a temporary file for the build context") : fd;
}

static int pack_all(Packer *p, const char *ignore_text, Error *err)
{
    if (pack_folder(p, p->spec->context_fd, "", 0, err) < 0)
        return -1;
    if (p->spec->dockerfile_inline) {
        if (add_inline(p, ignore_text, err) < 0)
            return -1;
    } else if (add_if_missing(p, p->dockerfile, p->has_dockerfile, err) < 0 ||
               add_if_missing(p, IGNORE_NAME, p->has_ignore, err) < 0) {
        return -1;
    }
    return tar_finish(p->tar, err);
}

int context_pack(const BuildSpec *given, BuildContext *ret, Error *err)
{
    BuildSpec spec = *given;
    Packer p = { .spec = &spec };
    AUTO_CONTEXT BuildContext context = { .fd = -1 };
    AUTO_FREE char *ignore_text = NULL;
    int r = -1;

    if (spec.context_max == 0)
        spec.context_max = CONTEXT_MAX;
    if (spec.dockerfile_inline)
        p.dockerfile = CONTEXT_INLINE_NAME;
    else
        p.dockerfile = spec.dockerfile ? spec.dockerfile : "Dockerfile";
    while (str_starts(p.dockerfile, "./"))
        p.dockerfile += 2;
    context.dockerfile = p.dockerfile;
    if (look_at_dockerfile(&p, &context.needs_buildkit, err) < 0)
        return -1;
    context.fd = open_unlinked(err);
    /* Heads and padding come on top of what the limit speaks of. */
    if (context.fd >= 0 && read_ignore(&p, &ignore_text, err) == 0 &&
        tar_begin(&p.tar, context.fd, spec.context_max + spec.context_max / 4 + (1 << 20), err) ==
            0)
        r = pack_all(&p, ignore_text, err);
    if (r == 0) {
        context.size = tar_size(p.tar);
        *ret = context;
        context.fd = -1;
    }
    tar_free(p.tar);
    dockerignore_free(p.ignore);
    return r;
}

void context_fini(BuildContext *context)
{
    if (context->fd >= 0)
        (void)close(context->fd);
    context->fd = -1;
}
