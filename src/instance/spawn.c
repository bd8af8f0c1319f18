/*
 * spawn - the queue's workers, and the steps from `preparing` to `running`.
 */
#include "base/log.h"
#include "base/str.h"
#include "instance/expiry.h"
#include "instance/firewall.h"
#include "instance/images.h"
#include "instance/network_pool.h"
#include "instance/project.h"
#include "instance/queue.h"
#include "instance/ready.h"
#include "instance/times.h"

#include <stdio.h>

/* ---- steps ---- */

static void set_ports_locked(Manager *m, Instance *in, const Challenge *challenge,
                             const uint16_t *external)
{
    for (size_t i = 0; i < in->n_ports; i++) {
        AUTO_FREE char *label = NULL;
        AUTO_FREE char *url = NULL;
        memcpy(&label, &in->ports[i].label, sizeof label);
        memcpy(&url, &in->ports[i].url, sizeof url);
    }
    free(in->ports);
    in->ports = xcalloc(challenge->n_ports, sizeof *in->ports);
    in->n_ports = challenge->n_ports;
    for (size_t i = 0; i < in->n_ports; i++)
        in->ports[i] = (InstancePort){
            .internal = challenge->ports[i].port,
            .external = external[i],
            .protocol = challenge->ports[i].protocol,
            .label = xstrdup_or_null(challenge->ports[i].label),
            .url = xasprintf("%s:%u", m->parts.public_host, (unsigned)external[i]),
        };
}

static PortWish wish_of(const Instance *in, const Challenge *challenge, Arena *arena)
{
    uint16_t *internal = arena_alloc(arena, (challenge->n_ports + 1) * sizeof *internal);

    for (size_t i = 0; i < challenge->n_ports; i++)
        internal[i] = challenge->ports[i].port;
    return (PortWish){ .owner_key = in->owner_key,
                       .username = in->username,
                       .challenge_id = in->challenge_id,
                       .instance_id = in->id,
                       .internal = internal,
                       .n = challenge->n_ports };
}

static int step_ports(Project *p, Error *err)
{
    uint16_t external[256];
    PortWish wish = wish_of(p->instance, p->challenge, p->arena);

    if (wish.n > ARRAY_LEN(external))
        return error_set(err, E_CHALLENGE_BROKEN, "more than %zu ports", ARRAY_LEN(external));
    if (port_pool_lease(p->m->ports, &wish, external, err) < 0)
        return -1;
    (void)pthread_mutex_lock(&p->m->lock);
    set_ports_locked(p->m, p->instance, p->challenge, external);
    (void)pthread_mutex_unlock(&p->m->lock);
    return 0;
}

static int step_networks(Project *p, Error *err)
{
    const Plan *plan = p->challenge->plan;

    if (plan->n_networks > NETWORKS_MAX)
        return error_set(err, E_CHALLENGE_BROKEN, "more than %d networks", NETWORKS_MAX);
    for (size_t i = 0; i < plan->n_networks; i++) {
        InstanceNetwork network = { .egress = p->challenge->egress };
        NetworkWish wish = { .instance = p->instance,
                             .key = plan->networks[i].key,
                             .internal = plan->networks[i].internal,
                             .egress = p->challenge->egress };
        int rc = network_obtain(p->m, &wish, &network, err);
        (void)pthread_mutex_lock(&p->m->lock);
        if (network.name) /* leased, even if making it failed: the undo needs to know */
            p->instance->networks[p->instance->n_networks++] = network;
        (void)pthread_mutex_unlock(&p->m->lock);
        if (rc < 0)
            return -1;
        if (wish.egress)
            firewall_add_egress(p->m->firewall, network.subnet);
    }
    return 0;
}

typedef struct Step {
    InstancePhase phase;
    const char *detail;
    int (*run)(Project *project, Error *err);
} Step;

static int step_journal(Project *p, Error *err)
{
    project_declare(p);
    return record_save(p->m, p->instance, err);
}

/* What a failure half-way leaves behind is found in the journal: teardown() undoes any prefix. */
static const Step steps[] = {
    { PHASE_PREPARING, "reserving ports", step_ports },
    { PHASE_PREPARING, "preparing a network", step_networks },
    { PHASE_CREATING, "", step_journal },
    { PHASE_CREATING, "creating containers", project_create },
    { PHASE_STARTING, "starting containers", project_start },
    { PHASE_ROUTING, "waiting until it listens", ready_wait },
};

static int run_steps(Project *p, Error *err)
{
    InstancePhase shown = PHASE_QUEUED;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (project_checkpoint(p, err) < 0)
            return -1;
        if (steps[i].phase != shown)
            manager_phase(p->m, p->instance, steps[i].phase, steps[i].detail);
        shown = steps[i].phase;
        if (steps[i].run(p, err) < 0)
            return -1;
    }
    return 0;
}

/* Something else has one of our ports: avoid them and learn what the engine publishes. */
static void avoid_ports(Project *p)
{
    survey_engine(p->m);
    for (size_t i = 0; i < p->instance->n_ports; i++)
        port_pool_block(p->m->ports, p->instance->ports[i].external);
}

static int attempt(Manager *m, Instance *in, const Challenge *challenge, Error *err)
{
    Millis deadline = clock_mono_ms() + m->parts.settings->spawn_timeout * 1000;

    for (int i = 0; i < PORT_ATTEMPTS; i++) {
        AUTO_ARENA Arena *arena = arena_new();
        Project p = {
            .m = m, .instance = in, .challenge = challenge, .arena = arena, .deadline = deadline
        };
        Error undo = { 0 };
        if (run_steps(&p, err) == 0)
            return 0;
        if (err->code != E_PORT_TAKEN)
            return -1;
        log_warn("instance=%s %s; trying other ports", in->id, err->detail);
        avoid_ports(&p);
        if (teardown(m, in, &undo) < 0 || record_save(m, in, &undo) < 0) {
            *err = undo;
            return -1;
        }
    }
    return -1;
}

/* ---- ends ---- */

static void succeed(Manager *m, Instance *in)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_VIEW InstanceView *view = NULL;
    DoneCalls done;
    PortWish wish = wish_of(in, in->challenge, arena);
    uint16_t *external = arena_alloc(arena, (in->n_ports + 1) * sizeof *external);
    Error err = { 0 };
    bool cancelled;

    (void)pthread_mutex_lock(&m->lock);
    cancelled = in->status != INSTANCE_STARTING;
    if (!cancelled) {
        in->status = INSTANCE_RUNNING;
        instance_set_phase_locked(in, PHASE_RUNNING, "");
        /* The lifetime starts when there is something to attack, not while it waited in line. */
        in->expires_at = clock_wall_us() + in->timeout_s * 1000000;
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (!cancelled && record_save(m, in, &err) < 0)
        log_error("instance=%s runs, but its journal was not written: %s", in->id, err.detail);
    for (size_t i = 0; i < in->n_ports; i++)
        external[i] = in->ports[i].external;
    if (wish.n > 0 && port_pool_remember(m->ports, &wish, external, &err) < 0)
        log_warn("instance=%s ports not remembered: %s", in->id, err.detail);

    (void)pthread_mutex_lock(&m->lock);
    done = in->done;
    in->done = (DoneCalls){ 0 };
    in->worker = false;
    if (in->status == INSTANCE_RUNNING) {
        spawn_times_add(m->times, in->challenge_id, (clock_wall_us() - in->created_at) / 1000);
        expiry_watch_locked(m, in);
    } else { /* stopped at the last moment: the stop takes it from here, with its callbacks */
        in->done = done;
        done = (DoneCalls){ 0 };
        stop_enqueue_locked(m, in);
    }
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    if (view->status != INSTANCE_RUNNING)
        return;
    log_info("instance=%s challenge=%s owner=%s running after %lld ms", view->instance_id,
             view->challenge_id, view->owner.id,
             (long long)((clock_wall_us() - view->created_at) / 1000));
    manager_notify(m, view, CHANGE_RUNNING, STOP_USER);
    done_call(&done, view, NULL);
    instance_verify(m, view);
}

/*
 * What the player is told. The engine's and the database's own words stay in the log: they name
 * paths, commands and what else is on the host.
 */
static const char *told(const Error *why)
{
    switch (why->code) {
    case E_INTERNAL:
    case E_STORE:
    case E_ENGINE_DOWN:
    case E_ENGINE_REFUSED:
    case E_PORT_TAKEN:
    case E_SUBNET_TAKEN:
    case E_CONFLICT:
        return error_public_text(why->code);
    case E_NOT_FOUND: /* of the engine: an image or a network */
        return error_public_text(E_ENGINE_REFUSED);
    default:
        return why->detail;
    }
}

/* Undoes, and leaves an error entry for those who watch. */
static void fail(Manager *m, Instance *in, const Error *why)
{
    DoneCalls done;
    AUTO_VIEW InstanceView *view = NULL;
    Error undo = { 0 };
    int rc;
    bool stopped;

    log_warn("instance=%s challenge=%s spawn failed: %s: %s", in->id, in->challenge_id,
             error_slug(why->code), why->detail);
    rc = teardown(m, in, &undo);
    if (rc < 0)
        log_error("instance=%s could not be cleaned up, will be tried again: %s", in->id,
                  undo.detail);
    (void)pthread_mutex_lock(&m->lock);
    stopped = in->status == INSTANCE_STOPPING; /* by its owner, while it was starting */
    in->status = INSTANCE_ERROR;
    instance_set_phase_locked(in, PHASE_ERROR, "");
    free(in->error_message);
    in->error_message = xstrdup(told(why));
    in->error_code = why->code == E_NOT_FOUND ? E_ENGINE_REFUSED : why->code;
    in->error_at = clock_wall_us();
    if (rc < 0)
        in->retry_stop_at = clock_mono_ms() + 5000;
    done = in->done;
    in->done = (DoneCalls){ 0 };
    view = instance_refresh_locked(m, in);
    (void)pthread_mutex_unlock(&m->lock);
    manager_notify(m, view, CHANGE_FAILED, STOP_ERROR);
    done_call(&done, view, rc < 0 ? undo.detail : NULL);
    if (rc == 0 && stopped)
        stop_finish(m, in);
    else
        stop_keep_error(m, in, FAILED_KEEP_MS);
}

static int build_failed(Error *err)
{
    return error_set(err, E_BUILD_FAILED,
                     "The challenge's image could not be built; the organisers can see why");
}

void spawn_fail_parked(Manager *m, const char *challenge_id)
{
    InstanceList failed = { 0 };
    Error err = { 0 };

    (void)build_failed(&err);
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = m->parked.n; i-- > 0;) {
        Instance *in = m->parked.items[i];
        if (strcmp(in->challenge_id, challenge_id) == 0) {
            vec_remove(&m->parked, i);
            in->worker = true;
            vec_push(&failed, in);
        }
    }
    (void)pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < failed.n; i++)
        fail(m, failed.items[i], &err);
    vec_fini(&failed);
}

/* ---- workers ---- */

/* The challenge as it is now: a spawn that waited must not use an outdated revision. */
static int refresh_challenge(Manager *m, Instance *in, Error *err)
{
    Challenge *now = catalogue_find(m->parts.catalogue, in->challenge_id);

    if (!now || now->broken) {
        challenge_unref(now);
        return error_set(err, E_CHALLENGE_NOT_FOUND, "the challenge was taken away meanwhile");
    }
    LOCK_SCOPE(&m->lock);
    challenge_unref(in->challenge);
    in->challenge = now;
    free(in->revision);
    in->revision = xstrdup(now->revision);
    return 0;
}

/*
 * Ready to go on? 1: parked until its image is built. Asking, looking and parking are one step
 * under the manager's lock, which the builder takes before it releases the parked, and the
 * catalogue's change before it looks for parked ones that nobody builds for: none is left behind.
 */
static int wait_for_image(Manager *m, Instance *in, Error *err)
{
    char detail[PHASE_DETAIL_SIZE];
    AUTO_VIEW InstanceView *view = NULL;
    ImageState state;

    (void)pthread_mutex_lock(&m->lock);
    if (atomic_load(&in->cancel)) { /* parked, it would wait for the image before it ends */
        (void)pthread_mutex_unlock(&m->lock);
        return error_set(err, E_CANCELLED, "cancelled");
    }
    image_builder_request(m->images, in->challenge, true);
    state =
        image_builder_progress(m->images, in->challenge_id, in->revision, detail, sizeof detail);
    if (state == IMAGE_UNKNOWN || state == IMAGE_BUILDING) {
        in->worker = false;
        vec_push(&m->parked, in);
        instance_set_phase_locked(in, PHASE_BUILDING, detail);
        view = instance_refresh_locked(m, in);
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (view) {
        manager_notify(m, view, CHANGE_UPDATED, STOP_USER);
        return 1;
    }
    if (state == IMAGE_FAILED)
        return build_failed(err);
    return 0;
}

/* Undoes what was made, for one more try: something it needs was removed from the engine. */
static int start_over(Manager *m, Instance *in, const Error *why)
{
    Error undo = { 0 };

    log_warn("instance=%s %s; starting over", in->id, why->detail);
    in->started_over = true;
    if (teardown(m, in, &undo) == 0 && record_save(m, in, &undo) == 0)
        return 0;
    log_warn("instance=%s %s", in->id, undo.detail);
    return -1;
}

static void spawn_one(Manager *m, Instance *in)
{
    for (;;) {
        Error err = { 0 };
        int rc = refresh_challenge(m, in, &err);

        if (rc == 0)
            rc = wait_for_image(m, in, &err);
        if (rc > 0)
            return;
        if (rc == 0)
            rc = attempt(m, in, in->challenge, &err);
        if (rc == 0) {
            succeed(m, in);
            return;
        }
        if (err.code != E_NOT_FOUND || in->started_over || start_over(m, in, &err) < 0) {
            fail(m, in, &err);
            return;
        }
    }
}

void *spawn_worker(void *manager)
{
    Manager *m = manager;

    for (;;) {
        Instance *in = NULL;

        (void)pthread_mutex_lock(&m->lock);
        while (!m->closing && !atomic_load(&m->stop) && !(in = spawn_queue_pop(m->queue)))
            (void)pthread_cond_wait(&m->spawn_ready, &m->lock);
        if (!in) {
            (void)pthread_mutex_unlock(&m->lock);
            return NULL;
        }
        in->worker = true;
        in->queue_position = 0;
        m->queue_moved = true;
        m->n_spawning++;
        (void)pthread_mutex_unlock(&m->lock);
        spawn_one(m, in);
        (void)pthread_mutex_lock(&m->lock);
        m->n_spawning--;
        (void)pthread_cond_broadcast(&m->idle);
        (void)pthread_mutex_unlock(&m->lock);
    }
}
