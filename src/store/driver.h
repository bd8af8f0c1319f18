/*
 * driver - what a database brings so that database.c can offer it: connections that run one
 * statement at a time, and the words in which its dialect differs.
 *
 * database.c owns all locking: a DbConn is used by one thread at a time. SQL is the common subset
 * described in store/database.h; a driver rewrites `?` if its own placeholders differ.
 *
 * Failure    < 0: err is set with a sentence an operator can act on, the connection stays usable.
 */
#pragma once

#include "store/database.h"

#include <stdbool.h>

typedef struct DbConn DbConn; /* each driver defines its own */

typedef enum DbAccess { DB_ACCESS_WRITE, DB_ACCESS_READ } DbAccess;

/* One statement: what goes in, and what comes out. */
typedef struct DbCall {
    const char *sql;
    const DbValue *args;
    size_t n_args;
    DbRows *rows;    /* filled when not NULL */
    int64_t changes; /* rows changed */
} DbCall;

typedef struct DbDriver {
    const char *id_type;       /* of a column that numbers its rows by itself */
    const char *datetime_type; /* of a column that holds store/datetime.h text */
    const char *columns_sql;   /* lists the column names of table `?`; no rows if it is absent */

    /* Can a second connection to `location` see what the first one wrote? */
    bool (*is_shared)(const char *location);
    int (*open)(DbConn **ret, const char *location, DbAccess access, Error *err);
    void (*close)(DbConn *conn);
    int (*run)(DbConn *conn, DbCall *call, Error *err);
    int (*begin)(DbConn *conn, Error *err);
    int (*commit)(DbConn *conn, Error *err);
    void (*rollback)(DbConn *conn); /* also when nothing is left to roll back */
} DbDriver;

extern const DbDriver sqlite_driver;

/* Is the calling thread inside db_transaction() on `db`? */
bool db_in_transaction(const Db *db);
/* db_transaction(), or just fn when the calling thread is inside one already. */
MUST_USE int db_atomically(Db *db, int (*fn)(Db *db, void *ctx, Error *err), void *ctx, Error *err);
