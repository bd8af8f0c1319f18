/* The revision changes with everything that matters, and hostile folders are survived. */
#include "test.h"
#include "folder.h"

#include "base/str.h"
#include "challenge/revision.h"

#include <sys/socket.h>
#include <sys/un.h>

static void revision_of(const char *folder, DiagList *diags, char ret[REVISION_SIZE])
{
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CHECK(fd >= 0);
    revision_of_folder(fd, diags, ret);
    CHECK_INT(strlen(ret), REVISION_SIZE - 1);
}

static void clean_revision_of(const char *folder, char ret[REVISION_SIZE])
{
    AUTO_DIAGS DiagList diags = { 0 };

    revision_of(folder, &diags, ret);
    CHECK_INT(diags.n, 0);
}

static char *below(const char *folder, const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static void test_every_change_counts(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *file = below(folder, "sub/a");
    AUTO_FREE char *moved = below(folder, "sub/b");
    AUTO_FREE char *link = below(folder, "link");
    AUTO_FREE char *empty = below(folder, "empty");
    char seen[8][REVISION_SIZE];
    size_t n = 0;

    (void)state;
    folder_write(folder, "sub/a", "one");
    clean_revision_of(folder, seen[n++]);
    folder_write(folder, "sub/a", "two");
    clean_revision_of(folder, seen[n++]);
    CHECK_INT(chmod(file, 0755), 0);
    clean_revision_of(folder, seen[n++]);
    CHECK_INT(rename(file, moved), 0);
    clean_revision_of(folder, seen[n++]);
    CHECK_INT(symlink("/nowhere", link), 0);
    clean_revision_of(folder, seen[n++]);
    CHECK_INT(unlink(link), 0);
    CHECK_INT(symlink("/elsewhere", link), 0);
    clean_revision_of(folder, seen[n++]);
    CHECK_INT(mkdir(empty, 0755), 0);
    clean_revision_of(folder, seen[n++]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (str_eq(seen[i], seen[k]))
                fail_msg("states %zu and %zu have one revision", i, k);
}

static void test_order_and_place_do_not_count(void **state)
{
    AUTO_FOLDER char *a = folder_new();
    AUTO_FOLDER char *b = folder_new();
    char first[REVISION_SIZE], second[REVISION_SIZE];

    (void)state;
    folder_write(a, "x", "1");
    folder_write(a, "y/z", "2");
    folder_write(b, "y/z", "2");
    folder_write(b, "x", "1");
    clean_revision_of(a, first);
    clean_revision_of(b, second);
    CHECK_STR(first, second);
}

static void expect_error(const char *folder, const char *code, const char *file)
{
    AUTO_DIAGS DiagList diags = { 0 };
    char revision[REVISION_SIZE];

    revision_of(folder, &diags, revision);
    CHECK_INT(diags.n_errors, 1);
    CHECK_STR(diags.items[0].code, code);
    if (file)
        CHECK_STR(diags.items[0].file, file);
}

static void test_special_files(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *path = below(folder, "odd");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    CHECK_INT(mkfifo(path, 0644), 0);
    expect_error(folder, "special-file", "odd");
    CHECK_INT(unlink(path), 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_error(folder, "special-file", "odd");
}

static void test_unreadable_files(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *file = below(folder, "sub/secret");
    AUTO_FREE char *sub = below(folder, "sub");

    (void)state;
    folder_write(folder, "sub/secret", "x");
    CHECK_INT(chmod(file, 0), 0);
    folder_become_nobody();
    expect_error(folder, "unreadable", "sub/secret");
    folder_become_self();
    CHECK_INT(chmod(sub, 0), 0);
    folder_become_nobody();
    expect_error(folder, "unreadable", "sub");
    folder_become_self();
    CHECK_INT(chmod(sub, 0755), 0);
}

/* Sparse: if it were read, this test would take seconds. */
static void test_huge_file(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *file = below(folder, "huge");

    (void)state;
    folder_write(folder, "huge", "x");
    CHECK_INT(truncate(file, (off_t)REVISION_BYTES_MAX + 1), 0);
    expect_error(folder, "folder-too-large", "huge");
}

static void test_links_are_not_followed(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *up = below(folder, "up");
    AUTO_FREE char *self = below(folder, "self");
    char revision[REVISION_SIZE];

    (void)state;
    CHECK_INT(symlink("..", up), 0);
    CHECK_INT(symlink("self", self), 0);
    clean_revision_of(folder, revision);
}

static void test_depth(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *path = xstrdup("d");

    (void)state;
    for (int i = 1; i < REVISION_DEPTH_MAX; i++) {
        char *longer = xasprintf("%s/d", path);
        free(path);
        path = longer;
    }
    {
        AUTO_FREE char *file = xasprintf("%s/f", path);
        AUTO_FREE char *deeper = xasprintf("%s/d/f", path);
        char revision[REVISION_SIZE];
        folder_write(folder, file, "x");
        clean_revision_of(folder, revision);
        folder_write(folder, deeper, "x");
        expect_error(folder, "folder-too-large", NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change_counts),
        cmocka_unit_test(test_order_and_place_do_not_count),
        cmocka_unit_test(test_special_files),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_huge_file),
        cmocka_unit_test(test_links_are_not_followed),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
