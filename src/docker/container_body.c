#include "docker/container_body.h"
#include "docker/answers.h"

#include <stdio.h>

static void put_text(JsonWriter *w, const char *key, const char *text)
{
    if (text && *text)
        json_put_string(w, key, text);
}

static void put_number(JsonWriter *w, const char *key, int64_t n)
{
    if (n)
        json_put_int(w, key, n);
}

static void put_list(JsonWriter *w, const char *key, const char *const *items, size_t n)
{
    if (n)
        engine_put_strings(w, key, items, n);
}

static void write_port_key(JsonWriter *w, const EnginePortBinding *port)
{
    char key[16];

    (void)snprintf(key, sizeof key, "%u/%s", port->container_port, port->udp ? "udp" : "tcp");
    json_write_key(w, key);
}

static bool same_port(const EnginePortBinding *a, const EnginePortBinding *b)
{
    return a->container_port == b->container_port && a->udp == b->udp;
}

/* JSON objects must not name a key twice: is this port the first of its kind? */
static bool is_first(const ContainerSpec *spec, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same_port(&spec->ports[k], &spec->ports[i]))
            return false;
    return true;
}

/* A binding without its port in ExposedPorts is silently ignored by the engine. */
static void put_exposed(JsonWriter *w, const ContainerSpec *spec)
{
    if (spec->n_ports == 0)
        return;
    json_write_key(w, "ExposedPorts");
    json_write_object(w);
    for (size_t i = 0; i < spec->n_ports; i++) {
        if (!is_first(spec, i))
            continue;
        write_port_key(w, &spec->ports[i]);
        json_write_object(w);
        json_write_end_object(w);
    }
    json_write_end_object(w);
}

static void write_bindings_of(JsonWriter *w, const ContainerSpec *spec, size_t i)
{
    char host_port[8];

    json_write_array(w);
    for (size_t k = i; k < spec->n_ports; k++) {
        const EnginePortBinding *port = &spec->ports[k];
        if (!same_port(port, &spec->ports[i]) || port->host_port == 0)
            continue;
        (void)snprintf(host_port, sizeof host_port, "%u", port->host_port);
        json_write_object(w);
        json_put_string(w, "HostIp", port->host_ip ? port->host_ip : "");
        json_put_string(w, "HostPort", host_port);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static bool is_published(const ContainerSpec *spec, size_t i)
{
    for (size_t k = i; k < spec->n_ports; k++)
        if (same_port(&spec->ports[k], &spec->ports[i]) && spec->ports[k].host_port)
            return true;
    return false;
}

static void put_bindings(JsonWriter *w, const ContainerSpec *spec)
{
    json_write_key(w, "PortBindings");
    json_write_object(w);
    for (size_t i = 0; i < spec->n_ports; i++) {
        if (!is_first(spec, i) || !is_published(spec, i))
            continue;
        write_port_key(w, &spec->ports[i]);
        write_bindings_of(w, spec, i);
    }
    json_write_end_object(w);
}

static void put_health(JsonWriter *w, const ContainerSpec *spec, int api_minor)
{
    if (!spec->health_test)
        return;
    json_write_key(w, "Healthcheck");
    json_write_object(w);
    engine_put_strings(w, "Test", spec->health_test, spec->n_health_test);
    put_number(w, "Interval", spec->health_interval_ns);
    put_number(w, "Timeout", spec->health_timeout_ns);
    put_number(w, "StartPeriod", spec->health_start_period_ns);
    if (api_minor >= API_START_INTERVAL)
        put_number(w, "StartInterval", spec->health_start_interval_ns);
    put_number(w, "Retries", spec->health_retries);
    json_write_end_object(w);
}

static void put_mounts(JsonWriter *w, const ContainerSpec *spec)
{
    if (spec->n_volumes == 0)
        return;
    json_write_key(w, "Mounts");
    json_write_array(w);
    for (size_t i = 0; i < spec->n_volumes; i++) {
        const EngineVolumeMount *v = &spec->volumes[i];
        json_write_object(w);
        json_put_string(w, "Type", "volume");
        put_text(w, "Source", v->volume);
        json_put_string(w, "Target", v->target);
        json_put_bool(w, "ReadOnly", v->read_only);
        if (v->no_copy)
            json_put_raw(w, "VolumeOptions", "{\"NoCopy\":true}");
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void put_tmpfs(JsonWriter *w, const ContainerSpec *spec)
{
    AUTO_STRBUF StrBuf options = { 0 };

    if (spec->n_tmpfs == 0)
        return;
    json_write_key(w, "Tmpfs");
    json_write_object(w);
    for (size_t i = 0; i < spec->n_tmpfs; i++) {
        const EngineTmpfs *t = &spec->tmpfs[i];
        strbuf_clear(&options);
        if (t->bytes > 0)
            strbuf_addf(&options, "size=%lld", (long long)t->bytes);
        if (t->options)
            strbuf_addf(&options, "%s%s", options.len ? "," : "", t->options);
        json_put_string(w, t->target, strbuf_str(&options));
    }
    json_write_end_object(w);
}

static void put_ulimits(JsonWriter *w, const ContainerSpec *spec)
{
    if (spec->n_ulimits == 0)
        return;
    json_write_key(w, "Ulimits");
    json_write_array(w);
    for (size_t i = 0; i < spec->n_ulimits; i++) {
        json_write_object(w);
        json_put_string(w, "Name", spec->ulimits[i].name);
        json_put_int(w, "Soft", spec->ulimits[i].soft);
        json_put_int(w, "Hard", spec->ulimits[i].hard);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void put_log_config(JsonWriter *w, const ContainerSpec *spec)
{
    json_write_key(w, "LogConfig");
    json_write_object(w);
    json_put_string(w, "Type", "json-file");
    json_write_key(w, "Config");
    json_write_object(w);
    json_put_string(w, "max-size", spec->log_max_size ? spec->log_max_size : "1m");
    json_put_string(w, "max-file", spec->log_max_file ? spec->log_max_file : "2");
    json_write_end_object(w);
    json_write_end_object(w);
}

static void put_restart(JsonWriter *w, const ContainerSpec *spec)
{
    json_write_key(w, "RestartPolicy");
    json_write_object(w);
    json_put_string(w, "Name", spec->restart_retries > 0 ? "on-failure" : "no");
    if (spec->restart_retries > 0)
        json_put_int(w, "MaximumRetryCount", spec->restart_retries);
    json_write_end_object(w);
}

/* "container:<id>", or what stands for a namespace of one's own. */
static void put_namespace(JsonWriter *w, const char *key, const char *peer, const char *own)
{
    AUTO_STRBUF StrBuf b = { 0 };

    if (peer)
        strbuf_addf(&b, "container:%s", peer);
    put_text(w, key, peer ? strbuf_str(&b) : own);
}

static void put_devices(JsonWriter *w, const ContainerSpec *spec)
{
    if (spec->n_devices == 0)
        return;
    json_write_key(w, "Devices");
    json_write_array(w);
    for (size_t i = 0; i < spec->n_devices; i++) {
        json_write_object(w);
        json_put_string(w, "PathOnHost", spec->devices[i]);
        json_put_string(w, "PathInContainer", spec->devices[i]);
        json_put_string(w, "CgroupPermissions", "rw");
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void put_storage(JsonWriter *w, const ContainerSpec *spec)
{
    char size[24];

    if (spec->disk_bytes <= 0)
        return;
    (void)snprintf(size, sizeof size, "%lld", (long long)spec->disk_bytes);
    json_write_key(w, "StorageOpt");
    json_write_object(w);
    json_put_string(w, "size", size);
    json_write_end_object(w);
}

static void put_host_config(JsonWriter *w, const ContainerSpec *spec)
{
    json_write_key(w, "HostConfig");
    json_write_object(w);
    put_namespace(w, "NetworkMode", spec->network_of,
                  spec->n_endpoints ? spec->endpoints[0].network : "none");
    put_namespace(w, "PidMode", spec->pid_of, NULL);
    put_namespace(w, "IpcMode", spec->ipc_of, spec->ipc_shareable ? "shareable" : NULL);
    put_number(w, "Memory", spec->memory_bytes);
    put_number(w, "MemorySwap", spec->memory_bytes); /* the same: no swap on top */
    put_number(w, "MemoryReservation", spec->memory_reservation_bytes);
    put_number(w, "NanoCpus", spec->nano_cpus);
    put_number(w, "PidsLimit", spec->pids_limit);
    put_number(w, "ShmSize", spec->shm_bytes);
    put_list(w, "CapAdd", spec->cap_add, spec->n_cap_add);
    put_list(w, "CapDrop", spec->cap_drop, spec->n_cap_drop);
    put_list(w, "Dns", spec->dns, spec->n_dns);
    put_list(w, "DnsSearch", spec->dns_search, spec->n_dns_search);
    put_list(w, "DnsOptions", spec->dns_opt, spec->n_dns_opt);
    put_list(w, "ExtraHosts", spec->extra_hosts, spec->n_extra_hosts);
    put_list(w, "GroupAdd", spec->group_add, spec->n_group_add);
    put_list(w, "SecurityOpt", spec->security_opt, spec->n_security_opt);
    if (spec->n_sysctls)
        engine_put_pairs(w, "Sysctls", spec->sysctls, spec->n_sysctls);
    json_put_bool(w, "ReadonlyRootfs", spec->read_only);
    if (spec->init)
        json_put_bool(w, "Init", true);
    put_restart(w, spec);
    put_log_config(w, spec);
    put_bindings(w, spec);
    put_mounts(w, spec);
    put_tmpfs(w, spec);
    put_ulimits(w, spec);
    put_devices(w, spec);
    put_storage(w, spec);
    json_write_end_object(w);
}

static void put_endpoints(JsonWriter *w, const ContainerSpec *spec, int api_minor)
{
    size_t n = api_minor >= API_MANY_ENDPOINTS ? spec->n_endpoints : 1;

    if (spec->n_endpoints == 0)
        return;
    json_write_key(w, "NetworkingConfig");
    json_write_object(w);
    json_write_key(w, "EndpointsConfig");
    json_write_object(w);
    for (size_t i = 0; i < n; i++) {
        json_write_key(w, spec->endpoints[i].network);
        json_write_object(w);
        engine_put_strings(w, "Aliases", spec->endpoints[i].aliases, spec->endpoints[i].n_aliases);
        json_write_end_object(w);
    }
    json_write_end_object(w);
    json_write_end_object(w);
}

void container_body(StrBuf *out, const ContainerSpec *spec, int api_minor)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    json_put_string(&w, "Image", spec->image);
    if (spec->has_command || spec->command)
        engine_put_strings(&w, "Cmd", spec->command, spec->n_command);
    if (spec->has_entrypoint || spec->entrypoint)
        engine_put_strings(&w, "Entrypoint", spec->entrypoint, spec->n_entrypoint);
    put_list(&w, "Env", spec->env, spec->n_env);
    engine_put_pairs(&w, "Labels", spec->labels, spec->n_labels);
    put_text(&w, "Hostname", spec->hostname);
    put_text(&w, "Domainname", spec->domainname);
    put_text(&w, "User", spec->user);
    put_text(&w, "WorkingDir", spec->working_dir);
    put_text(&w, "StopSignal", spec->stop_signal);
    put_number(&w, "StopTimeout", spec->stop_timeout_s);
    json_put_bool(&w, "Tty", spec->tty);
    json_put_bool(&w, "OpenStdin", spec->stdin_open);
    put_exposed(&w, spec);
    put_health(&w, spec, api_minor);
    put_host_config(&w, spec);
    put_endpoints(&w, spec, api_minor);
    json_write_end_object(&w);
}

void container_connect_body(StrBuf *out, const char *container, const EngineEndpoint *endpoint)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    json_put_string(&w, "Container", container);
    json_write_key(&w, "EndpointConfig");
    json_write_object(&w);
    engine_put_strings(&w, "Aliases", endpoint->aliases, endpoint->n_aliases);
    json_write_end_object(&w);
    json_write_end_object(&w);
}
