#include "instance/labels.h"
#include "base/strbuf.h"

void labels_add(Labels *labels, Arena *arena, const char *key, const char *value)
{
    if (labels->n == labels->cap) {
        size_t cap = labels->cap ? labels->cap * 2 : 24;
        labels->items = arena_grow(arena, labels->items, labels->n * sizeof *labels->items,
                                   cap * sizeof *labels->items);
        labels->cap = cap;
    }
    labels->items[labels->n++] = (EnginePair){ key, value };
}

static void add_common(Labels *labels, Arena *arena, const Manager *m)
{
    char now[CLOCK_TEXT_SIZE];

    labels_add(labels, arena, "whaley.managed", "true");
    labels_add(labels, arena, "whaley.prefix", m->prefix);
    labels_add(labels, arena, "whaley.created_at",
               arena_strdup(arena, clock_format_us(clock_wall_us(), now)));
}

void labels_of_network(Labels *labels, Arena *arena, const Manager *m, const char *instance_id,
                       const char *key, const char *subnet)
{
    add_common(labels, arena, m);
    labels_add(labels, arena, "whaley.subnet", arena_strdup(arena, subnet));
    if (!instance_id) {
        labels_add(labels, arena, "whaley.pool", "1");
        return;
    }
    labels_add(labels, arena, "whaley.instance_id", instance_id);
    labels_add(labels, arena, "com.docker.compose.project", instance_id);
    labels_add(labels, arena, "com.docker.compose.network", key);
}

void labels_of_volume(Labels *labels, Arena *arena, const Manager *m, const Instance *in,
                      const char *key)
{
    add_common(labels, arena, m);
    labels_add(labels, arena, "whaley.instance_id", in->id);
    labels_add(labels, arena, "com.docker.compose.project", in->id);
    labels_add(labels, arena, "com.docker.compose.volume", key);
}

/* "db:service_healthy:false,..." as compose writes it: down uses it for the right order. */
static const char *depends_on(Arena *arena, const Plan *plan, const PlanService *service)
{
    static const char *const conditions[] = { "service_started", "service_healthy",
                                              "service_completed_successfully" };
    AUTO_STRBUF StrBuf out = { 0 };

    for (size_t i = 0; i < service->n_depends_on; i++)
        if (plan->services[service->depends_on[i].service].replica == 1)
            strbuf_addf(&out, "%s%s:%s:%s", out.len ? "," : "",
                        plan->services[service->depends_on[i].service].name,
                        conditions[service->depends_on[i].condition],
                        service->depends_on[i].restart ? "true" : "false");
    return arena_strdup(arena, strbuf_str(&out));
}

void labels_of_container(Labels *labels, Arena *arena, const Manager *m, const Instance *in,
                         const Plan *plan, const PlanService *service)
{
    add_common(labels, arena, m);
    labels_add(labels, arena, "whaley.instance_id", in->id);
    labels_add(labels, arena, "whaley.challenge_id", in->challenge_id);
    labels_add(labels, arena, "whaley.owner_id", in->owner.id);
    labels_add(labels, arena, "whaley.owner", in->owner.id);
    labels_add(labels, arena, "com.docker.compose.project", in->id);
    labels_add(labels, arena, "com.docker.compose.service", service->name);
    labels_add(labels, arena, "com.docker.compose.oneoff", "False");
    labels_add(labels, arena, "com.docker.compose.config-hash", in->revision);
    labels_add(labels, arena, "com.docker.compose.container-number",
               arena_printf(arena, "%d", service->replica));
    labels_add(labels, arena, "com.docker.compose.depends_on", depends_on(arena, plan, service));
    labels_add(labels, arena, "com.docker.compose.project.working_dir", in->challenge->path);
    labels_add(labels, arena, "com.docker.compose.project.config_files",
               arena_printf(arena, "%s/%s", in->challenge->path, in->challenge->compose_file));
}

void labels_of_image(Labels *labels, Arena *arena, const Manager *m, const Challenge *challenge,
                     const char *service)
{
    add_common(labels, arena, m);
    labels_add(labels, arena, "whaley.challenge_id", challenge->id);
    labels_add(labels, arena, "whaley.revision", challenge->revision);
    labels_add(labels, arena, "whaley.service", service);
}

const char *labels_filter(Arena *arena, const Manager *m)
{
    return arena_printf(arena, "whaley.prefix=%s", m->prefix);
}
