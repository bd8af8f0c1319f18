/*
 * In this table user_id is the bare id of the owner, user or team, as the forerunners have it;
 * owner_key tells user:7 from team:7. A row without owner_key was written by a forerunner and
 * counts for whoever asks first: it is only a wish for certain ports.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "store/datetime.h"
#include "store/driver.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

typedef struct PutCall {
    const char *owner_key, *username, *challenge_id;
    const PortMappingRow *rows;
    size_t n;
} PutCall;

void port_mapping_rows_fini(PortMappingRows *rows)
{
    free(rows->items);
    *rows = (PortMappingRows){ 0 };
}

static const char *bare_id(const char *owner_key)
{
    const char *colon = strchr(owner_key, ':');

    return colon ? colon + 1 : owner_key;
}

int port_mappings_get(Db *db, const char *owner_key, const char *challenge_id, PortMappingRows *ret,
                      Error *err)
{
    /* The owner's own rows, or else the forerunner's. */
    static const char sql[] =
        "SELECT internal_port, external_port FROM user_port_mappings"
        " WHERE user_id = ? AND challenge_id = ? AND (owner_key = ? OR (owner_key IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM user_port_mappings AS own WHERE own.user_id = ?"
        " AND own.challenge_id = ? AND own.owner_key = ?))) ORDER BY internal_port, id";
    const char *id = bare_id(owner_key);
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db, sql,
                 DB_ARGS(db_text(id), db_text(challenge_id), db_text(owner_key), db_text(id),
                         db_text(challenge_id), db_text(owner_key)),
                 &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (PortMappingRows){ xcalloc(n + 1, sizeof(PortMappingRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] =
            (PortMappingRow){ (int)db_rows_int(rows, r, 0), (int)db_rows_int(rows, r, 1) };
    return 0;
}

static int put_one(Db *db, const PutCall *put, const PortMappingRow *row, Error *err)
{
    char now[DATETIME_SIZE];

    (void)datetime_format(clock_wall_us(), now);
    return db_exec(db,
                   "INSERT INTO user_port_mappings (user_id, owner_key, username, challenge_id,"
                   " internal_port, external_port, created_at, updated_at)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   DB_ARGS(db_text(bare_id(put->owner_key)), db_text(put->owner_key),
                           db_text(put->username), db_text(put->challenge_id),
                           db_int(row->internal_port), db_int(row->external_port), db_text(now),
                           db_text(now)),
                   err);
}

static int put_all(Db *db, void *ctx, Error *err)
{
    const PutCall *put = ctx;

    if (db_exec(db,
                "DELETE FROM user_port_mappings WHERE user_id = ? AND challenge_id = ?"
                " AND (owner_key = ? OR owner_key IS NULL)",
                DB_ARGS(db_text(bare_id(put->owner_key)), db_text(put->challenge_id),
                        db_text(put->owner_key)),
                err) < 0)
        return -1;
    for (size_t i = 0; i < put->n; i++)
        if (put_one(db, put, &put->rows[i], err) < 0)
            return -1;
    return 0;
}

int port_mappings_put(Db *db, const char *owner_key, const char *username, const char *challenge_id,
                      const PortMappingRow *rows, size_t n, Error *err)
{
    PutCall put = { owner_key, username, challenge_id, rows, n };

    return db_atomically(db, put_all, &put, err);
}
