/* Files opened beneath a folder only, read up to a limit, and replaced whole. */
#include "test.h"

#include "folder.h"

#include "base/fs.h"
#include "base/str.h"

#include <dirent.h>

/* 300 bytes: longer than any file system's NAME_MAX. */
#define TEN       "abcdefghij"
#define HUNDRED   TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG_NAME HUNDRED HUNDRED HUNDRED

typedef struct Fixture {
    char *folder;
    int fd;
} Fixture;

static int set_up(void **state)
{
    Fixture *f = xnew(Fixture);
    AUTO_FREE char *fifo = NULL;
    AUTO_FREE char *link = NULL;
    AUTO_FREE char *out = NULL;

    f->folder = folder_new();
    folder_write(f->folder, "a.txt", "hello");
    folder_write(f->folder, "sub/b.txt", "world");
    fifo = xasprintf("%s/fifo", f->folder);
    link = xasprintf("%s/link", f->folder);
    out = xasprintf("%s/out", f->folder);
    if (mkfifo(fifo, 0600) != 0 || symlink("a.txt", link) != 0 || symlink("/etc", out) != 0)
        return -1;
    f->fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;

    (void)close(f->fd);
    folder_free(f->folder);
    free(f);
    return 0;
}

static void test_opening_beneath(void **state)
{
    static const struct {
        const char *path;
        bool file, folder; /* which of the two functions opens it */
        ErrorCode code;    /* of fs_open_beneath */
    } cases[] = {
        { "a.txt", true, false, E_NONE },
        { "./a.txt", true, false, E_NONE },
        { "sub/b.txt", true, false, E_NONE },
        { "sub/../a.txt", true, false, E_NONE },
        { "sub", false, true, E_INVALID },
        { ".", false, true, E_INVALID },
        { "none", false, false, E_NOT_FOUND },
        { "a.txt/x", false, false, E_NOT_FOUND },
        { LONG_NAME, false, false, E_NOT_FOUND },
        { "", false, false, E_NOT_FOUND },
        { "link", false, false, E_INVALID },
        { "out/passwd", false, false, E_INVALID },
        { "../x", false, false, E_INVALID },
        { "sub/../../x", false, false, E_INVALID },
        { "/etc/passwd", false, false, E_INVALID },
        { "fifo", false, false, E_INVALID }, /* and without waiting for a writer */
    };
    const Fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Error err = { 0 };
        AUTO_CLOSE int file = fs_open_beneath(f->fd, cases[i].path, &err);
        AUTO_CLOSE int folder = fs_open_dir_beneath(f->fd, cases[i].path, NULL);
        if ((file >= 0) != cases[i].file || (folder >= 0) != cases[i].folder ||
            err.code != cases[i].code)
            fail_msg("'%s': %s", cases[i].path, err.detail);
    }
}

static void test_reading_up_to_a_limit(void **state)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };
    const Fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTO_FREE char *path = xasprintf("%s/data", f->folder);
        AUTO_FREE char *bytes = xcalloc(1, sizes[i] + 1);
        AUTO_FREE char *text = NULL;
        char *untouched = NULL;
        size_t len = 0;
        Error err = { 0 };
        memset(bytes, 'x', sizes[i]);
        CHECK_INT(fs_write_atomic(path, bytes, sizes[i], 0600, &err), 0);
        CHECK_INT(fs_read_file(path, sizes[i], &text, &len, &err), 0);
        CHECK_INT(len, sizes[i]);
        CHECK_STR(text, bytes);
        if (sizes[i] == 0)
            continue;
        CHECK(fs_read_file(path, sizes[i] - 1, &untouched, &len, &err) < 0);
        CHECK_INT(err.code, E_TOO_LARGE);
        CHECK(untouched == NULL);
    }
}

static size_t count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    while (dir && readdir(dir))
        n++;
    (void)closedir(dir);
    return n - 2;
}

static void test_replacing_a_file_leaves_nothing_beside_it(void **state)
{
    const Fixture *f = *state;
    AUTO_FREE char *path = xasprintf("%s/sub/b.txt", f->folder);
    AUTO_FREE char *sub = xasprintf("%s/sub", f->folder);
    AUTO_FREE char *text = NULL;
    size_t len;
    struct stat st;
    Error err = { 0 };

    CHECK_INT(fs_write_atomic(path, "new", 3, 0640, &err), 0);
    CHECK_INT(fs_read_file(path, 100, &text, &len, &err), 0);
    CHECK_STR(text, "new");
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0640);
    CHECK(fs_write_atomic(sub, "x", 1, 0600, &err) < 0); /* a folder is in the way */
    CHECK(fs_write_atomic("/nonexistent/x", "x", 1, 0600, &err) < 0);
    CHECK_INT(count_files(sub), 1);
}

static void test_making_folders(void **state)
{
    const Fixture *f = *state;
    AUTO_FREE char *deep = xasprintf("%s/x/y//z/", f->folder);
    AUTO_FREE char *through_file = xasprintf("%s/a.txt/x", f->folder);
    struct stat st;
    Error err = { 0 };

    CHECK_INT(fs_mkdir_p(deep, 0750, &err), 0);
    CHECK_INT(fs_mkdir_p(deep, 0750, &err), 0); /* there already */
    CHECK(stat(deep, &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(fs_mkdir_p(through_file, 0750, &err) < 0);
    CHECK(fs_mkdir_p("", 0750, &err) < 0);
    CHECK_INT(err.code, E_INVALID);
    CHECK_INT(fs_mkdir_p("/", 0750, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opening_beneath, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_up_to_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replacing_a_file_leaves_nothing_beside_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_making_folders, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
