#include "instance/project.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "docker/containers.h"
#include "docker/networks.h"
#include "instance/container_spec.h"
#include "instance/images.h"

#include <fcntl.h>
#include <stdio.h>

enum { POLL_MS = 100, LAST_LINES = 12, LAST_WORDS_MAX = 300 };

int project_checkpoint(const Project *p, Error *err)
{
    if (atomic_load(&p->instance->cancel))
        return error_set(err, E_CANCELLED, "cancelled");
    if (clock_mono_ms() > p->deadline)
        return error_set(err, E_TIMEOUT, "the start took longer than %lld s",
                         (long long)p->m->parts.settings->spawn_timeout);
    return 0;
}

/* A service that others wait to complete, and that publishes nothing, may end by itself. */
static bool is_one_shot(const Plan *plan, size_t index)
{
    for (size_t i = 0; i < plan->n_services; i++)
        for (size_t k = 0; k < plan->services[i].n_depends_on; k++)
            if (plan->services[i].depends_on[k].service == index &&
                plan->services[i].depends_on[k].condition == PLAN_COMPLETED)
                return true;
    return false;
}

/* A helper that has nothing to serve may be done, as under `docker compose up`. */
static bool may_end(const PlanService *service)
{
    return service->n_ports == 0 && service->restart == PLAN_RESTART_NO;
}

bool project_is_dead(const ContainerState *state, bool may_end)
{
    if (state->running || strcmp(state->status, "restarting") == 0)
        return false;
    return !may_end || state->exit_code != 0 || state->oom_killed;
}

void project_declare(Project *p)
{
    const Plan *plan = p->challenge->plan;
    InstanceContainer *containers = xcalloc(plan->n_services, sizeof *containers);

    for (size_t i = 0; i < plan->n_services; i++) {
        containers[i].service = xstrdup(plan->services[i].name);
        containers[i].name = xasprintf("%s-%s-%d", p->instance->id, plan->services[i].name,
                                       plan->services[i].replica);
        containers[i].vital = !is_one_shot(plan, i);
        containers[i].may_end = may_end(&plan->services[i]);
    }
    LOCK_SCOPE(&p->m->lock);
    for (size_t i = 0; i < p->instance->n_containers; i++) {
        free(p->instance->containers[i].service);
        free(p->instance->containers[i].name);
        free(p->instance->containers[i].id);
    }
    free(p->instance->containers);
    p->instance->containers = containers;
    p->instance->n_containers = plan->n_services;
}

static int create_volumes(Project *p, Error *err)
{
    const Plan *plan = p->challenge->plan;

    for (size_t i = 0; i < plan->n_volumes; i++) {
        const char *name = arena_printf(p->arena, "%s_%s", p->instance->id, plan->volumes[i].key);
        Labels labels = { 0 };
        labels_of_volume(&labels, p->arena, p->m, p->instance, plan->volumes[i].key);
        if (resources_intend(p->m->parts.db, p->instance->id, "volume", name, err) < 0 ||
            volume_create(p->m->parts.engine, name, labels.items, labels.n, err) < 0 ||
            resources_present(p->m->parts.db, p->instance->id, "volume", name, name, err) < 0)
            return error_wrap(err, "volume %s", plan->volumes[i].key);
    }
    return 0;
}

/* Bound challenge files, secrets and configs become private copies inside the container. */
static int put_copies(Project *p, const PlanService *service, const char *id, Error *err)
{
    AUTO_FREE char *tar = NULL;
    size_t len = 0;
    int rc = container_spec_copies(p, service, &tar, &len, err);

    if (rc < 0)
        return -1;
    return rc > 0 ? 0 : container_put_archive(p->m->parts.engine, id, tar, len, err);
}

/* That xfs was mounted without pquota only shows now. True: it was that, and is left out. */
static bool without_disk_limit(Manager *m, ContainerSpec *spec, const Error *why)
{
    if (spec->disk_bytes == 0 || why->code != E_ENGINE_REFUSED ||
        !strstr(why->detail, "storage-opt"))
        return false;
    spec->disk_bytes = 0;
    if (atomic_exchange(&m->disk_limits, false))
        log_warn("INSTANCE_MAX_DISK has no effect: %s", why->detail);
    return true;
}

static int create_container(Project *p, size_t index, Error *err)
{
    const PlanService *service = &p->challenge->plan->services[index];
    InstanceContainer *container = &p->instance->containers[index];
    Db *db = p->m->parts.db;
    char id[ENGINE_ID_SIZE];
    ContainerSpec spec;
    Error why = { 0 }, ignored = { 0 };
    int rc;

    if (container_spec_fill(&spec, p, index, err) < 0 ||
        resources_intend(db, p->instance->id, "container", container->name, err) < 0)
        return -1;
    rc = container_create(p->m->parts.engine, &spec, id, &why);
    if (rc < 0 && why.code == E_CONFLICT) { /* left by a run that was killed */
        BEST_EFFORT(container_remove(p->m->parts.engine, container->name, &ignored));
        rc = container_create(p->m->parts.engine, &spec, id, &why);
    }
    if (rc < 0 && without_disk_limit(p->m, &spec, &why))
        rc = container_create(p->m->parts.engine, &spec, id, &why);
    if (rc < 0) {
        if (why.code == E_NOT_FOUND)
            image_builder_doubt(p->m->images, p->challenge->id);
        if (err)
            *err = why;
        return error_wrap(err, "creating %s", service->name);
    }
    (void)pthread_mutex_lock(&p->m->lock);
    container->id = xstrdup(id);
    (void)pthread_mutex_unlock(&p->m->lock);
    if (resources_present(db, p->instance->id, "container", container->name, id, err) < 0)
        return -1;
    return put_copies(p, service, id, err);
}

int project_create(Project *p, Error *err)
{
    if (create_volumes(p, err) < 0)
        return -1;
    for (size_t i = 0; i < p->challenge->plan->n_services; i++)
        if (project_checkpoint(p, err) < 0 || create_container(p, i, err) < 0)
            return -1;
    return 0;
}

/* ---- starting ---- */

/* One service's start, possibly on a thread of its own. */
typedef struct Starting {
    Project *project;
    size_t index;
    pthread_t thread;
    bool threaded;
    int rc;
    Error err;
} Starting;

static void *start_one(void *arg)
{
    Starting *s = arg;
    const InstanceContainer *c = &s->project->instance->containers[s->index];

    s->rc = container_start(s->project->m->parts.engine, c->id, &s->err);
    if (s->rc < 0)
        (void)error_wrap(&s->err, "starting %s", c->service);
    return NULL;
}

/* Is the condition met? 1: not yet. */
static int dependency_met(Project *p, const PlanDependency *d, Error *err)
{
    const InstanceContainer *c = &p->instance->containers[d->service];
    ContainerState state;

    if (d->condition == PLAN_STARTED)
        return 0;
    if (container_inspect(p->m->parts.engine, c->id, &state, err) < 0)
        return -1;
    if (d->condition == PLAN_HEALTHY && strcmp(state.health, "healthy") == 0)
        return 0;
    if (d->condition == PLAN_COMPLETED && strcmp(state.status, "exited") == 0 &&
        state.exit_code == 0)
        return 0;
    if (d->condition == PLAN_HEALTHY && strcmp(state.health, "unhealthy") == 0)
        return error_set(err, E_CONTAINER_DIED, "%s is unhealthy", c->service);
    if (d->condition == PLAN_HEALTHY && state.running && !state.has_healthcheck)
        return error_set(err, E_CHALLENGE_BROKEN,
                         "%s has no health check, neither in the compose file nor in its image, "
                         "but another service waits for it to be healthy",
                         c->service);
    if (strcmp(state.status, "exited") == 0 || strcmp(state.status, "dead") == 0) {
        (void)error_set(err, E_CONTAINER_DIED, "%s ended with exit code %d", c->service,
                        state.exit_code);
        project_last_words(p->m, c->id, err);
        return -1;
    }
    return 1;
}

/* All started, and their conditions met? 1: not yet. */
static int ready_to_start(Project *p, const PlanService *service, Error *err)
{
    for (size_t i = 0; i < service->n_depends_on; i++) {
        const PlanDependency *d = &service->depends_on[i];
        int rc;
        if (!(p->started_services & (uint64_t)1 << d->service))
            return 1;
        rc = dependency_met(p, d, err);
        if (rc < 0 && !d->required)
            continue;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Starts a whole level: the first here, the others beside it. */
static int start_level(Project *p, Starting *level, size_t n, Error *err)
{
    for (size_t i = 1; i < n; i++)
        level[i].threaded = pthread_create(&level[i].thread, NULL, start_one, &level[i]) == 0;
    (void)start_one(&level[0]);
    for (size_t i = 1; i < n; i++) {
        if (level[i].threaded)
            (void)pthread_join(level[i].thread, NULL);
        else
            (void)start_one(&level[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (level[i].rc < 0) {
            if (err)
                *err = level[i].err;
            return -1;
        }
        p->started_services |= (uint64_t)1 << level[i].index;
    }
    return 0;
}

int project_start(Project *p, Error *err)
{
    const Plan *plan = p->challenge->plan;
    size_t n_started = 0;

    p->started_services = 0;
    while (n_started < plan->n_services) {
        Starting level[64] = { 0 };
        size_t n = 0;
        if (project_checkpoint(p, err) < 0)
            return -1;
        for (size_t i = 0; i < plan->n_services && i < ARRAY_LEN(level); i++) {
            int rc;
            if (p->started_services & (uint64_t)1 << i)
                continue;
            rc = ready_to_start(p, &plan->services[i], err);
            if (rc < 0)
                return -1;
            if (rc == 0)
                level[n++] = (Starting){ .project = p, .index = i };
        }
        if (n == 0) {
            clock_sleep_ms(POLL_MS);
            continue;
        }
        if (start_level(p, level, n, err) < 0)
            return -1;
        n_started += n;
    }
    return 0;
}

/* ---- watching ---- */

void project_last_words(Manager *m, const char *container_id, Error *err)
{
    AUTO_FREE char *text = NULL;
    AUTO_STRBUF StrBuf clean = { .max = LAST_WORDS_MAX };
    Error ignored = { 0 };
    size_t n;

    if (!err ||
        container_logs_tail(m->parts.engine, container_id, LAST_LINES, 16384, &text, &ignored) < 0)
        return;
    n = strlen(text);
    for (const char *s = n > LAST_WORDS_MAX ? text + n - LAST_WORDS_MAX : text; *s; s++)
        strbuf_addc(&clean, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
    n = strlen(err->detail);
    if (clean.len > 0)
        (void)snprintf(err->detail + n, sizeof err->detail - n, "; last lines: %s",
                       strbuf_str(&clean));
}

int project_check_alive(Project *p, Error *err)
{
    for (size_t i = 0; i < p->instance->n_containers; i++) {
        const InstanceContainer *c = &p->instance->containers[i];
        ContainerState state;
        if (!c->vital)
            continue;
        if (container_inspect(p->m->parts.engine, c->id, &state, err) < 0)
            return error_wrap(err, "looking at %s", c->service);
        if (!project_is_dead(&state, c->may_end))
            continue;
        (void)error_set(err, E_CONTAINER_DIED, "%s ended with exit code %d%s", c->service,
                        state.exit_code, state.oom_killed ? " (out of memory)" : "");
        project_last_words(p->m, c->id, err);
        return -1;
    }
    return 0;
}
