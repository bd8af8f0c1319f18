#include "compose/tree.h"
#include "base/check.h"

#include <string.h>

static YamlNode *new_node(Loader *l, const YamlNode *like, YamlKind kind)
{
    YamlNode *node = arena_new_type(l->scratch, YamlNode);

    *node = (YamlNode){ .kind = kind, .text = "" };
    if (like) {
        node->line = like->line;
        node->column = like->column;
        node->origin = like->origin;
    }
    return node;
}

YamlNode *tree_map(Loader *l, const YamlNode *like, size_t cap)
{
    YamlNode *node = new_node(l, like, YAML_MAP);

    node->pairs = arena_alloc(l->scratch, (cap + 1) * sizeof *node->pairs);
    node->cap = cap + 1;
    return node;
}

YamlNode *tree_list(Loader *l, const YamlNode *like, size_t cap)
{
    YamlNode *node = new_node(l, like, YAML_LIST);

    node->items = arena_alloc(l->scratch, (cap + 1) * sizeof(YamlNode *));
    node->cap = cap + 1;
    return node;
}

YamlNode *tree_scalar(Loader *l, const YamlNode *like, const char *text, bool plain)
{
    YamlNode *node = new_node(l, like, YAML_SCALAR);

    node->text = text;
    node->plain = plain;
    return node;
}

YamlNode *tree_null(Loader *l, const YamlNode *like)
{
    return tree_scalar(l, like, "", true);
}

/* A tree holds plain pointers and never changes what it was given. */
static YamlNode *borrow(const YamlNode *node)
{
    union {
        const YamlNode *in;
        YamlNode *out;
    } u = { .in = node };

    return u.out;
}

void tree_add(Loader *l, YamlNode *map, YamlNode *key, const YamlNode *value)
{
    check(map->kind == YAML_MAP);
    if (map->n == map->cap) {
        size_t cap = map->cap ? map->cap * 2 : 4;
        map->pairs = arena_grow(l->scratch, map->pairs, map->n * sizeof *map->pairs,
                                cap * sizeof *map->pairs);
        map->cap = cap;
    }
    map->pairs[map->n++] = (YamlPair){ .key = key, .value = borrow(value) };
}

void tree_put(Loader *l, YamlNode *map, const char *key, const YamlNode *value)
{
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0) {
            map->pairs[i].value = borrow(value);
            return;
        }
    }
    tree_add(l, map, tree_scalar(l, value, key, false), value);
}

void tree_append(Loader *l, YamlNode *list, const YamlNode *item)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        list->items = arena_grow(l->scratch, list->items, list->n * sizeof(YamlNode *),
                                 cap * sizeof(YamlNode *));
        list->cap = cap;
    }
    list->items[list->n++] = borrow(item);
}

YamlNode *tree_shallow(Loader *l, const YamlNode *node)
{
    YamlNode *copy = arena_new_type(l->scratch, YamlNode);

    *copy = *node;
    if (node->kind != YAML_MAP)
        return copy;
    copy->pairs = arena_grow(l->scratch, node->pairs, node->n * sizeof *copy->pairs,
                             (node->n + 1) * sizeof *copy->pairs);
    copy->cap = node->n + 1;
    return copy;
}

YamlNode *tree_without(Loader *l, const YamlNode *map, const char *key)
{
    YamlNode *copy = tree_map(l, map, map->n);

    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->pairs[i].key->text, key) != 0)
            tree_add(l, copy, map->pairs[i].key, map->pairs[i].value);
    return copy;
}

static bool children_equal(const YamlNode *a, const YamlNode *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const YamlNode *other =
            a->kind == YAML_LIST ? b->items[i] : yaml_get(b, a->pairs[i].key->text);
        const YamlNode *own = a->kind == YAML_LIST ? a->items[i] : a->pairs[i].value;
        if (!other || !tree_equal(own, other))
            return false;
    }
    return true;
}

bool tree_equal(const YamlNode *a, const YamlNode *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->n != b->n)
        return false;
    return a->kind == YAML_SCALAR ? strcmp(a->text, b->text) == 0 : children_equal(a, b);
}
