/*
 * Files of a start lie in the container itself, put there while it does not run: what the engine
 * mounts over them at the start would hide them, and what it mounts read-only would refuse them.
 * `docker compose`, which binds them, shows them; so such a file is an error rather than a
 * surprise.
 */
#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

static const PlanMount *mount_over(const PlanService *s, const char *target)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        const PlanMount *m = &s->mounts[i];
        bool hides = m->kind == PLAN_MOUNT_TMPFS || (m->kind != PLAN_MOUNT_COPY && m->read_only);
        if (hides && path_is_below(target, m->target))
            return m;
    }
    return NULL;
}

bool copy_is_visible(Loader *l, const Field *f, const PlanService *s, const char *target)
{
    static const char *const own[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
    const PlanMount *over = mount_over(s, target);

    if (over && over->kind == PLAN_MOUNT_TMPFS)
        field_error(l, f, "file-hidden", "choose another 'target', or a tmpfs elsewhere",
                    "the tmpfs at '%.200s' would hide '%.200s'", over->target, target);
    else if (over)
        field_error(l, f, "file-hidden", "choose another 'target', or drop the volume's 'ro'",
                    "nothing can be put at '%.200s' in the read-only volume at '%.200s'", target,
                    over->target);
    else if (path_is_below(target, "/dev") || str_in(target, own, ARRAY_LEN(own)))
        field_error(l, f, "file-hidden", "choose another target",
                    "the engine's own '%.200s' would hide it", target);
    else
        return true;
    return false;
}
