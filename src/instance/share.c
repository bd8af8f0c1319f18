#include "instance/share.h"
#include "base/alloc.h"

#include <stdlib.h>

static const double nano = 1e9;

int64_t share_ceiling(const int64_t *amounts, size_t n, int64_t cap)
{
    for (int64_t ceiling = cap / (int64_t)n;;) {
        int64_t kept = 0, n_above = 0, next;
        for (size_t i = 0; i < n; i++) {
            kept += amounts[i] <= ceiling ? amounts[i] : 0;
            n_above += amounts[i] > ceiling;
        }
        if (n_above == 0)
            return INT64_MAX;
        next = (cap - kept) / n_above; /* never lower: what was kept is below the ceiling */
        if (next <= ceiling)
            return ceiling;
        ceiling = next;
    }
}

static int64_t capped(int64_t wanted, int64_t cap)
{
    return wanted > 0 && wanted < cap ? wanted : cap;
}

static int64_t share(const int64_t *amounts, size_t n, size_t index, int64_t cap)
{
    return cap > 0 ? capped(share_ceiling(amounts, n, cap), amounts[index]) : amounts[index];
}

Share share_of(const Settings *s, const Plan *plan, size_t index)
{
    size_t n = plan->n_services;
    AUTO_FREE int64_t *memory = xcalloc(n, sizeof *memory), *cpus = xcalloc(n, sizeof *cpus);
    AUTO_FREE int64_t *pids = xcalloc(n, sizeof *pids);

    for (size_t i = 0; i < n; i++) {
        const PlanService *service = &plan->services[i];
        memory[i] = capped(service->memory_bytes, s->container_max_memory);
        cpus[i] = capped(service->nano_cpus, (int64_t)(s->container_max_cpu * nano));
        pids[i] = capped(service->pids_limit, s->container_pids_limit);
    }
    return (Share){
        .memory_bytes = share(memory, n, index, s->instance_max_memory),
        .nano_cpus = share(cpus, n, index, (int64_t)(s->instance_max_cpu * nano)),
        .pids = share(pids, n, index, s->instance_max_pids),
        .disk_bytes = s->instance_max_disk / (int64_t)n,
    };
}
