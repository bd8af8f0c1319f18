/* The data folder is one process's; the host players are told. */
#include "test.h"

#include "folder.h"

#include "app/data_dir.h"
#include "app/public_host.h"
#include "base/fs.h"
#include "base/str.h"

static void test_the_folder_is_made_and_the_lock_names_its_holder(void **state)
{
    AUTO_FOLDER char *root = folder_new();
    AUTO_FREE char *path = xasprintf("%s/deep/data", root);
    AUTO_FREE char *lock = xasprintf("%s/whaley.lock", path);
    AUTO_FREE char *pid = xasprintf("%d\n", (int)getpid());
    AUTO_FREE char *text = NULL;
    AUTO_CLOSE int fd = -1;
    struct stat st;
    size_t len;
    Error err = { 0 };

    (void)state;
    fd = data_dir_lock(path, &err);
    CHECK(fd >= 0);
    CHECK_INT(fs_read_file(lock, 100, &text, &len, &err), 0);
    CHECK_STR(text, pid);
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 07, 0); /* nothing for others: tokens may live there */
}

static void test_a_second_one_is_refused_and_told_by_whom(void **state)
{
    AUTO_FOLDER char *path = folder_new();
    AUTO_FREE char *pid = xasprintf("(pid %d)", (int)getpid());
    Error err = { 0 };

    (void)state;
    {
        AUTO_CLOSE int first = data_dir_lock(path, &err);
        CHECK(first >= 0);
        CHECK(data_dir_lock(path, &err) < 0);
        CHECK_INT(err.code, E_UNAVAILABLE);
        CHECK(strstr(err.detail, pid) != NULL && strstr(err.detail, path) != NULL);
    }
    AUTO_CLOSE int again = data_dir_lock(path, &err); /* free as soon as the first one ended */
    CHECK(again >= 0);
}

static void test_folders_that_cannot_be_locked(void **state)
{
    AUTO_FOLDER char *root = folder_new();
    AUTO_FREE char *file = xasprintf("%s/file", root);
    AUTO_FREE char *link = xasprintf("%s/whaley.lock", root);
    AUTO_FREE char *target = xasprintf("%s/elsewhere", root);
    Error err = { 0 };

    (void)state;
    folder_write(root, "file", "x");
    CHECK_INT(symlink(target, link), 0);
    CHECK(data_dir_lock(file, &err) < 0);
    CHECK(data_dir_lock("", &err) < 0);
    CHECK(data_dir_lock(root, &err) < 0); /* its lock is a link to somewhere */
    CHECK(str_starts(err.detail, "DATA_DIR"));
    CHECK(access(target, F_OK) != 0);
}

static void test_public_hosts(void **state)
{
    static const struct {
        const char *public_host, *publish_address, *expected; /* NULL: some address */
    } cases[] = {
        { "ctf.example", "0.0.0.0", "ctf.example" },
        { "ctf.example", "10.0.0.1", "ctf.example" },
        { "auto", "10.0.0.1", "10.0.0.1" },
        { "Auto", "10.0.0.1", "10.0.0.1" },
        { "", "10.0.0.1", "10.0.0.1" },
        { "auto", "0.0.0.0", NULL },
        { "auto", "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *host = xstrdup(cases[i].public_host);
        AUTO_FREE char *address = xstrdup(cases[i].publish_address);
        const Settings settings = { .public_host = host, .publish_address = address };
        AUTO_FREE char *found = public_host_of(&settings);
        if (cases[i].expected)
            CHECK_STR(found, cases[i].expected);
        else
            CHECK(found[0] && !str_eq(found, "0.0.0.0") && !str_eq(found, "auto"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_folder_is_made_and_the_lock_names_its_holder),
        cmocka_unit_test(test_a_second_one_is_refused_and_told_by_whom),
        cmocka_unit_test(test_folders_that_cannot_be_locked),
        cmocka_unit_test(test_public_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
