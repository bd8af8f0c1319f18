/*
 * json_read - strict JSON into a tree: the adapter around jansson. No other file includes it.
 *
 * Refused: duplicate keys, invalid UTF-8, NUL in strings, trailing bytes, more than 64 levels.
 * The getters take NULL for "absent" and give a fallback, so that lookups chain; JSON null counts
 * as absent.
 *
 * Ownership  the root returned by json_parse() owns everything below it; the rest is borrowed.
 * Threads    a tree may be read by one thread at a time.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonValue JsonValue;

typedef enum JsonKind {
    JSON_KIND_ABSENT, /* also null */
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_INT,
    JSON_KIND_REAL,
    JSON_KIND_BOOL,
} JsonKind;

MUST_USE int json_parse(JsonValue **ret, const char *text, size_t len, Error *err);
void json_value_free(JsonValue *root); /* NULL is fine; roots only */
DEFINE_CLEANUP(JsonValue, json_value_free_p, json_value_free)
#define AUTO_JSON CLEANUP(json_value_free_p)

JsonKind json_value_kind(const JsonValue *v);
const JsonValue *json_value_get(const JsonValue *object, const char *key); /* NULL when absent */
const JsonValue *json_value_path(const JsonValue *object, const char *const *keys, size_t n);
const char *json_value_string(const JsonValue *v, const char *fallback);
int64_t json_value_int(const JsonValue *v, int64_t fallback);
bool json_value_bool(const JsonValue *v, bool fallback);
size_t json_value_len(const JsonValue *array_or_object);
const JsonValue *json_value_at(const JsonValue *array, size_t i);
/* Iterates an object: start with *pos = NULL; false at the end. */
bool json_value_next(const JsonValue *object, void **pos, const char **ret_key,
                     const JsonValue **ret_value);

/* Shorthands for the common case: a member of an object. */
const char *json_get_string(const JsonValue *object, const char *key, const char *fallback);
int64_t json_get_int(const JsonValue *object, const char *key, int64_t fallback);
bool json_get_bool(const JsonValue *object, const char *key, bool fallback);
