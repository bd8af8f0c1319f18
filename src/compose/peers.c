/* Services that share with, or link to, others: `links`, `network_mode`, `pid`, `ipc`. */
#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

/* ---- links ---- */

static bool shares_network(const PlanService *s, size_t network)
{
    for (size_t i = 0; i < s->n_attachments; i++)
        if (s->attachments[i].network == network)
            return true;
    return false;
}

/* The name a link gives a service is one more alias of it on the networks they share. */
static void add_alias(Loader *l, const PlanService *s, PlanService *target, const char *alias)
{
    for (size_t i = 0; i < target->n_attachments; i++) {
        PlanStrings *list = &target->attachments[i].aliases;
        if (!shares_network(s, target->attachments[i].network) ||
            str_in(alias, list->items, list->n))
            continue;
        list->items = arena_grow(l->arena, list->items, list->n * sizeof *list->items,
                                 (list->n + 1) * sizeof *list->items);
        list->items[list->n++] = arena_strdup(l->arena, alias);
    }
}

static void load_link(Loader *l, const Field *f, PlanService *s)
{
    const char *text = field_text(l, f), *name;
    size_t len, target;

    if (!text)
        return;
    len = strcspn(text, ":");
    name = arena_strndup(l->scratch, text, len);
    if (text[len] && !text_is_name(text + len + 1)) {
        field_error(l, f, "bad-name", "write service or service:alias",
                    "'%.100s' is not a host name", text + len + 1);
        return;
    }
    if (depend_on(l, f, s, name, (PlanDependency){ .required = true }, &target) && text[len])
        add_alias(l, s, &l->plan->services[target], text + len + 1);
}

static void load_links(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "links", &f) || !field_want(l, &f, YAML_LIST))
        return;
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_item(&f, i);
        load_link(l, &item, s);
    }
}

/* ---- sharing ---- */

static const char service_prefix[] = "service:";

static bool load_peer(Loader *l, const Field *f, PlanService *s, const char *text, PlanPeer *ret)
{
    ret->set = depend_on(l, f, s, text + strlen(service_prefix),
                         (PlanDependency){ .required = true }, &ret->service);
    return ret->set;
}

/* What the engine refuses in a container that lives in another's network. */
static void check_guest(Loader *l, const Field *f, const PlanService *s)
{
    static const char *const keys[] = { "ports",      "expose",  "hostname",    "domainname", "dns",
                                        "dns_search", "dns_opt", "extra_hosts", "mac_address" };
    Field other;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (field_get(f->up, keys[i], &other) &&
            (other.node->kind == YAML_SCALAR || other.node->n > 0))
            field_error(l, &other, "conflict", "put it on the service whose network it is",
                        "'%s' belongs to the network, which '%.100s' takes from another service",
                        keys[i], s->name);
}

static void load_network(Loader *l, const Field *service, PlanService *s)
{
    Field f;
    const char *text = field_get(service, "network_mode", &f) ? f.node->text : NULL;

    if (!text || f.node->kind != YAML_SCALAR || !str_starts(text, service_prefix) ||
        !load_peer(l, &f, s, text, &s->network_of))
        return;
    check_guest(l, &f, s);
    if (l->plan->services[s->network_of.service].network_of.set)
        field_error(l, &f, "network-mode", "name the service that has the network",
                    "'%.100s' has no network of its own", text + strlen(service_prefix));
}

/* `pid` and `ipc`: one's own, or a service's. */
static const char *namespace_of(Loader *l, const Field *service, const char *key, Field *ret)
{
    const char *text = field_get(service, key, ret) ? field_text(l, ret) : NULL;

    if (!text || !*text || strcmp(text, "private") == 0)
        return NULL;
    if (str_starts(text, service_prefix) ||
        (strcmp(key, "ipc") == 0 && strcmp(text, "shareable") == 0))
        return text;
    field_key_diag(l, DIAG_ERROR, ret, "key-refused", "leave it out, or write service:NAME",
                   "not supported: '%.100s' reaches beyond the instance", text);
    return NULL;
}

static void load_namespaces(Loader *l, const Field *service, PlanService *s)
{
    Field f;
    const char *text = namespace_of(l, service, "pid", &f);

    if (text)
        (void)load_peer(l, &f, s, text, &s->pid_of);
    text = namespace_of(l, service, "ipc", &f);
    if (text && strcmp(text, "shareable") == 0)
        s->ipc_shareable = true;
    else if (text && load_peer(l, &f, s, text, &s->ipc_of))
        l->plan->services[s->ipc_of.service].ipc_shareable = true;
}

void load_peers(Loader *l, const Field *service, PlanService *s)
{
    load_links(l, service, s);
    load_network(l, service, s);
    load_namespaces(l, service, s);
}
