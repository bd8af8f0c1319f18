#include "base/alloc.h"
#include "base/clock.h"
#include "store/datetime.h"
#include "store/driver.h"
#include "store/row_text.h"
#include "store/tables.h"

#include <stdlib.h>

static void instance_row_fini(InstanceRow *row)
{
    free(row->instance_id);
    free(row->challenge_id);
    free(row->revision);
    free(row->folder);
    free(row->user_id);
    free(row->username);
    free(row->team_id);
    free(row->team_name);
    free(row->owner_id);
    free(row->owner_kind);
    free(row->status);
    free(row->phase);
    free(row->ports_json);
    free(row->public_urls_json);
    free(row->container_ids_json);
    free(row->network_name);
    free(row->error_message);
    free(row->stop_reason);
    free(row->spec_json);
}

void instance_rows_fini(InstanceRows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        instance_row_fini(&rows->items[i]);
    free(rows->items);
    *rows = (InstanceRows){ 0 };
}

int instances_save(Db *db, const InstanceRow *row, Error *err)
{
    static const char sql[] =
        "INSERT INTO instance_states (instance_id, challenge_id, revision, folder, user_id,"
        " username, team_id, team_name, owner_id, owner_kind, status, phase, ports_json,"
        " public_urls_json, container_ids_json, network_name, error_message, stop_reason,"
        " spec_json, created_at, expires_at, extended_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (instance_id) DO UPDATE SET challenge_id = excluded.challenge_id,"
        " revision = excluded.revision, folder = excluded.folder, user_id = excluded.user_id,"
        " username = excluded.username, team_id = excluded.team_id,"
        " team_name = excluded.team_name, owner_id = excluded.owner_id,"
        " owner_kind = excluded.owner_kind, status = excluded.status, phase = excluded.phase,"
        " ports_json = excluded.ports_json, public_urls_json = excluded.public_urls_json,"
        " container_ids_json = excluded.container_ids_json,"
        " network_name = excluded.network_name, error_message = excluded.error_message,"
        " stop_reason = excluded.stop_reason, spec_json = excluded.spec_json,"
        " expires_at = excluded.expires_at, extended_s = excluded.extended_s";
    char created[DATETIME_SIZE], expires[DATETIME_SIZE];

    return db_exec(
        db, sql,
        DB_ARGS(db_text(row->instance_id), db_text(row->challenge_id),
                db_text(or_empty(row->revision)), db_text(or_empty(row->folder)),
                db_text(row->user_id), db_text(row->username), db_text(row->team_id),
                db_text(row->team_name), db_text(row->owner_id), db_text(row->owner_kind),
                db_text(row->status), db_text(or_empty(row->phase)), db_text(row->ports_json),
                db_text(row->public_urls_json), db_text(row->container_ids_json),
                db_text(row->network_name), db_text(row->error_message), db_text(row->stop_reason),
                db_text(row->spec_json ? row->spec_json : "{}"),
                db_text(datetime_format(row->created_at, created)),
                db_text(datetime_format(row->expires_at, expires)), db_int(row->extended_s)),
        err);
}

static int delete_all(Db *db, void *ctx, Error *err)
{
    static const char *const statements[] = {
        "DELETE FROM instance_resources WHERE instance_id = ?",
        "DELETE FROM port_leases WHERE instance_id = ?",
        "DELETE FROM subnet_leases WHERE holder = ?",
        "DELETE FROM instance_states WHERE instance_id = ?",
    };
    const char *instance_id = ctx;

    for (size_t i = 0; i < ARRAY_LEN(statements); i++)
        if (db_exec(db, statements[i], DB_ARGS(db_text(instance_id)), err) < 0)
            return -1;
    return 0;
}

int instances_delete(Db *db, const char *instance_id, Error *err)
{
    AUTO_FREE char *id = xstrdup(instance_id);

    return db_atomically(db, delete_all, id, err);
}

/* What cannot be read as a time counts as long past: such an instance expires at once. */
static int64_t time_of(const DbRows *rows, size_t row, size_t column)
{
    const char *text = db_rows_text(rows, row, column);
    int64_t us = 0;

    return text && datetime_parse(text, &us) ? us : 0;
}

static InstanceRow instance_row(const DbRows *rows, size_t r)
{
    return (InstanceRow){
        .instance_id = row_text(rows, r, 0),
        .challenge_id = row_text(rows, r, 1),
        .revision = row_text(rows, r, 2),
        .folder = row_text(rows, r, 3),
        .user_id = row_text(rows, r, 4),
        .username = row_text(rows, r, 5),
        .team_id = row_text(rows, r, 6),
        .team_name = row_text(rows, r, 7),
        .owner_id = row_text(rows, r, 8),
        .owner_kind = row_text(rows, r, 9),
        .status = row_text(rows, r, 10),
        .phase = row_text(rows, r, 11),
        .ports_json = row_text(rows, r, 12),
        .public_urls_json = row_text(rows, r, 13),
        .container_ids_json = row_text(rows, r, 14),
        .network_name = row_text(rows, r, 15),
        .error_message = row_text(rows, r, 16),
        .stop_reason = row_text(rows, r, 17),
        .spec_json = row_text(rows, r, 18),
        .created_at = time_of(rows, r, 19),
        .expires_at = time_of(rows, r, 20),
        .extended_s = db_rows_int(rows, r, 21),
    };
}

int instances_all(Db *db, InstanceRows *ret, Error *err)
{
    static const char sql[] =
        "SELECT instance_id, challenge_id, revision, folder, user_id, username, team_id,"
        " team_name, owner_id, owner_kind, status, phase, COALESCE(ports_json, '{}'),"
        " COALESCE(public_urls_json, '{}'), COALESCE(container_ids_json, '[]'), network_name,"
        " error_message, stop_reason, spec_json, created_at, expires_at, extended_s"
        " FROM instance_states ORDER BY id";
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db, sql, DB_NO_ARGS, &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (InstanceRows){ xcalloc(n + 1, sizeof(InstanceRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] = instance_row(rows, r);
    return 0;
}
