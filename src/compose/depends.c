#include "base/alloc.h"
#include "base/strbuf.h"
#include "compose/keys.h"

#include <string.h>

/* ---- reading ---- */

static bool find_service(const Plan *plan, const char *name, size_t *ret)
{
    for (size_t i = 0; i < plan->n_services; i++) {
        if (strcmp(plan->services[i].name, name) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_condition(Loader *l, const Field *f, PlanCondition *ret)
{
    static const char *const names[] = { "service_started", "service_healthy",
                                         "service_completed_successfully" };
    const char *text = field_text(l, f);

    for (size_t i = 0; text && i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (PlanCondition)i;
            return true;
        }
    }
    if (text)
        field_error(l, f, "bad-value",
                    "use service_started, service_healthy or service_completed_successfully",
                    "'%.100s' is not a condition", text);
    return false;
}

static void report_missing(Loader *l, const Field *f, const char *name, bool required)
{
    Field all;
    bool exists = field_get(l->root, "services", &all) && yaml_get(all.node, name);
    const char *what = exists ? "is left out (it has a profile)" : "does not exist";

    if (required)
        field_error(l, f, "depends-undefined", NULL, "the service '%.100s' %s", name, what);
    else
        field_note(l, f, "depends-undefined", NULL, "the service '%.100s' %s", name, what);
}

static void put_dependency(Loader *l, PlanService *s, PlanDependency d)
{
    if (!s->depends_on) /* until move_dependencies() */
        s->depends_on = arena_alloc(l->scratch, COMPOSE_SERVICES_MAX * sizeof *s->depends_on);
    for (size_t i = 0; i < s->n_depends_on; i++)
        if (s->depends_on[i].service == d.service)
            return;
    s->depends_on[s->n_depends_on++] = d;
}

bool depend_on(Loader *l, const Field *f, PlanService *s, const char *name, PlanDependency d,
               size_t *ret)
{
    const PlanHealthcheck *health;

    if (!find_service(l->plan, name, &d.service)) {
        report_missing(l, f, name, d.required);
        return false;
    }
    health = &l->plan->services[d.service].healthcheck;
    if (&l->plan->services[d.service] == s) {
        field_error(l, f, "depends-cycle", NULL, "a service cannot wait for itself");
        return false;
    }
    if (d.condition == PLAN_HEALTHY && health->present && health->disabled) {
        field_error(l, f, "depends-unhealthy", "give it a health check, or use service_started",
                    "'%.100s' has its health check disabled", name);
        return false;
    }
    put_dependency(l, s, d);
    *ret = d.service;
    return true;
}

static void load_dependency(Loader *l, const Field *f, PlanService *s)
{
    PlanDependency d = { .condition = PLAN_STARTED, .required = true };
    Field member;
    const char *name = f->key ? f->key : field_text(l, f);
    size_t at;

    if (!name)
        return;
    if (f->key && !field_is_null(f)) {
        if (!keys_check(l, f, KEY_DEPENDENCY))
            return;
        field_get_bool(l, f, "required", &d.required);
        field_get_bool(l, f, "restart", &d.restart);
        if (field_get(f, "condition", &member) && !read_condition(l, &member, &d.condition))
            return;
    }
    (void)depend_on(l, f, s, name, d, &at);
}

static void load_depends_on(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "depends_on", &f))
        return;
    if (f.node->kind == YAML_SCALAR) {
        field_error(l, &f, "wrong-type", NULL, "must be a list or a mapping, not text");
        return;
    }
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = f.node->kind == YAML_MAP ? field_pair(&f, i) : field_item(&f, i);
        load_dependency(l, &item, s);
    }
}

/* ---- order ---- */

typedef struct Order {
    Loader *l;
    size_t sorted[COMPOSE_SERVICES_MAX]; /* old indices in start order */
    size_t n;
    enum { NEW, OPEN, DONE } state[COMPOSE_SERVICES_MAX];
    size_t path[COMPOSE_SERVICES_MAX];
    size_t depth;
    bool failed;
} Order;

static void report_cycle(Order *o, size_t back_to)
{
    AUTO_STRBUF StrBuf b = { 0 };
    const Plan *plan = o->l->plan;
    size_t i = 0;

    while (o->path[i] != back_to)
        i++;
    for (; i < o->depth; i++)
        strbuf_addf(&b, "%s -> ", plan->services[o->path[i]].name);
    field_key_diag(o->l, DIAG_ERROR, o->l->fields[back_to], "depends-cycle", NULL,
                   "services wait for each other: %s%s", strbuf_str(&b),
                   plan->services[back_to].name);
    o->failed = true;
}

/* Depth first, in the order of the file; services are few, so recursion is bounded. */
static void visit(Order *o, size_t i)
{
    const PlanService *s = &o->l->plan->services[i];

    o->state[i] = OPEN;
    o->path[o->depth++] = i;
    for (size_t k = 0; k < s->n_depends_on && !o->failed; k++) {
        size_t next = s->depends_on[k].service;
        if (o->state[next] == OPEN)
            report_cycle(o, next);
        else if (o->state[next] == NEW)
            visit(o, next);
    }
    o->depth--;
    o->state[i] = DONE;
    o->sorted[o->n++] = i;
}

/* Old indices to new ones: of the first replica. */
typedef struct Places {
    const Plan *old;
    size_t first[COMPOSE_SERVICES_MAX];
} Places;

/* Who waits for a service waits for every replica of it. */
static void move_dependencies(Loader *l, const Places *places, PlanService *s)
{
    const PlanDependency *old = s->depends_on;
    size_t n = s->n_depends_on, total = 0;

    for (size_t i = 0; i < n; i++)
        total += (size_t)places->old->services[old[i].service].replicas;
    s->depends_on = arena_alloc(l->arena, total * sizeof *s->depends_on);
    s->n_depends_on = 0;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < places->old->services[old[i].service].replicas; k++) {
            PlanDependency d = old[i];
            d.service = places->first[d.service] + (size_t)k;
            s->depends_on[s->n_depends_on++] = d;
        }
    }
}

static void move_peer(const Places *places, PlanPeer *peer)
{
    if (peer->set)
        peer->service = places->first[peer->service];
}

/* The k-th replica; only the first is published, since a host port exists once. */
static PlanService replica(Loader *l, const PlanService *s, int k)
{
    PlanService copy = *s;

    copy.replica = k;
    if (k == 1 || s->n_ports == 0)
        return copy;
    copy.ports = arena_alloc(l->arena, s->n_ports * sizeof *copy.ports);
    memcpy(copy.ports, s->ports, s->n_ports * sizeof *copy.ports);
    for (size_t i = 0; i < s->n_ports; i++)
        copy.ports[i].published = false;
    return copy;
}

static void reorder(Loader *l, const Order *o)
{
    Plan *plan = l->plan;
    const Plan old = *plan;
    Places places = { .old = &old };
    size_t total = 0;

    for (size_t i = 0; i < o->n; i++) {
        places.first[o->sorted[i]] = total;
        total += (size_t)old.services[o->sorted[i]].replicas;
    }
    if (total > COMPOSE_SERVICES_MAX) {
        field_error(l, l->root, "too-many", "lower 'scale'", "%zu containers; at most %d fit",
                    total, COMPOSE_SERVICES_MAX);
        return;
    }
    plan->services = arena_alloc(l->arena, (total + 1) * sizeof *plan->services);
    plan->n_services = 0;
    for (size_t i = 0; i < o->n; i++) {
        PlanService *s = &old.services[o->sorted[i]];
        move_dependencies(l, &places, s);
        move_peer(&places, &s->network_of);
        move_peer(&places, &s->pid_of);
        move_peer(&places, &s->ipc_of);
        for (int k = 1; k <= s->replicas; k++)
            plan->services[plan->n_services++] = replica(l, s, k);
    }
}

void load_dependencies(Loader *l)
{
    Order o = { .l = l };

    for (size_t i = 0; i < l->plan->n_services; i++)
        load_depends_on(l, l->fields[i], &l->plan->services[i]);
    for (size_t i = 0; i < l->plan->n_services; i++)
        load_peers(l, l->fields[i], &l->plan->services[i]);
    for (size_t i = 0; i < l->plan->n_services && !o.failed; i++)
        if (o.state[i] == NEW)
            visit(&o, i);
    if (!o.failed)
        reorder(l, &o);
}
