/* The canonical model as JSON (two spaces, keys sorted) and as YAML. */
#include "base/alloc.h"
#include "base/str.h"
#include "compose/model_parts.h"
#include "wire/json_write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const YamlPair *x = a, *y = b;

    return strcmp(x->key->text, y->key->text);
}

/* The pairs of a map by name; caller frees. */
static YamlPair *sorted(const YamlNode *map)
{
    YamlPair *pairs = xcalloc(map->n + 1, sizeof *pairs);

    for (size_t i = 0; i < map->n; i++)
        pairs[i] = map->pairs[i];
    qsort(pairs, map->n, sizeof *pairs, compare);
    return pairs;
}

static void indent(StrBuf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        strbuf_adds(out, "  ");
}

/* A dollar sign is written `$$`, an instance variable `${NAME}`: the result is a compose file. */
static void quote(StrBuf *out, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };
    JsonWriter w = { .out = out };

    for (const char *p = text; *p; p++) {
        if (*p == '\x01')
            strbuf_adds(&b, "${");
        else if (*p == '\x02')
            strbuf_addc(&b, '}');
        else if (*p == '$')
            strbuf_adds(&b, "$$");
        else
            strbuf_addc(&b, *p);
    }
    json_write_string(&w, strbuf_str(&b));
}

/* Is it a word of JSON? */
static bool is_word(const YamlNode *node)
{
    static const char *const words[] = { "true", "false" };
    const char *text = node->text + (*node->text == '-');
    double number;

    return node->plain && (yaml_is_null(node) || str_in(node->text, words, ARRAY_LEN(words)) ||
                           (str_parse_decimal(text, &number) && isdigit((unsigned char)*text)));
}

static void put_word(StrBuf *out, const YamlNode *node)
{
    strbuf_adds(out, yaml_is_null(node) ? "null" : node->text);
}

/* ---- JSON ---- */

static void json_node(StrBuf *out, const YamlNode *node, int depth)
{
    bool map = node->kind == YAML_MAP;
    AUTO_FREE YamlPair *pairs = map ? sorted(node) : NULL;

    if (node->kind == YAML_SCALAR && is_word(node)) {
        put_word(out, node);
    } else if (node->kind == YAML_SCALAR) {
        quote(out, node->text);
    } else if (node->n == 0) {
        strbuf_adds(out, map ? "{}" : "[]");
    } else {
        strbuf_addc(out, map ? '{' : '[');
        for (size_t i = 0; i < node->n; i++) {
            strbuf_adds(out, i ? ",\n" : "\n");
            indent(out, depth + 1);
            if (map) {
                quote(out, pairs[i].key->text);
                strbuf_adds(out, ": ");
            }
            json_node(out, map ? pairs[i].value : node->items[i], depth + 1);
        }
        strbuf_addc(out, '\n');
        indent(out, depth);
        strbuf_addc(out, map ? '}' : ']');
    }
}

void model_print_json(StrBuf *out, const YamlNode *root)
{
    json_node(out, root, 0);
    strbuf_addc(out, '\n');
}

/* ---- YAML ---- */

/* Words that need no quotes, whatever reads them. */
static bool is_bare(const char *s)
{
    static const char *const words[] = { "true", "false", "yes", "no",   "on",  "off",
                                         "null", "y",     "n",   ".inf", ".nan" };

    if (!isalpha((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(s, words[i]))
            return false;
    return text_is_made_of(s, "_./-", 200);
}

static void yaml_text(StrBuf *out, const char *text)
{
    if (is_bare(text))
        strbuf_adds(out, text);
    else
        quote(out, text);
}

static void yaml_node(StrBuf *out, const YamlNode *node, int depth, bool started);

/* What follows "key:" or "-"; collections of a mapping start on a line of their own. */
static void yaml_value(StrBuf *out, const YamlNode *node, int depth, bool in_list)
{
    if (node->kind == YAML_SCALAR || node->n == 0) {
        strbuf_addc(out, ' ');
        if (node->kind != YAML_SCALAR)
            strbuf_adds(out, node->kind == YAML_MAP ? "{}" : "[]");
        else if (is_word(node))
            put_word(out, node);
        else
            yaml_text(out, node->text);
        strbuf_addc(out, '\n');
        return;
    }
    strbuf_addc(out, in_list ? ' ' : '\n');
    yaml_node(out, node, depth, in_list);
}

static void yaml_node(StrBuf *out, const YamlNode *node, int depth, bool started)
{
    bool map = node->kind == YAML_MAP;
    AUTO_FREE YamlPair *pairs = map ? sorted(node) : NULL;

    for (size_t i = 0; i < node->n; i++) {
        if (i > 0 || !started)
            indent(out, depth);
        if (map) {
            yaml_text(out, pairs[i].key->text);
            strbuf_addc(out, ':');
        } else {
            strbuf_addc(out, '-');
        }
        yaml_value(out, map ? pairs[i].value : node->items[i], depth + 1, !map);
    }
}

void model_print_yaml(StrBuf *out, const YamlNode *root)
{
    yaml_node(out, root, 0, false);
}
