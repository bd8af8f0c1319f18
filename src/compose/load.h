/*
 * load - a challenge's compose file into a Plan, or diagnostics that say why not.
 *
 * The path is that of compose-go: YAML, interpolation (values only), `extends`, `include` and their
 * merging, then allow-list and shape check of the result, canonical long forms, defaults,
 * consistency: what is checked is what is run, however it was spelled. Keys we do not support are
 * refused with their reason; unknown keys are errors with the nearest known name. Rules and their
 * sources: docs/compose.md.
 *
 * The only variables are those of `.env` in the challenge folder and the instance's own (kept as
 * markers): INSTANCE_ID, COMPOSE_PROJECT_NAME, DOCKER_NETWORK, FLAG, DYNAMIC_FLAG, PORT_<n>. The
 * server's environment is never visible.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "compose/model.h"
#include "compose/plan.h"

/* What the organiser grants beyond the allow-list (instance.toml); the file still has to ask. */
typedef struct ComposeAllow {
    const char *const *capabilities; /* "SYS_PTRACE" */
    size_t n_capabilities;
    const char *const *devices; /* "/dev/net/tun" */
    size_t n_devices;
} ComposeAllow;

/* Those that may be granted at all: not what owns the host outright. */
bool compose_grantable_capability(const char *name);
bool compose_grantable_device(const char *path);

typedef struct ComposeOptions {
    int dir_fd;                  /* the challenge folder, borrowed */
    const char *file;            /* compose file's name in it */
    const char *const *profiles; /* active ones; "*" is all of them */
    size_t n_profiles;
    ComposeAllow allow;
    bool remote_add;           /* Dockerfiles may ADD from elsewhere and bring a frontend */
    const PlanPair *variables; /* set above `.env` and the instance's own; for looking only */
    size_t n_variables;
    const ComposeModel *model; /* also wanted in canonical form, or NULL */
} ComposeOptions;

/*
 * Returns 0 with a plan, or 1 (COMPOSE_REFUSED) when diagnostics hold at least one error; < 0 only
 * for I/O trouble. Warnings and notes may be added in any case.
 */
enum { COMPOSE_REFUSED = 1 };
MUST_USE int compose_load(const ComposeOptions *options, Plan **ret_plan, DiagList *diags,
                          Error *err);
