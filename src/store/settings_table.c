#include "base/clock.h"
#include "store/datetime.h"
#include "store/row_text.h"
#include "store/tables.h"

int whaley_settings_get(Db *db, const char *key, char **ret_value, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;

    if (db_query(db, "SELECT value FROM whaley_settings WHERE key = ?", DB_ARGS(db_text(key)),
                 &rows, err) < 0)
        return -1;
    *ret_value = db_rows_count(rows) ? row_text(rows, 0, 0) : NULL;
    return 0;
}

int whaley_settings_put(Db *db, const char *key, const char *value, Error *err)
{
    char now[DATETIME_SIZE];

    return db_exec(
        db,
        "INSERT INTO whaley_settings (key, value, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value,"
        " updated_at = excluded.updated_at",
        DB_ARGS(db_text(key), db_text(value), db_text(datetime_format(clock_wall_us(), now))), err);
}
