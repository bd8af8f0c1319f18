#include "base/str.h"
#include "compose/merge.h"
#include "compose/model_parts.h"

#include <string.h>

typedef enum Form {
    FORM_AUTO, /* maps and lists member by member; text that is a number or boolean as such */
    FORM_TEXT,
    FORM_BOOL,
    FORM_LIST, /* of text; one text is a list of one */
    FORM_PAIRS,
    FORM_LABELS, /* pairs; no value is "" */
    FORM_NAMES,
    FORM_SIZE,
    FORM_DURATION,
    FORM_PATH,
    FORM_BUILD,
    FORM_TEST,
    FORM_DEPENDENCY,
    FORM_PORTS,
    FORM_MOUNTS,
    FORM_HOSTS,
    FORM_SECRETS,
    FORM_CONFIGS,
    FORM_DEPLOY,
    FORM_GONE, /* has become something else */
} Form;

static const struct {
    const char *path;
    Form form;
} forms[] = {
    { "configs.*.content", FORM_TEXT },
    { "configs.*.file", FORM_PATH },
    { "networks.*.driver_opts", FORM_PAIRS },
    { "networks.*.labels", FORM_LABELS },
    { "secrets.*.file", FORM_PATH },
    { "services.*.annotations", FORM_PAIRS },
    { "services.*.build", FORM_BUILD },
    { "services.*.build.additional_contexts", FORM_PAIRS },
    { "services.*.build.args", FORM_PAIRS },
    { "services.*.build.context", FORM_PATH },
    { "services.*.build.dockerfile", FORM_TEXT },
    { "services.*.build.dockerfile_inline", FORM_TEXT },
    { "services.*.build.extra_hosts", FORM_HOSTS },
    { "services.*.build.labels", FORM_LABELS },
    { "services.*.build.shm_size", FORM_SIZE },
    { "services.*.build.target", FORM_TEXT },
    { "services.*.cap_add", FORM_LIST },
    { "services.*.cap_drop", FORM_LIST },
    { "services.*.command", FORM_GONE },
    { "services.*.configs", FORM_CONFIGS },
    { "services.*.container_name", FORM_TEXT },
    { "services.*.cpuset", FORM_TEXT },
    { "services.*.depends_on", FORM_NAMES },
    { "services.*.depends_on.*", FORM_DEPENDENCY },
    { "services.*.deploy", FORM_DEPLOY },
    { "services.*.deploy.labels", FORM_LABELS },
    { "services.*.deploy.resources.limits.memory", FORM_SIZE },
    { "services.*.deploy.resources.reservations.memory", FORM_SIZE },
    { "services.*.dns", FORM_LIST },
    { "services.*.dns_opt", FORM_LIST },
    { "services.*.dns_search", FORM_LIST },
    { "services.*.domainname", FORM_TEXT },
    { "services.*.entrypoint", FORM_GONE },
    { "services.*.env_file", FORM_GONE },
    { "services.*.environment", FORM_GONE },
    { "services.*.expose", FORM_LIST },
    { "services.*.extra_hosts", FORM_HOSTS },
    { "services.*.group_add", FORM_LIST },
    { "services.*.healthcheck.disable", FORM_BOOL },
    { "services.*.healthcheck.interval", FORM_DURATION },
    { "services.*.healthcheck.start_interval", FORM_DURATION },
    { "services.*.healthcheck.start_period", FORM_DURATION },
    { "services.*.healthcheck.test", FORM_TEST },
    { "services.*.healthcheck.timeout", FORM_DURATION },
    { "services.*.hostname", FORM_TEXT },
    { "services.*.image", FORM_TEXT },
    { "services.*.init", FORM_BOOL },
    { "services.*.label_file", FORM_GONE },
    { "services.*.labels", FORM_GONE },
    { "services.*.links", FORM_LIST },
    { "services.*.logging.options", FORM_PAIRS },
    { "services.*.mem_limit", FORM_SIZE },
    { "services.*.mem_reservation", FORM_SIZE },
    { "services.*.mem_swappiness", FORM_SIZE },
    { "services.*.memswap_limit", FORM_SIZE },
    { "services.*.networks", FORM_NAMES },
    { "services.*.networks.*.aliases", FORM_LIST },
    { "services.*.ports", FORM_PORTS },
    { "services.*.privileged", FORM_BOOL },
    { "services.*.profiles", FORM_LIST },
    { "services.*.read_only", FORM_BOOL },
    { "services.*.restart", FORM_TEXT },
    { "services.*.secrets", FORM_SECRETS },
    { "services.*.shm_size", FORM_SIZE },
    { "services.*.stdin_open", FORM_BOOL },
    { "services.*.stop_grace_period", FORM_DURATION },
    { "services.*.stop_signal", FORM_TEXT },
    { "services.*.sysctls", FORM_PAIRS },
    { "services.*.tmpfs", FORM_LIST },
    { "services.*.tty", FORM_BOOL },
    { "services.*.user", FORM_TEXT },
    { "services.*.volumes", FORM_MOUNTS },
    { "services.*.working_dir", FORM_TEXT },
    { "volumes.*.driver_opts", FORM_PAIRS },
    { "volumes.*.labels", FORM_LABELS },
};

typedef struct Canon {
    Loader *l;
    const ComposeModel *model;
    const char *project;
} Canon;

static const YamlNode *canon(const Canon *c, const char *path, const YamlNode *node);

static Form find_form(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (strcmp(forms[i].path, path) == 0)
            return forms[i].form;
    return FORM_AUTO;
}

/* ---- generic forms ---- */

static const YamlNode *canon_scalar(const Canon *c, const YamlNode *node)
{
    if (yaml_is_null(node))
        return node;
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        return model_bool(c->l, node);
    return model_number(c->l, node);
}

/* Empty lists and maps of text say nothing. */
static bool is_omitted(Form form, const YamlNode *node)
{
    return node->n == 0 &&
           (node->kind == YAML_LIST ||
            (node->kind == YAML_MAP && (form == FORM_PAIRS || form == FORM_LABELS)));
}

static const YamlNode *canon_auto(const Canon *c, const char *path, const YamlNode *node)
{
    Loader *l = c->l;
    YamlNode *copy;

    if (node->kind == YAML_SCALAR)
        return canon_scalar(c, node);
    copy = node->kind == YAML_MAP ? tree_map(l, node, node->n) : tree_list(l, node, node->n);
    for (size_t i = 0; i < node->n; i++) {
        const YamlNode *child;
        const char *at;
        if (node->kind == YAML_LIST) {
            tree_append(l, copy, canon(c, arena_printf(l->scratch, "%s[]", path), node->items[i]));
            continue;
        }
        if (str_starts(node->pairs[i].key->text, "x-"))
            continue;
        at = merge_path(l, path, node->pairs[i].key->text);
        child = canon(c, at, node->pairs[i].value);
        if (child && !is_omitted(find_form(at), child))
            tree_add(l, copy, node->pairs[i].key, child);
    }
    return copy;
}

static const YamlNode *canon_list(const Canon *c, const YamlNode *node)
{
    YamlNode *list = tree_list(c->l, node, node->n + 1);

    if (node->kind == YAML_SCALAR)
        tree_append(c->l, list, model_text(c->l, node, node->text));
    for (size_t i = 0; i < node->n && node->kind == YAML_LIST; i++)
        tree_append(c->l, list, model_text(c->l, node->items[i], node->items[i]->text));
    return list;
}

static const YamlNode *canon_pairs(const Canon *c, const YamlNode *node, bool empty)
{
    YamlNode *map;

    node = merge_pairs(c->l, node);
    if (node->kind != YAML_MAP)
        return node;
    map = tree_map(c->l, node, node->n);
    for (size_t i = 0; i < node->n; i++) {
        const YamlNode *value = node->pairs[i].value;
        tree_add(c->l, map, node->pairs[i].key,
                 yaml_is_null(value) && !empty ? value : model_text(c->l, value, value->text));
    }
    return map;
}

/* ---- forms of one key ---- */

static const YamlNode *canon_build(const Canon *c, const char *path, const YamlNode *node)
{
    Loader *l = c->l;
    YamlNode *map = node->kind == YAML_MAP ? tree_shallow(l, node) : tree_map(l, node, 2);

    if (node->kind == YAML_SCALAR)
        tree_put(l, map, "context", node);
    if (!yaml_get(map, "context"))
        tree_put(l, map, "context", model_text(l, node, "."));
    if (!yaml_get(map, "dockerfile") && !yaml_get(map, "dockerfile_inline"))
        tree_put(l, map, "dockerfile", model_text(l, node, "Dockerfile"));
    return canon_auto(c, path, map);
}

static const YamlNode *canon_test(const Canon *c, const YamlNode *node)
{
    YamlNode *list;

    if (node->kind != YAML_SCALAR)
        return canon_list(c, node);
    list = tree_list(c->l, node, 2);
    tree_append(c->l, list, model_text(c->l, node, "CMD-SHELL"));
    tree_append(c->l, list, model_text(c->l, node, node->text));
    return list;
}

static const YamlNode *canon_dependency(const Canon *c, const YamlNode *node)
{
    Loader *l = c->l;
    YamlNode *map = node->kind == YAML_MAP ? tree_shallow(l, node) : tree_map(l, node, 2);
    static const char *const flags[] = { "required", "restart" };

    if (!yaml_get(map, "condition"))
        tree_put(l, map, "condition", model_text(l, node, "service_started"));
    if (!yaml_get(map, "required"))
        tree_put(l, map, "required", tree_scalar(l, node, "true", true));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (yaml_get(map, flags[i]))
            tree_put(l, map, flags[i], model_bool(l, yaml_get(map, flags[i])));
    return map;
}

/* Go's JSON prints empty structures that its YAML leaves out. */
static const YamlNode *canon_deploy(const Canon *c, const char *path, const YamlNode *node)
{
    static const char *const structures[] = { "resources", "placement" };
    YamlNode *map;

    if (node->kind != YAML_MAP) /* refused elsewhere; printed as it stands */
        return canon_auto(c, path, node);
    map = tree_shallow(c->l, node);
    for (size_t i = 0; i < ARRAY_LEN(structures); i++)
        if (c->model->format == MODEL_JSON && !yaml_get(map, structures[i]))
            tree_put(c->l, map, structures[i], tree_map(c->l, node, 0));
    return canon_auto(c, path, map);
}

static const YamlNode *canon(const Canon *c, const char *path, const YamlNode *node)
{
    Loader *l = c->l;
    Form form = find_form(path);

    if (yaml_is_null(node) && form != FORM_DEPENDENCY)
        return form == FORM_GONE ? NULL : node;
    switch (form) {
    case FORM_TEXT:
        return model_text(l, node, node->text);
    case FORM_BOOL:
        return model_bool(l, node);
    case FORM_LIST:
        return canon_list(c, node);
    case FORM_PAIRS:
    case FORM_LABELS:
        return canon_pairs(c, node, form == FORM_LABELS);
    case FORM_NAMES:
        return canon_auto(c, path, merge_names(l, node));
    case FORM_SIZE:
        return model_size(l, node);
    case FORM_DURATION:
        return model_duration(l, node);
    case FORM_PATH:
        return model_path(l, node);
    case FORM_BUILD:
        return canon_build(c, path, node);
    case FORM_TEST:
        return canon_test(c, node);
    case FORM_DEPENDENCY:
        return canon_dependency(c, node);
    case FORM_PORTS:
        return model_ports(l, node);
    case FORM_MOUNTS:
        return model_mounts(l, node);
    case FORM_HOSTS:
        return model_hosts(l, node);
    case FORM_SECRETS:
        return model_grants(l, node, "/run/secrets/");
    case FORM_CONFIGS:
        return model_grants(l, node, NULL);
    case FORM_DEPLOY:
        return canon_deploy(c, path, node);
    case FORM_GONE:
        return NULL;
    case FORM_AUTO:
        break;
    }
    return canon_auto(c, path, node);
}

/* ---- services ---- */

static const PlanService *planned(const Canon *c, const char *name)
{
    const Plan *plan = c->l->plan;

    for (size_t i = 0; i < plan->n_services; i++)
        if (strcmp(plan->services[i].name, name) == 0)
            return &plan->services[i];
    return NULL;
}

static void put_words(const Canon *c, YamlNode *map, const char *key, bool has, PlanStrings words)
{
    YamlNode *list = tree_list(c->l, map, words.n);

    for (size_t i = 0; i < words.n; i++)
        tree_append(c->l, list, model_text(c->l, map, words.items[i]));
    tree_put(c->l, map, key, has ? list : tree_null(c->l, map));
}

static void put_pairs(const Canon *c, YamlNode *map, const char *key, const PlanPair *pairs,
                      size_t n)
{
    YamlNode *to = tree_map(c->l, map, n);

    for (size_t i = 0; i < n; i++)
        tree_put(c->l, to, pairs[i].key,
                 pairs[i].value ? model_text(c->l, map, pairs[i].value) : tree_null(c->l, map));
    if (n)
        tree_put(c->l, map, key, to);
}

static void imply(const Canon *c, YamlNode *depends, const YamlNode *at, const char *name)
{
    YamlNode *map = tree_map(c->l, at, 3);

    if (yaml_get(depends, name))
        return;
    tree_put(c->l, map, "condition", model_text(c->l, at, "service_started"));
    tree_put(c->l, map, "required", tree_scalar(c->l, at, "true", true));
    tree_put(c->l, map, "restart", tree_scalar(c->l, at, "true", true));
    tree_put(c->l, depends, name, map);
}

/* Links and shared namespaces mean that the other service is there. */
static void put_implied(const Canon *c, YamlNode *map)
{
    static const char *const keys[] = { "network_mode", "ipc", "pid" };
    Loader *l = c->l;
    const YamlNode *given = yaml_get(map, "depends_on"), *links = yaml_get(map, "links");
    YamlNode *depends =
        given && given->kind == YAML_MAP ? tree_shallow(l, given) : tree_map(l, map, 4);

    for (size_t i = 0; links && links->kind == YAML_LIST && i < links->n; i++)
        imply(
            c, depends, links,
            arena_strndup(l->scratch, links->items[i]->text, strcspn(links->items[i]->text, ":")));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const YamlNode *mode = yaml_get(map, keys[i]);
        if (mode && mode->kind == YAML_SCALAR && str_starts(mode->text, "service:"))
            imply(c, depends, mode, mode->text + strlen("service:"));
    }
    if (depends->n)
        tree_put(l, map, "depends_on", depends);
}

static const YamlNode *service(const Canon *c, const YamlNode *node, const PlanService *s)
{
    YamlNode *map = tree_shallow(c->l, canon_auto(c, "services.*", node));

    put_words(c, map, "command", s->has_command, s->command);
    put_words(c, map, "entrypoint", s->has_entrypoint, s->entrypoint);
    put_pairs(c, map, "environment", s->environment, s->n_environment);
    put_pairs(c, map, "labels", s->labels, s->n_labels);
    put_implied(c, map);
    if (!yaml_get(map, "networks") && !yaml_get(map, "network_mode")) {
        YamlNode *networks = tree_map(c->l, node, 1);
        tree_put(c->l, networks, "default", tree_null(c->l, node));
        tree_put(c->l, map, "networks", networks);
    }
    return map;
}

static const YamlNode *services(const Canon *c)
{
    const YamlNode *all = yaml_get(c->l->root->node, "services");
    YamlNode *map = tree_map(c->l, c->l->root->node, all ? all->n : 0);

    for (size_t i = 0; all && all->kind == YAML_MAP && i < all->n; i++) {
        const PlanService *s = planned(c, all->pairs[i].key->text);
        if (s && all->pairs[i].value->kind == YAML_MAP)
            tree_add(c->l, map, all->pairs[i].key, service(c, all->pairs[i].value, s));
    }
    return map;
}

/* ---- the other sections ---- */

static bool names(const YamlNode *list, const char *key)
{
    for (size_t i = 0; list && i < list->n; i++) {
        const YamlNode *item = list->kind == YAML_LIST ? list->items[i] : list->pairs[i].key;
        const YamlNode *source = item->kind == YAML_MAP ? yaml_get(item, "source") : item;
        if (source && source->kind == YAML_SCALAR && strcmp(source->text, key) == 0)
            return true;
    }
    return false;
}

/* Does a service of the model use it? */
static bool is_used(const YamlNode *all_services, const char *section, const char *key)
{
    for (size_t i = 0; i < all_services->n; i++)
        if (names(yaml_get(all_services->pairs[i].value, section), key))
            return true;
    return false;
}

static void put_resource(const Canon *c, YamlNode *to, const char *section, const char *key,
                         const YamlNode *node)
{
    Loader *l = c->l;
    YamlNode *map = tree_map(l, c->l->root->node, 4);

    if (node && node->kind == YAML_MAP)
        map = tree_shallow(l, canon_auto(c, arena_printf(l->scratch, "%s.*", section), node));
    if (!yaml_get(map, "name"))
        tree_put(l, map, "name",
                 model_text(l, map,
                            yaml_get(map, "external")
                                ? key
                                : arena_printf(l->scratch, "%s_%s", c->project, key)));
    if (strcmp(section, "networks") == 0 && c->model->format == MODEL_JSON &&
        !yaml_get(map, "ipam"))
        tree_put(l, map, "ipam", tree_map(l, map, 0));
    tree_put(l, to, key, map);
}

static void put_section(const Canon *c, YamlNode *root, const char *section,
                        const YamlNode *all_services)
{
    const YamlNode *all = yaml_get(c->l->root->node, section);
    YamlNode *map = tree_map(c->l, root, all ? all->n + 1 : 1);

    for (size_t i = 0; all && all->kind == YAML_MAP && i < all->n; i++)
        if (is_used(all_services, section, all->pairs[i].key->text))
            put_resource(c, map, section, all->pairs[i].key->text, all->pairs[i].value);
    if (strcmp(section, "networks") == 0 && !yaml_get(map, "default") &&
        is_used(all_services, section, "default"))
        put_resource(c, map, section, "default", NULL);
    if (map->n)
        tree_put(c->l, root, section, map);
}

const YamlNode *model_of(Loader *l, const ComposeModel *model)
{
    static const char *const sections[] = { "configs", "networks", "secrets", "volumes" };
    const YamlNode *name = yaml_get(l->root->node, "name");
    const char *own = name && name->kind == YAML_SCALAR && *name->text ? name->text : NULL;
    const Canon c = { .l = l,
                      .model = model,
                      .project = model->project ? model->project
                                 : own          ? own
                                                : model->fallback };
    YamlNode *root = tree_map(l, l->root->node, 6);
    const YamlNode *all_services = services(&c);

    tree_put(l, root, "name", model_text(l, root, c.project));
    tree_put(l, root, "services", all_services);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        put_section(&c, root, sections[i], all_services);
    return root;
}
