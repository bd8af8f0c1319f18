/*
 * watch - the engine's events as hints, its list as the truth: containers that die, an engine that
 * goes away and comes back.
 */
#include "base/log.h"
#include "docker/containers.h"
#include "docker/events.h"
#include "instance/firewall.h"
#include "instance/labels.h"
#include "instance/project.h"

#include <stdio.h>

enum { BACKOFF_MIN_MS = 250, BACKOFF_MAX_MS = 5000 };

/* Marks the instance failed and queues its removal. */
static void instance_died(Manager *m, const char *instance_id, const char *service,
                          const char *container_id, const char *why)
{
    AUTO_VIEW InstanceView *view = NULL;
    Error err = { 0 };

    (void)error_set(&err, E_CONTAINER_DIED, "%s %s", service, why);
    if (container_id)
        project_last_words(m, container_id, &err);
    (void)pthread_mutex_lock(&m->lock);
    Instance *in = registry_find_locked(m, instance_id);
    if (in && in->status == INSTANCE_RUNNING) {
        in->status = INSTANCE_ERROR;
        in->has_stop_reason = true;
        in->stop_reason = STOP_ERROR;
        free(in->error_message);
        in->error_message = xstrdup(err.detail);
        in->error_code = E_CONTAINER_DIED;
        in->error_at = clock_wall_us();
        instance_set_phase_locked(in, PHASE_ERROR, "");
        if (!in->worker) /* else the spawn worker, at its last step, passes it on */
            stop_enqueue_locked(m, in);
        view = instance_refresh_locked(m, in);
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (view) {
        log_warn("instance=%s %s", instance_id, err.detail);
        manager_notify(m, view, CHANGE_UPDATED, STOP_ERROR);
    }
}

/*
 * The service of a container whose death ends a running instance; NULL for any other container.
 * Caller frees.
 */
static char *vital_service(Manager *m, const char *instance_id, const char *container_id,
                           bool *ret_may_end)
{
    LOCK_SCOPE(&m->lock);
    const Instance *in = registry_find_locked(m, instance_id);

    for (size_t i = 0; in && in->status == INSTANCE_RUNNING && i < in->n_containers; i++)
        if (in->containers[i].id && strcmp(in->containers[i].id, container_id) == 0) {
            *ret_may_end = in->containers[i].may_end;
            return in->containers[i].vital ? xstrdup(in->containers[i].service) : NULL;
        }
    return NULL;
}

/* The event is a hint: only what inspect says counts. A restart policy may bring it back. */
static void look_at(Manager *m, const char *instance_id, const char *id)
{
    bool may_end = false;
    AUTO_FREE char *service = vital_service(m, instance_id, id, &may_end);
    ContainerState state;
    char why[128];
    Error err = { 0 };

    if (!service)
        return;
    if (container_inspect(m->parts.engine, id, &state, &err) < 0) {
        if (err.code == E_NOT_FOUND)
            instance_died(m, instance_id, service, NULL, "was removed from the engine");
        return;
    }
    if (!project_is_dead(&state, may_end) || strcmp(state.status, "created") == 0)
        return;
    (void)snprintf(why, sizeof why, "stopped with exit code %d%s", state.exit_code,
                   state.oom_killed ? " (out of memory)" : "");
    instance_died(m, instance_id, service, id, why);
}

void instance_verify(Manager *m, const InstanceView *view)
{
    for (size_t i = 0; i < view->n_containers; i++)
        look_at(m, view->instance_id, view->container_ids[i]);
}

static void on_event(void *ctx, const EngineEvent *event)
{
    Manager *m = ctx;

    if (strcmp(event->action, "die") == 0 || strcmp(event->action, "destroy") == 0)
        look_at(m, event->instance_id, event->id);
}

static void set_engine_up(Manager *m, bool up, const char *detail)
{
    bool changed;

    (void)pthread_mutex_lock(&m->lock);
    changed = m->engine_up != up;
    m->engine_up = up;
    (void)snprintf(m->engine_detail, sizeof m->engine_detail, "%.255s", up ? "" : detail);
    (void)pthread_mutex_unlock(&m->lock);
    if (!changed)
        return;
    if (up)
        log_info("engine: back");
    else
        log_error("engine: does not answer: %s", detail);
    if (m->observer.engine_state)
        m->observer.engine_state(m->observer.ctx, up, detail);
}

/* One container to look at, copied out from under the lock. */
typedef struct Expected {
    char *instance_id, *id;
} Expected;

static void check_expected(Manager *m, const Expected *e, const ContainerRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (strcmp(rows->items[i].id, e->id) != 0)
            continue;
        if (strcmp(rows->items[i].status, "running") != 0)
            look_at(m, e->instance_id, e->id);
        return;
    }
    look_at(m, e->instance_id, e->id);
}

void instance_resync(Manager *m)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_CONTAINER_ROWS ContainerRows rows = { 0 };
    VEC(Expected) expected = { 0 };
    Error err = { 0 };
    size_t pos = 0;
    void *value;

    (void)pthread_mutex_lock(&m->lock);
    while (map_next(m->instances, &pos, NULL, &value)) {
        const Instance *in = value;
        for (size_t i = 0; in->status == INSTANCE_RUNNING && i < in->n_containers; i++)
            if (in->containers[i].vital && in->containers[i].id)
                vec_push(&expected, (Expected){ arena_strdup(arena, in->id),
                                                arena_strdup(arena, in->containers[i].id) });
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (expected.n > 0 &&
        container_list(m->parts.engine, labels_filter(arena, m), &rows, &err) == 0)
        for (size_t i = 0; i < expected.n; i++)
            check_expected(m, &expected.items[i], &rows);
    vec_fini(&expected);
}

static void on_open(void *ctx)
{
    Manager *m = ctx;

    set_engine_up(m, true, "");
    firewall_assert(m->firewall); /* an engine that started anew rebuilt DOCKER-USER */
    instance_resync(m);
}

void *engine_watcher(void *manager)
{
    Manager *m = manager;
    Millis backoff = BACKOFF_MIN_MS;

    while (!atomic_load(&m->stop)) {
        Error err = { 0 }, dead = { 0 };
        Millis began = clock_mono_ms();
        if (engine_events(m->parts.engine, 0, on_event, on_open, m, &m->stop, &err) >= 0)
            continue;
        /* A cut stream alone is no outage. */
        if (engine_ping(m->parts.engine, &dead) < 0)
            set_engine_up(m, false, dead.detail);
        backoff = clock_mono_ms() - began > BACKOFF_MAX_MS ? BACKOFF_MIN_MS : backoff * 2;
        if (backoff > BACKOFF_MAX_MS)
            backoff = BACKOFF_MAX_MS;
        for (Millis waited = 0; waited < backoff && !atomic_load(&m->stop); waited += 50)
            clock_sleep_ms(50);
    }
    return NULL;
}
