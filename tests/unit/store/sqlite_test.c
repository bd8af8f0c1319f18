/* Files that cannot be used: one clear sentence each, and nothing deleted. */
#include "store/temp.h"

#include "base/fs.h"
#include "base/str.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void expect_refused(const char *url, const char *says)
{
    Db *db = NULL;
    Error err = { 0 };

    if (db_open(&db, url, &err) >= 0) {
        db_free(db);
        fail_msg("%s was opened; expected: %s", url, says);
    }
    CHECK(db == NULL);
    CHECK_INT(err.code, E_STORE);
    if (!strstr(err.detail, says))
        fail_msg("expected \"%s\" in: %s", says, err.detail);
    CHECK(strlen(err.detail) < sizeof err.detail - 1); /* not cut */
}

static void test_missing_folder(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    char url[200];
    (void)state;

    (void)snprintf(url, sizeof url, "sqlite:///%s/none/whaley.db", temp.folder);
    expect_refused(url, "does not exist: create it");
    (void)snprintf(url, sizeof url, "sqlite:///%s", temp.folder);
    expect_refused(url, "is a folder, not a file");
    CHECK(mkfifo(temp.path, 0600) == 0);
    expect_refused(temp.url, "is no ordinary file");
    (void)snprintf(url, sizeof url, "%s/below.db", temp.url);
    expect_refused(url, "is no folder");
}

static void write_file(const char *path, const char *text, size_t n)
{
    Error err = { 0 };

    if (fs_write_atomic(path, text, n, 0600, &err) < 0)
        fail_msg("%s", err.detail);
}

static void test_not_a_database(void **state)
{
    static const char text[] = "This is a shopping list, long enough to be taken for a header of "
                               "a database by somebody in a hurry: eggs, flour, butter, salt.";
    AUTO_TEMP Temp temp = temp_make();
    char *kept = NULL;
    size_t len = 0;
    (void)state;

    write_file(temp.path, text, sizeof text - 1);
    expect_refused(temp.url, "is not a SQLite database");
    CHECK(fs_read_file(temp.path, 4096, &kept, &len, NULL) == 0);
    CHECK(len == sizeof text - 1 && memcmp(kept, text, len) == 0);
    free(kept);
}

/* Rights do not bind root, so the checks run as somebody else. */
static void as_nobody(void (*fn)(const Temp *temp), const Temp *temp)
{
    bool is_root = geteuid() == 0;

    CHECK(!is_root || seteuid(65534) == 0);
    fn(temp);
    CHECK(!is_root || seteuid(0) == 0);
}

static void expect_folder_refused(const Temp *temp)
{
    expect_refused(temp->url, "cannot be written");
}

static void expect_file_refused(const Temp *temp)
{
    expect_refused(temp->url, "cannot be read and written");
}

static void test_rights(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    (void)state;

    CHECK(chmod(temp.folder, 0555) == 0);
    as_nobody(expect_folder_refused, &temp);
    CHECK(chmod(temp.folder, 0777) == 0);
    write_file(temp.path, "", 0);
    CHECK(chmod(temp.path, 0444) == 0);
    as_nobody(expect_file_refused, &temp);
}

/* Overwrites every page but the first. */
static void damage(const char *path)
{
    char *bytes = NULL;
    size_t len = 0;

    CHECK(fs_read_file(path, 64 << 20, &bytes, &len, NULL) == 0);
    CHECK(len > 3 * 4096);
    for (size_t i = 4096; i < len; i++)
        bytes[i] = (char)(i * 31 + 7);
    write_file(path, bytes, len);
    free(bytes);
}

static void test_damaged(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    struct stat before, after;
    (void)state;

    db_free(temp_open(temp.url));
    damage(temp.path);
    CHECK(stat(temp.path, &before) == 0);
    expect_refused(temp.url, "is damaged");
    CHECK(stat(temp.path, &after) == 0);
    CHECK(before.st_size == after.st_size && before.st_ino == after.st_ino);
}

static void test_truncated(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    (void)state;

    db_free(temp_open(temp.url));
    CHECK(truncate(temp.path, 6000) == 0);
    expect_refused(temp.url, "is damaged");
}

/* Another process holds the write lock for longer than we wait. */
static void test_busy(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    AUTO_DB Db *db = temp_open(temp.url);
    AUTO_DB Db *other = temp_open(temp.url);
    Error err = { 0 };
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    temp_exec(other, "BEGIN IMMEDIATE");
    CHECK(db_exec(db, "INSERT INTO t VALUES (1)", DB_NO_ARGS, &err) < 0);
    CHECK_INT(err.code, E_UNAVAILABLE);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 0); /* reading goes on */
    temp_exec(other, "ROLLBACK");
    temp_exec(db, "INSERT INTO t VALUES (1)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_folder), cmocka_unit_test(test_not_a_database),
        cmocka_unit_test(test_rights),         cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_truncated),      cmocka_unit_test(test_busy),
    };

    return cmocka_run_group_tests_name("store/sqlite", tests, NULL, NULL);
}
