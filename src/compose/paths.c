#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "compose/field.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void loader_io(Loader *l, const Error *err)
{
    if (l->io.code == E_NONE)
        l->io = *err;
}

static const char *outside_reason(const char *text)
{
    if (!*text)
        return "the path is empty";
    if (text[0] == '/')
        return "absolute paths are outside of the challenge folder";
    if (text[0] == '~')
        return "home folders are outside of the challenge folder";
    if (strchr(text, '\\'))
        return "backslashes are not allowed in paths";
    if (strlen(text) > 1024)
        return "the path is too long";
    return NULL;
}

/* Appends the steps of `text` to a clean path; false when `..` leads above the start. */
static bool walk(StrBuf *b, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0) {
            size_t up = b->len;
            if (up == 0)
                return false;
            while (up > 0 && b->data[up - 1] != '/')
                up--;
            b->len = up > 0 ? up - 1 : 0;
            b->data[b->len] = '\0';
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            if (b->len)
                strbuf_addc(b, '/');
            strbuf_add(b, p, n);
        }
        p += n + (p[n] == '/');
    }
    return true;
}

const char *path_join(const char *folder, const char *text, StrBuf *b)
{
    return walk(b, folder) && walk(b, text) ? strbuf_str(b) : NULL;
}

static const char *resolve(Loader *l, const Field *f, const char *folder, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };
    const char *reason = outside_reason(text);

    if (!reason && !path_join(folder, text, &b))
        reason = "'..' leaves it";
    if (!reason && b.len > 1024)
        reason = "the path is too long";
    if (reason) {
        field_error(l, f, "path-outside", "name a path inside the challenge folder, like ./src",
                    "'%.200s': %s", text, reason);
        return NULL;
    }
    return arena_strdup(l->arena, b.len ? strbuf_str(&b) : ".");
}

const char *path_inside(Loader *l, const Field *f, const char *text)
{
    return resolve(l, f, field_origin(l, f)->folder, text);
}

const char *path_below(Loader *l, const Field *f, const char *text)
{
    return resolve(l, f, ".", text);
}

const char *path_folder(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
}

static int open_kind(Loader *l, const char *path, PathKind kind, Error *err)
{
    int fd = kind == PATH_FILE ? -1 : fs_open_dir_beneath(l->options->dir_fd, path, err);

    if (fd < 0 && kind != PATH_FOLDER) {
        *err = (Error){ 0 };
        fd = fs_open_beneath(l->options->dir_fd, path, err);
    }
    return fd;
}

bool path_exists(Loader *l, const Field *f, const char *path, PathKind kind, const char *code)
{
    static const char *const kinds[] = { "file", "folder", "file or folder" };
    Error err = { 0 };
    AUTO_CLOSE int fd = open_kind(l, path, kind, &err);

    if (fd >= 0)
        return true;
    if (err.code == E_NOT_FOUND)
        field_error(l, f, code, NULL, "there is no %s '%.200s' in the challenge folder",
                    kinds[kind], path);
    else if (err.code == E_INVALID)
        field_error(l, f, "path-refused", "put a real file there", "%.300s", err.detail);
    else
        loader_io(l, &err);
    return false;
}

static int read_text(int fd, size_t max, char **ret_text, Error *err)
{
    AUTO_FREE char *text = NULL;
    size_t len;

    if (fs_read_all(fd, max, &text, &len, err) < 0)
        return -1;
    if (!str_is_utf8(text, len))
        return error_set(err, E_INVALID, "it is not UTF-8 text");
    *ret_text = TAKE(text);
    return 0;
}

int path_read(Loader *l, const Field *f, const char *path, size_t max, char **ret_text)
{
    Error err = { 0 };
    AUTO_CLOSE int fd = fs_open_beneath(l->options->dir_fd, path, &err);

    if (fd < 0 && err.code == E_NOT_FOUND)
        return 1;
    if (fd >= 0 && read_text(fd, max, ret_text, &err) == 0)
        return 0;
    if (err.code != E_INVALID && err.code != E_TOO_LARGE)
        loader_io(l, &err);
    else if (f)
        field_error(l, f, "bad-file", NULL, "'%.200s': %.300s", path, err.detail);
    else
        diag_add(l->diags, DIAG_ERROR, (DiagAt){ .file = path }, "bad-file", NULL, "%s",
                 err.detail);
    return -1;
}
