#include "base/clock.h"
#include "store/row_text.h"
#include "store/tables.h"

#include <stdlib.h>

void port_lease_rows_fini(PortLeaseRows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        free(rows->items[i].instance_id);
    free(rows->items);
    *rows = (PortLeaseRows){ 0 };
}

int port_leases_add(Db *db, const char *instance_id, int internal_port, int port, Error *err)
{
    if (db_exec(db, "INSERT INTO port_leases (port, instance_id, internal_port) VALUES (?, ?, ?)",
                DB_ARGS(db_int(port), db_text(instance_id), db_int(internal_port)), err) < 0)
        return error_wrap(err, "leasing port %d for %s", port, instance_id);
    return 0;
}

int port_leases_drop(Db *db, const char *instance_id, Error *err)
{
    return db_exec(db, "DELETE FROM port_leases WHERE instance_id = ?",
                   DB_ARGS(db_text(instance_id)), err);
}

int port_leases_all(Db *db, PortLeaseRows *ret, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db, "SELECT instance_id, internal_port, port FROM port_leases ORDER BY port",
                 DB_NO_ARGS, &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (PortLeaseRows){ xcalloc(n + 1, sizeof(PortLeaseRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] = (PortLeaseRow){
            .instance_id = row_text(rows, r, 0),
            .internal_port = (int)db_rows_int(rows, r, 1),
            .port = (int)db_rows_int(rows, r, 2),
        };
    return 0;
}

void subnet_lease_rows_fini(SubnetLeaseRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].subnet);
        free(rows->items[i].holder);
        free(rows->items[i].network_name);
        free(rows->items[i].network_id);
    }
    free(rows->items);
    *rows = (SubnetLeaseRows){ 0 };
}

int subnet_leases_add(Db *db, const char *subnet, const char *holder, const char *network_name,
                      Error *err)
{
    if (db_exec(db,
                "INSERT INTO subnet_leases (subnet, holder, network_name, created_at)"
                " VALUES (?, ?, ?, ?)",
                DB_ARGS(db_text(subnet), db_text(holder), db_text(network_name),
                        db_int(clock_wall_us())),
                err) < 0)
        return error_wrap(err, "leasing subnet %s for %s", subnet, holder);
    return 0;
}

static int set_column(Db *db, const char *sql, const char *subnet, const char *value, Error *err)
{
    int64_t changes;

    if (db_exec_count(db, sql, DB_ARGS(db_text(value), db_text(subnet)), &changes, err) < 0)
        return -1;
    if (changes == 0)
        return error_set(err, E_NOT_FOUND, "subnet %s is not leased", subnet);
    return 0;
}

int subnet_leases_set_network(Db *db, const char *subnet, const char *network_id, Error *err)
{
    return set_column(db, "UPDATE subnet_leases SET network_id = ? WHERE subnet = ?", subnet,
                      network_id, err);
}

int subnet_leases_set_holder(Db *db, const char *subnet, const char *holder, Error *err)
{
    return set_column(db, "UPDATE subnet_leases SET holder = ? WHERE subnet = ?", subnet, holder,
                      err);
}

int subnet_leases_drop(Db *db, const char *subnet, Error *err)
{
    return db_exec(db, "DELETE FROM subnet_leases WHERE subnet = ?", DB_ARGS(db_text(subnet)), err);
}

int subnet_leases_all(Db *db, SubnetLeaseRows *ret, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;
    size_t n;

    if (db_query(db,
                 "SELECT subnet, holder, network_name, network_id, created_at FROM subnet_leases"
                 " ORDER BY created_at, subnet",
                 DB_NO_ARGS, &rows, err) < 0)
        return -1;
    n = db_rows_count(rows);
    *ret = (SubnetLeaseRows){ xcalloc(n + 1, sizeof(SubnetLeaseRow)), n };
    for (size_t r = 0; r < n; r++)
        ret->items[r] = (SubnetLeaseRow){
            .subnet = row_text(rows, r, 0),
            .holder = row_text(rows, r, 1),
            .network_name = row_text(rows, r, 2),
            .network_id = row_text(rows, r, 3),
            .created_at = db_rows_int(rows, r, 4),
        };
    return 0;
}
