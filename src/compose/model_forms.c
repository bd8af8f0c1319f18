/* Short forms of ports, volumes, hosts and grants into long ones. */
#include "base/str.h"
#include "base/strbuf.h"
#include "compose/merge.h"
#include "compose/model_parts.h"

#include <string.h>

static const YamlNode *number(Loader *l, const YamlNode *like, int64_t n)
{
    return tree_scalar(l, like, arena_printf(l->scratch, "%lld", (long long)n), true);
}

static const YamlNode *member_or(Loader *l, const YamlNode *map, const char *key, const char *text)
{
    const YamlNode *node = yaml_get(map, key);

    return node && !yaml_is_null(node) ? node : model_text(l, map, text);
}

/* A copy whose members are text, whatever they look like. */
static YamlNode *texts(Loader *l, const YamlNode *map)
{
    YamlNode *copy = tree_map(l, map, map->n);

    for (size_t i = 0; i < map->n && map->kind == YAML_MAP; i++) {
        const YamlNode *value = map->pairs[i].value;
        tree_add(l, copy, map->pairs[i].key,
                 value->kind == YAML_SCALAR && !yaml_is_null(value)
                     ? model_text(l, value, value->text)
                     : value);
    }
    return copy;
}

/* ---- ports ---- */

static bool parse_range(Loader *l, const char *text, int64_t *first, int64_t *last)
{
    size_t len = strcspn(text, "-");

    if (!str_parse_i64(arena_strndup(l->scratch, text, len), 0, 65535, first))
        return false;
    *last = *first;
    return !text[len] || (str_parse_i64(text + len + 1, *first, 65535, last));
}

static YamlNode *port(Loader *l, const YamlNode *like, int64_t target, const char *published,
                      const char *protocol)
{
    YamlNode *map = tree_map(l, like, 5);

    tree_put(l, map, "mode", model_text(l, like, "ingress"));
    tree_put(l, map, "target", number(l, like, target));
    if (*published)
        tree_put(l, map, "published", model_text(l, like, published));
    tree_put(l, map, "protocol", model_text(l, like, protocol));
    return map;
}

/* What `[ip:][published:]target[/protocol]` stands for, one for each target port. */
static void add_short_port(Loader *l, YamlNode *list, const YamlNode *node)
{
    char *text = arena_strdup(l->scratch, node->text), *slash = strrchr(text, '/'), *colon;
    const char *protocol = slash ? slash + 1 : "tcp", *target = text, *published = "", *ip = "";
    int64_t first, last, host = 0, host_last = 0;

    if (slash)
        *slash = '\0';
    if ((colon = strrchr(text, ':')) != NULL) {
        *colon = '\0';
        target = colon + 1;
        published = text;
        if ((colon = strrchr(text, ':')) != NULL) {
            *colon = '\0';
            published = colon + 1;
            ip =
                text[0] == '[' ? arena_strndup(l->scratch, text + 1, strcspn(text + 1, "]")) : text;
        }
    }
    if (!parse_range(l, target, &first, &last) || last - first >= COMPOSE_PORT_RANGE_MAX)
        return;
    if (*published && !parse_range(l, published, &host, &host_last))
        host = host_last = -1; /* an instance variable, which is one port */
    for (int64_t p = first; p <= last; p++) {
        bool each = host >= 0 && host_last - host == last - first;
        YamlNode *map = port(l, node, p,
                             *published && each
                                 ? arena_printf(l->scratch, "%lld", (long long)(host + p - first))
                                 : published,
                             protocol);
        if (*ip)
            tree_put(l, map, "host_ip", model_text(l, node, ip));
        tree_append(l, list, map);
    }
}

const YamlNode *model_ports(Loader *l, const YamlNode *node)
{
    YamlNode *list;

    if (node->kind != YAML_LIST)
        return node;
    list = tree_list(l, node, node->n);
    for (size_t i = 0; i < node->n; i++) {
        const YamlNode *item = node->items[i];
        YamlNode *map;
        if (item->kind == YAML_SCALAR) {
            add_short_port(l, list, item);
            continue;
        }
        map = texts(l, item);
        tree_put(l, map, "mode", member_or(l, item, "mode", "ingress"));
        tree_put(l, map, "protocol", member_or(l, item, "protocol", "tcp"));
        tree_put(l, map, "target", model_number(l, member_or(l, item, "target", "")));
        if (yaml_get(item, "published"))
            tree_put(l, map, "published",
                     model_text(l, item, member_or(l, item, "published", "")->text));
        tree_append(l, list, map);
    }
    return list;
}

/* ---- volumes ---- */

static void add_options(Loader *l, YamlNode *map, YamlNode *bind, YamlNode *volume, char *options)
{
    static const char *const propagation[] = { "shared", "rshared", "slave",
                                               "rslave", "private", "rprivate" };
    const char *option;

    while ((option = strsep(&options, ","))) {
        if (strcmp(option, "ro") == 0)
            tree_put(l, map, "read_only", tree_scalar(l, map, "true", true));
        else if (strcmp(option, "nocopy") == 0)
            tree_put(l, volume, "nocopy", tree_scalar(l, map, "true", true));
        else if (strcmp(option, "z") == 0 || strcmp(option, "Z") == 0)
            tree_put(l, bind, "selinux", model_text(l, map, option));
        else if (str_in(option, propagation, ARRAY_LEN(propagation)))
            tree_put(l, bind, "propagation", model_text(l, map, option));
    }
}

static const char *clean_target(Loader *l, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (text[0] != '/' || !path_join(".", text, &b))
        return text;
    return arena_printf(l->scratch, "/%s", strbuf_str(&b));
}

static const YamlNode *short_mount(Loader *l, const YamlNode *node)
{
    YamlNode *map = tree_map(l, node, 5), *bind = tree_map(l, node, 2);
    YamlNode *volume = tree_map(l, node, 1);
    char *rest = arena_strdup(l->scratch, node->text);
    const char *source = strsep(&rest, ":"), *target = rest ? strsep(&rest, ":") : NULL;
    bool is_bind = target && strchr("./~", *source) != NULL;

    tree_put(l, map, "type", model_text(l, node, is_bind ? "bind" : "volume"));
    if (target) {
        const YamlNode *from = model_text(l, node, source);
        tree_put(l, map, "source", is_bind ? model_path(l, from) : from);
    }
    tree_put(l, map, "target", model_text(l, node, clean_target(l, target ? target : source)));
    if (is_bind)
        tree_put(l, bind, "create_host_path", tree_scalar(l, node, "true", true));
    if (rest)
        add_options(l, map, bind, volume, rest);
    tree_put(l, map, is_bind ? "bind" : "volume", is_bind ? bind : volume);
    return map;
}

static const YamlNode *long_mount(Loader *l, const YamlNode *node)
{
    YamlNode *map = texts(l, node);
    const YamlNode *type = yaml_get(node, "type"), *source = yaml_get(node, "source");
    const YamlNode *read_only = yaml_get(node, "read_only"), *tmpfs = yaml_get(node, "tmpfs");

    if (type && source && strcmp(type->text, "bind") == 0)
        tree_put(l, map, "source", model_path(l, source));
    if (read_only)
        tree_put(l, map, "read_only", model_bool(l, read_only));
    if (tmpfs && tmpfs->kind == YAML_MAP) {
        YamlNode *copy = tree_shallow(l, tmpfs);
        const YamlNode *size = yaml_get(tmpfs, "size"), *mode = yaml_get(tmpfs, "mode");
        if (size)
            tree_put(l, copy, "size", model_size(l, size));
        if (mode)
            tree_put(l, copy, "mode", model_octal(l, mode));
        tree_put(l, map, "tmpfs", copy);
    }
    return map;
}

const YamlNode *model_mounts(Loader *l, const YamlNode *node)
{
    YamlNode *list;

    if (node->kind != YAML_LIST)
        return node;
    list = tree_list(l, node, node->n);
    for (size_t i = 0; i < node->n; i++)
        tree_append(l, list,
                    node->items[i]->kind == YAML_SCALAR ? short_mount(l, node->items[i])
                                                        : long_mount(l, node->items[i]));
    return list;
}

/* ---- hosts, grants ---- */

static void add_host(Loader *l, YamlNode *list, const char *name, const YamlNode *address)
{
    const char *text = address->text;

    if (address->kind == YAML_LIST) {
        for (size_t i = 0; i < address->n; i++)
            add_host(l, list, name, address->items[i]);
        return;
    }
    if (text[0] == '[')
        text = arena_strndup(l->scratch, text + 1, strcspn(text + 1, "]"));
    tree_append(l, list, model_text(l, address, arena_printf(l->scratch, "%s=%s", name, text)));
}

const YamlNode *model_hosts(Loader *l, const YamlNode *node)
{
    YamlNode *list = tree_list(l, node, node->n);

    for (size_t i = 0; i < node->n && node->kind == YAML_MAP; i++)
        add_host(l, list, node->pairs[i].key->text, node->pairs[i].value);
    for (size_t i = 0; i < node->n && node->kind == YAML_LIST; i++) {
        const char *text = node->items[i]->text;
        size_t len = strcspn(text, "=:");
        add_host(l, list, arena_strndup(l->scratch, text, len),
                 model_text(l, node->items[i], text[len] ? text + len + 1 : ""));
    }
    return list;
}

static const YamlNode *grant(Loader *l, const YamlNode *item, const char *folder)
{
    YamlNode *map = item->kind == YAML_MAP ? texts(l, item) : tree_map(l, item, 2);
    static const char *const texts[] = { "uid", "gid" };
    const YamlNode *mode = yaml_get(item, "mode");

    if (item->kind == YAML_SCALAR)
        tree_put(l, map, "source", model_text(l, item, item->text));
    if (folder && !yaml_get(map, "target"))
        tree_put(l, map, "target",
                 model_text(l, item,
                            arena_printf(l->scratch, "%s%s", folder,
                                         member_or(l, map, "source", "")->text)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (yaml_get(item, texts[i]))
            tree_put(l, map, texts[i], model_text(l, item, yaml_get(item, texts[i])->text));
    if (mode)
        tree_put(l, map, "mode", model_mode(l, mode));
    return map;
}

const YamlNode *model_grants(Loader *l, const YamlNode *node, const char *folder)
{
    YamlNode *list;

    if (node->kind != YAML_LIST)
        return node;
    list = tree_list(l, node, node->n);
    for (size_t i = 0; i < node->n; i++)
        tree_append(l, list, grant(l, node->items[i], folder));
    return list;
}
