/*
 * plan - what a compose file means to us: checked, normalised, immutable, made once per revision.
 *
 * A spawn fills in only what differs per instance. Text that depends on the instance carries
 * markers made by the interpolation (see plan_expand()): `\x01NAME\x02` or, with an operator,
 * `\x01NAME:-word\x02`; words may hold markers themselves. Fields documented "template" may carry
 * them, no other field does.
 *
 * Everything here has passed the allow-list (docs/compose.md): nothing in a plan can name a host
 * path, another network, a device or a privilege.
 *
 * Units      bytes, nanoseconds, billionths of a CPU.
 * Ownership  everything lives in the plan's arena; freed with plan_free().
 * Threads    immutable after compose_load(): any.
 */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PlanPair {
    const char *key;
    const char *value; /* template in environment; NULL = key without a value */
} PlanPair;

typedef struct PlanStrings {
    const char **items;
    size_t n;
} PlanStrings;

typedef enum PlanProtocol { PLAN_TCP, PLAN_UDP } PlanProtocol;

typedef struct PlanPort {
    uint16_t target;
    PlanProtocol protocol;
    bool published; /* false: `expose` only */
} PlanPort;

typedef struct PlanAttachment {
    size_t network;      /* index into Plan.networks */
    PlanStrings aliases; /* without the service name and the container name, which are implied */
} PlanAttachment;

typedef enum PlanCondition {
    PLAN_STARTED,
    PLAN_HEALTHY,
    PLAN_COMPLETED, /* exited with 0 */
} PlanCondition;

typedef struct PlanDependency {
    size_t service; /* index into Plan.services; always smaller than the depender's own */
    PlanCondition condition;
    bool required;
    bool restart; /* for compose, which reads it from a label */
} PlanDependency;

typedef enum PlanMountKind {
    PLAN_MOUNT_COPY,   /* a bind of challenge files, turned into a private copy */
    PLAN_MOUNT_VOLUME, /* named volume of this instance */
    PLAN_MOUNT_ANONYMOUS,
    PLAN_MOUNT_TMPFS,
} PlanMountKind;

typedef struct PlanMount {
    PlanMountKind kind;
    const char *source; /* COPY: path inside the challenge folder; VOLUME: key in Plan.volumes */
    const char *target; /* absolute path in the container */
    bool read_only;
    bool no_copy;              /* VOLUME, ANONYMOUS: starts empty */
    int64_t tmpfs_bytes;       /* TMPFS */
    const char *tmpfs_options; /* TMPFS: "mode=0700,uid=1000,noexec", or NULL */
} PlanMount;

/* A secret or config: put into the container before it starts. */
typedef struct PlanFile {
    const char *target;  /* absolute path in the container */
    const char *source;  /* file inside the challenge folder, or NULL */
    const char *content; /* template; when there is no source */
    uint32_t mode, uid, gid;
} PlanFile;

/* Another service whose namespace this one lives in. */
typedef struct PlanPeer {
    bool set;
    size_t service; /* index into Plan.services; smaller than the service's own */
} PlanPeer;

typedef struct PlanHealthcheck {
    bool present; /* the compose file has one */
    bool disabled;
    PlanStrings test; /* starts with CMD or CMD-SHELL; empty = the image's own; template */
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns; /* 0 = engine default */
    int64_t retries;                                                     /* 0 = engine default */
} PlanHealthcheck;

typedef struct PlanBuild {
    bool present;
    const char *context;    /* folder inside the challenge folder, "." for itself */
    const char *dockerfile; /* path inside the context; NULL when inline */
    const char *dockerfile_inline;
    const char *target; /* NULL = last stage */
    PlanPair *args;
    size_t n_args;
    PlanPair *labels;
    size_t n_labels;
    bool network_none;
} PlanBuild;

typedef struct PlanUlimit {
    const char *name;
    int64_t soft, hard;
} PlanUlimit;

typedef enum PlanRestart { PLAN_RESTART_NO, PLAN_RESTART_ON_FAILURE } PlanRestart;

typedef struct PlanService {
    const char *name;
    int replica;       /* from 1; each replica is a service of its own here, one after the other */
    int replicas;      /* of this name */
    int line;          /* of its key, for messages */
    const char *image; /* reference; NULL when only built */
    PlanBuild build;
    bool has_command, has_entrypoint; /* an empty list clears the image's own */
    PlanStrings command, entrypoint;  /* templates */
    PlanPair *environment;            /* values are templates */
    size_t n_environment;
    PlanPort *ports;
    size_t n_ports;
    PlanAttachment *attachments; /* the first is the primary network; none = network_mode: none
                                    or network_of */
    size_t n_attachments;
    PlanDependency *depends_on;
    size_t n_depends_on;
    PlanMount *mounts;
    size_t n_mounts;
    PlanFile *files;
    size_t n_files;
    PlanPeer network_of, pid_of, ipc_of; /* network_of: then there are no attachments */
    bool ipc_shareable;
    PlanHealthcheck healthcheck;
    PlanRestart restart;
    int64_t restart_retries;
    const char *alias_of_container_name; /* container_name kept as a network alias, or NULL */
    const char *hostname, *domainname, *user, *working_dir, *stop_signal, *platform;
    int64_t stop_grace_ns; /* capped */
    int64_t memory_bytes;  /* 0 = not given: the cap applies */
    int64_t nano_cpus;     /* 0 = not given */
    int64_t pids_limit;    /* 0 = not given */
    int64_t shm_bytes;     /* 0 = engine default */
    int64_t memory_reservation_bytes;
    bool read_only, tty, stdin_open, init, no_new_privileges;
    PlanStrings devices; /* "/dev/net/tun", granted by the organiser, read and write */
    PlanStrings cap_drop, cap_add, dns, dns_search, dns_opt, extra_hosts, group_add;
    PlanPair *sysctls;
    size_t n_sysctls;
    PlanUlimit *ulimits;
    size_t n_ulimits;
    PlanPair *labels; /* the challenge's own; values are templates; never ours or compose's */
    size_t n_labels;
} PlanService;

typedef struct PlanNetwork {
    const char *key; /* "default" or its key in the file */
    bool internal;
} PlanNetwork;

typedef struct PlanVolume {
    const char *key;
} PlanVolume;

typedef struct Plan {
    Arena *arena;
    PlanService *services; /* in start order: a service stands after all it depends on */
    size_t n_services;
    PlanNetwork *networks; /* only those in use */
    size_t n_networks;
    PlanVolume *volumes; /* only those in use */
    size_t n_volumes;
} Plan;

void plan_free(Plan *plan); /* NULL is fine */
DEFINE_CLEANUP(Plan, plan_free_p, plan_free)
#define AUTO_PLAN CLEANUP(plan_free_p)

/* Looks an instance variable up; NULL = unset. */
typedef const char *(*PlanLookup)(void *ctx, const char *name);

/*
 * Replaces the markers of a template, with compose's rules for `:-  -  :+  +  :?  ?`. An unset
 * variable without an operator, or with `?`, becomes "". The result lives in `arena` (or is `text`
 * itself).
 */
const char *plan_expand(Arena *arena, const char *text, PlanLookup lookup, void *ctx);
/* Does it carry markers? */
bool plan_is_template(const char *text);
/* Text for people: markers as ${NAME:-word}, control characters as '?'. */
const char *plan_show(Arena *arena, const char *text);
