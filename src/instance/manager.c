#include "base/log.h"
#include "docker/storage.h"
#include "base/str.h"
#include "instance/expiry.h"
#include "instance/firewall.h"
#include "instance/images.h"
#include "instance/network_pool.h"
#include "instance/queue.h"
#include "instance/times.h"

#include <stdio.h>
#include <unistd.h>

enum { STACK_SIZE = 512 * 1024 };

/* ---- registry ---- */

void instance_free(Instance *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->n_ports; i++) {
        AUTO_FREE char *label = NULL;
        AUTO_FREE char *url = NULL;
        memcpy(&label, &in->ports[i].label, sizeof label); /* ours, const only for views */
        memcpy(&url, &in->ports[i].url, sizeof url);
    }
    for (size_t i = 0; i < in->n_networks; i++) {
        free(in->networks[i].name);
        free(in->networks[i].id);
    }
    for (size_t i = 0; i < in->n_containers; i++) {
        free(in->containers[i].service);
        free(in->containers[i].name);
        free(in->containers[i].id);
    }
    free(in->ports);
    free(in->containers);
    free(in->challenge_id);
    free(in->challenge_name);
    free(in->folder);
    free(in->revision);
    free(in->user_id);
    free(in->username);
    free(in->team_id);
    free(in->team_name);
    free(in->idempotency_key);
    free(in->error_message);
    vec_fini(&in->done);
    challenge_unref(in->challenge);
    instance_view_unref(in->view);
    free(in);
}

static char *idempotency_name(const Instance *in)
{
    return xasprintf("%s\n%s", in->owner_key, in->idempotency_key);
}

void registry_add_locked(Manager *m, Instance *in)
{
    InstanceList *list = map_get(m->owners, in->owner_key);

    (void)map_put(m->instances, in->id, in);
    if (!list) {
        list = xnew(InstanceList);
        (void)map_put(m->owners, in->owner_key, list);
    }
    vec_push(list, in);
    if (in->idempotency_key) {
        AUTO_FREE char *name = idempotency_name(in);
        (void)map_put(m->idempotency, name, in);
    }
}

void registry_drop_locked(Manager *m, Instance *in)
{
    InstanceList *list = map_get(m->owners, in->owner_key);

    (void)map_remove(m->instances, in->id);
    for (size_t i = 0; list && i < list->n; i++) {
        if (list->items[i] == in) {
            vec_remove(list, i);
            break;
        }
    }
    if (list && list->n == 0) {
        (void)map_remove(m->owners, in->owner_key);
        vec_fini(list);
        free(list);
    }
    if (in->idempotency_key) {
        AUTO_FREE char *name = idempotency_name(in);
        if (map_get(m->idempotency, name) == in)
            (void)map_remove(m->idempotency, name);
    }
    view_uncount_locked(m, in);
    instance_free(in);
}

Instance *registry_find_locked(Manager *m, const char *instance_id)
{
    return map_get(m->instances, instance_id);
}

InstanceList *registry_of_owner_locked(Manager *m, const char *key)
{
    return map_get(m->owners, key);
}

int64_t manager_timeout_s(Manager *m, const Challenge *challenge)
{
    return challenge->timeout_s > 0 ? challenge->timeout_s : m->parts.settings->instance_timeout;
}

size_t manager_limit(Manager *m, const Owner *owner)
{
    const Settings *s = m->parts.settings;

    return (size_t)(owner->kind == OWNER_TEAM ? s->max_instances_per_team
                                              : s->max_instances_per_user);
}

/* ---- making and ending ---- */

static int make_pools(Manager *m, Error *err)
{
    const Settings *s = m->parts.settings;
    const char *probe = engine_is_local(m->parts.engine) ? s->publish_address : NULL;

    m->ports = port_pool_new(m->parts.db, (uint16_t)s->port_range_start,
                             (uint16_t)s->port_range_end, probe);
    if (subnet_pool_new(&m->subnets, m->parts.db, s->network_subnet_base,
                        (unsigned)s->network_subnet_prefix, err) < 0)
        return -1;
    m->networks = network_pool_new(m);
    m->images = image_builder_new(m);
    m->firewall = firewall_new(m);
    return 0;
}

static int load_inactive(Manager *m, Error *err)
{
    ChallengeSettingsRows rows = { 0 };

    if (challenge_settings_all(m->parts.db, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++)
        if (!rows.items[i].is_active)
            (void)map_put(m->inactive, rows.items[i].challenge_id, m);
    challenge_settings_rows_fini(&rows);
    return 0;
}

int manager_new(Manager **ret, const ManagerParts *parts, ManagerObserver observer, Error *err)
{
    Manager *m = xnew(Manager);

    m->parts = *parts;
    m->observer = observer;
    m->prefix = xstrdup(parts->settings->network_prefix);
    (void)pthread_mutex_init(&m->journal, NULL);
    (void)pthread_mutex_init(&m->lock, NULL);
    lock_cond_init(&m->spawn_ready);
    lock_cond_init(&m->stop_ready);
    lock_cond_init(&m->idle);
    lock_cond_init(&m->timer_wake);
    lock_cond_init(&m->housekeeping_wake);
    m->instances = map_new();
    m->owners = map_new();
    m->idempotency = map_new();
    m->inactive = map_new();
    m->queue = spawn_queue_new();
    m->expiry = expiry_heap_new();
    m->times = spawn_times_new();
    m->engine_up = true;
    if (make_pools(m, err) < 0 || load_inactive(m, err) < 0) {
        manager_free(m);
        return -1;
    }
    *ret = m;
    return 0;
}

int manager_thread(Manager *m, void *(*run)(void *), Error *err)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&thread, &attr, run, m);
    (void)pthread_attr_destroy(&attr);
    if (rc != 0)
        return error_set(err, E_INTERNAL, "starting a thread: %s", strerror(rc));
    m->threads = xrealloc(m->threads, (m->n_threads + 1) * sizeof *m->threads);
    m->threads[m->n_threads++] = thread;
    return 0;
}

static long spawn_workers(const Manager *m)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (m->parts.settings->spawn_workers > 0)
        return (long)m->parts.settings->spawn_workers;
    return cores * 2 > 10 ? 10 : cores * 2 < 2 ? 2 : cores * 2;
}

/* Where the engine cannot limit disks, instances run without: whoever set it is told. */
static void ask_disk_limits(Manager *m)
{
    StorageInfo storage = { 0 };
    Error err = { 0 };

    if (m->parts.settings->instance_max_disk == 0)
        return;
    if (engine_storage(m->parts.engine, &storage, &err) < 0)
        log_warn("INSTANCE_MAX_DISK has no effect: %s", err.detail);
    else if (!storage.limits)
        log_warn("INSTANCE_MAX_DISK has no effect: the engine's storage (%s on %s) has no limits; "
                 "overlay2 on xfs with pquota, btrfs and zfs have",
                 storage.driver, storage.filesystem[0] ? storage.filesystem : "its filesystem");
    atomic_store(&m->disk_limits, storage.limits);
}

int manager_start(Manager *m, Error *err)
{
    long n_spawn = spawn_workers(m), n_stop = sysconf(_SC_NPROCESSORS_ONLN);

    if (port_pool_load(m->ports, err) < 0 || subnet_pool_load(m->subnets, err) < 0)
        return -1;
    survey_engine(m);
    ask_disk_limits(m);
    firewall_assert(m->firewall);
    if (recover(m, err) < 0)
        return error_wrap(err, "taking over what an earlier run left");
    manager_challenges_changed(m);
    for (long i = 0; i < n_spawn; i++)
        if (manager_thread(m, spawn_worker, err) < 0)
            return -1;
    for (long i = 0; i < (n_stop < 2 ? 2 : n_stop); i++)
        if (manager_thread(m, stop_worker, err) < 0)
            return -1;
    for (int64_t i = 0; i < m->parts.settings->build_workers; i++)
        if (manager_thread(m, image_worker, err) < 0)
            return -1;
    if (manager_thread(m, timer_thread, err) < 0 ||
        manager_thread(m, housekeeping_thread, err) < 0 ||
        manager_thread(m, engine_watcher, err) < 0 ||
        manager_thread(m, network_pool_thread, err) < 0)
        return -1;
    return 0;
}

/* Whom nobody will call any more: queued spawns go on after the restart, stops are to be repeated.
 */
static void call_left(Manager *m)
{
    VEC(DoneCalls) calls = { 0 };
    InstanceViews views = { 0 };
    size_t pos = 0;
    void *value;

    (void)pthread_mutex_lock(&m->lock);
    views.items = xcalloc(map_count(m->instances), sizeof *views.items);
    while (map_next(m->instances, &pos, NULL, &value)) {
        Instance *in = value;
        if (in->done.n == 0)
            continue;
        vec_push(&calls, in->done);
        in->done = (DoneCalls){ 0 };
        views.items[views.n++] = instance_refresh_locked(m, in);
    }
    (void)pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < calls.n; i++)
        done_call(&calls.items[i], views.items[i], "Whaley is restarting; try again in a moment");
    vec_fini(&calls);
    instance_views_fini(&views);
}

void manager_stop(Manager *m, Millis grace)
{
    Millis deadline = clock_mono_ms() + grace;

    (void)pthread_mutex_lock(&m->lock);
    m->closing = true;
    (void)pthread_cond_broadcast(&m->spawn_ready);
    while (m->n_threads > 0 && (m->n_spawning > 0 || m->n_stopping > 0 || m->stops.n > 0) &&
           lock_cond_wait_until(&m->idle, &m->lock, deadline) == 0)
        continue;
    /* What is still under way is given up; the journal lets the next start clean it. */
    if (m->n_spawning > 0)
        log_warn(
            "shutdown: %zu spawns were still under way after %lld ms; the next start cleans up",
            m->n_spawning, (long long)grace);
    size_t pos = 0;
    void *in;
    while (map_next(m->instances, &pos, NULL, &in))
        if (((Instance *)in)->status == INSTANCE_STARTING)
            atomic_store(&((Instance *)in)->cancel, true);
    atomic_store(&m->stop, true);
    (void)pthread_cond_broadcast(&m->spawn_ready);
    (void)pthread_cond_broadcast(&m->stop_ready);
    (void)pthread_cond_broadcast(&m->timer_wake);
    (void)pthread_cond_broadcast(&m->housekeeping_wake);
    (void)pthread_mutex_unlock(&m->lock);
    network_pool_wake(m->networks);
    image_builder_wake(m->images);
    for (size_t i = 0; i < m->n_threads; i++)
        (void)pthread_join(m->threads[i], NULL);
    m->n_threads = 0;
    if (map_count(m->instances) == 0) /* else they run on, and so do the rules about them */
        firewall_remove(m->firewall);
    call_left(m);
}

void manager_free(Manager *m)
{
    size_t pos = 0;
    void *value;

    if (!m)
        return;
    while (m->instances && map_next(m->instances, &pos, NULL, &value))
        instance_free(value);
    pos = 0;
    while (m->owners && map_next(m->owners, &pos, NULL, &value)) {
        vec_fini((InstanceList *)value);
        free(value);
    }
    map_free(m->instances);
    map_free(m->owners);
    map_free(m->idempotency);
    map_free(m->inactive);
    spawn_queue_free(m->queue);
    vec_fini(&m->parked);
    vec_fini(&m->stops);
    expiry_heap_free(m->expiry);
    spawn_times_free(m->times);
    firewall_free(m->firewall);
    image_builder_free(m->images);
    network_pool_free(m->networks);
    subnet_pool_free(m->subnets);
    port_pool_free(m->ports);
    free(m->threads);
    free(m->prefix);
    free(m);
}
