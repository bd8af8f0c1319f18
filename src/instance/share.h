/*
 * share - what one container may have of what its instance may have. Pure.
 *
 * Each service has a cap of its own: what the compose file asks for, at most CONTAINER_MAX_*. Where
 * those of all containers exceed INSTANCE_MAX_* together, one ceiling is put on all of them, as
 * high as it can be: what asks for little keeps it, what asks for most gives first.
 *
 * Units      bytes, billionths of a CPU.
 */
#pragma once

#include "compose/plan.h"
#include "settings/settings.h"

typedef struct Share {
    int64_t memory_bytes, nano_cpus, pids;
    int64_t disk_bytes; /* 0 = no limit */
} Share;

Share share_of(const Settings *settings, const Plan *plan, size_t service_index);
/* The highest ceiling with which `n` > 0 amounts, none below 0, add up to `cap` at most. */
int64_t share_ceiling(const int64_t *amounts, size_t n, int64_t cap);
