/*
 * labels - what everything of ours carries on the engine: compose's labels, so that `docker compose
 * ls/ps/logs/down` see our projects, and the union of the whaley.* labels of all forerunners
 * (behaviour.md 4.5). whaley.prefix tells two Whaleys on one engine apart: each touches only its
 * own.
 */
#pragma once

#include "docker/containers.h"
#include "instance/state.h"

typedef struct Labels {
    EnginePair *items;
    size_t n, cap;
} Labels;

void labels_add(Labels *labels, Arena *arena, const char *key, const char *value);
/* instance_id NULL: a network of the pool. */
void labels_of_network(Labels *labels, Arena *arena, const Manager *m, const char *instance_id,
                       const char *key, const char *subnet);
void labels_of_volume(Labels *labels, Arena *arena, const Manager *m, const Instance *in,
                      const char *key);
void labels_of_container(Labels *labels, Arena *arena, const Manager *m, const Instance *in,
                         const Plan *plan, const PlanService *service);
void labels_of_image(Labels *labels, Arena *arena, const Manager *m, const Challenge *challenge,
                     const char *service);
/* "whaley.prefix=<prefix>": the filter for everything of ours. Arena text. */
const char *labels_filter(Arena *arena, const Manager *m);
