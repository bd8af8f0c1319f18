#include "instance/instance.h"
#include "base/arena.h"
#include "instance/view.h"

#include <stdlib.h>

static const char *const status_names[] = { "starting", "running", "stopping", "stopped", "error" };
static const char *const phase_names[] = { "queued",   "preparing", "building", "creating",
                                           "starting", "routing",   "running",  "stopping",
                                           "stopped",  "error" };
static const char *const reason_names[] = { "user_stop", "admin_stop", "expired", "error",
                                            "cancelled" };

const char *instance_status_name(InstanceStatus status)
{
    return status_names[status];
}

const char *instance_phase_name(InstancePhase phase)
{
    return phase_names[phase];
}

const char *stop_reason_name(StopReason reason)
{
    return reason_names[reason];
}

InstanceView *instance_view_ref(InstanceView *view)
{
    atomic_fetch_add(&view->refs, 1);
    return view;
}

void instance_view_unref(InstanceView *view)
{
    if (view && atomic_fetch_sub(&view->refs, 1) == 1)
        view_free(view);
}

void instance_views_fini(InstanceViews *views)
{
    for (size_t i = 0; i < views->n; i++)
        instance_view_unref(views->items[i]);
    free(views->items);
    *views = (InstanceViews){ 0 };
}
