#include "instance/view.h"
#include "base/arena.h"
#include "instance/times.h"

#include <stdio.h>

/* A view and everything it points to live in one arena. */
typedef struct ViewBox {
    InstanceView view; /* first: a view is the address of its box */
    Arena *arena;
} ViewBox;

void view_free(InstanceView *view)
{
    arena_free(((ViewBox *)(void *)view)->arena);
}

static const char *copy(Arena *arena, const char *s)
{
    return s ? arena_strdup(arena, s) : NULL;
}

static void copy_ports(Arena *arena, InstanceView *view, const Instance *in)
{
    view->ports = arena_alloc(arena, in->n_ports * sizeof *view->ports);
    view->n_ports = in->n_ports;
    for (size_t i = 0; i < in->n_ports; i++) {
        view->ports[i] = in->ports[i];
        view->ports[i].label = copy(arena, in->ports[i].label);
        view->ports[i].url = copy(arena, in->ports[i].url);
    }
}

static void copy_containers(Arena *arena, InstanceView *view, const Instance *in)
{
    view->container_ids = arena_alloc(arena, in->n_containers * sizeof *view->container_ids);
    for (size_t i = 0; i < in->n_containers; i++)
        if (in->containers[i].id)
            view->container_ids[view->n_containers++] = copy(arena, in->containers[i].id);
}

static void fill_extend(InstanceView *view, const Instance *in)
{
    int64_t started_at = in->expires_at - (in->timeout_s + in->extended_s) * 1000000;

    view->extend_step_s = in->extend_step_s;
    view->extend_available_at = started_at + in->timeout_s * 500000;
    if (in->extend_step_s > 0 && in->extended_s + in->extend_step_s <= in->timeout_s)
        view->extend_remaining_s = in->timeout_s - in->extended_s;
}

static InstanceView *build(Manager *m, const Instance *in)
{
    Arena *arena = arena_new();
    ViewBox *box = arena_new_type(arena, ViewBox);
    InstanceView *view = &box->view;

    box->arena = arena;
    *view = (InstanceView){
        .refs = 1,
        .version = in->version,
        .instance_id = copy(arena, in->id),
        .challenge_id = copy(arena, in->challenge_id),
        .challenge_name = copy(arena, in->challenge_name),
        .user_id = copy(arena, in->user_id),
        .username = copy(arena, in->username),
        .team_id = copy(arena, in->team_id),
        .team_name = copy(arena, in->team_name),
        .owner = in->owner,
        .status = in->status,
        .phase = in->phase,
        .phase_detail = copy(arena, in->phase_detail),
        .phase_started_at = in->phase_started_at,
        .queue_position = in->phase == PHASE_QUEUED ? in->queue_position : 0,
        .eta_s = (spawn_times_median(m->times, in->challenge_id) + 999) / 1000,
        .created_at = in->created_at,
        .expires_at = in->expires_at,
        .host = copy(arena, m->parts.public_host),
        .network_name = in->n_networks ? copy(arena, in->networks[0].name) : NULL,
        .error_message = copy(arena, in->error_message),
        .error_code = in->error_code,
        .error_at = in->error_at,
    };
    copy_ports(arena, view, in);
    copy_containers(arena, view, in);
    fill_extend(view, in);
    return view;
}

void view_uncount_locked(Manager *m, const Instance *instance)
{
    if (instance->view)
        m->n_in_status[instance->view->status]--;
}

InstanceView *instance_refresh_locked(Manager *m, Instance *instance)
{
    instance->version++;
    view_uncount_locked(m, instance);
    instance_view_unref(instance->view);
    instance->view = build(m, instance);
    m->n_in_status[instance->view->status]++;
    return instance_view_ref(instance->view);
}

void instance_set_phase_locked(Instance *instance, InstancePhase phase, const char *detail)
{
    if (instance->phase != phase)
        instance->phase_started_at = clock_wall_us();
    instance->phase = phase;
    (void)snprintf(instance->phase_detail, sizeof instance->phase_detail, "%s",
                   detail ? detail : "");
}

void manager_notify(Manager *m, InstanceView *view, InstanceChange change, StopReason reason)
{
    m->observer.changed(m->observer.ctx, view, change, reason);
}

void manager_phase(Manager *m, Instance *instance, InstancePhase phase, const char *detail)
{
    AUTO_VIEW InstanceView *view = NULL;

    (void)pthread_mutex_lock(&m->lock);
    if (instance->status == INSTANCE_STARTING) { /* not while it is being cancelled */
        instance_set_phase_locked(instance, phase, detail);
        view = instance_refresh_locked(m, instance);
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (view)
        manager_notify(m, view, CHANGE_UPDATED, STOP_USER);
}
