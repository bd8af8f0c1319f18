/*
 * recover - the first thing after a start: the journal and the engine are laid side by side.
 *
 *   row says      and the engine                     then
 *   running       has its vital containers running   adopted: ports, network, expiry as before
 *   running       lacks one                          shown as an error, removed
 *   starting      still queued, nothing made         queued again
 *   starting      something made                     removed
 *   stopping,     -                                  removed
 *   error
 *
 * Then what carries our labels and belongs to no row is swept. With STARTUP_POLICY=clean every row
 * is removed. Removal goes through the ordinary stop workers, so that a start is not held up.
 */
#include "base/log.h"
#include "base/str.h"
#include "docker/containers.h"
#include "docker/networks.h"
#include "instance/firewall.h"
#include "instance/labels.h"
#include "instance/network_pool.h"
#include "instance/queue.h"

#include <stdio.h>

typedef struct Found {
    ContainerRows containers;
    NetworkRows networks;
    SubnetLeaseRows subnets;
} Found;

static const char *container_status(const Found *found, const char *id)
{
    for (size_t i = 0; id && i < found->containers.n; i++)
        if (strcmp(found->containers.items[i].id, id) == 0)
            return found->containers.items[i].status;
    return "gone";
}

/*
 * First vital container that does not run, or NULL. One that may end and did is looked at more
 * closely once the engine's events are watched.
 */
static const InstanceContainer *missing(const Instance *in, const Found *found)
{
    static const char *const alive[] = { "running", "restarting", "paused" };

    for (size_t i = 0; i < in->n_containers; i++) {
        const InstanceContainer *c = &in->containers[i];
        const char *status = container_status(found, c->id);
        bool ended = c->may_end && strcmp(status, "exited") == 0;
        if (c->vital && !ended && !str_in(status, alive, ARRAY_LEN(alive)))
            return c;
    }
    return NULL;
}

static bool nothing_made(Manager *m, const Instance *in)
{
    AUTO_RESOURCE_ROWS ResourceRows rows = { 0 };

    return (in->phase == PHASE_QUEUED || in->phase == PHASE_BUILDING) && in->n_networks == 0 &&
           resources_of(m->parts.db, in->id, &rows, NULL) == 0 && rows.n == 0;
}

/* Networks that were leased to it but are not in its record: killed between the two. */
static void add_leased_networks(Instance *in, const Found *found)
{
    for (size_t i = 0; i < found->subnets.n; i++) {
        const SubnetLeaseRow *lease = &found->subnets.items[i];
        bool known = false;
        for (size_t k = 0; k < in->n_networks; k++)
            known = known || strcmp(in->networks[k].subnet, lease->subnet) == 0;
        if (known || strcmp(lease->holder, in->id) != 0 || in->n_networks == NETWORKS_MAX)
            continue;
        InstanceNetwork *network = &in->networks[in->n_networks++];
        network->name = xstrdup(lease->network_name);
        network->id = xstrdup_or_null(lease->network_id);
        (void)snprintf(network->subnet, sizeof network->subnet, "%s", lease->subnet);
    }
}

/*
 * Networks in its record that the leases say are somebody else's by now: it was killed after it had
 * given them back. Without this, two instances would come to share one.
 */
static void drop_lost_networks(Instance *in, const Found *found)
{
    for (size_t k = in->n_networks; k-- > 0;) {
        InstanceNetwork *network = &in->networks[k];
        const char *holder = NULL;
        for (size_t i = 0; i < found->subnets.n && !holder; i++)
            if (strcmp(found->subnets.items[i].subnet, network->subnet) == 0)
                holder = found->subnets.items[i].holder;
        if (holder ? strcmp(holder, in->id) == 0 : in->status == INSTANCE_RUNNING)
            continue;
        free(network->name);
        free(network->id);
        memmove(network, network + 1, (in->n_networks - k - 1) * sizeof *network);
        in->networks[--in->n_networks] = (InstanceNetwork){ 0 };
    }
}

static void adopt_locked(Manager *m, Instance *in)
{
    in->status = INSTANCE_RUNNING;
    in->phase = PHASE_RUNNING;
    in->phase_started_at = in->created_at;
    expiry_watch_locked(m, in);
}

static void requeue_locked(Manager *m, Instance *in)
{
    in->status = INSTANCE_STARTING;
    instance_set_phase_locked(in, PHASE_QUEUED, "");
    spawn_queue_push(m->queue, in);
    m->queue_moved = true;
}

static void close_locked(Manager *m, Instance *in, const InstanceContainer *lost)
{
    if (lost) {
        in->status = INSTANCE_ERROR;
        in->error_code = E_CONTAINER_DIED;
        in->error_at = clock_wall_us();
        free(in->error_message);
        in->error_message = xasprintf("%s stopped while Whaley was away", lost->service);
        instance_set_phase_locked(in, PHASE_ERROR, "");
    } else {
        in->status = INSTANCE_STOPPING;
        instance_set_phase_locked(in, PHASE_STOPPING, "");
    }
    if (!in->has_stop_reason) {
        in->has_stop_reason = true;
        in->stop_reason = STOP_ERROR;
    }
    stop_enqueue_locked(m, in);
}

static const char *settle(Manager *m, Instance *in, const Found *found)
{
    bool clean = strcmp(m->parts.settings->startup_policy, "clean") == 0;
    const InstanceContainer *lost = NULL;
    bool queued, running = in->status == INSTANCE_RUNNING;
    Error ignored = { 0 };

    drop_lost_networks(in, found);
    add_leased_networks(in, found);
    queued = in->status == INSTANCE_STARTING && nothing_made(m, in) && in->challenge != NULL;
    if (queued) /* it will lease anew; should this fail, they go when it does */
        BEST_EFFORT(port_pool_release(m->ports, in->id, &ignored));
    if (running)
        lost = missing(in, found);
    for (size_t i = 0; i < in->n_networks && running && !lost && !clean; i++)
        if (in->networks[i].egress)
            firewall_add_egress(m->firewall, in->networks[i].subnet);
    LOCK_SCOPE(&m->lock);
    registry_add_locked(m, in);
    if (running && !lost && !clean)
        adopt_locked(m, in);
    else if (queued && !clean)
        requeue_locked(m, in);
    else
        close_locked(m, in, clean ? NULL : lost);
    instance_view_unref(instance_refresh_locked(m, in));
    return in->status == INSTANCE_RUNNING    ? "adopted"
           : in->status == INSTANCE_STARTING ? "queued again"
                                             : "being removed";
}

static bool is_known(Manager *m, const char *instance_id)
{
    LOCK_SCOPE(&m->lock);
    return registry_find_locked(m, instance_id) != NULL;
}

/*
 * Empty networks of the pool: taken back, or their leases dropped. One that the engine does not let
 * go of (somebody is on it) must not keep us from starting: the background goes on trying.
 */
static int settle_pool(Manager *m, const Found *found, Error *err)
{
    for (size_t i = 0; i < found->subnets.n; i++) {
        const SubnetLeaseRow *lease = &found->subnets.items[i];
        const NetworkRow *row = NULL;
        bool pool = strcmp(lease->holder, "pool") == 0;
        for (size_t k = 0; k < found->networks.n && !row; k++)
            if (strcmp(found->networks.items[k].name, lease->network_name) == 0)
                row = &found->networks.items[k];
        if (pool && row && str_eq(row->subnet, lease->subnet)) {
            network_pool_adopt(m, row->name, row->id, lease->subnet);
        } else if (pool || !is_known(m, lease->holder)) {
            if (row)
                network_pool_discard_later(m, row->name, row->id, lease->subnet);
            else if (subnet_pool_release(m->subnets, lease->subnet, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* Port leases of instances that no row knows. */
static int settle_ports(Manager *m, Error *err)
{
    PortLeaseRows leases = { 0 };
    int rc = port_leases_all(m->parts.db, &leases, err);

    for (size_t i = 0; i < leases.n && rc == 0; i++)
        if (!is_known(m, leases.items[i].instance_id))
            rc = port_pool_release(m->ports, leases.items[i].instance_id, err);
    port_lease_rows_fini(&leases);
    return rc;
}

static int find_all(Manager *m, Found *found, Error *err)
{
    AUTO_ARENA Arena *arena = arena_new();
    const char *filter = labels_filter(arena, m);

    if (container_list(m->parts.engine, filter, &found->containers, err) < 0 ||
        network_list(m->parts.engine, filter, &found->networks, err) < 0)
        return error_wrap(err, "asking the engine");
    return subnet_leases_all(m->parts.db, &found->subnets, err);
}

static void found_fini(Found *found)
{
    container_rows_fini(&found->containers);
    network_rows_fini(&found->networks);
    subnet_lease_rows_fini(&found->subnets);
}

int recover(Manager *m, Error *err)
{
    AUTO_INSTANCE_ROWS InstanceRows rows = { 0 };
    Found found = { 0 };
    Error left = { 0 };
    size_t n_adopted = 0;
    int rc = find_all(m, &found, err);

    if (rc == 0)
        rc = instances_all(m->parts.db, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.n; i++) {
        Instance *in = record_restore(m, &rows.items[i]);
        const char *what = settle(m, in, &found);
        log_info("instance=%s (%s/%s) %s", rows.items[i].instance_id, rows.items[i].status,
                 rows.items[i].phase ? rows.items[i].phase : "", what);
        n_adopted += strcmp(what, "adopted") == 0;
    }
    if (rc == 0)
        rc = settle_pool(m, &found, err);
    if (rc == 0)
        rc = settle_ports(m, err);
    if (rc == 0 && sweep(m, 0, &left) < 0)
        log_warn("leftovers: %s; they are looked for again later", left.detail);
    if (rc == 0 && rows.n > 0)
        log_info("recovered %zu instances, %zu of them running", rows.n, n_adopted);
    found_fini(&found);
    return rc;
}
