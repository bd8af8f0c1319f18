/*
 * stop - the end of an instance: by its owner, an admin, its expiry, a failure or a dead container.
 */
#include "base/log.h"
#include "docker/containers.h"
#include "docker/networks.h"
#include "instance/firewall.h"
#include "instance/network_pool.h"
#include "instance/queue.h"

#include <stdio.h>

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 30000 };

/* ---- teardown ---- */

typedef struct Removal {
    Manager *m;
    const char *instance_id;
    const ResourceRow *row;
    pthread_t thread;
    bool threaded;
    int rc;
    Error err;
} Removal;

static void *remove_container(void *arg)
{
    Removal *r = arg;
    const char *what = r->row->ref ? r->row->ref : r->row->name;

    r->rc = container_remove(r->m->parts.engine, what, &r->err);
    if (r->rc == 0)
        r->rc = resources_gone(r->m->parts.db, r->instance_id, "container", r->row->name, &r->err);
    else
        (void)error_wrap(&r->err, "removing %s", r->row->name);
    return NULL;
}

/* All containers of the instance at once: each waits for its own processes to die. */
static int remove_containers(Manager *m, const char *id, const ResourceRows *rows, Error *err)
{
    AUTO_FREE Removal *removals = xcalloc(rows->n, sizeof *removals);
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->items[i].kind, "container") == 0)
            removals[n++] = (Removal){ .m = m, .instance_id = id, .row = &rows->items[i] };
    for (size_t i = 1; i < n; i++)
        removals[i].threaded =
            pthread_create(&removals[i].thread, NULL, remove_container, &removals[i]) == 0;
    for (size_t i = 0; i < n; i++) {
        if (removals[i].threaded)
            (void)pthread_join(removals[i].thread, NULL);
        else
            (void)remove_container(&removals[i]);
        if (removals[i].rc < 0 && rc == 0) {
            rc = -1;
            if (err)
                *err = removals[i].err;
        }
    }
    return rc;
}

static int remove_volumes(Manager *m, const char *id, const ResourceRows *rows, Error *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (strcmp(rows->items[i].kind, "volume") != 0)
            continue;
        if (volume_remove(m->parts.engine, rows->items[i].name, err) < 0 ||
            resources_gone(m->parts.db, id, "volume", rows->items[i].name, err) < 0)
            return error_wrap(err, "removing volume %s", rows->items[i].name);
    }
    return 0;
}

static int give_networks_back(Manager *m, Instance *in, Error *err)
{
    while (in->n_networks > 0) {
        InstanceNetwork *network = &in->networks[in->n_networks - 1];
        firewall_drop_egress(m->firewall, network->subnet);
        if (network_return(m, network, err) < 0)
            return -1;
        LOCK_SCOPE(&m->lock);
        free(network->name);
        free(network->id);
        *network = (InstanceNetwork){ 0 };
        in->n_networks--;
    }
    return 0;
}

int teardown(Manager *m, Instance *in, Error *err)
{
    AUTO_RESOURCE_ROWS ResourceRows rows = { 0 };

    if (resources_of(m->parts.db, in->id, &rows, err) < 0 ||
        remove_containers(m, in->id, &rows, err) < 0 || remove_volumes(m, in->id, &rows, err) < 0 ||
        give_networks_back(m, in, err) < 0)
        return -1;
    return port_pool_release(m->ports, in->id, err);
}

/* ---- ends ---- */

void done_call(DoneCalls *calls, InstanceView *view, const char *failure)
{
    for (size_t i = 0; i < calls->n; i++) {
        if (calls->items[i].stop)
            calls->items[i].stop(calls->items[i].ctx, failure);
        else
            calls->items[i].spawn(calls->items[i].ctx, view);
    }
    vec_fini(calls);
}

void stop_finish(Manager *m, Instance *in)
{
    AUTO_VIEW InstanceView *view = NULL;
    DoneCalls done;
    StopReason reason;
    Error err = { 0 };

    if (instances_delete(m->parts.db, in->id, &err) < 0)
        log_error("instance=%s is gone, but its row is not: %s (the next start closes it)", in->id,
                  err.detail);
    (void)pthread_mutex_lock(&m->lock);
    in->status = INSTANCE_STOPPED;
    instance_set_phase_locked(in, PHASE_STOPPED, "");
    done = in->done;
    in->done = (DoneCalls){ 0 };
    reason = in->has_stop_reason ? in->stop_reason : STOP_ERROR;
    view = instance_refresh_locked(m, in);
    registry_drop_locked(m, in);
    (void)pthread_cond_broadcast(&m->idle);
    (void)pthread_mutex_unlock(&m->lock);
    log_info("instance=%s gone (%s)", view->instance_id, stop_reason_name(reason));
    manager_notify(m, view, CHANGE_GONE, reason);
    done_call(&done, view, NULL);
}

void stop_keep_error(Manager *m, Instance *in, Millis keep_ms)
{
    Error err = { 0 };

    if (in->retry_stop_at == 0 && instances_delete(m->parts.db, in->id, &err) < 0)
        log_error("instance=%s row could not be deleted: %s", in->id, err.detail);
    LOCK_SCOPE(&m->lock);
    in->dismissed = in->retry_stop_at == 0;
    in->forget_at = clock_mono_ms() + keep_ms;
    in->worker = false;
}

/* ---- decisions ---- */

void stop_enqueue_locked(Manager *m, Instance *in)
{
    in->retry_stop_at = 0;
    vec_push(&m->stops, in);
    (void)pthread_cond_signal(&m->stop_ready);
}

static void unpark_locked(Manager *m, Instance *in)
{
    for (size_t i = 0; i < m->parked.n; i++) {
        if (m->parked.items[i] == in) {
            vec_remove(&m->parked, i);
            return;
        }
    }
}

void stop_begin_locked(Manager *m, Instance *in, StopReason reason)
{
    in->status = INSTANCE_STOPPING;
    in->has_stop_reason = true;
    in->stop_reason = reason;
    instance_set_phase_locked(in, PHASE_STOPPING, "");
    if (in->worker) {
        atomic_store(&in->cancel, true); /* its worker sees it and cleans up */
        return;
    }
    (void)spawn_queue_remove(m->queue, in);
    unpark_locked(m, in);
    m->queue_moved = true;
    stop_enqueue_locked(m, in);
}

/* An error entry of which nothing exists any more is only forgotten. */
static int dismiss(Manager *m, Instance *in, StopDone done, void *ctx)
{
    AUTO_VIEW InstanceView *view = instance_refresh_locked(m, in);

    registry_drop_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    manager_notify(m, view, CHANGE_GONE, STOP_USER);
    if (done)
        done(ctx, NULL);
    return 0;
}

static int check_stop_locked(const Manager *m, const Instance *in, const Owner *asker, Error *err)
{
    if (atomic_load(&m->stop))
        return error_set(err, E_UNAVAILABLE, "Whaley is restarting; try again in a moment");
    if (!in)
        return error_set(err, E_NOT_FOUND, "There is no instance with this id");
    if (asker && !owner_equal(&in->owner, asker))
        return error_set(err, E_NOT_OWNER, "This instance is not %s",
                         asker->kind == OWNER_TEAM ? "your team's" : "yours");
    if (in->status == INSTANCE_STOPPING || in->status == INSTANCE_STOPPED ||
        (in->status == INSTANCE_ERROR && !in->dismissed))
        return error_set(err, E_ALREADY_STOPPING, "The instance is already being stopped");
    return 0;
}

int manager_stop_instance(Manager *m, const char *instance_id, const Owner *asker,
                          StopReason reason, StopDone done, void *ctx, Error *err)
{
    AUTO_VIEW InstanceView *view = NULL;
    Instance *in;

    (void)pthread_mutex_lock(&m->lock);
    in = registry_find_locked(m, instance_id);
    if (check_stop_locked(m, in, asker, err) < 0) {
        (void)pthread_mutex_unlock(&m->lock);
        return -1;
    }
    if (in->status == INSTANCE_ERROR)
        return dismiss(m, in, done, ctx);
    if (done)
        vec_push(&in->done, (DoneCall){ .stop = done, .ctx = ctx });
    if (in->status == INSTANCE_STARTING && reason == STOP_USER)
        reason = STOP_CANCELLED;
    stop_begin_locked(m, in, reason);
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    manager_notify(m, view, CHANGE_UPDATED, reason);
    return 0;
}

/* ---- workers ---- */

static void retry_later(Manager *m, Instance *in, const Error *why)
{
    AUTO_VIEW InstanceView *view = NULL;
    DoneCalls done;

    Millis wait = (Millis)RETRY_FIRST_MS << (in->n_retries < 5 ? in->n_retries : 5);

    if (wait > RETRY_MAX_MS)
        wait = RETRY_MAX_MS;
    log_error("instance=%s could not be removed, will be tried again in %lld s: %s", in->id,
              (long long)wait / 1000, why->detail);
    (void)pthread_mutex_lock(&m->lock);
    in->n_retries++;
    in->retry_stop_at = clock_mono_ms() + wait;
    in->worker = false;
    done = in->done;
    in->done = (DoneCalls){ 0 };
    if (in->status == INSTANCE_STOPPING)
        instance_set_phase_locked(in, PHASE_STOPPING,
                                  "the engine does not let go yet; trying again");
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    manager_notify(m, view, CHANGE_UPDATED, STOP_ERROR);
    done_call(&done, view, why->detail);
}

static void stop_one(Manager *m, Instance *in)
{
    Error err = { 0 };
    AUTO_VIEW InstanceView *view = NULL;
    DoneCalls done = { 0 };
    bool was_error;
    Millis left;

    /* What cannot be written down is removed all the same: a start finds the containers gone. */
    if (record_save(m, in, &err) < 0)
        log_warn("instance=%s is removed without a note of it: %s", in->id, err.detail);
    if (teardown(m, in, &err) < 0) {
        retry_later(m, in, &err);
        return;
    }
    (void)pthread_mutex_lock(&m->lock);
    was_error = in->status == INSTANCE_ERROR;
    left = (in->expires_at - clock_wall_us()) / 1000;
    if (was_error) {
        done = in->done;
        in->done = (DoneCalls){ 0 };
    }
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    if (!was_error) {
        stop_finish(m, in);
        return;
    }
    /* Visible with its cause until its time would have been over. */
    stop_keep_error(m, in, left > FAILED_KEEP_MS ? left : FAILED_KEEP_MS);
    done_call(&done, view, NULL);
}

void *stop_worker(void *manager)
{
    Manager *m = manager;

    for (;;) {
        Instance *in;

        (void)pthread_mutex_lock(&m->lock);
        while (m->stops.n == 0 && !atomic_load(&m->stop))
            (void)pthread_cond_wait(&m->stop_ready, &m->lock);
        if (atomic_load(&m->stop)) {
            (void)pthread_mutex_unlock(&m->lock);
            return NULL;
        }
        in = m->stops.items[0];
        vec_remove(&m->stops, 0);
        in->worker = true;
        m->n_stopping++;
        while (in->holds > 0) /* an extension is being written */
            (void)pthread_cond_wait(&m->idle, &m->lock);
        (void)pthread_mutex_unlock(&m->lock);
        stop_one(m, in);
        (void)pthread_mutex_lock(&m->lock);
        m->n_stopping--;
        (void)pthread_cond_broadcast(&m->idle);
        (void)pthread_mutex_unlock(&m->lock);
    }
}
