#include "wire/json_read.h"

#include <jansson.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/*
 * jansson has no const-correct getters: reading does not change a tree, so the cast is confined to
 * this function.
 */
static json_t *j(const JsonValue *v)
{
    json_t *p = NULL;

    memcpy(&p, &v, sizeof p);
    return p;
}

static const JsonValue *v(const json_t *p)
{
    return p && !json_is_null(p) ? (const JsonValue *)p : NULL;
}

/* Depth is checked before parsing: jansson's own limit is a compile-time 2048. */
static bool too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int json_parse(JsonValue **ret, const char *text, size_t len, Error *err)
{
    json_error_t why;
    json_t *root;

    if (too_deep(text, len))
        return error_set(err, E_INVALID, "JSON nested deeper than %d levels", DEPTH_MAX);
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!root)
        return error_set(err, E_INVALID, "JSON line %d column %d: %s", why.line, why.column,
                         why.text);
    *ret = (JsonValue *)root;
    return 0;
}

void json_value_free(JsonValue *root)
{
    json_decref((json_t *)root);
}

JsonKind json_value_kind(const JsonValue *value)
{
    if (!value)
        return JSON_KIND_ABSENT;
    switch (json_typeof(j(value))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INT;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    case JSON_NULL:
    default:
        return JSON_KIND_ABSENT;
    }
}

const JsonValue *json_value_get(const JsonValue *object, const char *key)
{
    return object ? v(json_object_get(j(object), key)) : NULL;
}

const JsonValue *json_value_path(const JsonValue *object, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        object = json_value_get(object, keys[i]);
    return object;
}

const char *json_value_string(const JsonValue *value, const char *fallback)
{
    const char *s = value ? json_string_value(j(value)) : NULL;

    return s ? s : fallback;
}

int64_t json_value_int(const JsonValue *value, int64_t fallback)
{
    return value && json_is_integer(j(value)) ? json_integer_value(j(value)) : fallback;
}

bool json_value_bool(const JsonValue *value, bool fallback)
{
    return value && json_is_boolean(j(value)) ? json_is_true(j(value)) : fallback;
}

size_t json_value_len(const JsonValue *value)
{
    if (!value)
        return 0;
    return json_is_array(j(value)) ? json_array_size(j(value)) : json_object_size(j(value));
}

const JsonValue *json_value_at(const JsonValue *array, size_t i)
{
    return array ? v(json_array_get(j(array), i)) : NULL;
}

bool json_value_next(const JsonValue *object, void **pos, const char **ret_key,
                     const JsonValue **ret_value)
{
    if (!object || !json_is_object(j(object)))
        return false;
    *pos = *pos ? json_object_iter_next(j(object), *pos) : json_object_iter(j(object));
    if (!*pos)
        return false;
    *ret_key = json_object_iter_key(*pos);
    *ret_value = v(json_object_iter_value(*pos));
    return true;
}

const char *json_get_string(const JsonValue *object, const char *key, const char *fallback)
{
    return json_value_string(json_value_get(object, key), fallback);
}

int64_t json_get_int(const JsonValue *object, const char *key, int64_t fallback)
{
    return json_value_int(json_value_get(object, key), fallback);
}

bool json_get_bool(const JsonValue *object, const char *key, bool fallback)
{
    return json_value_bool(json_value_get(object, key), fallback);
}
