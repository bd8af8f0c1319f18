#include "store/rows.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <stdlib.h>

typedef struct Cell {
    DbType type;
    int64_t i;
    size_t text_at; /* in `text`; NUL-terminated */
} Cell;

struct DbRows {
    size_t n_columns;
    VEC(Cell) cells;
    StrBuf text; /* offsets, not pointers, because it moves while it grows */
};

DbRows *rows_new(void)
{
    return xnew(DbRows);
}

void rows_set_columns(DbRows *rows, size_t n_columns)
{
    rows->n_columns = n_columns;
}

void rows_add(DbRows *rows, DbType type, int64_t i, const char *text, size_t n)
{
    vec_push(&rows->cells, (Cell){ .type = type, .i = i, .text_at = rows->text.len });
    if (type == DB_NULL)
        return;
    strbuf_add(&rows->text, text, n);
    strbuf_addc(&rows->text, '\0');
}

bool rows_is_full(const DbRows *rows)
{
    return db_rows_count(rows) >= DB_ROWS_MAX || rows->text.len >= DB_ROWS_MAX_BYTES;
}

void db_rows_free(DbRows *rows)
{
    if (!rows)
        return;
    vec_fini(&rows->cells);
    strbuf_fini(&rows->text);
    free(rows);
}

size_t db_rows_count(const DbRows *rows)
{
    return rows->n_columns ? rows->cells.n / rows->n_columns : 0;
}

static const Cell *cell_at(const DbRows *rows, size_t row, size_t column)
{
    check(row < db_rows_count(rows) && column < rows->n_columns);
    return &rows->cells.items[row * rows->n_columns + column];
}

bool db_rows_is_null(const DbRows *rows, size_t row, size_t column)
{
    return cell_at(rows, row, column)->type == DB_NULL;
}

const char *db_rows_text(const DbRows *rows, size_t row, size_t column)
{
    const Cell *cell = cell_at(rows, row, column);

    return cell->type == DB_NULL ? NULL : rows->text.data + cell->text_at;
}

int64_t db_rows_int(const DbRows *rows, size_t row, size_t column)
{
    const Cell *cell = cell_at(rows, row, column);
    int64_t value = cell->i;

    /* A column of a forerunner's file may hold a number as text. */
    if (cell->type == DB_TEXT &&
        !str_parse_i64(rows->text.data + cell->text_at, INT64_MIN, INT64_MAX, &value))
        return 0;
    return cell->type == DB_NULL ? 0 : value;
}
