/* temp - a folder of its own for each test, and databases in it. */
#pragma once

#include "test.h"

#include "store/database.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Temp {
    char folder[64], path[96], url[128];
} Temp;

static int temp_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void temp_fini(Temp *temp)
{
    (void)nftw(temp->folder, temp_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline Temp temp_make(void)
{
    Temp temp;

    (void)snprintf(temp.folder, sizeof temp.folder, "/tmp/whaley-store-XXXXXX");
    CHECK(mkdtemp(temp.folder) != NULL);
    (void)snprintf(temp.path, sizeof temp.path, "%s/whaley.db", temp.folder);
    (void)snprintf(temp.url, sizeof temp.url, "sqlite:///%s", temp.path);
    return temp;
}

#define AUTO_TEMP CLEANUP(temp_fini)

static inline Db *temp_open(const char *url)
{
    Db *db = NULL;
    Error err = { 0 };

    if (db_open(&db, url, &err) < 0)
        fail_msg("db_open: %s", err.detail);
    return db;
}

static inline void temp_exec(Db *db, const char *sql)
{
    Error err = { 0 };

    if (db_exec(db, sql, DB_NO_ARGS, &err) < 0)
        fail_msg("%s: %s", sql, err.detail);
}

/* The first cell of the first row, or -1 when there is no row. */
static inline int64_t temp_int(Db *db, const char *sql)
{
    AUTO_ROWS DbRows *rows = NULL;
    Error err = { 0 };

    if (db_query(db, sql, DB_NO_ARGS, &rows, &err) < 0)
        fail_msg("%s: %s", sql, err.detail);
    return db_rows_count(rows) ? db_rows_int(rows, 0, 0) : -1;
}
