/* Patterns, .dockerignore, tar and the build context. */
#include "test.h"

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/str.h"
#include "docker/context.h"
#include "docker/dockerignore.h"
#include "docker/pattern.h"
#include "docker/tar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_pattern(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } cases[] = {
        { "a", "a", true },
        { "a", "b", false },
        { "a*", "abc", true },
        { "a*", "a/b", false },
        { "*", "", true },
        { "*.go", "x.go", true },
        { "*.go", "a/x.go", false },
        { "*/*.go", "a/x.go", true },
        { "a?c", "abc", true },
        { "a?c", "a/c", false },
        { "a?", "a", false },
        { "[a-c]", "b", true },
        { "[^a-c]", "b", false },
        { "[^a-c]", "d", true },
        { "[\\]]", "]", true },
        { "[a\\-c]", "-", true },
        { "\\*", "*", true },
        { "\\*", "a", false },
        { "**", "a/b/c", true },
        { "**/a", "a", true },
        { "**/a", "x/y/a", true },
        { "**/a", "xa", false },
        { "a/**", "a/b/c", true },
        { "a/**", "a", false },
        { "a/**/b", "a/b", true },
        { "a/**/b", "a/x/y/b", true },
        { "a/**/b", "a/xb", false },
        { "**/*.pyc", "a.pyc", true },
        { "**/*.pyc", "a/b/c.pyc", true },
        { "a**", "ab/c", true },
        { "**foo", "barfoo", true },
        { "**f?o", "barfoo", false },
        { "?", "\xc3\xbc", true },
        { "[\xc3\xa0-\xc3\xbf]", "\xc3\xbc", true },
        { "?", "\xff", true },
        { "a.b", "axb", false },
        { "(a|b)+$", "(a|b)+$", true },
        { "**/x/**", "a/x/b", true },
        { "**/x/**", "x", false },
    };
    static const char *const bad[] = { "[",    "a[",    "[]", "[^]", "[a-", "[a-]",
                                       "[-a]", "[b-a]", "\\", "a\\", "[\\" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (pattern_match(cases[i].pattern, cases[i].path) != cases[i].match)
            fail_msg("%s on %s", cases[i].pattern, cases[i].path);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (pattern_valid(bad[i]))
            fail_msg("%s is taken for a pattern", bad[i]);
}

/* What makes backtracking matchers stand still. */
static void test_pattern_cost(void **state)
{
    char pattern[PATTERN_MAX + 2], path[4000];

    (void)state;
    for (size_t i = 0; i < PATTERN_MAX; i++)
        pattern[i] = "*a"[i % 2];
    pattern[PATTERN_MAX] = '\0';
    memset(path, 'a', sizeof path);
    path[sizeof path - 2] = 'b';
    path[sizeof path - 1] = '\0';
    CHECK(!pattern_match(pattern, path));
    pattern[PATTERN_MAX] = 'a';
    pattern[PATTERN_MAX + 1] = '\0';
    CHECK(!pattern_valid(pattern));
}

static void test_clean(void **state)
{
    static const char *const cases[][2] = {
        { "a", "a" },           { "./a/", "a" },
        { "a//b", "a/b" },      { "a/../b", "b" },
        { "../a", "../a" },     { "/../a", "/a" },
        { "a/..", "." },        { ".", "." },
        { "/", "/" },           { "../../a", "../../a" },
        { "a/b/../../c", "c" }, { "a/../../b", "../b" },
        { "/a/./b/", "/a/b" },  { "", "" },
        { "..a/b", "..a/b" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *path = xstrdup(cases[i][0]);
        path_clean(path);
        CHECK_STR(path, cases[i][1]);
    }
}

static void test_dockerignore(void **state)
{
    static const char text[] = "\xef\xbb\xbf# comment\n\n  *.log  \r\n!keep.log\nsub\n!sub/deep/x\n"
                               "/rooted\n ./a/../odd/ \n**/*.tmp\n";
    static const struct {
        const char *path;
        bool excluded;
    } cases[] = { { "a.log", true },         { "keep.log", false },  { "x/a.log", false },
                  { "sub", true },           { "sub/y", true },      { "sub/deep/x", false },
                  { "sub/deep/x/z", false }, { "rooted/a", true },   { "odd", true },
                  { "q/w/e.tmp", true },     { "# comment", false }, { "Dockerfile", false } };
    AUTO_DOCKERIGNORE Dockerignore *d = NULL;
    Error err;

    (void)state;
    CHECK_INT(dockerignore_parse(&d, text, sizeof text - 1, &err), 0);
    CHECK(dockerignore_has_exceptions(d));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (dockerignore_excludes(d, cases[i].path) != cases[i].excluded)
            fail_msg("%s", cases[i].path);
    CHECK(!dockerignore_excludes(NULL, "a"));
    CHECK(dockerignore_parse(&d, "a\n[\n", 4, &err) < 0);
    CHECK(strstr(err.detail, ".dockerignore:2:") != NULL);
    CHECK(dockerignore_parse(&d, "!", 1, &err) < 0);
}

/* ---- on disk ---- */

typedef struct Folder {
    char path[64];
    int fd;
} Folder;

static void put(const Folder *f, const char *name, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", f->path, name);
    char *slash = strrchr(path, '/');
    Error err;

    *slash = '\0';
    CHECK_INT(fs_mkdir_p(path, 0755, &err), 0);
    *slash = '/';
    CHECK_INT(fs_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

static Folder make_folder(void)
{
    Folder f = { .path = "/tmp/whaley-context-XXXXXX" };

    CHECK(mkdtemp(f.path) != NULL);
    CHECK(chmod(f.path, 0755) == 0);
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f.fd >= 0);
    return f;
}

static void drop_folder(Folder *f)
{
    const char *const argv[] = { "rm", "-rf", f->path, NULL };
    ProcessResult result = { 0 };
    Error err;

    CHECK_INT(process_run(argv, NULL, 10000, &result, &err), 0);
    free(result.output);
    (void)close(f->fd);
}
#define AUTO_FOLDER CLEANUP(drop_folder)

/* Names, types and owners as the system's tar sees them, one per line. */
static char *list_tar(int fd)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
    const char *const argv[] = {
        "tar", "--numeric-owner", "--quoting-style=literal", "--utc", "-tvf", path, NULL
    };
    ProcessResult result = { 0 };
    Error err;

    CHECK_INT(process_run(argv, NULL, 10000, &result, &err), 0);
    CHECK_INT(result.exit_code, 0);
    return result.output;
}

static void test_context(void **state)
{
    AUTO_FOLDER Folder f = make_folder();
    AUTO_CONTEXT BuildContext one = { .fd = -1 }, two = { .fd = -1 };
    BuildSpec spec = { .context_fd = f.fd, .dockerfile = "docker/Dockerfile" };
    AUTO_FREE char *list = NULL, *bytes1 = NULL, *bytes2 = NULL;
    size_t n1, n2;
    Error err = { 0 };

    (void)state;
    put(&f, "docker/Dockerfile", "FROM scratch\nRUN --mount=type=cache x\n");
    put(&f, ".dockerignore", "docker\nsecret\n!secret/public\n.dockerignore\n");
    put(&f, "b", "b");
    put(&f, "a/x", "x");
    put(&f, "secret/key", "k");
    put(&f, "secret/public", "p");
    CHECK(symlinkat("/etc/passwd", f.fd, "link") == 0);
    CHECK_INT(context_pack(&spec, &one, &err), 0);
    CHECK(one.needs_buildkit);
    CHECK_STR(one.dockerfile, "docker/Dockerfile");
    list = list_tar(one.fd);
    CHECK_STR(list, "-rw-r--r-- 0/0              38 1970-01-01 00:00 docker/Dockerfile\n"
                    "drwxr-xr-x 0/0               0 1970-01-01 00:00 a/\n"
                    "-rw-r--r-- 0/0               1 1970-01-01 00:00 a/x\n"
                    "-rw-r--r-- 0/0               1 1970-01-01 00:00 b\n"
                    "lrwxrwxrwx 0/0               0 1970-01-01 00:00 link -> /etc/passwd\n"
                    "-rw-r--r-- 0/0               1 1970-01-01 00:00 secret/public\n"
                    "-rw-r--r-- 0/0              43 1970-01-01 00:00 .dockerignore\n");
    CHECK_INT(context_pack(&spec, &two, &err), 0);
    CHECK(lseek(one.fd, 0, SEEK_SET) == 0 && lseek(two.fd, 0, SEEK_SET) == 0);
    CHECK_INT(fs_read_all(one.fd, 1 << 20, &bytes1, &n1, &err), 0);
    CHECK_INT(fs_read_all(two.fd, 1 << 20, &bytes2, &n2, &err), 0);
    CHECK(n1 == one.size && n1 == n2 && memcmp(bytes1, bytes2, n1) == 0);
}

static void test_context_refused(void **state)
{
    AUTO_FOLDER Folder f = make_folder();
    AUTO_CONTEXT BuildContext c = { .fd = -1 };
    BuildSpec spec = { .context_fd = f.fd };
    _Atomic bool stop = true;
    Error err = { 0 };

    (void)state;
    CHECK(context_pack(&spec, &c, &err) < 0 && err.code == E_BUILD_FAILED);
    put(&f, "Dockerfile", "FROM scratch\n");
    spec.context_max = 4;
    CHECK(context_pack(&spec, &c, &err) < 0 && err.code == E_TOO_LARGE);
    spec.context_max = 0;
    spec.stop = &stop;
    CHECK(context_pack(&spec, &c, &err) < 0 && err.code == E_CANCELLED);
    spec.stop = NULL;
    spec.dockerfile = "../Dockerfile";
    CHECK(context_pack(&spec, &c, &err) < 0);
    spec.dockerfile = NULL;
    put(&f, ".dockerignore", "[");
    CHECK(context_pack(&spec, &c, &err) < 0 && err.code == E_INVALID);
    put(&f, ".dockerignore", "pipe");
    CHECK(mkfifoat(f.fd, "pipe", 0600) == 0);
    CHECK_INT(context_pack(&spec, &c, &err), 0); /* left out */
    context_fini(&c);
    put(&f, ".dockerignore", "");
    CHECK(context_pack(&spec, &c, &err) < 0 && err.code == E_INVALID);
    CHECK(strstr(err.detail, "pipe") != NULL);
}

static void test_context_inline(void **state)
{
    AUTO_FOLDER Folder f = make_folder();
    AUTO_CONTEXT BuildContext c = { .fd = -1 };
    BuildSpec spec = { .context_fd = f.fd, .dockerfile_inline = "FROM scratch\n" };
    AUTO_FREE char *list = NULL;
    Error err = { 0 };

    (void)state;
    put(&f, "Dockerfile", "FROM other\n");
    CHECK_INT(context_pack(&spec, &c, &err), 0);
    list = list_tar(c.fd);
    CHECK(strstr(list, " .whaley.Dockerfile\n") && strstr(list, " .dockerignore\n") &&
          strstr(list, " Dockerfile\n"));
}

static void test_tree(void **state)
{
    AUTO_FOLDER Folder f = make_folder();
    AUTO_TAR Tar *tar = NULL, *refused = NULL, *small = NULL;
    const TarMeta meta = { .mode = 04755, .uid = 7, .gid = 8, .mtime_s = 60 };
    AUTO_CLOSE int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    AUTO_FREE char *list = NULL, *bytes = NULL, *name = NULL;
    char long_name[300] = "";
    size_t n = 0;
    Error err = { 0 };

    (void)state;
    memset(long_name, 'n', 240);
    put(&f, "src/one", "1");
    put(&f, "src/sub/two", "22");
    name = xasprintf("src/%s", long_name);
    put(&f, name, "333");
    CHECK_INT(tar_begin(&tar, -1, 1 << 20, &err), 0);
    CHECK_INT(tar_add_tree(tar, f.fd, "src", "/app", &err), 0);
    CHECK_INT(tar_add_tree(tar, f.fd, "src/one", "/etc/one", &err), 0);
    CHECK_INT(tar_add_file(tar, "/flag", &meta, "flag", 4, &err), 0);
    CHECK_INT(tar_finish(tar, &err), 0);
    bytes = tar_take(tar, &n);
    CHECK(write(fd, bytes, n) == (ssize_t)n);
    list = list_tar(fd);
    CHECK(strstr(list, " app/\n") && strstr(list, " app/sub/two\n") && strstr(list, long_name) &&
          strstr(list, " etc/one\n"));
    CHECK(strstr(list, "-rwsr-xr-x 7/8               4 1970-01-01 00:01 flag\n") != NULL);

    CHECK_INT(tar_begin(&refused, -1, 1 << 20, &err), 0);
    CHECK(tar_add_tree(refused, f.fd, "none", "/x", &err) < 0 && err.code == E_NOT_FOUND);
    CHECK(tar_add_tree(refused, f.fd, "../etc", "/x", &err) < 0);
    CHECK(symlinkat("one", f.fd, "src/link") == 0);
    CHECK(tar_add_tree(refused, f.fd, "src", "/x", &err) < 0 && err.code == E_INVALID);
    CHECK(tar_add_tree(refused, f.fd, "src/link", "/x", &err) < 0);
    CHECK_INT(tar_begin(&small, -1, 1024, &err), 0);
    CHECK((tar_add_file(small, "a", &meta, long_name, 240, &err) < 0 ||
           tar_add_file(small, "b", &meta, long_name, 240, &err) < 0 ||
           tar_finish(small, &err) < 0) &&
          err.code == E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern),        cmocka_unit_test(test_pattern_cost),
        cmocka_unit_test(test_clean),          cmocka_unit_test(test_dockerignore),
        cmocka_unit_test(test_context),        cmocka_unit_test(test_context_refused),
        cmocka_unit_test(test_context_inline), cmocka_unit_test(test_tree),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
