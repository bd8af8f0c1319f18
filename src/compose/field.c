#include "compose/field.h"
#include "base/alloc.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <string.h>

/* ---- walking ---- */

Field field_pair(const Field *map, size_t i)
{
    const YamlPair *pair = &map->node->pairs[i];

    return (Field){ .up = map, .key = pair->key->text, .key_node = pair->key, .node = pair->value };
}

Field field_item(const Field *list, size_t i)
{
    return (Field){ .up = list, .index = i, .node = list->node->items[i] };
}

bool field_is_null(const Field *f)
{
    return yaml_is_null(f->node);
}

bool field_get(const Field *map, const char *key, Field *ret)
{
    if (map->node->kind != YAML_MAP)
        return false;
    for (size_t i = 0; i < map->node->n; i++) {
        Field f = field_pair(map, i);
        if (strcmp(f.key, key) != 0)
            continue;
        if (field_is_null(&f))
            return false;
        *ret = f;
        return true;
    }
    return false;
}

bool field_want(Loader *l, const Field *f, YamlKind kind)
{
    static const char *const names[] = { "text", "a list", "a mapping" };

    if (f->node->kind == kind)
        return true;
    field_error(l, f, "wrong-type", NULL, "must be %s, not %s", names[kind],
                yaml_kind_name(f->node));
    return false;
}

static void write_path(StrBuf *b, const Field *f)
{
    if (!f || (!f->up && !f->key))
        return;
    write_path(b, f->up);
    if (f->key)
        strbuf_addf(b, "%s%.100s", b->len ? "." : "", f->key);
    else
        strbuf_addf(b, "[%zu]", f->index);
}

const char *field_path(Loader *l, const Field *f)
{
    AUTO_STRBUF StrBuf b = { 0 };

    write_path(&b, f);
    return plan_show(l->scratch, strbuf_str(&b));
}

/* ---- diagnostics ---- */

static const Origin *origin_of(const Loader *l, const YamlNode *node)
{
    return node->origin ? node->origin : l->main;
}

const Origin *field_origin(const Loader *l, const Field *f)
{
    return origin_of(l, f->node);
}

static void report(Loader *l, DiagSeverity severity, const Field *f, const YamlNode *where,
                   const char *code, const char *hint, const char *message)
{
    const char *path = field_path(l, f);
    DiagAt at = { .file = origin_of(l, where)->file,
                  .line = where->line,
                  .column = where->column,
                  .field = *path ? path : NULL };

    diag_add(l->diags, severity, at, code, hint, "%s", plan_show(l->scratch, message));
}

#define REPORT(severity, where)                                                                    \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, fmt);                                                                      \
        AUTO_FREE char *message_ = xvasprintf(fmt, args_);                                         \
        va_end(args_);                                                                             \
        report(l, (severity), f, (where), code, hint, message_);                                   \
    } while (0)

void field_error(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt,
                 ...)
{
    REPORT(DIAG_ERROR, f->node);
}

void field_warn(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt, ...)
{
    REPORT(DIAG_WARNING, f->node);
}

void field_note(Loader *l, const Field *f, const char *code, const char *hint, const char *fmt, ...)
{
    REPORT(DIAG_NOTE, f->node);
}

void field_key_diag(Loader *l, DiagSeverity severity, const Field *f, const char *code,
                    const char *hint, const char *fmt, ...)
{
    REPORT(severity, f->key_node ? f->key_node : f->node);
}

/* ---- typed values ---- */

const char *field_template(Loader *l, const Field *f)
{
    return field_want(l, f, YAML_SCALAR) ? f->node->text : NULL;
}

const char *field_text(Loader *l, const Field *f)
{
    const char *text = field_template(l, f);

    if (text && plan_is_template(text)) {
        field_error(l, f, "variable-not-allowed",
                    "instance variables work in environment, command, entrypoint, labels and "
                    "healthcheck.test",
                    "'%.200s' differs from instance to instance, which this field may not", text);
        return NULL;
    }
    return text;
}

bool field_bool(Loader *l, const Field *f, bool *ret)
{
    const char *text = field_text(l, f);

    if (!text)
        return false;
    if (!str_parse_bool(text, ret)) {
        field_error(l, f, "not-a-boolean", "write true or false", "'%.100s' is not a boolean",
                    text);
        return false;
    }
    if (!str_eq_nocase(text, "true") && !str_eq_nocase(text, "false"))
        field_warn(l, f, "loose-boolean", "write true or false", "'%s' is taken as %s", text,
                   *ret ? "true" : "false");
    return true;
}

bool field_int(Loader *l, const Field *f, int64_t min, int64_t max, int64_t *ret)
{
    const char *text = field_text(l, f);
    int64_t any;

    if (!text)
        return false;
    if (str_parse_i64(text, min, max, ret))
        return true;
    if (str_parse_i64(text, INT64_MIN, INT64_MAX, &any))
        field_error(l, f, "out-of-range", NULL, "%s is not between %lld and %lld", text,
                    (long long)min, (long long)max);
    else
        field_error(l, f, "not-a-number", NULL, "'%.100s' is not a whole number", text);
    return false;
}

bool field_bytes(Loader *l, const Field *f, int64_t *ret)
{
    const char *text = field_text(l, f);

    if (!text)
        return false;
    if (str_parse_bytes(text, ret))
        return true;
    field_error(l, f, "not-a-size", "write a size like 64m or 1.5gb", "'%.100s' is not a size",
                text);
    return false;
}

bool field_duration(Loader *l, const Field *f, int64_t *ret_ns)
{
    const char *text = field_text(l, f);

    if (!text)
        return false;
    if (str_parse_duration_ns(text, ret_ns))
        return true;
    field_error(l, f, "not-a-duration", "write a duration like 30s or 1m30s",
                "'%.100s' is not a duration", text);
    return false;
}

void field_get_text(Loader *l, const Field *map, const char *key, const char **ret)
{
    Field f;
    const char *text = field_get(map, key, &f) ? field_text(l, &f) : NULL;

    if (text)
        *ret = arena_strdup(l->arena, text);
}

void field_get_bool(Loader *l, const Field *map, const char *key, bool *ret)
{
    Field f;

    if (field_get(map, key, &f))
        (void)field_bool(l, &f, ret);
}

void field_get_checked(Loader *l, const Field *map, const char *key, TextCheck check,
                       const char *shape, const char **ret)
{
    Field f;
    const char *text = field_get(map, key, &f) ? field_text(l, &f) : NULL;

    if (!text)
        return;
    if (check(text))
        *ret = arena_strdup(l->arena, text);
    else
        field_error(l, &f, "bad-value", NULL, "'%.100s' is not %s", text, shape);
}

/* ---- lists and pairs ---- */

PlanStrings field_strings(Loader *l, const Field *f, bool or_text, bool templates)
{
    PlanStrings ret = { 0 };

    if (or_text && f->node->kind == YAML_SCALAR) {
        const char *text = templates ? field_template(l, f) : field_text(l, f);
        ret.items = arena_alloc(l->arena, sizeof *ret.items);
        if (text)
            ret.items[ret.n++] = arena_strdup(l->arena, text);
        return ret;
    }
    if (!field_want(l, f, YAML_LIST))
        return ret;
    ret.items = arena_alloc(l->arena, (f->node->n + 1) * sizeof *ret.items);
    for (size_t i = 0; i < f->node->n; i++) {
        Field item = field_item(f, i);
        const char *text = templates ? field_template(l, &item) : field_text(l, &item);
        if (text)
            ret.items[ret.n++] = arena_strdup(l->arena, text);
    }
    return ret;
}

void pairs_put(Loader *l, Pairs *pairs, PlanPair pair, const Field *from)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (strcmp(pairs->items[i].key, pair.key) == 0) {
            pairs->items[i] = pair;
            pairs->fields[i] = *from;
            return;
        }
    }
    if (pairs->n == pairs->cap) {
        size_t cap = pairs->cap ? pairs->cap * 2 : 8;
        pairs->items = arena_grow(l->arena, pairs->items, pairs->n * sizeof *pairs->items,
                                  cap * sizeof *pairs->items);
        pairs->fields = arena_grow(l->scratch, pairs->fields, pairs->n * sizeof *pairs->fields,
                                   cap * sizeof *pairs->fields);
        pairs->cap = cap;
    }
    pairs->items[pairs->n] = pair;
    pairs->fields[pairs->n++] = *from;
}

static void put_checked(Loader *l, Pairs *ret, const Field *f, const char *key, const char *value,
                        bool templates)
{
    if (!*key || strchr(key, '=') || plan_is_template(key)) {
        field_error(l, f, "bad-name", NULL, "'%.100s' is not a name", key);
        return;
    }
    if (value && !templates && plan_is_template(value)) {
        (void)field_text(l, f);
        return;
    }
    pairs_put(l, ret,
              (PlanPair){ .key = arena_strdup(l->arena, key),
                          .value = value ? arena_strdup(l->arena, value) : NULL },
              f);
}

static void put_item(Loader *l, Pairs *ret, const Field *item, const char *separators,
                     bool templates)
{
    const char *text = field_template(l, item);
    size_t len;

    if (!text)
        return;
    len = strcspn(text, separators);
    put_checked(l, ret, item, arena_strndup(l->scratch, text, len),
                text[len] ? text + len + 1 : NULL, templates);
}

void field_pairs(Loader *l, const Field *f, const char *separators, bool templates, Pairs *ret)
{
    if (f->node->kind == YAML_SCALAR) {
        field_error(l, f, "wrong-type", NULL, "must be a mapping or a list, not %s",
                    yaml_kind_name(f->node));
        return;
    }
    for (size_t i = 0; i < f->node->n; i++) {
        Field *item = arena_new_type(l->scratch, Field);
        *item = f->node->kind == YAML_MAP ? field_pair(f, i) : field_item(f, i);
        if (f->node->kind == YAML_LIST) {
            put_item(l, ret, item, separators, templates);
            continue;
        }
        const char *value = field_is_null(item) ? NULL : field_template(l, item);
        if (value || field_is_null(item))
            put_checked(l, ret, item, item->key, value, templates);
    }
}

/* ---- shapes of text ---- */

bool text_is_made_of(const char *s, const char *extra, size_t max)
{
    size_t n = strlen(s);

    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr(extra, s[i]))
            return false;
    return true;
}

bool text_is_name(const char *s)
{
    return text_is_made_of(s, "_.-", 63) && isalnum((unsigned char)s[0]);
}
