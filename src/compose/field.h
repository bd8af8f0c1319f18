/*
 * field - a value of the compose file with the way to it, and typed questions about it.
 *
 * A Field lives on the stack of whoever looks at it and borrows its parent, so the path of a
 * diagnostic ("services.web.ports[0]") costs nothing until it is needed. Every getter reports what
 * is wrong itself and gives false or NULL.
 *
 * Text is typed here and nowhere earlier, after interpolation: `true`, "true" and "${X:-true}" are
 * the same value. Null counts as absent.
 */
#pragma once

#include "compose/loader.h"
#include "wire/yaml.h"

typedef struct Field {
    const struct Field *up; /* NULL at the top */
    const char *key;        /* NULL: item `index` of a list */
    size_t index;
    const YamlNode *key_node; /* NULL for list items */
    const YamlNode *node;
} Field;

/* ---- walking ---- */

Field field_pair(const Field *map, size_t i);
Field field_item(const Field *list, size_t i);
/* False when absent, null, or `map` is not a mapping. */
bool field_get(const Field *map, const char *key, Field *ret);
bool field_is_null(const Field *f);
/* Where it was written. Never NULL. */
const Origin *field_origin(const Loader *l, const Field *f);
/* Reports and gives false unless it is a mapping (or list, or text). */
bool field_want(Loader *l, const Field *f, YamlKind kind);
/* "services.web.ports[0]", in the loader's scratch arena. */
const char *field_path(Loader *l, const Field *f);

/* ---- diagnostics at a field ---- */

void field_error(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt,
                 ...) PRINTF_LIKE(5, 6);
void field_warn(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
void field_note(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* At the key rather than the value. */
void field_key_diag(Loader *l, DiagSeverity severity, const Field *f, const char *code,
                    const char *hint, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* ---- typed values ---- */

/* Text without instance variables. NULL = reported. */
const char *field_text(Loader *l, const Field *f);
/* Text that may carry them. */
const char *field_template(Loader *l, const Field *f);
bool field_bool(Loader *l, const Field *f, bool *ret);
bool field_int(Loader *l, const Field *f, int64_t min, int64_t max, int64_t *ret);
bool field_bytes(Loader *l, const Field *f, int64_t *ret);
bool field_duration(Loader *l, const Field *f, int64_t *ret_ns);

/* The same for an optional member: absent leaves *ret alone. */
void field_get_text(Loader *l, const Field *map, const char *key, const char **ret);
void field_get_bool(Loader *l, const Field *map, const char *key, bool *ret);

typedef bool (*TextCheck)(const char *text);
/* Optional member whose text must satisfy `check`; `shape` says how it should look. */
void field_get_checked(Loader *l, const Field *map, const char *key, TextCheck check,
                       const char *shape, const char **ret);

/* A list of text, or (when `or_text`) one text as a list of one. Empty when wrong. */
PlanStrings field_strings(Loader *l, const Field *f, bool or_text, bool templates);

/* KEY=value lists and KEY: value maps. */
typedef struct Pairs {
    PlanPair *items;
    Field *fields; /* where each came from */
    size_t n, cap;
} Pairs;
/*
 * Appends the pairs of `f`; of equal keys the last wins. Values may be templates when asked.
 * `separators` are the characters a list item is split at ("=" or "=:").
 */
void field_pairs(Loader *l, const Field *f, const char *separators, bool templates, Pairs *ret);
void pairs_put(Loader *l, Pairs *pairs, PlanPair pair, const Field *from);

/* `env_file` and `label_file`: appends the pairs of every file named. */
void pairs_read_files(Loader *l, const Field *f, Pairs *ret);

/* Names of services, networks and volumes. */
bool text_is_name(const char *s);
/* Only characters of [A-Za-z0-9] and `extra`, not empty, at most `max` long. */
bool text_is_made_of(const char *s, const char *extra, size_t max);
