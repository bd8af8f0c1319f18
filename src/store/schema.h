/*
 * schema - tables as data, so that they can be created or, in a file that a forerunner left,
 * completed.
 */
#pragma once

#include <stddef.h>

/* Column types that each driver words its own way. */
#define TYPE_ID       "@id"
#define TYPE_DATETIME "@datetime"

typedef struct Column {
    const char *name, *type;
    const char *rest; /* "NOT NULL DEFAULT ''" ... */
} Column;

typedef struct Table {
    const char *name;
    const Column *columns;
    size_t n_columns;
    const char *constraint; /* further clauses of CREATE TABLE, or NULL */
} Table;

typedef struct TableSet {
    const Table *tables;
    size_t n_tables;
    const char *const *statements; /* run after the tables: indexes, fills */
    size_t n_statements;
} TableSet;

extern const TableSet schema_1; /* the seven tables the forerunners have */
extern const TableSet schema_2; /* ours: journal of effects, leases, images */
