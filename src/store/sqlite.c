/* The adapter around SQLite; no other file includes sqlite3.h. */
#include "base/alloc.h"
#include "base/check.h"
#include "base/map.h"
#include "base/str.h"
#include "store/driver.h"
#include "store/rows.h"
#include "store/sqlite_file.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BUSY_TIMEOUT_MS = 5000,
    STATEMENTS_MAX = 256,            /* prepared statements kept per connection */
    VALUE_MAX = 64 * 1024 * 1024,    /* bytes in one value or statement */
    CHECKED_MAX = 256 * 1024 * 1024, /* larger files are not read through when opened */
};

struct DbConn {
    sqlite3 *db;
    char *path;
    Map *statements; /* SQL to sqlite3_stmt */
    bool in_transaction;
};

static bool is_memory(const char *path)
{
    return str_eq(path, ":memory:");
}

static bool is_shared(const char *path)
{
    return !is_memory(path);
}

static int damaged(const DbConn *conn, const char *what, Error *err)
{
    return error_set(err, E_STORE,
                     "the database %s is damaged (%s). Nothing was deleted. Stop Whaley, move the "
                     "file away together with its -wal and -shm, then put a backup in its place, "
                     "or what `sqlite3 FILE .recover` can save",
                     conn->path, what);
}

/* The one place that turns SQLite's result codes into errors. */
static int failed(const DbConn *conn, int rc, Error *err)
{
    const char *what = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);

    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
            rc == SQLITE_CONSTRAINT_ROWID || rc == SQLITE_CONSTRAINT_FOREIGNKEY)
            return error_set(err, E_CONFLICT, "%s", what);
        return error_set(err, E_STORE, "%s", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, E_UNAVAILABLE,
                         "another program has held the database %s locked for %d s", conn->path,
                         BUSY_TIMEOUT_MS / 1000);
    case SQLITE_CORRUPT:
        return damaged(conn, what, err);
    case SQLITE_NOTADB:
        return error_set(err, E_STORE,
                         "%s is not a SQLite database. Nothing was changed. Move the file away, or "
                         "name another in DATABASE_URL",
                         conn->path);
    case SQLITE_FULL:
        return error_set(err, E_STORE, "no room left for the database %s: free some disk space",
                         conn->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return error_set(err, E_STORE,
                         "the database %s cannot be opened for writing (%s): check the owner and "
                         "rights of the file, its -wal and -shm, and its folder",
                         conn->path, what);
    case SQLITE_IOERR:
        return error_set(err, E_STORE,
                         "reading or writing the database %s failed (%s): check the "
                         "disk",
                         conn->path, what);
    default:
        return error_set(err, E_STORE, "SQLite: %s (%d)", what, rc);
    }
}

static void forget_statements(DbConn *conn)
{
    size_t pos = 0;
    const char *sql = NULL;
    void *stmt = NULL;

    while (map_next(conn->statements, &pos, &sql, &stmt))
        (void)sqlite3_finalize(stmt);
    map_free(conn->statements);
    conn->statements = map_new();
}

static int statement_for(DbConn *conn, const char *sql, sqlite3_stmt **ret, Error *err)
{
    sqlite3_stmt *stmt = map_get(conn->statements, sql);
    const char *tail = NULL;
    int rc;

    if (stmt) {
        *ret = stmt;
        return 0;
    }
    if (map_count(conn->statements) >= STATEMENTS_MAX)
        forget_statements(conn);
    rc = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &tail);
    if (rc != SQLITE_OK)
        return failed(conn, rc, err);
    check(stmt && *tail == '\0'); /* one statement per call */
    (void)map_put(conn->statements, sql, stmt);
    *ret = stmt;
    return 0;
}

static int bind_one(sqlite3_stmt *stmt, int at, const DbValue *value)
{
    switch (value->type) {
    case DB_INT:
        return sqlite3_bind_int64(stmt, at, value->i);
    case DB_REAL:
        return sqlite3_bind_double(stmt, at, value->r);
    case DB_TEXT: /* static: it outlives the step, and the binding is cleared after it */
        return sqlite3_bind_text(stmt, at, value->text, -1, SQLITE_STATIC);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static void add_row(DbRows *rows, sqlite3_stmt *stmt)
{
    int n = sqlite3_column_count(stmt);

    rows_set_columns(rows, (size_t)n);
    for (int c = 0; c < n; c++) {
        int kind = sqlite3_column_type(stmt, c);
        int64_t i =
            kind == SQLITE_INTEGER || kind == SQLITE_FLOAT ? sqlite3_column_int64(stmt, c) : 0;
        DbType type = kind == SQLITE_NULL      ? DB_NULL
                      : kind == SQLITE_INTEGER ? DB_INT
                      : kind == SQLITE_FLOAT   ? DB_REAL
                                               : DB_TEXT;
        const char *text = (const char *)sqlite3_column_text(stmt, c); /* before _bytes() */

        rows_add(rows, type, i, text, (size_t)sqlite3_column_bytes(stmt, c));
    }
}

static int step_through(DbConn *conn, sqlite3_stmt *stmt, DbCall *call, Error *err)
{
    int rc;

    for (size_t i = 0; i < call->n_args; i++) {
        rc = bind_one(stmt, (int)i + 1, &call->args[i]);
        if (rc != SQLITE_OK)
            return failed(conn, rc, err);
    }
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!call->rows)
            continue;
        if (rows_is_full(call->rows))
            return error_set(err, E_STORE, "a query gave more than %d rows or %d bytes",
                             DB_ROWS_MAX, DB_ROWS_MAX_BYTES);
        add_row(call->rows, stmt);
    }
    return rc == SQLITE_DONE ? 0 : failed(conn, rc, err);
}

static int run(DbConn *conn, DbCall *call, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    int before, result;

    /* A full disk or a damaged page rolls back by itself; what follows must not be kept. */
    if (conn->in_transaction && sqlite3_get_autocommit(conn->db))
        return error_set(err, E_STORE, "the transaction was given up after an earlier error");
    if (statement_for(conn, call->sql, &stmt, err) < 0)
        return -1;
    check((size_t)sqlite3_bind_parameter_count(stmt) == call->n_args);
    before = sqlite3_total_changes(conn->db);
    result = step_through(conn, stmt, call, err);
    /* At once: a statement that is not reset pins the WAL and blocks checkpoints. */
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    call->changes = sqlite3_total_changes(conn->db) - before;
    return result;
}

static int run_sql(DbConn *conn, const char *sql, Error *err)
{
    DbCall call = { .sql = sql };

    return run(conn, &call, err);
}

static int begin_immediate(DbConn *conn, Error *err)
{
    /* A deferred transaction that turns from reading to writing fails at once with BUSY_SNAPSHOT,
     * whatever the timeout. */
    if (run_sql(conn, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    conn->in_transaction = true;
    return 0;
}

static int commit(DbConn *conn, Error *err)
{
    if (run_sql(conn, "COMMIT", err) < 0)
        return -1;
    conn->in_transaction = false;
    return 0;
}

static void rollback(DbConn *conn)
{
    conn->in_transaction = false;
    if (!sqlite3_get_autocommit(conn->db))
        (void)run_sql(conn, "ROLLBACK", NULL);
}

/* Runs a pragma that answers one word. Caller frees *ret_answer. */
static int ask(DbConn *conn, const char *sql, char **ret_answer, Error *err)
{
    AUTO_ROWS DbRows *rows = rows_new();
    DbCall call = { .sql = sql, .rows = rows };

    if (run(conn, &call, err) < 0)
        return -1;
    *ret_answer = xstrdup(db_rows_count(rows) ? db_rows_text(rows, 0, 0) : "");
    return 0;
}

/* Reads the whole file unless it is huge, so that damage shows now and not in the middle of a game.
 */
static int check_undamaged(DbConn *conn, Error *err)
{
    AUTO_FREE char *answer = NULL;
    struct stat st;

    if (stat(conn->path, &st) == 0 && st.st_size > CHECKED_MAX)
        return ask(conn, "SELECT COUNT(*) FROM sqlite_schema", &answer, err);
    if (ask(conn, "PRAGMA quick_check(1)", &answer, err) < 0)
        return -1;
    for (char *p = answer; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return str_eq(answer, "ok") ? 0 : damaged(conn, answer, err);
}

static int use_wal(DbConn *conn, Error *err)
{
    AUTO_FREE char *mode = NULL;

    if (ask(conn, "PRAGMA journal_mode=WAL", &mode, err) < 0)
        return -1;
    if (!str_eq(mode, "wal") && !is_memory(conn->path))
        return error_set(err, E_STORE,
                         "the database %s cannot use a write-ahead log here: keep it on a local "
                         "disk, not on a network file system",
                         conn->path);
    return 0;
}

static int configure(DbConn *conn, DbAccess access, Error *err)
{
    static const char *const pragmas[] = {
        "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY",  "PRAGMA cache_size=-8000",
        "PRAGMA cell_size_check=ON", "PRAGMA journal_size_limit=67108864",
    };

    (void)sqlite3_extended_result_codes(conn->db, 1);
    (void)sqlite3_busy_timeout(conn->db, BUSY_TIMEOUT_MS);
    (void)sqlite3_limit(conn->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (access == DB_ACCESS_WRITE && (check_undamaged(conn, err) < 0 || use_wal(conn, err) < 0))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(pragmas); i++)
        if (run_sql(conn, pragmas[i], err) < 0)
            return -1;
    return access == DB_ACCESS_READ ? run_sql(conn, "PRAGMA query_only=ON", err) : 0;
}

static void conn_close(DbConn *conn)
{
    forget_statements(conn);
    map_free(conn->statements);
    check(sqlite3_close(conn->db) == SQLITE_OK); /* else a statement is still open */
    free(conn->path);
    free(conn);
}

DEFINE_CLEANUP(DbConn, conn_close_p, conn_close)

static int conn_open(DbConn **ret, const char *path, DbAccess access, Error *err)
{
    CLEANUP(conn_close_p) DbConn *conn = NULL;
    int rc;

    check(sqlite3_threadsafe());
    if (!is_memory(path) && sqlite_file_prepare(path, err) < 0)
        return -1;
    conn = xnew(DbConn);
    conn->path = xstrdup(path);
    conn->statements = map_new();
    rc = sqlite3_open_v2(path, &conn->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return failed(conn, rc, err);
    if (configure(conn, access, err) < 0)
        return -1;
    *ret = TAKE(conn);
    return 0;
}

const DbDriver sqlite_driver = {
    .id_type = "INTEGER PRIMARY KEY",
    .datetime_type = "DATETIME",
    .columns_sql = "SELECT name FROM pragma_table_info(?)",
    .is_shared = is_shared,
    .open = conn_open,
    .close = conn_close,
    .run = run,
    .begin = begin_immediate,
    .commit = commit,
    .rollback = rollback,
};
