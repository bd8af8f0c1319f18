#include "compose/keys.h"
#include "compose/merge.h"
#include "compose/project.h"
#include "compose/tree.h"

#include <string.h>

/* The services that led here, to notice a circle. */
typedef struct Chain {
    const struct Chain *up;
    const YamlNode *root;
    const char *service;
    int depth;
} Chain;

static const YamlNode *resolve(Loader *l, const YamlNode *root, const char *name,
                               const Chain *chain);

static bool is_circle(Loader *l, const Field *f, const Chain *chain)
{
    for (const Chain *c = chain->up; c; c = c->up) {
        if (c->root == chain->root && strcmp(c->service, chain->service) == 0) {
            field_error(l, f, "extends-cycle", NULL, "services extend each other: '%.100s' again",
                        chain->service);
            return true;
        }
    }
    if (chain->depth <= COMPOSE_CHAIN_MAX)
        return false;
    field_error(l, f, "extends-cycle", NULL, "more than %d services extend one another",
                COMPOSE_CHAIN_MAX);
    return true;
}

/* The tree a base service stands in; NULL when reported. */
static const YamlNode *base_file(Loader *l, const Field *extends, const YamlNode *root)
{
    Field file;
    const char *text, *path;

    if (extends->node->kind == YAML_SCALAR || !field_get(extends, "file", &file))
        return root;
    text = field_text(l, &file);
    path = text ? path_inside(l, &file, text) : NULL;
    return path ? project_read(l, &file, path, path_folder(l->scratch, path),
                               field_origin(l, &file)->variables)
                : NULL;
}

static const char *base_name(Loader *l, const Field *extends)
{
    Field service;

    if (extends->node->kind == YAML_SCALAR)
        return field_text(l, extends);
    if (!keys_check(l, extends, KEY_EXTENDS))
        return NULL;
    if (field_get(extends, "service", &service))
        return field_text(l, &service);
    field_error(l, extends, "missing-key", NULL, "needs a 'service'");
    return NULL;
}

static const YamlNode *base_of(Loader *l, const Field *extends, const Chain *chain)
{
    const char *name = base_name(l, extends);
    const YamlNode *root = name ? base_file(l, extends, chain->root) : NULL;
    Chain next = { .up = chain, .root = root, .service = name, .depth = chain->depth + 1 };

    if (!root)
        return NULL;
    if (!yaml_get(yaml_get(root, "services"), name)) {
        field_error(l, extends, "extends-undefined", NULL, "there is no service '%.100s'%s", name,
                    root == chain->root ? "" : " in that file");
        return NULL;
    }
    return is_circle(l, extends, &next) ? NULL : resolve(l, root, name, &next);
}

static const YamlNode *resolve(Loader *l, const YamlNode *root, const char *name,
                               const Chain *chain)
{
    const char *key = arena_printf(l->scratch, "%p\n%s", (const void *)root, name);
    YamlNode *known = map_get(l->extended, key), *own;
    Field top = { .node = root }, services, service, extends;
    const YamlNode *base;

    if (known)
        return known;
    if (!field_get(&top, "services", &services) || !field_get(&services, name, &service))
        return yaml_get(yaml_get(root, "services"), name);
    if (!field_get(&service, "extends", &extends))
        return service.node;
    base = base_of(l, &extends, chain);
    own = tree_without(l, service.node, "extends");
    if (base)
        own = tree_shallow(l, merge_trees(l, "services.*", base, own));
    map_put(l->extended, key, own);
    return own;
}

const YamlNode *extends_resolve(Loader *l, const YamlNode *root)
{
    const YamlNode *services = yaml_get(root, "services");
    YamlNode *map, *copy;

    if (!services || services->kind != YAML_MAP)
        return root;
    map = tree_map(l, services, services->n);
    for (size_t i = 0; i < services->n && !l->too_large; i++) {
        const char *name = services->pairs[i].key->text;
        Chain chain = { .root = root, .service = name };
        tree_add(l, map, services->pairs[i].key, resolve(l, root, name, &chain));
    }
    copy = tree_shallow(l, root);
    tree_put(l, copy, "services", map);
    return copy;
}
