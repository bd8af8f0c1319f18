/*
 * toml - a strict TOML 1.0.0 reader (https://toml.io/en/v1.0.0), checked against toml-test.
 *
 * Pure: bytes in, tree out. Every value and key knows its line and column.
 *
 * Ownership  everything lives in the arena given.
 * Failure    one message with its position; no partial tree.
 * Limits     TOML_TEXT_MAX bytes, TOML_DEPTH_MAX nested values, TOML_KEYS_MAX parts of keys and
 *            TOML_VALUES_MAX values; they bound time and memory for hostile files.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TOML_DEPTH_MAX = 64,
    TOML_TEXT_MAX = 1 << 20,
    TOML_KEYS_MAX = 10000,
    TOML_VALUES_MAX = 100000,
};

typedef enum TomlKind {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_DATETIME, /* offset date-time; kept as validated text */
    TOML_LOCAL_DATETIME,
    TOML_LOCAL_DATE,
    TOML_LOCAL_TIME,
} TomlKind;

typedef struct TomlValue TomlValue;

typedef struct TomlEntry {
    const char *key;
    size_t key_len; /* a key may hold NUL as \u0000 */
    int line, column;
    TomlValue *value;
} TomlEntry;

struct TomlValue {
    TomlKind kind;
    int line, column;
    const char *text; /* STRING and date kinds, NUL-terminated */
    size_t text_len;
    int64_t integer;
    double number; /* FLOAT */
    bool boolean;
    TomlEntry *entries; /* TABLE, in the order of the file */
    TomlValue **items;  /* ARRAY */
    size_t n, cap;
};

typedef struct TomlPos {
    int line, column;
} TomlPos;

/* On failure *ret_pos says where and err->detail what (E_SYNTAX). */
MUST_USE int toml_parse(Arena *arena, const char *text, size_t len, const TomlValue **ret_root,
                        TomlPos *ret_pos, Error *err);
/* Entry of a table by key, or NULL. */
const TomlEntry *toml_find(const TomlValue *table, const char *key);
const char *toml_kind_name(TomlKind kind); /* "string", "integer", ... */
