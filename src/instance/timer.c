/*
 * timer - what happens by the clock: expiry to the millisecond, and once a second the queue
 * positions, error entries that leave and removals to retry. It asks neither the engine nor
 * another process, so that nothing can hold an expiry up; what does is in housekeeping.c.
 */
#include "base/log.h"
#include "instance/expiry.h"
#include "instance/queue.h"

#include <stdio.h>

enum { TICK_MS = 1000 };

typedef VEC(InstanceView *) Views;

void expiry_watch_locked(Manager *m, Instance *in)
{
    expiry_heap_add(m->expiry, in->expires_at, in->id);
    (void)pthread_cond_signal(&m->timer_wake);
}

static void tell(Manager *m, Views *views, InstanceChange change, StopReason reason)
{
    for (size_t i = 0; i < views->n; i++) {
        manager_notify(m, views->items[i], change, reason);
        instance_view_unref(views->items[i]);
    }
    vec_fini(views);
}

static void expire_due(Manager *m)
{
    char id[INSTANCE_ID_SIZE];
    Views expired = { 0 };

    (void)pthread_mutex_lock(&m->lock);
    while (expiry_heap_take(m->expiry, clock_wall_us(), id)) {
        Instance *in = registry_find_locked(m, id);
        if (!in || in->status != INSTANCE_RUNNING || in->expires_at > clock_wall_us())
            continue; /* gone, or extended: its later entry is in the heap */
        stop_begin_locked(m, in, STOP_EXPIRED);
        vec_push(&expired, instance_refresh_locked(m, in));
    }
    (void)pthread_mutex_unlock(&m->lock);
    tell(m, &expired, CHANGE_UPDATED, STOP_EXPIRED);
}

typedef struct Moved {
    Manager *m;
    Views views;
} Moved;

static void position_moved(void *ctx, Instance *in)
{
    Moved *moved = ctx;

    vec_push(&moved->views, instance_refresh_locked(moved->m, in));
}

static void number_queue(Manager *m)
{
    Moved moved = { .m = m };

    (void)pthread_mutex_lock(&m->lock);
    if (m->queue_moved)
        spawn_queue_number(m->queue, position_moved, &moved);
    m->queue_moved = false;
    (void)pthread_mutex_unlock(&m->lock);
    tell(m, &moved.views, CHANGE_UPDATED, STOP_USER);
}

/* Error entries whose time is over, and removals to try again. */
static void look_after_errors(Manager *m)
{
    Millis now = clock_mono_ms();
    Views gone = { 0 };
    InstanceList drop = { 0 };
    size_t pos = 0;
    void *value;

    (void)pthread_mutex_lock(&m->lock);
    while (map_next(m->instances, &pos, NULL, &value)) {
        Instance *in = value;
        if (in->worker)
            continue;
        if (in->retry_stop_at && in->retry_stop_at <= now)
            stop_enqueue_locked(m, in);
        else if (in->dismissed && in->forget_at <= now)
            vec_push(&drop, in);
    }
    for (size_t i = 0; i < drop.n; i++) {
        vec_push(&gone, instance_refresh_locked(m, drop.items[i]));
        registry_drop_locked(m, drop.items[i]);
    }
    (void)pthread_mutex_unlock(&m->lock);
    vec_fini(&drop);
    tell(m, &gone, CHANGE_GONE, STOP_ERROR);
}

/* Until the next expiry or the next tick. */
static void wait_for_next(Manager *m, Millis next_tick)
{
    Millis until = next_tick;
    int64_t at;

    LOCK_SCOPE(&m->lock);
    if (expiry_heap_next(m->expiry, &at)) {
        Millis due = clock_mono_ms() + (at - clock_wall_us() + 999) / 1000;
        if (due < until)
            until = due;
    }
    if (!atomic_load(&m->stop) && until > clock_mono_ms())
        (void)lock_cond_wait_until(&m->timer_wake, &m->lock, until);
}

void *timer_thread(void *manager)
{
    Manager *m = manager;
    Millis tick = clock_mono_ms();

    while (!atomic_load(&m->stop)) {
        Millis now = clock_mono_ms();
        expire_due(m);
        if (now >= tick) {
            number_queue(m);
            look_after_errors(m);
            tick = now + TICK_MS;
        }
        wait_for_next(m, tick);
    }
    return NULL;
}
