#include "store/row_text.h"
#include "store/tables.h"

#include <stdlib.h>

void resource_rows_fini(ResourceRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].instance_id);
        free(rows->items[i].kind);
        free(rows->items[i].name);
        free(rows->items[i].ref);
        free(rows->items[i].state);
    }
    free(rows->items);
    *rows = (ResourceRows){ 0 };
}

int resources_intend(Db *db, const char *instance_id, const char *kind, const char *name,
                     Error *err)
{
    return db_exec(db,
                   "INSERT INTO instance_resources (instance_id, kind, name, ref, state)"
                   " VALUES (?, ?, ?, NULL, 'intended')"
                   " ON CONFLICT (instance_id, kind, name)"
                   " DO UPDATE SET ref = NULL, state = 'intended'",
                   DB_ARGS(db_text(instance_id), db_text(kind), db_text(name)), err);
}

int resources_present(Db *db, const char *instance_id, const char *kind, const char *name,
                      const char *ref, Error *err)
{
    int64_t changes;

    if (db_exec_count(db,
                      "UPDATE instance_resources SET ref = ?, state = 'present'"
                      " WHERE instance_id = ? AND kind = ? AND name = ?",
                      DB_ARGS(db_text(ref), db_text(instance_id), db_text(kind), db_text(name)),
                      &changes, err) < 0)
        return -1;
    if (changes == 0)
        return error_set(err, E_NOT_FOUND, "%s %s of %s is not in the journal", kind, name,
                         instance_id);
    return 0;
}

int resources_gone(Db *db, const char *instance_id, const char *kind, const char *name, Error *err)
{
    return db_exec(db,
                   "DELETE FROM instance_resources"
                   " WHERE instance_id = ? AND kind = ? AND name = ?",
                   DB_ARGS(db_text(instance_id), db_text(kind), db_text(name)), err);
}

int resources_of(Db *db, const char *instance_id, ResourceRows *ret, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db,
                 "SELECT instance_id, kind, name, ref, state FROM instance_resources"
                 " WHERE instance_id = ? ORDER BY kind, name",
                 DB_ARGS(db_text(instance_id)), &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (ResourceRows){ xcalloc(n + 1, sizeof(ResourceRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] = (ResourceRow){
            .instance_id = row_text(rows, r, 0),
            .kind = row_text(rows, r, 1),
            .name = row_text(rows, r, 2),
            .ref = row_text(rows, r, 3),
            .state = row_text(rows, r, 4),
        };
    return 0;
}
