/*
 * database - SQL behind an interface that SQLite implements now and PostgreSQL can.
 *
 * Statements are the common subset of both: `?` placeholders, ON CONFLICT ... DO UPDATE,
 * RETURNING, int64 microseconds or ISO text for times, booleans as 0/1. Statements are prepared
 * once per connection and reused.
 *
 * SQLite: WAL, synchronous=NORMAL (a commit survives kill -9 of the process; power loss may cost
 * the last commits but never consistency), foreign_keys=ON, busy_timeout 5 s, extended result
 * codes. One writer connection behind a lock, one reader connection behind another. A writing
 * transaction is BEGIN IMMEDIATE. A file that is no database, or corrupt, or of a newer schema, is
 * refused with a clear message and never "repaired".
 *
 * Ownership  DbRows belong to the caller (db_rows_free); text in them lives as long.
 * Threads    any.
 * Errors     E_STORE; E_CONFLICT for a unique or foreign-key violation; E_UNAVAILABLE when busy
 *            beyond the timeout.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Db Db;
typedef struct DbRows DbRows;

typedef enum DbType { DB_NULL, DB_INT, DB_TEXT, DB_REAL } DbType;

typedef struct DbValue {
    DbType type;
    int64_t i;
    double r;
    const char *text; /* borrowed for the call */
} DbValue;

#define db_int(v)  ((DbValue){ .type = DB_INT, .i = (v) })
#define db_text(v) db_text_or_null(v)
static inline DbValue db_text_or_null(const char *text) /* NULL binds NULL */
{
    return (DbValue){ .type = text ? DB_TEXT : DB_NULL, .text = text };
}
#define db_null() ((DbValue){ .type = DB_NULL })
/* db_exec(db, "...", DB_ARGS(db_text(id), db_int(3)), err) */
#define DB_ARGS(...)                                                                               \
    (const DbValue[]){ __VA_ARGS__ }, sizeof((const DbValue[]){ __VA_ARGS__ }) / sizeof(DbValue)
#define DB_NO_ARGS NULL, 0

/*
 * Opens (creating) and migrates. url: "sqlite:///relative", "sqlite:////absolute",
 * "sqlite+aiosqlite:///...", "sqlite:///:memory:". postgresql:// is refused with a sentence until
 * its driver exists.
 */
MUST_USE int db_open(Db **ret, const char *url, Error *err);
void db_free(Db *db);
DEFINE_CLEANUP(Db, db_free_p, db_free)
#define AUTO_DB CLEANUP(db_free_p)

/* Runs a statement; *ret_changes (may be NULL) = rows changed. */
MUST_USE int db_exec(Db *db, const char *sql, const DbValue *args, size_t n_args, Error *err);
MUST_USE int db_exec_count(Db *db, const char *sql, const DbValue *args, size_t n_args,
                           int64_t *ret_changes, Error *err);
/*
 * Reads all rows into memory (at most 100,000). What starts with SELECT is read beside a writer;
 * anything else (INSERT ... RETURNING) takes the writer's turn.
 */
MUST_USE int db_query(Db *db, const char *sql, const DbValue *args, size_t n_args, DbRows **ret,
                      Error *err);
void db_rows_free(DbRows *rows);
DEFINE_CLEANUP(DbRows, db_rows_free_p, db_rows_free)
#define AUTO_ROWS CLEANUP(db_rows_free_p)
size_t db_rows_count(const DbRows *rows);
const char *db_rows_text(const DbRows *rows, size_t row, size_t column); /* NULL for NULL */
int64_t db_rows_int(const DbRows *rows, size_t row, size_t column);      /* 0 for NULL */
bool db_rows_is_null(const DbRows *rows, size_t row, size_t column);

/*
 * Runs fn(tx, ctx) in one writing transaction; commits when it returns >= 0 and passes its value
 * on, rolls back when it returns < 0. Inside, db_exec/db_query on the same `db` from the same
 * thread take part in the transaction. No nesting.
 */
MUST_USE int db_transaction(Db *db, int (*fn)(Db *db, void *ctx, Error *err), void *ctx,
                            Error *err);
