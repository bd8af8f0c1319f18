/* row_text - cells as strings that the row of a table owns. */
#pragma once

#include "base/alloc.h"
#include "store/database.h"

/* NULL for NULL; caller frees. */
static inline char *row_text(const DbRows *rows, size_t row, size_t column)
{
    return xstrdup_or_null(db_rows_text(rows, row, column));
}

/* For columns whose rows must hold a value. */
static inline const char *or_empty(const char *text)
{
    return text ? text : "";
}
