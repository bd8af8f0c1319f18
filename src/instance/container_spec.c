#include "instance/container_spec.h"
#include "base/fs.h"
#include "base/str.h"
#include "docker/tar.h"
#include "instance/images.h"
#include "instance/share.h"

#include <fcntl.h>
#include <stdio.h>

enum { STOP_TIMEOUT_S = 2, COPIES_MAX = 64 << 20, FILE_MAX = 1 << 20, NANOSECONDS = 1000000000 };
static const int64_t HEALTH_INTERVAL_MIN_NS = 5000000000, HEALTH_START_INTERVAL_MIN_NS = 1000000000;

/*
 * The engine's default set without NET_RAW, MKNOD, AUDIT_WRITE, SETFCAP and SETPCAP
 * (docker.md 11): enough for servers that drop privileges themselves.
 */
static const char *const default_caps[] = {
    "CHOWN",  "DAC_OVERRIDE", "FOWNER",           "FSETID",    "KILL",
    "SETGID", "SETUID",       "NET_BIND_SERVICE", "SYS_CHROOT"
};

/* ---- variables of an instance ---- */

static const char *lookup(void *ctx, const char *name)
{
    Project *p = ctx;
    const Instance *in = p->instance;
    int64_t internal;

    if (strcmp(name, "INSTANCE_ID") == 0 || strcmp(name, "COMPOSE_PROJECT_NAME") == 0)
        return in->id;
    if (strcmp(name, "DOCKER_NETWORK") == 0)
        return in->n_networks ? in->networks[0].name : "";
    if (str_starts(name, "PORT_") && str_parse_i64(name + 5, 1, 65535, &internal)) {
        for (size_t i = 0; i < in->n_ports; i++)
            if (in->ports[i].internal == internal)
                return arena_printf(p->arena, "%u", (unsigned)in->ports[i].external);
    }
    return NULL; /* FLAG and DYNAMIC_FLAG: unset until flags of one's own exist */
}

static const char *expand(Project *p, const char *text)
{
    return plan_expand(p->arena, text, lookup, p);
}

static const char *const *expand_all(Project *p, PlanStrings list)
{
    const char **out = arena_alloc(p->arena, (list.n + 1) * sizeof *out);

    for (size_t i = 0; i < list.n; i++)
        out[i] = expand(p, list.items[i]);
    return out;
}

/* ---- parts ---- */

static void fill_environment(ContainerSpec *spec, Project *p, const PlanService *s)
{
    const char **env = arena_alloc(p->arena, (s->n_environment + 1) * sizeof *env);

    for (size_t i = 0; i < s->n_environment; i++)
        env[i] = s->environment[i].value ? arena_printf(p->arena, "%s=%s", s->environment[i].key,
                                                        expand(p, s->environment[i].value))
                                         : s->environment[i].key;
    spec->env = env;
    spec->n_env = s->n_environment;
}

static void fill_labels(ContainerSpec *spec, Project *p, const PlanService *s)
{
    Labels labels = { 0 };

    for (size_t i = 0; i < s->n_labels; i++)
        labels_add(&labels, p->arena, s->labels[i].key,
                   s->labels[i].value ? expand(p, s->labels[i].value) : "");
    labels_of_container(&labels, p->arena, p->m, p->instance, p->challenge->plan, s);
    spec->labels = labels.items;
    spec->n_labels = labels.n;
}

/* The host port leased for this port of this service, 0 when it is not one of the challenge's. */
static uint16_t leased_port(const Project *p, const PlanService *s, uint16_t target)
{
    for (size_t i = 0; i < p->challenge->n_ports; i++)
        if (p->challenge->ports[i].port == target &&
            str_eq(p->challenge->ports[i].service, s->name))
            return p->instance->ports[i].external;
    return 0;
}

static void fill_ports(ContainerSpec *spec, Project *p, const PlanService *s)
{
    EnginePortBinding *ports = arena_alloc(p->arena, (s->n_ports + 1) * sizeof *ports);

    for (size_t i = 0; i < s->n_ports; i++) {
        bool tcp = s->ports[i].protocol == PLAN_TCP;
        ports[i] = (EnginePortBinding){
            .container_port = s->ports[i].target,
            .udp = !tcp,
            .host_port = s->ports[i].published && tcp ? leased_port(p, s, s->ports[i].target) : 0,
            .host_ip = p->m->parts.settings->publish_address,
        };
    }
    spec->ports = ports;
    spec->n_ports = s->n_ports;
}

static void fill_endpoints(ContainerSpec *spec, Project *p, const PlanService *s)
{
    EngineEndpoint *endpoints = arena_alloc(p->arena, (s->n_attachments + 1) * sizeof *endpoints);

    for (size_t i = 0; i < s->n_attachments; i++) {
        const PlanAttachment *a = &s->attachments[i];
        const char **aliases = arena_alloc(p->arena, (a->aliases.n + 3) * sizeof *aliases);
        size_t n = 0;
        aliases[n++] = spec->name;
        aliases[n++] = s->name;
        if (s->alias_of_container_name)
            aliases[n++] = s->alias_of_container_name;
        for (size_t k = 0; k < a->aliases.n; k++)
            aliases[n++] = a->aliases.items[k];
        endpoints[i] = (EngineEndpoint){ p->instance->networks[a->network].id, aliases, n };
    }
    spec->endpoints = endpoints;
    spec->n_endpoints = s->n_attachments;
}

/* Peers stand before the service in the plan, so their containers exist. */
static const char *peer_id(const Project *p, PlanPeer peer)
{
    return peer.set ? p->instance->containers[peer.service].id : NULL;
}

static void fill_peers(ContainerSpec *spec, const Project *p, const PlanService *s)
{
    spec->network_of = peer_id(p, s->network_of);
    spec->pid_of = peer_id(p, s->pid_of);
    spec->ipc_of = peer_id(p, s->ipc_of);
    spec->ipc_shareable = s->ipc_shareable;
}

static void fill_mounts(ContainerSpec *spec, Project *p, const PlanService *s)
{
    EngineVolumeMount *volumes = arena_alloc(p->arena, (s->n_mounts + 1) * sizeof *volumes);
    EngineTmpfs *tmpfs = arena_alloc(p->arena, (s->n_mounts + 1) * sizeof *tmpfs);

    for (size_t i = 0; i < s->n_mounts; i++) {
        const PlanMount *mount = &s->mounts[i];
        if (mount->kind == PLAN_MOUNT_TMPFS)
            tmpfs[spec->n_tmpfs++] =
                (EngineTmpfs){ mount->target, mount->tmpfs_bytes, mount->tmpfs_options };
        else if (mount->kind == PLAN_MOUNT_ANONYMOUS)
            volumes[spec->n_volumes++] =
                (EngineVolumeMount){ NULL, mount->target, mount->read_only, mount->no_copy };
        else if (mount->kind == PLAN_MOUNT_VOLUME)
            volumes[spec->n_volumes++] =
                (EngineVolumeMount){ arena_printf(p->arena, "%s_%s", p->instance->id,
                                                  mount->source),
                                     mount->target, mount->read_only, mount->no_copy };
    }
    spec->volumes = volumes;
    spec->tmpfs = tmpfs;
}

static void fill_security(ContainerSpec *spec, Project *p, const PlanService *s)
{
    static const char *const no_new_privileges[] = { "no-new-privileges:true" };
    static const char *const all[] = { "ALL" };
    const char **add =
        arena_alloc(p->arena, (ARRAY_LEN(default_caps) + s->cap_add.n + 1) * sizeof *add);
    size_t n = 0;
    bool drop_all = str_in("ALL", s->cap_drop.items, s->cap_drop.n);

    for (size_t i = 0; i < ARRAY_LEN(default_caps) && !drop_all; i++)
        if (!str_in(default_caps[i], s->cap_drop.items, s->cap_drop.n))
            add[n++] = default_caps[i];
    for (size_t i = 0; i < s->cap_add.n; i++)
        add[n++] = s->cap_add.items[i];
    spec->cap_drop = all;
    spec->n_cap_drop = 1;
    spec->cap_add = add;
    spec->n_cap_add = n;
    if (!p->challenge->allow_setuid || s->no_new_privileges) {
        spec->security_opt = no_new_privileges;
        spec->n_security_opt = 1;
    }
}

static void fill_limits(ContainerSpec *spec, Project *p, const PlanService *s)
{
    const Plan *plan = p->challenge->plan;
    Share share = share_of(p->m->parts.settings, plan, (size_t)(s - plan->services));
    EngineUlimit *ulimits = arena_alloc(p->arena, (s->n_ulimits + 1) * sizeof *ulimits);

    spec->memory_bytes = share.memory_bytes;
    spec->nano_cpus = share.nano_cpus;
    spec->pids_limit = share.pids;
    spec->disk_bytes = atomic_load(&p->m->disk_limits) ? share.disk_bytes : 0;
    spec->shm_bytes = s->shm_bytes > spec->memory_bytes ? spec->memory_bytes : s->shm_bytes;
    if (s->memory_reservation_bytes <= spec->memory_bytes)
        spec->memory_reservation_bytes = s->memory_reservation_bytes;
    for (size_t i = 0; i < s->n_ulimits; i++)
        ulimits[i] = (EngineUlimit){ s->ulimits[i].name, s->ulimits[i].soft, s->ulimits[i].hard };
    spec->ulimits = ulimits;
    spec->n_ulimits = s->n_ulimits;
    spec->stop_timeout_s =
        s->stop_grace_ns > 0 ? (s->stop_grace_ns + NANOSECONDS - 1) / NANOSECONDS : STOP_TIMEOUT_S;
    spec->restart_retries = s->restart == PLAN_RESTART_ON_FAILURE ? s->restart_retries : 0;
}

static int64_t at_least(int64_t planned_ns, int64_t image_ns, int64_t min_ns)
{
    if (planned_ns > 0) /* was brought into range when it was read */
        return planned_ns;
    return image_ns > 0 && image_ns < min_ns ? min_ns : 0;
}

ImageHealth container_health(const PlanHealthcheck *h, const ImageHealth *image)
{
    return (ImageHealth){ at_least(h->interval_ns, image->interval_ns, HEALTH_INTERVAL_MIN_NS),
                          at_least(h->start_interval_ns, image->start_interval_ns,
                                   HEALTH_START_INTERVAL_MIN_NS) };
}

/* A HEALTHCHECK of the image applies where the file says nothing; an empty test leaves it in place.
 */
static void fill_health(ContainerSpec *spec, Project *p, const PlanService *s,
                        const ImageHealth *image)
{
    static const char *const none[] = { "NONE" };
    const PlanHealthcheck *h = &s->healthcheck;
    ImageHealth often = container_health(h, image);

    if (!h->present && often.interval_ns == 0 && often.start_interval_ns == 0)
        return;
    spec->health_test = h->disabled ? none : expand_all(p, h->test);
    spec->n_health_test = h->disabled ? 1 : h->test.n;
    spec->health_interval_ns = often.interval_ns;
    spec->health_timeout_ns = h->timeout_ns;
    spec->health_start_period_ns = h->start_period_ns;
    spec->health_start_interval_ns = often.start_interval_ns;
    spec->health_retries = h->retries;
}

static void fill_lists(ContainerSpec *spec, Project *p, const PlanService *s)
{
    static const char *const nowhere[] = { "127.0.0.1" };
    EnginePair *sysctls = arena_alloc(p->arena, (s->n_sysctls + 1) * sizeof *sysctls);

    for (size_t i = 0; i < s->n_sysctls; i++)
        sysctls[i] = (EnginePair){ s->sysctls[i].key, s->sysctls[i].value };
    spec->sysctls = sysctls;
    spec->n_sysctls = s->n_sysctls;
    /*
     * The engine's resolver asks a resolver on the host's loopback from the host, past the
     * firewall: a way out by name. Without egress it is given the container's own loopback instead,
     * where nobody answers; names of the instance's services are not asked there.
     */
    /* One that lives in another's network has its resolver, too; the engine takes none beside it.
     */
    bool closed = !p->challenge->egress && s->dns.n == 0 && !s->network_of.set;
    spec->dns = closed ? nowhere : s->dns.items;
    spec->n_dns = closed ? ARRAY_LEN(nowhere) : s->dns.n;
    spec->dns_search = s->dns_search.items;
    spec->n_dns_search = s->dns_search.n;
    spec->dns_opt = s->dns_opt.items;
    spec->n_dns_opt = s->dns_opt.n;
    spec->extra_hosts = s->extra_hosts.items;
    spec->n_extra_hosts = s->extra_hosts.n;
    spec->devices = s->devices.items;
    spec->n_devices = s->devices.n;
    spec->group_add = s->group_add.items;
    spec->n_group_add = s->group_add.n;
}

int container_spec_fill(ContainerSpec *spec, Project *p, size_t index, Error *err)
{
    const PlanService *s = &p->challenge->plan->services[index];
    char *image = arena_alloc(p->arena, ENGINE_ID_SIZE);
    ImageHealth image_health;

    if (!image_builder_find(p->m->images, p->challenge->id, p->challenge->revision, s->name, image,
                            &image_health))
        return error_set(err, E_UNAVAILABLE, "the image of %s is not ready", s->name);
    *spec = (ContainerSpec){
        .name = p->instance->containers[index].name,
        .image = image,
        .has_command = s->has_command,
        .command = expand_all(p, s->command),
        .n_command = s->command.n,
        .has_entrypoint = s->has_entrypoint,
        .entrypoint = expand_all(p, s->entrypoint),
        .n_entrypoint = s->entrypoint.n,
        .hostname = s->hostname,
        .domainname = s->domainname,
        .user = s->user,
        .working_dir = s->working_dir,
        .stop_signal = s->stop_signal,
        .read_only = s->read_only,
        .tty = s->tty,
        .stdin_open = s->stdin_open,
        .init = s->init,
    };
    fill_environment(spec, p, s);
    fill_labels(spec, p, s);
    fill_ports(spec, p, s);
    fill_endpoints(spec, p, s);
    fill_peers(spec, p, s);
    fill_mounts(spec, p, s);
    fill_security(spec, p, s);
    fill_limits(spec, p, s);
    fill_health(spec, p, s, &image_health);
    fill_lists(spec, p, s);
    return 0;
}

/* A secret or config with the owner and mode it asks for. */
static int add_file(Tar *tar, Project *p, int dir_fd, const PlanFile *file, Error *err)
{
    const TarMeta meta = { .mode = file->mode, .uid = file->uid, .gid = file->gid };
    AUTO_FREE char *text = NULL;
    AUTO_CLOSE int fd = -1;
    const char *content;
    size_t len;

    if (!file->source) {
        content = expand(p, file->content);
        return tar_add_file(tar, file->target, &meta, content, strlen(content), err);
    }
    fd = fs_open_beneath(dir_fd, file->source, err);
    if (fd < 0 || fs_read_all(fd, FILE_MAX, &text, &len, err) < 0)
        return -1;
    return tar_add_file(tar, file->target, &meta, text, len, err);
}

static int add_all(Tar *tar, Project *p, int dir_fd, const PlanService *s, Error *err)
{
    for (size_t i = 0; i < s->n_mounts; i++)
        if (s->mounts[i].kind == PLAN_MOUNT_COPY &&
            tar_add_tree(tar, dir_fd, s->mounts[i].source, s->mounts[i].target, err) < 0)
            return error_wrap(err, "copying %s", s->mounts[i].source);
    for (size_t i = 0; i < s->n_files; i++)
        if (add_file(tar, p, dir_fd, &s->files[i], err) < 0)
            return error_wrap(err, "writing %s", s->files[i].target);
    return tar_finish(tar, err);
}

static bool has_copies(const PlanService *s)
{
    for (size_t i = 0; i < s->n_mounts; i++)
        if (s->mounts[i].kind == PLAN_MOUNT_COPY)
            return true;
    return s->n_files > 0;
}

int container_spec_copies(Project *p, const PlanService *s, char **ret_tar, size_t *ret_len,
                          Error *err)
{
    AUTO_CLOSE int dir_fd = -1;
    AUTO_TAR Tar *tar = NULL;

    if (!has_copies(s))
        return 1;
    dir_fd = open(p->challenge->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd < 0)
        return error_sys(err, "opening %s", p->challenge->path);
    if (tar_begin(&tar, -1, COPIES_MAX, err) < 0 || add_all(tar, p, dir_fd, s, err) < 0)
        return -1;
    *ret_tar = tar_take(tar, ret_len);
    return 0;
}
