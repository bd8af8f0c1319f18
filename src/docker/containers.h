/*
 * containers - create, start, inspect, list, remove; files in; logs out.
 * API: /containers of the Docker Engine API.
 *
 * Ownership  results are owned by the caller and released with the _fini/_free beside them.
 */
#pragma once

#include "docker/engine.h"

#include <stdint.h>

typedef struct EnginePair {
    const char *key, *value;
} EnginePair;

typedef struct EnginePortBinding {
    uint16_t container_port, host_port; /* host_port 0: exposed only */
    bool udp;
    const char *host_ip; /* "" = all addresses */
} EnginePortBinding;

typedef struct EngineEndpoint {
    const char *network; /* id (preferred) or name */
    const char *const *aliases;
    size_t n_aliases;
} EngineEndpoint;

typedef struct EngineVolumeMount {
    const char *volume; /* NULL = anonymous */
    const char *target;
    bool read_only, no_copy;
} EngineVolumeMount;

typedef struct EngineTmpfs {
    const char *target;
    int64_t bytes;
    const char *options; /* "mode=0700,noexec"; NULL = none */
} EngineTmpfs;

typedef struct EngineUlimit {
    const char *name;
    int64_t soft, hard;
} EngineUlimit;

/* What POST /containers/create is told. Empty strings and zeroes mean "not given". */
typedef struct ContainerSpec {
    const char *name, *image;                       /* image: id preferred */
    const char *const *command, *const *entrypoint; /* NULL = the image's */
    size_t n_command, n_entrypoint;
    bool has_command, has_entrypoint;
    const char *const *env; /* "K=V" or "K" */
    size_t n_env;
    const EnginePair *labels;
    size_t n_labels;
    const EnginePortBinding *ports;
    size_t n_ports;
    const EngineEndpoint *endpoints; /* the first becomes NetworkMode; none = "none" */
    size_t n_endpoints;
    const char *network_of, *pid_of, *ipc_of; /* id of the container to share with, or NULL */
    bool ipc_shareable;
    const EngineVolumeMount *volumes;
    size_t n_volumes;
    const EngineTmpfs *tmpfs;
    size_t n_tmpfs;
    const EngineUlimit *ulimits;
    size_t n_ulimits;
    const EnginePair *sysctls;
    size_t n_sysctls;
    const char *const *devices; /* paths, the same on both sides; read and write */
    size_t n_devices;
    const char *const *cap_add, *const *cap_drop, *const *dns, *const *dns_search,
                                                                   *const *dns_opt,
                                                                       *const *extra_hosts,
                                                                           *const *group_add,
                                                                               *const *security_opt;
    size_t n_cap_add, n_cap_drop, n_dns, n_dns_search, n_dns_opt, n_extra_hosts, n_group_add,
        n_security_opt;
    const char *hostname, *domainname, *user, *working_dir, *stop_signal;
    int64_t memory_bytes, memory_reservation_bytes, nano_cpus, pids_limit, shm_bytes;
    int64_t disk_bytes; /* of its own writable layer; see docker/storage.h */
    int64_t stop_timeout_s;
    bool read_only, tty, stdin_open, init;
    int64_t restart_retries;        /* > 0: on-failure with that many retries; else no restart */
    const char *const *health_test; /* NULL = the image's; {"NONE"} disables */
    size_t n_health_test;
    int64_t health_interval_ns, health_timeout_ns, health_start_period_ns, health_start_interval_ns,
        health_retries;
    const char *log_max_size, *log_max_file; /* json-file bounds; "1m", "2" when NULL */
} ContainerSpec;

/* E_CONFLICT: the name is taken. E_NOT_FOUND: no such image. Writes the 64-digit id. */
enum { ENGINE_ID_SIZE = 80 };
MUST_USE int container_create(Engine *engine, const ContainerSpec *spec,
                              char ret_id[ENGINE_ID_SIZE], Error *err);
/* Extra networks where create takes only one (API < 1.44); container_create() calls it itself. */
MUST_USE int container_start(Engine *engine, const char *id, Error *err); /* running already: 0 */
/* Kills, removes, drops anonymous volumes. Absent or being removed: 0. */
MUST_USE int container_remove(Engine *engine, const char *id, Error *err);
/* Unpacks a tar at "/" of a container that need not run. */
MUST_USE int container_put_archive(Engine *engine, const char *id, const char *tar, size_t len,
                                   Error *err);

typedef struct ContainerState {
    char id[ENGINE_ID_SIZE];
    char status[16]; /* created running restarting exited dead paused removing */
    char health[16]; /* "", starting, healthy, unhealthy */
    bool running, oom_killed, has_healthcheck;
    int exit_code;
    int64_t pid;
    int restart_count;
    char error[256]; /* engine's word on why it did not start */
} ContainerState;
MUST_USE int container_inspect(Engine *engine, const char *id, ContainerState *ret, Error *err);

typedef struct ContainerRow {
    char id[ENGINE_ID_SIZE];
    char *name; /* without the slash */
    char *image;
    char status[16];
    char *project, *service, *instance_id; /* labels; "" when absent */
    bool managed;                          /* whaley.managed=true */
    int64_t created_s;
} ContainerRow;
typedef struct ContainerRows {
    ContainerRow *items;
    size_t n;
} ContainerRows;
/* All states; only those with `label` ("key" or "key=value"), or all when NULL. */
MUST_USE int container_list(Engine *engine, const char *label, ContainerRows *ret, Error *err);
void container_rows_fini(ContainerRows *rows);
#define AUTO_CONTAINER_ROWS CLEANUP(container_rows_fini)

/* Host ports published by any container on the engine (0-terminated use: n entries). */
MUST_USE int container_published_ports(Engine *engine, uint16_t **ret_ports, size_t *ret_n,
                                       Error *err);
/*
 * Last `tail` lines, at most max bytes, stdout and stderr in order, stripped of frame headers;
 * control characters stay. Caller frees.
 */
MUST_USE int container_logs_tail(Engine *engine, const char *id, int tail, size_t max,
                                 char **ret_text, Error *err);
