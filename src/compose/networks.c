#include "base/str.h"
#include "compose/keys.h"

#include <stdlib.h>
#include <string.h>

/* ---- the top level ---- */

static void check_network(Loader *l, const Field *f)
{
    Field driver;
    const char *text;

    if (!text_is_name(f->key))
        field_key_diag(l, DIAG_ERROR, f, "bad-name", NULL, "'%.100s' is not a name for a network",
                       f->key);
    if (field_is_null(f) || !keys_check(l, f, KEY_NETWORK) || !field_get(f, "driver", &driver))
        return;
    text = field_text(l, &driver);
    if (text && strcmp(text, "bridge") != 0 && strcmp(text, "default") != 0)
        field_error(l, &driver, "network-driver", "leave it out, or write 'bridge'",
                    "the driver '%.100s' is not supported", text);
}

void check_networks(Loader *l)
{
    Field all;

    if (!field_get(l->root, "networks", &all) || !field_want(l, &all, YAML_MAP))
        return;
    for (size_t i = 0; i < all.node->n; i++) {
        Field f = field_pair(&all, i);
        check_network(l, &f);
    }
}

/* `default` may be left undeclared. */
static bool is_known(Loader *l, const char *key)
{
    Field all;

    return strcmp(key, "default") == 0 ||
           (field_get(l->root, "networks", &all) && yaml_get(all.node, key));
}

size_t use_network(Loader *l, const char *key)
{
    Plan *plan = l->plan;
    PlanNetwork network = { 0 };
    Field all, f;

    for (size_t i = 0; i < plan->n_networks; i++)
        if (strcmp(plan->networks[i].key, key) == 0)
            return i;
    if (plan->n_networks == COMPOSE_NETWORKS_MAX) {
        field_error(l, l->root, "too-many", NULL, "more than %d networks are used",
                    COMPOSE_NETWORKS_MAX);
        return 0;
    }
    network.key = arena_strdup(l->arena, key);
    if (field_get(l->root, "networks", &all) && field_get(&all, key, &f))
        field_get_bool(l, &f, "internal", &network.internal);
    plan->networks[plan->n_networks] = network;
    return plan->n_networks++;
}

/* ---- a service's networks ---- */

typedef struct Candidate {
    const char *key;
    int64_t priority;
    PlanStrings aliases;
} Candidate;

/* Compose's order: the highest priority, then the name. */
static int compare(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? 1 : -1;
    return strcmp(x->key, y->key);
}

static bool is_declared(Loader *l, const Field *f, const char *key)
{
    if (is_known(l, key))
        return true;
    field_error(l, f, "network-undefined", "declare it under the top-level 'networks'",
                "there is no network '%.100s'", key);
    return false;
}

static PlanStrings load_aliases(Loader *l, const Field *f)
{
    PlanStrings aliases = field_strings(l, f, false, false);

    for (size_t i = 0; i < aliases.n; i++)
        if (!text_is_name(aliases.items[i]))
            field_error(l, f, "bad-name", NULL, "'%.100s' is not a host name", aliases.items[i]);
    return aliases;
}

/* One item of the list or entry of the map; false when it is no use. */
static bool load_candidate(Loader *l, const Field *f, Candidate *ret)
{
    Field member;

    ret->key = f->key ? f->key : field_text(l, f);
    if (!ret->key || !is_declared(l, f, ret->key))
        return false;
    if (!f->key || field_is_null(f) || !keys_check(l, f, KEY_ATTACHMENT))
        return true;
    if (field_get(f, "priority", &member))
        (void)field_int(l, &member, -1000000, 1000000, &ret->priority);
    if (field_get(f, "aliases", &member))
        ret->aliases = load_aliases(l, &member);
    return true;
}

static bool is_listed(const Candidate *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].key, key) == 0)
            return true;
    return false;
}

static void attach(Loader *l, PlanService *s, Candidate *list, size_t n)
{
    if (n > 0)
        qsort(list, n, sizeof *list, compare);
    s->attachments = arena_alloc(l->arena, (n + 1) * sizeof *s->attachments);
    for (size_t i = 0; i < n; i++)
        s->attachments[s->n_attachments++] = (PlanAttachment){
            .network = use_network(l, list[i].key),
            .aliases = list[i].aliases,
        };
}

static void load_list(Loader *l, const Field *f, PlanService *s)
{
    Candidate *list = arena_alloc(l->scratch, (f->node->n + 1) * sizeof *list);
    size_t n = 0;

    if (f->node->kind == YAML_SCALAR) {
        field_error(l, f, "wrong-type", NULL, "must be a list or a mapping, not text");
        return;
    }
    if (f->node->n == 0)
        list[n++] = (Candidate){ .key = "default" };
    for (size_t i = 0; i < f->node->n; i++) {
        Field item = f->node->kind == YAML_MAP ? field_pair(f, i) : field_item(f, i);
        Candidate one = { 0 };
        if (load_candidate(l, &item, &one) && !is_listed(list, n, one.key))
            list[n++] = one;
    }
    attach(l, s, list, n);
}

/* False when the mode says all there is to say. */
static bool load_mode(Loader *l, const Field *f, bool has_networks)
{
    const char *mode = field_text(l, f);

    if (!mode)
        return false;
    if (strcmp(mode, "none") != 0 && !str_starts(mode, "service:") && strcmp(mode, "bridge") != 0 &&
        strcmp(mode, "default") != 0) {
        field_error(l, f, "network-mode",
                    "leave it out: services of an instance share a network; or write service:NAME",
                    "the network mode '%.100s' is not supported", mode);
        return false;
    }
    if (has_networks) {
        field_error(l, f, "conflict", "keep one of them",
                    "'network_mode' and 'networks' exclude each other");
        return false;
    }
    return strcmp(mode, "none") != 0 && !str_starts(mode, "service:");
}

void load_attachments(Loader *l, const Field *service, PlanService *s)
{
    Field mode, networks;
    Candidate only = { .key = "default" };
    bool has_networks = field_get(service, "networks", &networks);

    if (field_get(service, "network_mode", &mode) && !load_mode(l, &mode, has_networks))
        return;
    if (has_networks)
        load_list(l, &networks, s);
    else
        attach(l, s, &only, 1);
}
