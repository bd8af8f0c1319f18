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

static void add_dependency(Loader *l, const Field *f, PlanService *s, const char *name,
                           PlanDependency d)
{
    const PlanHealthcheck *health;

    if (!find_service(l->plan, name, &d.service)) {
        report_missing(l, f, name, d.required);
        return;
    }
    for (size_t i = 0; i < s->n_depends_on; i++)
        if (s->depends_on[i].service == d.service)
            return;
    health = &l->plan->services[d.service].healthcheck;
    if (&l->plan->services[d.service] == s)
        field_error(l, f, "depends-cycle", NULL, "a service cannot wait for itself");
    else if (d.condition == PLAN_HEALTHY && health->present && health->disabled)
        field_error(l, f, "depends-unhealthy", "give it a health check, or use service_started",
                    "'%.100s' has its health check disabled", name);
    else
        s->depends_on[s->n_depends_on++] = d;
}

static void load_dependency(Loader *l, const Field *f, PlanService *s)
{
    PlanDependency d = { .condition = PLAN_STARTED, .required = true };
    Field member;
    const char *name = f->key ? f->key : field_text(l, f);

    if (!name)
        return;
    if (f->key && !field_is_null(f)) {
        if (!keys_check(l, f, KEY_DEPENDENCY))
            return;
        field_get_bool(l, f, "required", &d.required);
        if (field_get(f, "condition", &member) && !read_condition(l, &member, &d.condition))
            return;
    }
    add_dependency(l, f, s, name, d);
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
    s->depends_on = arena_alloc(l->arena, (l->plan->n_services + 1) * sizeof *s->depends_on);
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

static void reorder(Loader *l, const Order *o)
{
    Plan *plan = l->plan;
    PlanService *sorted = arena_alloc(l->arena, (o->n + 1) * sizeof *sorted);
    size_t new_index[COMPOSE_SERVICES_MAX] = { 0 };

    for (size_t i = 0; i < o->n; i++)
        new_index[o->sorted[i]] = i;
    for (size_t i = 0; i < o->n; i++) {
        sorted[i] = plan->services[o->sorted[i]];
        for (size_t k = 0; k < sorted[i].n_depends_on; k++)
            sorted[i].depends_on[k].service = new_index[sorted[i].depends_on[k].service];
    }
    plan->services = sorted;
}

void load_dependencies(Loader *l)
{
    Order o = { .l = l };

    for (size_t i = 0; i < l->plan->n_services; i++)
        load_depends_on(l, l->fields[i], &l->plan->services[i]);
    for (size_t i = 0; i < l->plan->n_services && !o.failed; i++)
        if (o.state[i] == NEW)
            visit(&o, i);
    if (!o.failed)
        reorder(l, &o);
}
