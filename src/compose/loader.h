/*
 * loader - what the parts of compose/ share while one file is being loaded. Private to compose/.
 *
 * Ownership  `arena` is the plan's; `scratch` dies with the load.
 */
#pragma once

#include "compose/load.h"

#include "base/map.h"
#include "base/strbuf.h"

enum {
    COMPOSE_SERVICES_MAX = 32,
    COMPOSE_NETWORKS_MAX = 16,
    COMPOSE_VOLUMES_MAX = 32,
    COMPOSE_PORTS_MAX = 64, /* of one service */
    COMPOSE_PORT_RANGE_MAX = 16,
    COMPOSE_MOUNTS_MAX = 64, /* of one service */
    COMPOSE_ENV_FILE_MAX = 256 << 10,
    COMPOSE_TEXT_MAX = 64 << 10,   /* one value after interpolation */
    COMPOSE_ENV_FILES_MAX = 64,    /* of all services */
    COMPOSE_MEMORY_MAX = 32 << 20, /* everything a load may take */
    COMPOSE_RESTARTS_MAX = 3,
    COMPOSE_REPLICAS_MAX = 5, /* of one service; all count as services */
    COMPOSE_TEMPLATE_DEPTH_MAX = 16,
    COMPOSE_FILES_MAX = 32,          /* of one project, with what it extends and includes */
    COMPOSE_FILE_SERVICES_MAX = 256, /* of one file */
    COMPOSE_CHAIN_MAX = 16,          /* extends of extends, include of include */
};

struct Field;

/* Where a node of the tree comes from: every one has its file's. */
typedef struct Origin {
    const char *file;     /* for messages */
    const char *folder;   /* its relative paths start there; inside the challenge folder */
    const Map *variables; /* name -> const char *, what its text was interpolated with */
} Origin;

typedef struct Loader {
    Arena *arena, *scratch;
    const ComposeOptions *options;
    DiagList *diags;
    Plan *plan;
    const Origin *main;               /* the compose file itself */
    Map *maps[COMPOSE_FILES_MAX + 1]; /* every Origin's variables, freed with the loader */
    size_t n_maps, n_files, n_env_files;
    Map *trees;                  /* file + '\n' + folder -> YamlNode *, read once */
    Map *extended;               /* the same + '\n' + service -> YamlNode *, resolved once */
    bool tagged;                 /* `!reset` or `!override` was seen */
    const struct Field *root;    /* the whole project, interpolated and merged */
    const struct Field **fields; /* of plan->services, the same order */
    struct Field *mount_fields;  /* of the service's mounts, while they are read */
    bool too_large;
    Error io; /* the first I/O trouble, if any */
} Loader;

/* The same as compose_load() with the text at hand. */
MUST_USE int compose_load_text(const ComposeOptions *options, const char *text, size_t len,
                               Plan **ret_plan, DiagList *diags, Error *err);

/* Parts of a service; each reads its keys and fills its members. */
void load_service(Loader *l, const struct Field *f, PlanService *s);
void load_build(Loader *l, const struct Field *service, PlanService *s);
void load_command(Loader *l, const struct Field *service, PlanService *s);
void load_environment(Loader *l, const struct Field *service, PlanService *s);
void load_devices(Loader *l, const struct Field *service, PlanService *s);
void load_files(Loader *l, const struct Field *service, PlanService *s);
void load_healthcheck(Loader *l, const struct Field *service, PlanService *s);
void load_labels(Loader *l, const struct Field *f, PlanPair **ret, size_t *ret_n);
void load_limits(Loader *l, const struct Field *service, PlanService *s);
void load_mounts(Loader *l, const struct Field *service, PlanService *s);
void load_attachments(Loader *l, const struct Field *service, PlanService *s);
void load_ports(Loader *l, const struct Field *service, PlanService *s);
void load_security(Loader *l, const struct Field *service, PlanService *s);
void load_ulimits(Loader *l, const struct Field *service, PlanService *s);

/* `links` and the namespaces of other services, once all services are read. */
void load_peers(Loader *l, const struct Field *service, PlanService *s);

/* The top-level sections, checked before any service. */
void check_objects(Loader *l);
void check_networks(Loader *l);
void check_volumes(Loader *l);
/* Index in plan->networks (or volumes), added at first use. */
size_t use_network(Loader *l, const char *key);
void use_volume(Loader *l, const char *key);

/* A place to mount at: cleaned, absolute, none of the kernel's; NULL when reported. */
const char *mount_target(Loader *l, const struct Field *f, const char *text);
/* Is it `folder` or inside of it? */
bool path_is_below(const char *path, const char *folder);

/* Would a file put at `target` before the start be seen in it? Otherwise reports it. */
bool copy_is_visible(Loader *l, const struct Field *f, const PlanService *s, const char *target);

/*
 * Adds a dependency on the service `name`, unless there is one that asks for as much. False when
 * there is no such service (reported where it is required) or it is `s` itself.
 */
bool depend_on(Loader *l, const struct Field *f, PlanService *s, const char *name, PlanDependency d,
               size_t *ret);
/* Reads every depends_on and puts the services in start order; errors on cycles. */
void load_dependencies(Loader *l);

/*
 * A path the author wrote, as a clean relative path inside the challenge folder ("." for itself),
 * or NULL when reported: absolute, `~`, leaving by `..`. It starts at the folder of f's file. Does
 * not look at the disk; no symlink is ever followed, so `..` can be resolved in the text.
 */
const char *path_inside(Loader *l, const struct Field *f, const char *text);
/* The same from `folder`, which it may not leave; the result is relative to that folder. */
const char *path_below(Loader *l, const struct Field *f, const char *text);
/* `text` from `folder`, cleaned, in *b ("" for the top); NULL when it leaves. */
const char *path_join(const char *folder, const char *text, StrBuf *b);
/* The folder a clean path lies in: "a/b" -> "a", "b" -> ".". */
const char *path_folder(Arena *arena, const char *path);

typedef enum PathKind { PATH_FILE, PATH_FOLDER, PATH_EITHER } PathKind;
/* Is it there, of that kind, without crossing a symlink? Otherwise reports `code`. */
bool path_exists(Loader *l, const struct Field *f, const char *path, PathKind kind,
                 const char *code);
/* Opens and reads a file inside the folder. 0, 1 = absent, < 0 = reported. `f` may be NULL. */
int path_read(Loader *l, const struct Field *f, const char *path, size_t max, char **ret_text);
/* False, and reported once, when trees and plan have grown beyond COMPOSE_MEMORY_MAX. */
bool loader_has_room(Loader *l, const struct Field *f);
/* Keeps the first I/O trouble for compose_load() to return. */
void loader_io(Loader *l, const Error *err);
