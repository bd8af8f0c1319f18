#include "store/temp.h"

#include "store/driver.h"
#include "store/rows.h"

#include <sys/stat.h>

static void test_refuses_urls(void **state)
{
    static const struct {
        const char *url, *says;
    } rows[] = {
        { "", "not understood" },
        { "whaley.db", "not understood" },
        { "mysql://root:hunter2@db/x", "not understood" },
        { "sqlit:///x", "not understood" },
        { "sqlite:///", "names no file" },
        { "sqlite://relative.db", "names no file" },
        { "sqlite:////tmp/x.db?timeout=5", "options after '?'" },
        { "postgresql://whaley:hunter2@db/whaley", "not supported yet" },
        { "postgresql+asyncpg://whaley:hunter2@db/whaley", "not supported yet" },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Db *db = NULL;
        Error err = { 0 };

        CHECK(db_open(&db, rows[i].url, &err) < 0);
        CHECK(db == NULL);
        CHECK(err.code == E_INVALID);
        if (!strstr(err.detail, rows[i].says) || strstr(err.detail, "hunter2"))
            fail_msg("%s: %s", rows[i].url, err.detail);
    }
}

static void test_opens_urls(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    char url[160];
    struct stat st;
    (void)state;

    for (int i = 0; i < 2; i++) {
        AUTO_DB Db *db = NULL;

        (void)snprintf(url, sizeof url, i ? "sqlite+aiosqlite:///%s" : "sqlite:///%s", temp.path);
        db = temp_open(url);
        CHECK(temp_int(db, "SELECT COUNT(*) FROM instance_states") == 0);
    }
    CHECK(stat(temp.path, &st) == 0);
    CHECK((st.st_mode & 0777) == 0600); /* it holds flags and keys */
    db_free(temp_open("sqlite:///:memory:"));
    db_free(temp_open("sqlite://"));
    CHECK(chdir(temp.folder) == 0);
    db_free(temp_open("sqlite:///relative.db"));
    CHECK(access("relative.db", F_OK) == 0);
    CHECK(chdir("/") == 0);
}

static void test_carries_values(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    AUTO_ROWS DbRows *rows = NULL;
    int64_t changes = -1;
    (void)state;

    temp_exec(db, "CREATE TABLE t (i BIGINT, s TEXT, r REAL, n TEXT)");
    CHECK(db_exec_count(db, "INSERT INTO t VALUES (?, ?, ?, ?), (?, '', 0, '12')",
                        DB_ARGS(db_int(INT64_MIN), db_text("K\xC3\xA4se; DROP TABLE t --"),
                                ((DbValue){ .type = DB_REAL, .r = 1.5 }), db_text(NULL),
                                db_int(INT64_MAX)),
                        &changes, NULL) == 0);
    CHECK(changes == 2);
    CHECK(db_query(db, "SELECT i, s, r, n FROM t ORDER BY i", DB_NO_ARGS, &rows, NULL) == 0);
    CHECK(db_rows_count(rows) == 2);
    CHECK(db_rows_int(rows, 0, 0) == INT64_MIN && db_rows_int(rows, 1, 0) == INT64_MAX);
    CHECK_STR(db_rows_text(rows, 0, 1), "K\xC3\xA4se; DROP TABLE t --");
    CHECK_STR(db_rows_text(rows, 1, 1), "");
    CHECK_STR(db_rows_text(rows, 0, 2), "1.5");
    CHECK(db_rows_is_null(rows, 0, 3) && db_rows_text(rows, 0, 3) == NULL);
    CHECK(db_rows_int(rows, 0, 3) == 0);  /* NULL */
    CHECK(db_rows_int(rows, 1, 3) == 12); /* a number kept as text */
    CHECK(db_rows_int(rows, 0, 1) == 0);  /* text that is none */
    CHECK_STR(db_rows_text(rows, 1, 0), "9223372036854775807");
}

static void test_returning_writes(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    AUTO_DB Db *db = temp_open(temp.url);
    AUTO_ROWS DbRows *rows = NULL;
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)");
    CHECK(db_query(db, "INSERT INTO t (s) VALUES (?) RETURNING id", DB_ARGS(db_text("a")), &rows,
                   NULL) == 0);
    CHECK(db_rows_int(rows, 0, 0) == 1);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 1);
}

static void test_names_conflicts(void **state)
{
    static const struct {
        const char *sql;
        ErrorCode code;
    } rows[] = {
        { "INSERT INTO t VALUES (1, 'x', NULL)", E_CONFLICT }, /* primary key */
        { "INSERT INTO t VALUES (2, 'a', NULL)", E_CONFLICT }, /* unique */
        { "INSERT INTO t VALUES (3, 'b', 99)", E_CONFLICT },   /* foreign key */
        { "INSERT INTO t VALUES (4, NULL, NULL)", E_STORE },   /* not null */
        { "INSERT INTO nowhere VALUES (1)", E_STORE },         { "SELEKT", E_STORE },
    };
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT NOT NULL UNIQUE,"
                  " parent INTEGER REFERENCES t (id))");
    temp_exec(db, "INSERT INTO t VALUES (1, 'a', NULL)");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Error err = { 0 };

        CHECK(db_exec(db, rows[i].sql, DB_NO_ARGS, &err) < 0);
        CHECK_INT(err.code, rows[i].code);
        CHECK(err.detail[0] != '\0');
    }
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 1);
}

static void test_bounds_rows(void **state)
{
    static const char sql[] =
        "SELECT n FROM (WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
        " WHERE n < ?) SELECT n FROM c)";
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    DbRows *rows = NULL;
    Error err = { 0 };
    (void)state;

    CHECK(db_query(db, sql, DB_ARGS(db_int(DB_ROWS_MAX)), &rows, NULL) == 0);
    CHECK(db_rows_count(rows) == DB_ROWS_MAX);
    db_rows_free(rows);
    rows = NULL;
    CHECK(db_query(db, sql, DB_ARGS(db_int(DB_ROWS_MAX + 1)), &rows, &err) < 0);
    CHECK(rows == NULL && err.code == E_STORE);
    CHECK(strstr(err.detail, "100000 rows") != NULL);
}

/* More statements than are kept prepared. */
static void test_forgets_statements(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    (void)state;

    for (int i = 0; i < 600; i++) {
        char sql[64];

        (void)snprintf(sql, sizeof sql, "SELECT %d", i);
        CHECK(temp_int(db, sql) == i);
    }
}

typedef struct Plan {
    int result;
    bool ignores_error;
} Plan;

static int insert_two(Db *db, void *ctx, Error *err)
{
    const Plan *plan = ctx;

    CHECK(db_in_transaction(db));
    temp_exec(db, "INSERT INTO t VALUES (1)");
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 1); /* sees its own writes */
    if (plan->ignores_error)
        CHECK(db_exec(db, "INSERT INTO t VALUES (1)", DB_NO_ARGS, NULL) < 0);
    temp_exec(db, "INSERT INTO t VALUES (2)");
    return plan->result < 0 ? error_set(err, E_NO_PORTS, "changed my mind") : plan->result;
}

static void test_transactions(void **state)
{
    static const struct {
        Plan plan;
        int64_t left;
    } rows[] = {
        { { 0, false }, 2 }, { { 7, false }, 2 }, { { -1, false }, 0 }, { { 0, true }, 2 }
    };
    AUTO_TEMP Temp temp = temp_make();
    AUTO_DB Db *db = temp_open(temp.url);
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Plan plan = rows[i].plan;
        Error err = { 0 };

        temp_exec(db, "DELETE FROM t");
        CHECK_INT(db_transaction(db, insert_two, &plan, &err), plan.result);
        CHECK_INT(err.code, plan.result < 0 ? E_NO_PORTS : E_NONE);
        CHECK(!db_in_transaction(db));
        CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == rows[i].left);
    }
}

static int inner(Db *db, void *ctx, Error *err)
{
    (void)ctx;
    return db_exec(db, "INSERT INTO t VALUES (9)", DB_NO_ARGS, err);
}

static int outer_fails(Db *db, void *ctx, Error *err)
{
    CHECK(db_atomically(db, inner, ctx, err) == 0);
    return error_set(err, E_INTERNAL, "later");
}

static void test_joins_transaction(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    CHECK(db_transaction(db, outer_fails, NULL, NULL) < 0);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 0);
    CHECK(db_atomically(db, inner, NULL, NULL) == 0);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_urls),       cmocka_unit_test(test_opens_urls),
        cmocka_unit_test(test_carries_values),     cmocka_unit_test(test_returning_writes),
        cmocka_unit_test(test_names_conflicts),    cmocka_unit_test(test_bounds_rows),
        cmocka_unit_test(test_forgets_statements), cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_joins_transaction),
    };

    return cmocka_run_group_tests_name("store/database", tests, NULL, NULL);
}
