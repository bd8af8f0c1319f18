/* queries - what others ask the manager, and extending. */
#include "base/str.h"
#include "instance/expiry.h"
#include "instance/firewall.h"
#include "instance/images.h"
#include "instance/network_pool.h"
#include "instance/queue.h"
#include "instance/times.h"

#include <stdio.h>

InstanceView *manager_find(Manager *m, const char *instance_id)
{
    LOCK_SCOPE(&m->lock);
    Instance *in = registry_find_locked(m, instance_id);

    return in && in->view ? instance_view_ref(in->view) : NULL;
}

static int oldest_first(const void *a, const void *b)
{
    InstanceView *const *x = a, *const *y = b;

    return ((*x)->created_at > (*y)->created_at) - ((*x)->created_at < (*y)->created_at);
}

static void add_view(InstanceViews *views, const Instance *in)
{
    if (in->view)
        views->items[views->n++] = instance_view_ref(in->view);
}

void manager_list(Manager *m, const Owner *owner, InstanceViews *ret)
{
    char key[OWNER_KEY_SIZE];

    (void)pthread_mutex_lock(&m->lock);
    if (owner) {
        const InstanceList *list = registry_of_owner_locked(m, owner_key(owner, key));
        ret->items = xcalloc(list ? list->n : 0, sizeof *ret->items);
        for (size_t i = 0; list && i < list->n; i++)
            add_view(ret, list->items[i]);
    } else {
        size_t pos = 0;
        void *in;
        ret->items = xcalloc(map_count(m->instances), sizeof *ret->items);
        while (map_next(m->instances, &pos, NULL, &in))
            add_view(ret, in);
    }
    (void)pthread_mutex_unlock(&m->lock);
    qsort(ret->items, ret->n, sizeof *ret->items, oldest_first);
}

void manager_stats(Manager *m, ManagerStats *ret)
{
    *ret = (ManagerStats){ 0 };
    (void)pthread_mutex_lock(&m->lock);
    ret->instances = map_count(m->instances);
    ret->queued = spawn_queue_count(m->queue);
    ret->engine_up = m->engine_up;
    memcpy(ret->engine_detail, m->engine_detail, sizeof ret->engine_detail);
    ret->running = m->n_in_status[INSTANCE_RUNNING];
    ret->starting = m->n_in_status[INSTANCE_STARTING];
    ret->stopping = m->n_in_status[INSTANCE_STOPPING];
    ret->errors = m->n_in_status[INSTANCE_ERROR];
    (void)pthread_mutex_unlock(&m->lock);
    ret->ports_allocated = port_pool_leased(m->ports);
    ret->ports_available = port_pool_size(m->ports) - ret->ports_allocated;
    ret->subnets_leased = subnet_pool_leased(m->subnets);
    ret->subnets_total = subnet_pool_size(m->subnets);
    ret->pooled_networks = network_pool_ready(m->networks);
    ret->firewall_up =
        firewall_state(m->firewall, ret->firewall_detail, sizeof ret->firewall_detail);
}

void manager_quota(Manager *m, const Owner *owner, size_t *ret_used, size_t *ret_max)
{
    char key[OWNER_KEY_SIZE];

    LOCK_SCOPE(&m->lock);
    const InstanceList *list = registry_of_owner_locked(m, owner_key(owner, key));

    *ret_used = 0;
    for (size_t i = 0; list && i < list->n; i++)
        *ret_used += list->items[i]->status == INSTANCE_STARTING ||
                     list->items[i]->status == INSTANCE_RUNNING;
    *ret_max = manager_limit(m, owner);
}

void manager_challenge(Manager *m, const char *challenge_id, ChallengeReadiness *ret)
{
    AUTO_CHALLENGE Challenge *challenge = catalogue_find(m->parts.catalogue, challenge_id);

    *ret = (ChallengeReadiness){ 0 };
    (void)pthread_mutex_lock(&m->lock);
    ret->active = challenge && !map_get(m->inactive, challenge_id);
    ret->eta_s = (spawn_times_median(m->times, challenge_id) + 999) / 1000;
    (void)pthread_mutex_unlock(&m->lock);
    if (challenge && !challenge->broken)
        ret->image = image_builder_state(m->images, challenge_id, challenge->revision, ret->detail,
                                         sizeof ret->detail);
}

/*
 * Spawns parked for a revision that nobody builds any more go back in line, where they find the
 * revision of now, or that the challenge is gone.
 */
static void unpark_abandoned(Manager *m)
{
    LOCK_SCOPE(&m->lock);

    for (size_t i = m->parked.n; i-- > 0;) {
        Instance *in = m->parked.items[i];
        if (image_builder_knows(m->images, in->challenge_id, in->revision))
            continue;
        vec_remove(&m->parked, i);
        spawn_queue_push_front(m->queue, in);
        m->queue_moved = true;
    }
    (void)pthread_cond_broadcast(&m->spawn_ready);
}

void manager_challenges_changed(Manager *m)
{
    AUTO_SNAPSHOT CatalogueSnapshot *snapshot = catalogue_snapshot(m->parts.catalogue);

    image_builder_keep_only(m->images, snapshot);
    for (size_t i = 0; i < snapshot->n; i++)
        if (!snapshot->items[i]->broken)
            image_builder_request(m->images, snapshot->items[i], false);
    unpark_abandoned(m);
}

/* ---- extending (behaviour.md 5.5) ---- */

static int check_extend_locked(const Instance *in, const Owner *asker, Error *err)
{
    int64_t now = clock_wall_us(), available;

    if (!in)
        return error_set(err, E_NOT_FOUND, "There is no instance with this id");
    if (asker && !owner_equal(&in->owner, asker))
        return error_set(err, E_NOT_OWNER, "This instance is not %s",
                         asker->kind == OWNER_TEAM ? "your team's" : "yours");
    if (in->status != INSTANCE_RUNNING)
        return error_set(err, E_NOT_RUNNING, "Only a running instance can be extended");
    if (in->extend_step_s <= 0)
        return error_set(err, E_EXTEND_DISABLED, "This challenge cannot be extended");
    available =
        in->expires_at - (in->timeout_s + in->extended_s) * 1000000 + in->timeout_s * 500000;
    if (now < available)
        return error_set(err, E_TOO_EARLY,
                         "Too early: it can be extended once half its time is over, in %lld s",
                         (long long)((available - now + 999999) / 1000000));
    if (in->extended_s + in->extend_step_s > in->timeout_s)
        return error_set(err, E_EXTEND_CAP,
                         "No more extensions: %lld s of at most %lld s have been added",
                         (long long)in->extended_s, (long long)in->timeout_s);
    return 0;
}

int manager_extend(Manager *m, const char *instance_id, const Owner *asker, InstanceView **ret_view,
                   int64_t *ret_added_s, Error *err)
{
    InstanceView *view;
    Instance *in;

    (void)pthread_mutex_lock(&m->lock);
    in = registry_find_locked(m, instance_id);
    if (check_extend_locked(in, asker, err) < 0) {
        (void)pthread_mutex_unlock(&m->lock);
        return -1;
    }
    in->expires_at += in->extend_step_s * 1000000;
    in->extended_s += in->extend_step_s;
    in->holds++; /* keeps it in place while the journal is written */
    expiry_watch_locked(m, in);
    *ret_added_s = in->extend_step_s;
    (void)pthread_mutex_unlock(&m->lock);
    int rc = record_save(m, in, err);
    (void)pthread_mutex_lock(&m->lock);
    in->holds--;
    (void)pthread_cond_broadcast(&m->idle);
    if (rc < 0) { /* not promised if it would not survive a restart */
        in->expires_at -= in->extend_step_s * 1000000;
        in->extended_s -= in->extend_step_s;
        expiry_watch_locked(m, in);
    }
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    if (rc == 0) {
        manager_notify(m, view, CHANGE_EXTENDED, STOP_USER);
        *ret_view = view;
    } else {
        instance_view_unref(view);
    }
    return rc;
}
