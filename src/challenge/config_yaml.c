/* challenge.yaml of the forerunners, read as if it were TOML: one reader knows the fields. */
#include "challenge/config.h"
#include "base/str.h"

#include <string.h>

static const char *const true_words[] = { "true", "True", "TRUE" };
static const char *const false_words[] = { "false", "False", "FALSE" };

static void type_scalar(TomlValue *v, const YamlNode *node)
{
    v->kind = TOML_STRING;
    v->text = node->text;
    v->text_len = strlen(node->text);
    if (!node->plain)
        return;
    if (str_in(node->text, true_words, ARRAY_LEN(true_words)) ||
        str_in(node->text, false_words, ARRAY_LEN(false_words))) {
        v->kind = TOML_BOOL;
        v->boolean = str_in(node->text, true_words, ARRAY_LEN(true_words));
    } else if (str_parse_i64(node->text, INT64_MIN, INT64_MAX, &v->integer)) {
        v->kind = TOML_INTEGER;
    } else if (str_parse_decimal(node->text, &v->number)) {
        v->kind = TOML_FLOAT;
    }
}

static TomlValue *convert(Arena *arena, const YamlNode *node);

/* A value of null is as good as absent. */
static void add_child(Arena *arena, TomlValue *v, const YamlNode *key, const YamlNode *child)
{
    if (yaml_is_null(child))
        return;
    if (key)
        v->entries[v->n++] = (TomlEntry){
            .key = key->text,
            .key_len = strlen(key->text),
            .line = key->line,
            .column = key->column,
            .value = convert(arena, child),
        };
    else
        v->items[v->n++] = convert(arena, child);
}

/* The YAML reader has bounded depth and visits, so that walking its DAG as a tree ends. */
static TomlValue *convert(Arena *arena, const YamlNode *node)
{
    TomlValue *v = arena_new_type(arena, TomlValue);

    v->line = node->line;
    v->column = node->column;
    if (node->kind == YAML_SCALAR) {
        type_scalar(v, node);
        return v;
    }
    v->kind = node->kind == YAML_MAP ? TOML_TABLE : TOML_ARRAY;
    if (node->kind == YAML_MAP)
        v->entries = arena_alloc(arena, node->n * sizeof *v->entries);
    else
        v->items = arena_alloc(arena, node->n * sizeof *v->items);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YAML_MAP)
            add_child(arena, v, node->pairs[i].key, node->pairs[i].value);
        else
            add_child(arena, v, NULL, node->items[i]);
    }
    return v;
}

const TomlValue *config_from_yaml(Arena *arena, const YamlNode *node)
{
    return convert(arena, node);
}
