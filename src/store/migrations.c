#include "store/migrations.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "store/datetime.h"
#include "store/schema.h"

#include <string.h>

/* In order, numbered from 1 without gaps. To change the schema, add an entry at the end. */
static const struct Migration {
    const char *name;
    const TableSet *set;
} migrations[] = {
    { "tables of the forerunners", &schema_1 },
    { "journal, leases and images", &schema_2 },
};

typedef struct Step {
    const DbDriver *driver;
    int number;
} Step;

int migrations_latest(void)
{
    return (int)ARRAY_LEN(migrations);
}

static void add_column(StrBuf *sql, const DbDriver *driver, const Column *column)
{
    const char *type = str_eq(column->type, TYPE_ID)         ? driver->id_type
                       : str_eq(column->type, TYPE_DATETIME) ? driver->datetime_type
                                                             : column->type;

    strbuf_addf(sql, "%s %s", column->name, type);
    if (*column->rest)
        strbuf_addf(sql, " %s", column->rest);
}

static int create_table(Db *db, const DbDriver *driver, const Table *table, Error *err)
{
    AUTO_STRBUF StrBuf sql = { 0 };

    strbuf_addf(&sql, "CREATE TABLE %s (", table->name);
    for (size_t i = 0; i < table->n_columns; i++) {
        strbuf_adds(&sql, i ? ", " : "");
        add_column(&sql, driver, &table->columns[i]);
    }
    if (table->constraint)
        strbuf_addf(&sql, ", %s", table->constraint);
    strbuf_adds(&sql, ")");
    return db_exec(db, strbuf_str(&sql), DB_NO_ARGS, err);
}

static bool has_column(const DbRows *columns, const char *name)
{
    for (size_t i = 0; i < db_rows_count(columns); i++)
        if (str_eq_nocase(db_rows_text(columns, i, 0), name))
            return true;
    return false;
}

/* A column can be added to a table with rows only if they may lack a value. */
static bool is_addable(const Column *column)
{
    return !str_eq(column->type, TYPE_ID) &&
           (!strstr(column->rest, "NOT NULL") || strstr(column->rest, "DEFAULT"));
}

static int complete_table(Db *db, const DbDriver *driver, const Table *table, const DbRows *columns,
                          Error *err)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        const Column *column = &table->columns[i];
        AUTO_STRBUF StrBuf sql = { 0 };

        if (has_column(columns, column->name))
            continue;
        if (!is_addable(column))
            return error_set(err, E_STORE,
                             "its table %s lacks the column %s, so it is not a database of "
                             "Whaley's: name another file in DATABASE_URL",
                             table->name, column->name);
        strbuf_addf(&sql, "ALTER TABLE %s ADD COLUMN ", table->name);
        add_column(&sql, driver, column);
        if (db_exec(db, strbuf_str(&sql), DB_NO_ARGS, err) < 0)
            return -1;
    }
    return 0;
}

static int ensure_table(Db *db, const DbDriver *driver, const Table *table, Error *err)
{
    AUTO_ROWS DbRows *columns = NULL;

    if (db_query(db, driver->columns_sql, DB_ARGS(db_text(table->name)), &columns, err) < 0)
        return -1;
    return db_rows_count(columns) ? complete_table(db, driver, table, columns, err)
                                  : create_table(db, driver, table, err);
}

/* Rows that break a unique key are a bad database here, not a conflict to be tried again. */
static int refuse_statement(const char *sql, Error *err)
{
    if (err && err->code == E_CONFLICT)
        err->code = E_STORE;
    return error_wrap(err, "%s", sql);
}

static int apply_set(Db *db, const DbDriver *driver, const TableSet *set, Error *err)
{
    for (size_t i = 0; i < set->n_tables; i++)
        if (ensure_table(db, driver, &set->tables[i], err) < 0)
            return -1;
    for (size_t i = 0; i < set->n_statements; i++)
        if (db_exec(db, set->statements[i], DB_NO_ARGS, err) < 0)
            return refuse_statement(set->statements[i], err);
    return 0;
}

static int current_number(Db *db, int64_t *ret, Error *err)
{
    AUTO_ROWS DbRows *rows = NULL;

    if (db_query(db, "SELECT MAX(version) FROM schema_migrations", DB_NO_ARGS, &rows, err) < 0)
        return -1;
    *ret = db_rows_int(rows, 0, 0);
    return 0;
}

/* Applies one step unless another process did so since we looked. */
static int apply_step(Db *db, void *ctx, Error *err)
{
    const Step *step = ctx;
    const struct Migration *migration = &migrations[step->number - 1];
    char now[DATETIME_SIZE];
    int64_t number;

    if (current_number(db, &number, err) < 0)
        return -1;
    if (number >= step->number)
        return 0;
    if (apply_set(db, step->driver, migration->set, err) < 0)
        return error_wrap(err, "migration %d (%s)", step->number, migration->name);
    return db_exec(db, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
                   DB_ARGS(db_int(step->number), db_text(migration->name),
                           db_text(datetime_format(clock_wall_us(), now))),
                   err);
}

static int create_journal(Db *db, void *ctx, Error *err)
{
    AUTO_STRBUF StrBuf sql = { 0 };
    const Step *step = ctx;

    strbuf_addf(&sql,
                "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY "
                "KEY, name VARCHAR(128) NOT NULL, applied_at %s NOT NULL)",
                step->driver->datetime_type);
    return db_exec(db, strbuf_str(&sql), DB_NO_ARGS, err);
}

int migrations_apply(Db *db, const DbDriver *driver, Error *err)
{
    Step step = { .driver = driver };
    int64_t number;

    if (db_transaction(db, create_journal, &step, err) < 0 || current_number(db, &number, err) < 0)
        return -1;
    if (number > migrations_latest())
        return error_set(err, E_STORE,
                         "it was written by a newer Whaley (schema %lld, this one knows %d): run "
                         "that version, or restore the backup from before the upgrade",
                         (long long)number, migrations_latest());
    for (step.number = (int)number + 1; step.number <= migrations_latest(); step.number++)
        if (db_transaction(db, apply_step, &step, err) < 0)
            return -1;
    return 0;
}
