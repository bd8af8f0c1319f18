#include "store/database.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/lock.h"
#include "base/str.h"
#include "store/driver.h"
#include "store/migrations.h"
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct Db {
    const DbDriver *driver; /* const after open */
    Lock writer_lock;       /* writer; held for the whole of a transaction */
    DbConn *writer;
    Lock reader_lock; /* reader */
    DbConn *reader;   /* NULL: the writer reads too (:memory:) */
};

/*
 * The database the calling thread has a transaction on. Thread-local, so that "is it mine?" needs
 * no lock and a statement inside a transaction finds the connection its thread already holds.
 */
static _Thread_local const Db *current;

static bool is_sqlite(const char *scheme, size_t n)
{
    return (n == 6 && memcmp(scheme, "sqlite", n) == 0) ||
           (n == 16 && memcmp(scheme, "sqlite+aiosqlite", n) == 0);
}

/* What stands after the "sqlite://" of `url`; messages never show a URL, it may hold a password. */
static int sqlite_location(const char *rest, const char **ret_location, Error *err)
{
    if (*rest == '\0') {
        *ret_location = ":memory:";
        return 0;
    }
    if (*rest != '/' || rest[1] == '\0')
        return error_set(err, E_INVALID,
                         "DATABASE_URL names no file: write sqlite:///relative/whaley.db or "
                         "sqlite:////absolute/whaley.db");
    if (strchr(rest, '?'))
        return error_set(err, E_INVALID,
                         "DATABASE_URL: options after '?' are not supported for SQLite; remove "
                         "them");
    *ret_location = rest + 1;
    return 0;
}

static int parse_url(const char *url, const DbDriver **ret_driver, const char **ret_location,
                     Error *err)
{
    const char *colon = strstr(url, "://");

    if (colon && is_sqlite(url, (size_t)(colon - url))) {
        *ret_driver = &sqlite_driver;
        return sqlite_location(colon + 3, ret_location, err);
    }
    if (colon && strncmp(url, "postgres", 8) == 0)
        return error_set(err, E_INVALID,
                         "DATABASE_URL: PostgreSQL is not supported yet; use "
                         "sqlite:////path/to/whaley.db, or leave DATABASE_URL empty");
    return error_set(err, E_INVALID,
                     "DATABASE_URL is not understood: write sqlite:///relative/whaley.db or "
                     "sqlite:////absolute/whaley.db, or leave it empty");
}

static Db *db_new(const DbDriver *driver)
{
    Db *db = xnew(Db);

    db->driver = driver;
    (void)pthread_mutex_init(&db->writer_lock, NULL);
    (void)pthread_mutex_init(&db->reader_lock, NULL);
    return db;
}

int db_open(Db **ret, const char *url, Error *err)
{
    const DbDriver *driver = NULL;
    const char *location = NULL;
    AUTO_DB Db *db = NULL;

    if (parse_url(url, &driver, &location, err) < 0)
        return -1;
    db = db_new(driver);
    if (driver->open(&db->writer, location, DB_ACCESS_WRITE, err) < 0)
        return -1;
    if (migrations_apply(db, driver, err) < 0)
        return error_wrap(err, "database %s", location);
    if (driver->is_shared(location) && driver->open(&db->reader, location, DB_ACCESS_READ, err) < 0)
        return -1;
    *ret = TAKE(db);
    return 0;
}

void db_free(Db *db)
{
    if (!db)
        return;
    check(current != db);
    if (db->reader)
        db->driver->close(db->reader);
    if (db->writer)
        db->driver->close(db->writer);
    (void)pthread_mutex_destroy(&db->reader_lock);
    (void)pthread_mutex_destroy(&db->writer_lock);
    free(db);
}

static int run_writing(Db *db, DbCall *call, Error *err)
{
    if (current == db)
        return db->driver->run(db->writer, call, err);
    LOCK_SCOPE(&db->writer_lock);
    return db->driver->run(db->writer, call, err);
}

static int run_reading(Db *db, DbCall *call, Error *err)
{
    if (current == db || !db->reader)
        return run_writing(db, call, err);
    LOCK_SCOPE(&db->reader_lock);
    return db->driver->run(db->reader, call, err);
}

int db_exec_count(Db *db, const char *sql, const DbValue *args, size_t n_args, int64_t *ret_changes,
                  Error *err)
{
    DbCall call = { .sql = sql, .args = args, .n_args = n_args };

    if (run_writing(db, &call, err) < 0)
        return -1;
    if (ret_changes)
        *ret_changes = call.changes;
    return 0;
}

int db_exec(Db *db, const char *sql, const DbValue *args, size_t n_args, Error *err)
{
    return db_exec_count(db, sql, args, n_args, NULL, err);
}

int db_query(Db *db, const char *sql, const DbValue *args, size_t n_args, DbRows **ret, Error *err)
{
    AUTO_ROWS DbRows *rows = rows_new();
    DbCall call = { .sql = sql, .args = args, .n_args = n_args, .rows = rows };
    /* INSERT ... RETURNING gives rows too, and the reader may not write. */
    bool reads = strncasecmp(sql, "SELECT", 6) == 0;

    if ((reads ? run_reading(db, &call, err) : run_writing(db, &call, err)) < 0)
        return -1;
    *ret = TAKE(rows);
    return 0;
}

int db_transaction(Db *db, int (*fn)(Db *db, void *ctx, Error *err), void *ctx, Error *err)
{
    int result;

    check(!current);
    LOCK_SCOPE(&db->writer_lock);
    if (db->driver->begin(db->writer, err) < 0)
        return -1;
    current = db;
    result = fn(db, ctx, err);
    current = NULL;
    if (result >= 0 && db->driver->commit(db->writer, err) < 0)
        result = -1;
    if (result < 0)
        db->driver->rollback(db->writer);
    return result;
}

bool db_in_transaction(const Db *db)
{
    return current == db;
}

int db_atomically(Db *db, int (*fn)(Db *db, void *ctx, Error *err), void *ctx, Error *err)
{
    return db_in_transaction(db) ? fn(db, ctx, err) : db_transaction(db, fn, ctx, err);
}
