#include "compose/plan_json.h"
#include "wire/json_write.h"

#include <string.h>

static void put_text(JsonWriter *w, const char *key, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (key)
        json_write_key(w, key);
    for (const char *p = text; *p; p++) {
        if (*p == '\x01')
            strbuf_adds(&b, "${");
        else if (*p == '\x02')
            strbuf_addc(&b, '}');
        else if (*p == '$')
            strbuf_adds(&b, "$$");
        else
            strbuf_addc(&b, *p);
    }
    json_write_string(w, strbuf_str(&b));
}

static void put_optional(JsonWriter *w, const char *key, const char *text)
{
    if (text)
        put_text(w, key, text);
}

static void put_flag(JsonWriter *w, const char *key, bool flag)
{
    if (flag)
        json_put_bool(w, key, true);
}

static void put_number(JsonWriter *w, const char *key, int64_t n)
{
    if (n)
        json_put_int(w, key, n);
}

/* Go's style without its m and h: exact and readable by any compose. */
static void put_duration(JsonWriter *w, const char *key, int64_t ns)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (!ns)
        return;
    if (ns % 1000000000 == 0)
        strbuf_addf(&b, "%llds", (long long)(ns / 1000000000));
    else
        strbuf_addf(&b, "%lldns", (long long)ns);
    json_put_string(w, key, strbuf_str(&b));
}

static void put_array(JsonWriter *w, const char *key, PlanStrings list)
{
    json_write_key(w, key);
    json_write_array(w);
    for (size_t i = 0; i < list.n; i++)
        put_text(w, NULL, list.items[i]);
    json_write_end_array(w);
}

static void put_strings(JsonWriter *w, const char *key, PlanStrings list)
{
    if (list.n)
        put_array(w, key, list);
}

static void put_pairs(JsonWriter *w, const char *key, const PlanPair *pairs, size_t n)
{
    if (n == 0)
        return;
    json_write_key(w, key);
    json_write_object(w);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].value)
            put_text(w, pairs[i].key, pairs[i].value);
        else
            json_put_null(w, pairs[i].key);
    }
    json_write_end_object(w);
}

static void put_build(JsonWriter *w, const PlanBuild *b)
{
    if (!b->present)
        return;
    json_write_key(w, "build");
    json_write_object(w);
    put_text(w, "context", b->context);
    put_optional(w, "dockerfile", b->dockerfile);
    put_optional(w, "dockerfile_inline", b->dockerfile_inline);
    put_optional(w, "target", b->target);
    put_pairs(w, "args", b->args, b->n_args);
    put_pairs(w, "labels", b->labels, b->n_labels);
    if (b->network_none)
        json_put_string(w, "network", "none");
    json_write_end_object(w);
}

static size_t count_ports(const PlanService *s, bool published)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_ports; i++)
        n += s->ports[i].published == published;
    return n;
}

static const char *protocol_name(PlanProtocol protocol)
{
    return protocol == PLAN_UDP ? "udp" : "tcp";
}

static void put_expose(JsonWriter *w, const PlanService *s)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (!count_ports(s, false))
        return;
    json_write_key(w, "expose");
    json_write_array(w);
    for (size_t i = 0; i < s->n_ports; i++) {
        if (s->ports[i].published)
            continue;
        strbuf_clear(&b);
        strbuf_addf(&b, "%u/%s", s->ports[i].target, protocol_name(s->ports[i].protocol));
        json_write_string(w, strbuf_str(&b));
    }
    json_write_end_array(w);
}

static void put_ports(JsonWriter *w, const PlanService *s)
{
    if (!count_ports(s, true))
        return;
    json_write_key(w, "ports");
    json_write_array(w);
    for (size_t i = 0; i < s->n_ports; i++) {
        if (!s->ports[i].published)
            continue;
        json_write_object(w);
        json_put_int(w, "target", s->ports[i].target);
        json_put_string(w, "protocol", protocol_name(s->ports[i].protocol));
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void put_peer(JsonWriter *w, const Plan *plan, const char *key, PlanPeer peer)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (!peer.set)
        return;
    strbuf_addf(&b, "service:%s", plan->services[peer.service].name);
    json_put_string(w, key, strbuf_str(&b));
}

static void put_networks(JsonWriter *w, const Plan *plan, const PlanService *s)
{
    put_peer(w, plan, "network_mode", s->network_of);
    put_peer(w, plan, "pid", s->pid_of);
    put_peer(w, plan, "ipc", s->ipc_of);
    if (s->ipc_shareable)
        json_put_string(w, "ipc", "shareable");
    if (s->network_of.set)
        return;
    if (s->n_attachments == 0) {
        json_put_string(w, "network_mode", "none");
        return;
    }
    json_write_key(w, "networks");
    json_write_object(w);
    for (size_t i = 0; i < s->n_attachments; i++) {
        json_write_key(w, plan->networks[s->attachments[i].network].key);
        json_write_object(w);
        put_strings(w, "aliases", s->attachments[i].aliases);
        json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void put_depends_on(JsonWriter *w, const Plan *plan, const PlanService *s)
{
    static const char *const names[] = { "service_started", "service_healthy",
                                         "service_completed_successfully" };

    if (s->n_depends_on == 0)
        return;
    json_write_key(w, "depends_on");
    json_write_object(w);
    for (size_t i = 0; i < s->n_depends_on; i++) {
        const PlanDependency *d = &s->depends_on[i];
        if (plan->services[d->service].replica > 1)
            continue;
        json_write_key(w, plan->services[d->service].name);
        json_write_object(w);
        json_put_string(w, "condition", names[d->condition]);
        json_put_bool(w, "required", d->required);
        put_flag(w, "restart", d->restart);
        json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void put_mount(JsonWriter *w, const PlanMount *m)
{
    static const char *const types[] = { "bind", "volume", "volume", "tmpfs" };

    json_write_object(w);
    json_put_string(w, "type", types[m->kind]);
    if (m->kind == PLAN_MOUNT_COPY) {
        AUTO_STRBUF StrBuf b = { 0 };
        strbuf_addf(&b, "./%s", m->source);
        put_text(w, "source", strbuf_str(&b));
    } else {
        put_optional(w, "source", m->source);
    }
    put_text(w, "target", m->target);
    put_flag(w, "read_only", m->read_only);
    put_flag(w, "nocopy", m->no_copy);
    if (m->kind == PLAN_MOUNT_TMPFS) {
        json_write_key(w, "tmpfs");
        json_write_object(w);
        json_put_int(w, "size", m->tmpfs_bytes);
        put_optional(w, "options", m->tmpfs_options);
        json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void put_mounts(JsonWriter *w, const PlanService *s)
{
    if (s->n_mounts == 0)
        return;
    json_write_key(w, "volumes");
    json_write_array(w);
    for (size_t i = 0; i < s->n_mounts; i++)
        put_mount(w, &s->mounts[i]);
    json_write_end_array(w);
}

static void put_files(JsonWriter *w, const PlanService *s)
{
    if (s->n_files == 0)
        return;
    json_write_key(w, "files");
    json_write_array(w);
    for (size_t i = 0; i < s->n_files; i++) {
        const PlanFile *f = &s->files[i];
        json_write_object(w);
        put_text(w, "target", f->target);
        put_optional(w, "source", f->source);
        put_optional(w, "content", f->content);
        json_put_int(w, "mode", f->mode);
        put_number(w, "uid", f->uid);
        put_number(w, "gid", f->gid);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void put_healthcheck(JsonWriter *w, const PlanHealthcheck *h)
{
    if (!h->present)
        return;
    json_write_key(w, "healthcheck");
    json_write_object(w);
    put_flag(w, "disable", h->disabled);
    put_strings(w, "test", h->test);
    put_duration(w, "interval", h->interval_ns);
    put_duration(w, "timeout", h->timeout_ns);
    put_duration(w, "start_period", h->start_period_ns);
    put_duration(w, "start_interval", h->start_interval_ns);
    put_number(w, "retries", h->retries);
    json_write_end_object(w);
}

static void put_ulimits(JsonWriter *w, const PlanService *s)
{
    if (s->n_ulimits == 0)
        return;
    json_write_key(w, "ulimits");
    json_write_object(w);
    for (size_t i = 0; i < s->n_ulimits; i++) {
        json_write_key(w, s->ulimits[i].name);
        json_write_object(w);
        json_put_int(w, "soft", s->ulimits[i].soft);
        json_put_int(w, "hard", s->ulimits[i].hard);
        json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void put_limits(JsonWriter *w, const PlanService *s)
{
    put_duration(w, "stop_grace_period", s->stop_grace_ns);
    put_number(w, "mem_limit", s->memory_bytes);
    put_number(w, "mem_reservation", s->memory_reservation_bytes);
    if (s->nano_cpus) {
        json_write_key(w, "cpus");
        json_write_decimal(w, (double)s->nano_cpus / 1e9);
    }
    put_number(w, "pids_limit", s->pids_limit);
    put_number(w, "shm_size", s->shm_bytes);
    put_ulimits(w, s);
}

static void put_restart(JsonWriter *w, const PlanService *s)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (s->restart == PLAN_RESTART_NO)
        return;
    strbuf_addf(&b, "on-failure:%lld", (long long)s->restart_retries);
    json_put_string(w, "restart", strbuf_str(&b));
}

static void put_names(JsonWriter *w, const PlanService *s)
{
    put_optional(w, "container_name", s->alias_of_container_name);
    put_optional(w, "hostname", s->hostname);
    put_optional(w, "domainname", s->domainname);
    put_optional(w, "user", s->user);
    put_optional(w, "working_dir", s->working_dir);
    put_optional(w, "stop_signal", s->stop_signal);
    put_optional(w, "platform", s->platform);
}

static void put_security(JsonWriter *w, const PlanService *s)
{
    static const char *option[] = { "no-new-privileges:true" };

    put_flag(w, "read_only", s->read_only);
    put_flag(w, "tty", s->tty);
    put_flag(w, "stdin_open", s->stdin_open);
    put_flag(w, "init", s->init);
    if (s->no_new_privileges)
        put_strings(w, "security_opt", (PlanStrings){ option, 1 });
    put_strings(w, "cap_drop", s->cap_drop);
    put_strings(w, "cap_add", s->cap_add);
    put_strings(w, "devices", s->devices);
    put_strings(w, "dns", s->dns);
    put_strings(w, "dns_search", s->dns_search);
    put_strings(w, "dns_opt", s->dns_opt);
    put_strings(w, "extra_hosts", s->extra_hosts);
    put_strings(w, "group_add", s->group_add);
    put_pairs(w, "sysctls", s->sysctls, s->n_sysctls);
}

static void put_service(JsonWriter *w, const Plan *plan, const PlanService *s)
{
    json_write_key(w, s->name);
    json_write_object(w);
    put_optional(w, "image", s->image);
    put_build(w, &s->build);
    if (s->has_entrypoint)
        put_array(w, "entrypoint", s->entrypoint);
    if (s->has_command)
        put_array(w, "command", s->command);
    put_pairs(w, "environment", s->environment, s->n_environment);
    put_ports(w, s);
    put_expose(w, s);
    put_networks(w, plan, s);
    if (s->replicas > 1)
        json_put_int(w, "scale", s->replicas);
    put_depends_on(w, plan, s);
    put_mounts(w, s);
    put_files(w, s);
    put_healthcheck(w, &s->healthcheck);
    put_restart(w, s);
    put_names(w, s);
    put_limits(w, s);
    put_security(w, s);
    put_pairs(w, "labels", s->labels, s->n_labels);
    json_write_end_object(w);
}

void plan_write_json(const Plan *plan, StrBuf *out)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    json_write_key(&w, "services");
    json_write_object(&w);
    for (size_t i = 0; i < plan->n_services; i++)
        if (plan->services[i].replica == 1)
            put_service(&w, plan, &plan->services[i]);
    json_write_end_object(&w);
    json_write_key(&w, "networks");
    json_write_object(&w);
    for (size_t i = 0; i < plan->n_networks; i++) {
        json_write_key(&w, plan->networks[i].key);
        json_write_object(&w);
        put_flag(&w, "internal", plan->networks[i].internal);
        json_write_end_object(&w);
    }
    json_write_end_object(&w);
    json_write_key(&w, "volumes");
    json_write_object(&w);
    for (size_t i = 0; i < plan->n_volumes; i++) {
        json_write_key(&w, plan->volumes[i].key);
        json_write_object(&w);
        json_write_end_object(&w);
    }
    json_write_end_object(&w);
    json_write_end_object(&w);
}
