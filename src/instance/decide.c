/*
 * decide - whether an owner may have an instance: limits, duplicates, repeats; then its row and its
 * place in the queue. Nothing outside is touched.
 */
#include "base/str.h"
#include "instance/queue.h"

static bool counts(const Instance *in)
{
    return in->status == INSTANCE_STARTING || in->status == INSTANCE_RUNNING;
}

/* May this owner have one more, of this challenge? */
static int check_owner_locked(Manager *m, const SpawnRequest *r, const char *key, Error *err)
{
    InstanceList *list = registry_of_owner_locked(m, key);
    size_t used = 0, limit = manager_limit(m, &r->owner);
    bool team = r->owner.kind == OWNER_TEAM;

    for (size_t i = 0; list && i < list->n; i++) {
        const Instance *in = list->items[i];
        if (!counts(in))
            continue;
        used++;
        if (strcmp(in->challenge_id, r->challenge_id) == 0)
            return error_set(err, E_ALREADY_RUNNING, "%s already run%s this challenge (%s)",
                             team ? "Your team" : "You", team ? "s" : "", in->id);
    }
    if (used >= limit)
        return error_set(err, E_LIMIT_REACHED,
                         "%s reached the limit of %zu instances; stop one first",
                         team ? "Your team has" : "You have", limit);
    return 0;
}

static int check_challenge_locked(Manager *m, const SpawnRequest *r, const Challenge *challenge,
                                  Error *err)
{
    if (m->closing)
        return error_set(err, E_UNAVAILABLE, "Whaley is restarting; try again in a moment");
    if (!challenge)
        return error_set(err, E_CHALLENGE_NOT_FOUND, "There is no challenge with this id");
    if (map_get(m->inactive, r->challenge_id))
        return error_set(err, E_CHALLENGE_INACTIVE, "This challenge is not open");
    if (challenge->broken)
        return error_set(err, E_CHALLENGE_BROKEN,
                         "This challenge is broken; the organisers can see why");
    if (!m->engine_up)
        return error_set(err, E_ENGINE_DOWN,
                         "The container engine does not answer; try again in a minute");
    if (spawn_queue_count(m->queue) + m->parked.n >= (size_t)m->parts.settings->spawn_queue_limit)
        return error_set(err, E_QUEUE_FULL,
                         "Too many instances are waiting to start; try again in a minute");
    return 0;
}

static Instance *new_instance(Manager *m, const SpawnRequest *r, Challenge *challenge)
{
    Instance *in = xnew(Instance);

    ids_make_instance(challenge->id, r->owner.id, in->id);
    in->challenge = challenge_ref(challenge);
    in->challenge_id = xstrdup(challenge->id);
    in->challenge_name = xstrdup(challenge->name);
    in->folder = xstrdup(challenge->folder);
    in->revision = xstrdup(challenge->revision);
    in->user_id = xstrdup(r->user_id);
    in->username = xstrdup_or_null(r->username);
    in->team_id = xstrdup_or_null(r->team_id);
    in->team_name = xstrdup_or_null(r->team_name);
    in->idempotency_key = xstrdup_or_null(r->idempotency_key);
    in->owner = r->owner;
    (void)owner_key(&in->owner, in->owner_key);
    in->timeout_s = manager_timeout_s(m, challenge);
    in->extend_step_s = challenge->extend_time_s;
    in->created_at = clock_wall_us();
    in->expires_at = in->created_at + in->timeout_s * 1000000;
    in->status = INSTANCE_STARTING;
    in->phase_started_at = in->created_at;
    return in;
}

static Instance *find_replaced_locked(Manager *m, const Instance *fresh)
{
    InstanceList *list = registry_of_owner_locked(m, fresh->owner_key);

    for (size_t i = 0; list && i < list->n; i++) {
        Instance *in = list->items[i];
        if (in->dismissed && strcmp(in->challenge_id, fresh->challenge_id) == 0)
            return in;
    }
    return NULL;
}

/* Error entries of the same owner and challenge make way for the new attempt. */
static void drop_replaced_locked(Manager *m, const Instance *fresh, InstanceViews *ret_gone)
{
    Instance *in;

    while ((in = find_replaced_locked(m, fresh))) {
        ret_gone->items = xrealloc(ret_gone->items, (ret_gone->n + 1) * sizeof *ret_gone->items);
        ret_gone->items[ret_gone->n++] = instance_refresh_locked(m, in);
        registry_drop_locked(m, in);
    }
}

static int decide_locked(Manager *m, const SpawnRequest *r, Challenge *challenge,
                         Instance **ret_instance, InstanceViews *ret_gone, Error *err)
{
    char key[OWNER_KEY_SIZE];
    Instance *in;

    (void)owner_key(&r->owner, key);
    if (r->idempotency_key) {
        AUTO_FREE char *name = xasprintf("%s\n%s", key, r->idempotency_key);
        in = map_get(m->idempotency, name);
        if (in && strcmp(in->challenge_id, r->challenge_id) != 0)
            return error_set(err, E_INVALID, "This Idempotency-Key was used for %s already",
                             in->challenge_id);
        if (in) {
            *ret_instance = in;
            return SPAWN_REPEATED;
        }
    }
    if (check_challenge_locked(m, r, challenge, err) < 0 || check_owner_locked(m, r, key, err) < 0)
        return -1;
    in = new_instance(m, r, challenge);
    drop_replaced_locked(m, in, ret_gone);
    registry_add_locked(m, in);
    *ret_instance = in;
    return 0;
}

/* Puts a journalled instance in line, with who waits for it. After the end nobody would call. */
static InstanceView *enqueue(Manager *m, Instance *in, SpawnDone done, void *ctx, bool *ret_call)
{
    LOCK_SCOPE(&m->lock);

    in->worker = false;
    *ret_call = done && atomic_load(&m->stop);
    if (done && !*ret_call)
        vec_push(&in->done, (DoneCall){ .spawn = done, .ctx = ctx });
    if (in->status != INSTANCE_STARTING) { /* stopped by somebody who knew its idempotency key */
        stop_enqueue_locked(m, in);
        return instance_refresh_locked(m, in);
    }
    spawn_queue_push(m->queue, in);
    in->queue_position = spawn_queue_position(m->queue, in);
    m->queue_moved = true; /* the others are told by the timer */
    (void)pthread_cond_signal(&m->spawn_ready);
    return instance_refresh_locked(m, in);
}

/* The journal did not take it: it never was. Repeated requests may wait for it already. */
static void abandon(Manager *m, Instance *in)
{
    AUTO_VIEW InstanceView *view = NULL;
    DoneCalls done;
    bool seen;

    (void)pthread_mutex_lock(&m->lock);
    seen = in->view != NULL;
    in->status = INSTANCE_ERROR;
    in->error_code = E_STORE;
    in->error_message = xstrdup(error_public_text(E_STORE));
    in->error_at = clock_wall_us();
    instance_set_phase_locked(in, PHASE_ERROR, "");
    done = in->done;
    in->done = (DoneCalls){ 0 };
    view = instance_refresh_locked(m, in);
    registry_drop_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    if (seen)
        manager_notify(m, view, CHANGE_GONE, STOP_ERROR);
    done_call(&done, view, view->error_message);
}

/* The answer to a repeated request: wait for the one under way, or tell how it ended. */
static InstanceView *repeat_locked(Manager *m, Instance *in, SpawnDone done, void *ctx,
                                   bool *ret_call)
{
    if (done && in->status == INSTANCE_STARTING && !atomic_load(&m->stop))
        vec_push(&in->done, (DoneCall){ .spawn = done, .ctx = ctx });
    else
        *ret_call = done != NULL;
    return instance_refresh_locked(m, in);
}

int manager_spawn(Manager *m, const SpawnRequest *r, SpawnDone done, void *ctx,
                  InstanceView **ret_view, Error *err)
{
    AUTO_CHALLENGE Challenge *challenge = catalogue_find(m->parts.catalogue, r->challenge_id);
    AUTO_VIEWS InstanceViews gone = { 0 };
    Instance *in = NULL;
    InstanceView *view = NULL;
    bool call = false;
    int rc;

    (void)pthread_mutex_lock(&m->lock);
    rc = decide_locked(m, r, challenge, &in, &gone, err);
    if (rc == SPAWN_REPEATED)
        view = repeat_locked(m, in, done, ctx, &call);
    else if (rc == 0)
        in->worker = true; /* nobody else touches it before it is journalled */
    (void)pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < gone.n; i++)
        manager_notify(m, gone.items[i], CHANGE_GONE, STOP_ERROR);
    if (rc == SPAWN_REPEATED) {
        *ret_view = view;
        if (call)
            done(ctx, view);
        return SPAWN_REPEATED;
    }
    if (rc < 0)
        return -1;
    if (record_save(m, in, err) < 0) {
        abandon(m, in);
        return -1;
    }
    view = enqueue(m, in, done, ctx, &call);
    manager_notify(m, view, CHANGE_UPDATED, STOP_USER);
    *ret_view = view;
    if (call)
        done(ctx, view);
    return 0;
}
