/*
 * rows - how a driver fills a DbRows, cell by cell from left to right.
 *
 * Limits     DB_ROWS_MAX rows and DB_ROWS_MAX_BYTES of text; rows_is_full() says when to stop.
 */
#pragma once

#include "store/database.h"

enum { DB_ROWS_MAX = 100000, DB_ROWS_MAX_BYTES = 256 * 1024 * 1024 };

DbRows *rows_new(void);
void rows_set_columns(DbRows *rows, size_t n_columns);
/* `text` holds n bytes; for numbers it is their decimal form. */
void rows_add(DbRows *rows, DbType type, int64_t i, const char *text, size_t n);
bool rows_is_full(const DbRows *rows);
