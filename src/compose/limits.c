#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

enum { MIB = 1 << 20 };

static const int64_t memory_min = 6 * MIB; /* the engine's own */
static const int64_t shm_max = 256 * MIB;
static const int64_t second = 1000000000;
static const int64_t grace_max = 5 * 1000000000LL;
static const double nano = 1e9;

/* ---- memory, CPU, processes ---- */

static void no_limit(Loader *l, const Field *f)
{
    field_warn(l, f, "no-limit", "leave it out, or give a number",
               "'%.50s' would mean no limit; the operator's limit applies", f->node->text);
}

static void read_memory(Loader *l, const Field *f, int64_t *ret)
{
    int64_t bytes;

    if (f->node->kind == YAML_SCALAR && strcmp(f->node->text, "-1") == 0) {
        no_limit(l, f);
        return;
    }
    if (!field_bytes(l, f, &bytes))
        return;
    if (bytes == 0)
        no_limit(l, f);
    else if (bytes < memory_min)
        field_error(l, f, "out-of-range", "write a size like 64m",
                    "'%.50s' is below 6 MiB, the least a container can have", f->node->text);
    else
        *ret = bytes;
}

static void set_nano_cpus(Loader *l, const Field *f, double cpus, int64_t *ret)
{
    if (cpus == 0)
        no_limit(l, f);
    else if (cpus < 0.01 || cpus > 1024)
        field_error(l, f, "out-of-range", NULL, "'%.50s' is not between 0.01 and 1024 CPUs",
                    f->node->text);
    else
        *ret = (int64_t)(cpus * nano + 0.5);
}

static void read_cpus(Loader *l, const Field *f, int64_t *ret)
{
    const char *text = field_text(l, f);
    double cpus;

    if (!text)
        return;
    if (str_parse_decimal(text, &cpus))
        set_nano_cpus(l, f, cpus, ret);
    else
        field_error(l, f, "not-a-number", "write a number like 0.5", "'%.50s' is not a number",
                    text);
}

static void read_pids(Loader *l, const Field *f, int64_t *ret)
{
    int64_t pids;

    if (!field_int(l, f, -1, 1 << 22, &pids))
        return;
    if (pids <= 0)
        no_limit(l, f);
    else
        *ret = pids;
}

/* cpu_quota of every cpu_period microseconds. */
static void load_quota(Loader *l, const Field *service, PlanService *s)
{
    Field f;
    int64_t quota = 0, period = 100000;

    if (field_get(service, "cpu_period", &f)) {
        const char *text = field_text(l, &f);
        if (text && !str_parse_i64(text, 1000, 1000000, &period))
            field_error(l, &f, "out-of-range", "write microseconds from 1000 to 1000000",
                        "'%.50s' is not a period", text);
    }
    if (!field_get(service, "cpu_quota", &f) || !field_int(l, &f, -1, INT64_MAX / 2, &quota))
        return;
    if (s->nano_cpus)
        field_error(l, &f, "conflict", "keep 'cpus'", "'cpu_quota' and 'cpus' exclude each other");
    else
        set_nano_cpus(l, &f, quota < 0 ? 0 : (double)quota / (double)period, &s->nano_cpus);
}

typedef void (*LimitReader)(Loader *l, const Field *f, int64_t *ret);

/* A limit of `deploy` beside the service's own: they may say the same, not differ. */
static void load_deployed(Loader *l, const Field *limits, const char *key, LimitReader read,
                          int64_t *ret)
{
    int64_t value = 0;
    Field f;

    if (!field_get(limits, key, &f))
        return;
    read(l, &f, &value);
    if (*ret && value && *ret != value)
        field_error(l, &f, "conflict", "keep one of them",
                    "differs from the limit the service itself gives");
    else if (value)
        *ret = value;
}

static void load_resources(Loader *l, const Field *f, PlanService *s)
{
    Field part;

    if (!keys_check(l, f, KEY_RESOURCES))
        return;
    if (field_get(f, "limits", &part) && keys_check(l, &part, KEY_LIMITS)) {
        load_deployed(l, &part, "memory", read_memory, &s->memory_bytes);
        load_deployed(l, &part, "cpus", read_cpus, &s->nano_cpus);
        load_deployed(l, &part, "pids", read_pids, &s->pids_limit);
    }
    if (field_get(f, "reservations", &part) && keys_check(l, &part, KEY_RESERVATIONS))
        load_deployed(l, &part, "memory", read_memory, &s->memory_reservation_bytes);
}

/* `scale` or `deploy.replicas`; 0 = not given. */
static void read_replicas(Loader *l, const Field *map, const char *key, PlanService *s)
{
    Field f;
    int64_t n;

    if (!field_get(map, key, &f) || !field_int(l, &f, 0, INT32_MAX, &n))
        return;
    if (n == 0) {
        field_error(l, &f, "replicas", "take the service out, or give it a profile",
                    "a service needs at least one container");
        return;
    }
    if (n > COMPOSE_REPLICAS_MAX) {
        field_warn(l, &f, "capped", NULL, "%lld becomes %d", (long long)n, COMPOSE_REPLICAS_MAX);
        n = COMPOSE_REPLICAS_MAX;
    }
    if (s->replicas && s->replicas != n)
        field_error(l, &f, "conflict", "keep one of them", "'scale' and 'deploy.replicas' differ");
    s->replicas = (int)n;
}

static void load_replicas(Loader *l, const Field *service, PlanService *s)
{
    Field deploy;

    s->replicas = 0;
    read_replicas(l, service, "scale", s);
    if (field_get(service, "deploy", &deploy))
        read_replicas(l, &deploy, "replicas", s);
    if (s->replicas < 2) {
        s->replicas = 1;
        return;
    }
    if (s->alias_of_container_name)
        field_key_diag(l, DIAG_ERROR, service, "conflict", "drop 'container_name'",
                       "'container_name' names one container, and there are %d", s->replicas);
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->ports[i].published) {
            field_key_diag(l, DIAG_WARNING, service, "replicas", NULL,
                           "only the first of %d replicas gets the published ports", s->replicas);
            return;
        }
}

static void load_deploy(Loader *l, const Field *service, PlanService *s)
{
    Field f, resources;

    if (!field_get(service, "deploy", &f) || !keys_check(l, &f, KEY_DEPLOY))
        return;
    if (field_get(&f, "resources", &resources))
        load_resources(l, &resources, s);
}

static void load_sizes(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (field_get(service, "mem_limit", &f))
        read_memory(l, &f, &s->memory_bytes);
    if (field_get(service, "mem_reservation", &f))
        read_memory(l, &f, &s->memory_reservation_bytes);
    if (field_get(service, "cpus", &f))
        read_cpus(l, &f, &s->nano_cpus);
    if (field_get(service, "pids_limit", &f))
        read_pids(l, &f, &s->pids_limit);
    if (field_get(service, "shm_size", &f) && field_bytes(l, &f, &s->shm_bytes) &&
        s->shm_bytes > shm_max) {
        field_warn(l, &f, "capped", NULL, "'%.50s' becomes 256 MiB", f.node->text);
        s->shm_bytes = shm_max;
    }
    if (field_get(service, "stop_grace_period", &f) && field_duration(l, &f, &s->stop_grace_ns) &&
        s->stop_grace_ns > grace_max) {
        field_note(l, &f, "capped", NULL, "'%.50s' becomes %llds", f.node->text,
                   (long long)(grace_max / second));
        s->stop_grace_ns = grace_max;
    }
}

void load_limits(Loader *l, const Field *service, PlanService *s)
{
    load_sizes(l, service, s);
    load_quota(l, service, s);
    load_deploy(l, service, s);
    load_ulimits(l, service, s);
    load_replicas(l, service, s);
}
