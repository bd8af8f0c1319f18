#include "compose/merge.h"
#include "base/str.h"
#include "compose/tree.h"

#include <string.h>

typedef enum MergeRule {
    MERGE_DEEP,    /* mappings key by key, lists appended, text replaced */
    MERGE_REPLACE, /* all of it */
    MERGE_PAIRS,   /* NAME=value lists become mappings first */
    MERGE_NAMES,   /* lists of names become mappings first */
    MERGE_SET,     /* appended, each text once */
    MERGE_PORTS,   /* appended, each address, port and protocol once */
    MERGE_MOUNTS,  /* appended, each target once */
    MERGE_BUILD,   /* a text is its context */
    MERGE_LOGGING, /* options are kept for the same driver only */
    MERGE_ULIMIT,  /* a number replaces soft and hard, and the other way round */
} MergeRule;

static const struct {
    const char *path;
    MergeRule rule;
} rules[] = {
    { "networks.*.labels", MERGE_PAIRS },
    { "services.*.annotations", MERGE_PAIRS },
    { "services.*.build", MERGE_BUILD },
    { "services.*.build.additional_contexts", MERGE_PAIRS },
    { "services.*.build.args", MERGE_PAIRS },
    { "services.*.build.extra_hosts", MERGE_SET },
    { "services.*.build.labels", MERGE_PAIRS },
    { "services.*.build.platforms", MERGE_SET },
    { "services.*.build.tags", MERGE_SET },
    { "services.*.cap_add", MERGE_SET },
    { "services.*.cap_drop", MERGE_SET },
    { "services.*.command", MERGE_REPLACE },
    { "services.*.configs", MERGE_MOUNTS },
    { "services.*.depends_on", MERGE_NAMES },
    { "services.*.deploy.labels", MERGE_PAIRS },
    { "services.*.devices", MERGE_SET },
    { "services.*.dns", MERGE_SET },
    { "services.*.dns_opt", MERGE_SET },
    { "services.*.dns_search", MERGE_SET },
    { "services.*.entrypoint", MERGE_REPLACE },
    { "services.*.env_file", MERGE_SET },
    { "services.*.environment", MERGE_PAIRS },
    { "services.*.expose", MERGE_SET },
    { "services.*.extra_hosts", MERGE_SET },
    { "services.*.group_add", MERGE_SET },
    { "services.*.healthcheck.test", MERGE_REPLACE },
    { "services.*.label_file", MERGE_SET },
    { "services.*.labels", MERGE_PAIRS },
    { "services.*.links", MERGE_SET },
    { "services.*.logging", MERGE_LOGGING },
    { "services.*.networks", MERGE_NAMES },
    { "services.*.networks.*.aliases", MERGE_SET },
    { "services.*.ports", MERGE_PORTS },
    { "services.*.profiles", MERGE_SET },
    { "services.*.secrets", MERGE_MOUNTS },
    { "services.*.security_opt", MERGE_SET },
    { "services.*.sysctls", MERGE_PAIRS },
    { "services.*.tmpfs", MERGE_SET },
    { "services.*.ulimits.*", MERGE_ULIMIT },
    { "services.*.volumes", MERGE_MOUNTS },
    { "volumes.*.labels", MERGE_PAIRS },
};

static MergeRule find_rule(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcmp(rules[i].path, path) == 0)
            return rules[i].rule;
    return MERGE_DEEP;
}

const char *merge_path(Loader *l, const char *path, const char *key)
{
    static const char *const named[] = { "configs",
                                         "networks",
                                         "secrets",
                                         "services",
                                         "services.*.depends_on",
                                         "services.*.networks",
                                         "services.*.ulimits",
                                         "volumes" };

    if (str_in(path, named, ARRAY_LEN(named)))
        return arena_printf(l->scratch, "%s.*", path);
    return *path ? arena_printf(l->scratch, "%s.%s", path, key) : key;
}

/* ---- short forms ---- */

const YamlNode *merge_pairs(Loader *l, const YamlNode *node)
{
    YamlNode *map;

    if (node->kind != YAML_LIST)
        return node;
    map = tree_map(l, node, node->n);
    map->tag = node->tag;
    for (size_t i = 0; i < node->n; i++) {
        const YamlNode *item = node->items[i];
        size_t len = item->kind == YAML_SCALAR ? strcspn(item->text, "=") : 0;
        if (item->kind != YAML_SCALAR)
            return node; /* whoever reads it says so */
        tree_put(l, map, arena_strndup(l->scratch, item->text, len),
                 item->text[len] ? tree_scalar(l, item, item->text + len + 1, false)
                                 : tree_null(l, item));
    }
    return map;
}

const YamlNode *merge_names(Loader *l, const YamlNode *node)
{
    YamlNode *map;

    if (node->kind != YAML_LIST)
        return node;
    map = tree_map(l, node, node->n);
    map->tag = node->tag;
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i]->kind != YAML_SCALAR)
            return node;
        tree_put(l, map, node->items[i]->text, tree_null(l, node->items[i]));
    }
    return map;
}

static const YamlNode *as_list(Loader *l, const YamlNode *node)
{
    YamlNode *list;

    if (node->kind != YAML_SCALAR)
        return node;
    list = tree_list(l, node, 1);
    list->tag = node->tag;
    tree_append(l, list, node);
    return list;
}

static const YamlNode *as_build(Loader *l, const YamlNode *node)
{
    YamlNode *map;

    if (node->kind != YAML_SCALAR)
        return node;
    map = tree_map(l, node, 1);
    map->tag = node->tag;
    tree_put(l, map, "context", node);
    return map;
}

/* ---- what makes two items of a list the same ---- */

static const char *member(const YamlNode *map, const char *key, const char *fallback)
{
    const YamlNode *node = yaml_get(map, key);

    return node && node->kind == YAML_SCALAR && *node->text ? node->text : fallback;
}

static const char *port_key(Loader *l, const YamlNode *item)
{
    if (item->kind == YAML_SCALAR)
        return strchr(item->text, '/') ? item->text
                                       : arena_printf(l->scratch, "%s/tcp", item->text);
    const char *ip = member(item, "host_ip", ""), *published = member(item, "published", "");

    return arena_printf(l->scratch, "%s%s%s%s%s/%s", ip, *ip ? ":" : "", published,
                        *published || *ip ? ":" : "", member(item, "target", ""),
                        member(item, "protocol", "tcp"));
}

static const char *mount_key(Loader *l, const YamlNode *item)
{
    const char *text = item->text, *colon;
    char *key;
    size_t n;

    if (item->kind != YAML_SCALAR) {
        text = member(item, "target", member(item, "source", ""));
    } else if ((colon = strchr(text, ':')) != NULL) {
        text = colon + 1;
        text = arena_strndup(l->scratch, text, strcspn(text, ":"));
    }
    key = arena_strdup(l->scratch, text);
    for (n = strlen(key); n > 1 && key[n - 1] == '/'; n--)
        key[n - 1] = '\0';
    return key;
}

static const char *item_key(Loader *l, MergeRule rule, const YamlNode *item)
{
    switch (rule) {
    case MERGE_PORTS:
        return port_key(l, item);
    case MERGE_MOUNTS:
        return mount_key(l, item);
    default:
        return item->kind == YAML_SCALAR ? item->text : member(item, "path", "");
    }
}

static void append_unique(Loader *l, MergeRule rule, YamlNode *to, const YamlNode *from,
                          Map *places)
{
    for (size_t i = 0; i < from->n; i++) {
        const char *key = item_key(l, rule, from->items[i]);
        YamlNode **place = *key ? map_get(places, key) : NULL;
        if (place) {
            *place = from->items[i];
            continue;
        }
        tree_append(l, to, from->items[i]);
        if (*key)
            map_put(places, key, &to->items[to->n - 1]);
    }
}

static const YamlNode *merge_lists(Loader *l, MergeRule rule, const YamlNode *base,
                                   const YamlNode *over)
{
    AUTO_MAP Map *places = map_new();
    YamlNode *list = tree_list(l, over, base->n + over->n); /* never grows: places stay valid */

    if (rule == MERGE_DEEP) {
        for (size_t i = 0; i < base->n + over->n; i++)
            tree_append(l, list, i < base->n ? base->items[i] : over->items[i - base->n]);
        return list;
    }
    append_unique(l, rule, list, base, places);
    append_unique(l, rule, list, over, places);
    return list;
}

/* ---- mappings ---- */

/* A tree without tags, as it is when there is nothing below it to override. NULL: it was reset. */
static const YamlNode *settle(Loader *l, const YamlNode *node)
{
    YamlNode *copy;

    if (!l->tagged)
        return node;
    if (node->tag == YAML_TAG_RESET)
        return NULL;
    copy = node->kind == YAML_MAP    ? tree_map(l, node, node->n)
           : node->kind == YAML_LIST ? tree_list(l, node, node->n)
                                     : tree_scalar(l, node, node->text, node->plain);
    for (size_t i = 0; i < node->n; i++) {
        const YamlNode *child =
            settle(l, node->kind == YAML_MAP ? node->pairs[i].value : node->items[i]);
        if (child && node->kind == YAML_MAP)
            tree_add(l, copy, node->pairs[i].key, child);
        else if (child)
            tree_append(l, copy, child);
    }
    return copy;
}

static const YamlNode *merge_maps(Loader *l, const char *path, const YamlNode *base,
                                  const YamlNode *over)
{
    AUTO_MAP Map *names = map_new();
    YamlNode *map = tree_map(l, over, base->n + over->n);

    for (size_t i = 0; i < over->n; i++)
        map_put(names, over->pairs[i].key->text, over->pairs[i].value);
    for (size_t i = 0; i < base->n; i++) {
        const YamlPair *pair = &base->pairs[i];
        const YamlNode *value = map_remove(names, pair->key->text);
        value = value ? merge_trees(l, merge_path(l, path, pair->key->text), pair->value, value)
                      : pair->value;
        if (value)
            tree_add(l, map, pair->key, value);
    }
    for (size_t i = 0; i < over->n; i++) {
        const YamlNode *value;
        if (!map_get(names, over->pairs[i].key->text))
            continue;
        value = settle(l, over->pairs[i].value);
        if (value)
            tree_add(l, map, over->pairs[i].key, value);
    }
    return map;
}

static void report_kinds(Loader *l, const char *path, const YamlNode *base, const YamlNode *over)
{
    Field f = { .key = path, .key_node = over, .node = over };

    field_error(l, &f, "merge-mismatch", NULL, "%s cannot be merged with %s of the base",
                yaml_kind_name(over), yaml_kind_name(base));
}

/* The two in the form the rule merges. */
static void normalise(Loader *l, MergeRule rule, const YamlNode **a)
{
    if (rule == MERGE_PAIRS)
        *a = merge_pairs(l, *a);
    else if (rule == MERGE_NAMES)
        *a = merge_names(l, *a);
    else if (rule == MERGE_BUILD)
        *a = as_build(l, *a);
    else if (rule == MERGE_SET)
        *a = as_list(l, *a);
}

static bool same_driver(const YamlNode *base, const YamlNode *over)
{
    const char *driver = member(over, "driver", "");

    return !*driver || strcmp(driver, member(base, "driver", driver)) == 0;
}

const YamlNode *merge_trees(Loader *l, const char *path, const YamlNode *base, const YamlNode *over)
{
    MergeRule rule = find_rule(path);
    Field at = { .key = path, .key_node = over, .node = over };

    if (over->tag == YAML_TAG_RESET)
        return NULL;
    if (over->tag == YAML_TAG_OVERRIDE || yaml_is_null(base) || rule == MERGE_REPLACE)
        return settle(l, over);
    if (yaml_is_null(over) || !loader_has_room(l, &at))
        return base;
    normalise(l, rule, &base);
    normalise(l, rule, &over);
    if (rule == MERGE_LOGGING && !same_driver(base, over))
        return settle(l, over);
    if (rule == MERGE_ULIMIT && base->kind != over->kind)
        return settle(l, over);
    if (base->kind != over->kind) {
        report_kinds(l, path, base, over);
        return base;
    }
    if (over->kind == YAML_MAP)
        return merge_maps(l, path, base, over);
    return over->kind == YAML_LIST ? merge_lists(l, rule, base, over) : over;
}

/* ---- tags ---- */

static void check_tags(Loader *l, const Field *f)
{
    if (f->node->tag != YAML_TAG_NONE)
        field_error(l, f, "tag-misplaced",
                    "use it in a service that 'extends' another, or in a later file of an "
                    "'include' path list",
                    "'%s' has nothing to override here",
                    f->node->tag == YAML_TAG_RESET ? "!reset" : "!override");
    for (size_t i = 0; i < f->node->n; i++) {
        Field child = f->node->kind == YAML_MAP ? field_pair(f, i) : field_item(f, i);
        check_tags(l, &child);
    }
}

void merge_check_tags(Loader *l, const Field *root)
{
    if (l->tagged)
        check_tags(l, root);
}
