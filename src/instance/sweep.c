/*
 * sweep - leftovers that no journal row knows: only what carries our labels (whaley.prefix equal to
 * ours), and only older than the window.
 *
 * What cannot be removed is logged and left to the next sweep: one busy container must keep neither
 * the others nor a start.
 */
#include "base/log.h"
#include "base/str.h"
#include "docker/containers.h"
#include "docker/images.h"
#include "docker/networks.h"
#include "instance/images.h"
#include "instance/labels.h"
#include "instance/network_pool.h"

static bool is_known(Manager *m, const char *instance_id)
{
    LOCK_SCOPE(&m->lock);
    return registry_find_locked(m, instance_id) != NULL;
}

static void stays(const char *kind, const char *name, const Error *why)
{
    log_warn("sweep: %s %s stays for now: %s", kind, name, why->detail);
}

static bool is_old(int64_t created_s, Millis window)
{
    return clock_wall_ms() - created_s * 1000 >= window;
}

static int sweep_containers(Manager *m, const char *filter, Millis window, Error *err)
{
    AUTO_CONTAINER_ROWS ContainerRows rows = { 0 };

    if (container_list(m->parts.engine, filter, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++) {
        const ContainerRow *row = &rows.items[i];
        Error why = { 0 };
        if (is_known(m, row->instance_id) || !is_old(row->created_s, window))
            continue;
        log_warn("sweep: container %s belongs to no instance; removing it", row->name);
        if (container_remove(m->parts.engine, row->id, &why) < 0)
            stays("container", row->name, &why);
    }
    return 0;
}

/* Is there a lease that names this network? Then somebody (pool or instance) answers for it. */
static bool is_leased(const SubnetLeaseRows *leases, const char *name)
{
    for (size_t i = 0; i < leases->n; i++)
        if (strcmp(leases->items[i].network_name, name) == 0)
            return true;
    return false;
}

static int sweep_networks(Manager *m, const char *filter, Millis window, Error *err)
{
    AUTO_NETWORK_ROWS NetworkRows rows = { 0 };
    SubnetLeaseRows leases = { 0 };

    /* In this order: a network made in between has its lease already. */
    if (network_list(m->parts.engine, filter, &rows, err) < 0 ||
        subnet_leases_all(m->parts.db, &leases, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++) {
        Error why = { 0 };
        if (is_leased(&leases, rows.items[i].name) || !is_old(rows.items[i].created_s, window))
            continue;
        log_warn("sweep: network %s belongs to nobody; removing it", rows.items[i].name);
        if (network_remove(m->parts.engine, rows.items[i].id, &why) < 0)
            stays("network", rows.items[i].name, &why);
    }
    subnet_lease_rows_fini(&leases);
    return 0;
}

static int sweep_volumes(Manager *m, const char *filter, Error *err)
{
    AUTO_VOLUME_ROWS VolumeRows rows = { 0 };

    if (volume_list(m->parts.engine, filter, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++) {
        Error why = { 0 };
        if (is_known(m, rows.items[i].instance_id))
            continue;
        log_warn("sweep: volume %s belongs to no instance; removing it", rows.items[i].name);
        if (volume_remove(m->parts.engine, rows.items[i].name, &why) < 0)
            stays("volume", rows.items[i].name, &why);
    }
    return 0;
}

/* Images of revisions that are no longer in the catalogue. In use: the engine refuses, later again.
 */
static int sweep_images(Manager *m, const char *filter, Millis window, Error *err)
{
    ImageRows rows = { 0 };

    if (image_list(m->parts.engine, filter, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++) {
        Error in_use = { 0 };
        if (!str_starts(rows.items[i].tag, "whaley/") ||
            image_builder_uses(m->images, rows.items[i].id) ||
            !is_old(rows.items[i].created_s, window))
            continue;
        log_info("sweep: image %s is of no current revision; removing it", rows.items[i].tag);
        if (image_remove(m->parts.engine, rows.items[i].tag, &in_use) < 0)
            log_debug("sweep: %s", in_use.detail);
    }
    image_rows_fini(&rows);
    return 0;
}

int sweep(Manager *m, Millis window, Error *err)
{
    AUTO_ARENA Arena *arena = arena_new();
    const char *filter = labels_filter(arena, m);

    if (sweep_containers(m, filter, window, err) < 0 ||
        sweep_networks(m, filter, window, err) < 0 || sweep_volumes(m, filter, err) < 0)
        return -1;
    /* Right after a start nothing is known of the images yet. */
    return window > 0 ? sweep_images(m, filter, window, err) : 0;
}

void survey_engine(Manager *m)
{
    AUTO_NETWORK_ROWS NetworkRows networks = { 0 };
    AUTO_FREE uint16_t *ports = NULL;
    size_t n = 0;
    Error err = { 0 };

    if (container_published_ports(m->parts.engine, &ports, &n, &err) == 0)
        port_pool_set_foreign(m->ports, ports, n);
    if (network_list(m->parts.engine, NULL, &networks, &err) == 0) {
        subnet_pool_forget_foreign(m->subnets);
        for (size_t i = 0; i < networks.n; i++) /* ours are leased; another Whaley's are foreign */
            if (!subnet_pool_is_leased(m->subnets, networks.items[i].subnet))
                subnet_pool_mark_foreign(m->subnets, networks.items[i].subnet);
    }
    if (engine_is_local(m->parts.engine))
        subnet_pool_mark_routes(m->subnets);
}
