/*
 * project - a Plan and an instance's leases into containers on the engine.
 *
 * Hardening is an allow-list (decisions B3, docker.md 11): all capabilities dropped but a short
 * list, no-new-privileges unless the challenge says allow_setuid, memory without swap, CPU, process
 * and log caps on every container, no host paths, no host namespaces, no labels of others.
 *
 * Threads    one worker per instance.
 */
#pragma once

#include "docker/containers.h"
#include "instance/state.h"

typedef struct Project {
    Manager *m;
    Instance *instance;
    const Challenge *challenge; /* with a plan */
    Arena *arena;
    uint64_t started_services; /* bit per service of the plan */
    Millis deadline;           /* monotonic, for the whole spawn */
} Project;

/* Fills instance->containers (names only): what will be made. Lock not held. */
void project_declare(Project *project);
/* Creates volumes and every container, journalling each. */
MUST_USE int project_create(Project *project, Error *err);
/* Starts in dependency order, in parallel within a level. E_PORT_TAKEN asks for other ports. */
MUST_USE int project_start(Project *project, Error *err);
/* Has this vital container ended for good, and not as one that may end does? */
bool project_is_dead(const ContainerState *state, bool may_end);
/* < 0 (E_CONTAINER_DIED with its last lines) when a vital container is dead. */
MUST_USE int project_check_alive(Project *project, Error *err);
/* Appends ": last lines: ..." of a container's log to err->detail, cleaned. */
void project_last_words(Manager *m, const char *container_id, Error *err);
/* E_CANCELLED or E_TIMEOUT when the spawn should not go on. */
MUST_USE int project_checkpoint(const Project *project, Error *err);
