#include "instance/images.h"
#include "base/fs.h"
#include "base/log.h"
#include "docker/build_stream.h"
#include "instance/labels.h"
#include "instance/queue.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { RETRY_AFTER_MS = 30000, DETAIL_EVERY_MS = 250 };

typedef struct ServiceImage {
    char id[ENGINE_ID_SIZE];
    ImageHealth health;
} ServiceImage;

/* One challenge at one revision. */
typedef struct ImageJob {
    Challenge *challenge; /* a reference */
    ImageState state;     /* UNKNOWN = waits for a worker */
    bool busy;            /* a worker is on it: it must not be freed */
    bool dropped;         /* free it when the worker is done */
    _Atomic bool cancel;
    char
        progress[BUILD_PROGRESS_SIZE]; /* for players: no text of the build, it may hold the flag */
    char detail[PHASE_DETAIL_SIZE];    /* for organisers: the build's last line, or why it failed */
    Millis failed_at, told_at;
    ServiceImage *images; /* by index of plan->services */
    ImageBuilder *builder;
} ImageJob;

struct ImageBuilder {
    Manager *m;
    Lock lock;
    pthread_cond_t wake;
    Map *jobs; /* challenge id -> ImageJob */
    VEC(ImageJob *) waiting;
};

ImageBuilder *image_builder_new(Manager *m)
{
    ImageBuilder *b = xnew(ImageBuilder);

    b->m = m;
    (void)pthread_mutex_init(&b->lock, NULL);
    lock_cond_init(&b->wake);
    b->jobs = map_new();
    return b;
}

static void job_free(ImageJob *job)
{
    challenge_unref(job->challenge);
    free(job->images);
    free(job);
}

void image_builder_free(ImageBuilder *b)
{
    size_t pos = 0;
    void *job;

    if (!b)
        return;
    while (map_next(b->jobs, &pos, NULL, &job))
        job_free(job);
    map_free(b->jobs);
    vec_fini(&b->waiting);
    free(b);
}

void image_builder_wake(ImageBuilder *b)
{
    size_t pos = 0;
    void *job;

    LOCK_SCOPE(&b->lock);
    while (map_next(b->jobs, &pos, NULL, &job))
        atomic_store(&((ImageJob *)job)->cancel, true);
    (void)pthread_cond_broadcast(&b->wake);
}

/* ---- requests ---- */

static void unqueue_locked(ImageBuilder *b, ImageJob *job)
{
    for (size_t i = 0; i < b->waiting.n; i++) {
        if (b->waiting.items[i] == job) {
            vec_remove(&b->waiting, i);
            return;
        }
    }
}

static void drop_locked(ImageBuilder *b, ImageJob *job)
{
    (void)map_remove(b->jobs, job->challenge->id);
    unqueue_locked(b, job);
    job->dropped = true;
    atomic_store(&job->cancel, true);
    if (!job->busy)
        job_free(job);
}

static void enqueue_locked(ImageBuilder *b, ImageJob *job, bool urgent)
{
    unqueue_locked(b, job);
    job->state = IMAGE_UNKNOWN;
    vec_push(&b->waiting, job);
    if (urgent)
        vec_to_front(&b->waiting, b->waiting.n - 1);
    (void)pthread_cond_signal(&b->wake);
}

void image_builder_request(ImageBuilder *b, Challenge *challenge, bool urgent)
{
    LOCK_SCOPE(&b->lock);
    ImageJob *job = map_get(b->jobs, challenge->id);

    if (job && strcmp(job->challenge->revision, challenge->revision) != 0) {
        drop_locked(b, job);
        job = NULL;
    }
    if (!job) {
        job = xnew(ImageJob);
        job->builder = b;
        job->challenge = challenge_ref(challenge);
        job->images = xcalloc(challenge->plan->n_services, sizeof *job->images);
        (void)map_put(b->jobs, challenge->id, job);
        enqueue_locked(b, job, urgent);
    } else if (job->state == IMAGE_UNKNOWN && !job->busy && urgent) {
        enqueue_locked(b, job, true);
    } else if (job->state == IMAGE_FAILED && urgent &&
               clock_mono_ms() - job->failed_at > RETRY_AFTER_MS) {
        enqueue_locked(b, job, true);
    }
}

void image_builder_doubt(ImageBuilder *b, const char *challenge_id)
{
    LOCK_SCOPE(&b->lock);
    ImageJob *job = map_get(b->jobs, challenge_id);

    if (job && job->state == IMAGE_READY && !job->busy)
        enqueue_locked(b, job, true);
}

void image_builder_keep_only(ImageBuilder *b, const CatalogueSnapshot *snapshot)
{
    LOCK_SCOPE(&b->lock);
    size_t pos = 0;
    const char *id;
    void *job;

    while (map_next(b->jobs, &pos, &id, &job)) {
        bool found = false;
        for (size_t i = 0; i < snapshot->n && !found; i++)
            found = strcmp(snapshot->items[i]->id, id) == 0 && !snapshot->items[i]->broken;
        if (!found)
            drop_locked(b, job);
    }
}

/* ---- answers ---- */

static ImageJob *find_locked(ImageBuilder *b, const char *challenge_id, const char *revision)
{
    ImageJob *job = map_get(b->jobs, challenge_id);

    return job && strcmp(job->challenge->revision, revision) == 0 ? job : NULL;
}

ImageState image_builder_state(ImageBuilder *b, const char *challenge_id, const char *revision,
                               char *ret_detail, size_t size)
{
    LOCK_SCOPE(&b->lock);
    const ImageJob *job = find_locked(b, challenge_id, revision);

    if (ret_detail)
        (void)snprintf(ret_detail, size, "%s", job ? job->detail : "");
    return job ? job->state : IMAGE_UNKNOWN;
}

ImageState image_builder_progress(ImageBuilder *b, const char *challenge_id, const char *revision,
                                  char *ret_progress, size_t size)
{
    LOCK_SCOPE(&b->lock);
    const ImageJob *job = find_locked(b, challenge_id, revision);

    (void)snprintf(ret_progress, size, "%s", job ? job->progress : "");
    return job ? job->state : IMAGE_UNKNOWN;
}

bool image_builder_knows(ImageBuilder *b, const char *challenge_id, const char *revision)
{
    LOCK_SCOPE(&b->lock);
    return find_locked(b, challenge_id, revision) != NULL;
}

bool image_builder_find(ImageBuilder *b, const char *challenge_id, const char *revision,
                        const char *service, char ret_id[ENGINE_ID_SIZE], ImageHealth *ret_health)
{
    LOCK_SCOPE(&b->lock);
    const ImageJob *job = find_locked(b, challenge_id, revision);

    for (size_t i = 0; job && job->state == IMAGE_READY && i < job->challenge->plan->n_services;
         i++) {
        if (strcmp(job->challenge->plan->services[i].name, service) == 0) {
            memcpy(ret_id, job->images[i].id, ENGINE_ID_SIZE);
            *ret_health = job->images[i].health;
            return true;
        }
    }
    return false;
}

bool image_builder_uses(ImageBuilder *b, const char *image_id)
{
    LOCK_SCOPE(&b->lock);
    size_t pos = 0;
    void *value;

    while (map_next(b->jobs, &pos, NULL, &value)) {
        const ImageJob *job = value;
        if (job->state != IMAGE_READY)
            return true; /* not known yet: assume so */
        for (size_t i = 0; i < job->challenge->plan->n_services; i++)
            if (strcmp(job->images[i].id, image_id) == 0)
                return true;
    }
    return false;
}

/* ---- building ---- */

/* A line of the build: kept for organisers; players who wait are told the step, four a second. */
static void on_line(void *ctx, const char *line)
{
    ImageJob *job = ctx;
    Manager *m = job->builder->m;
    Millis now = clock_mono_ms();
    char progress[BUILD_PROGRESS_SIZE];
    bool is_step = build_progress(line, progress);
    VEC(InstanceView *) changed = { 0 };

    if (m->observer.build_line)
        m->observer.build_line(m->observer.ctx, job->challenge->id, line);
    (void)pthread_mutex_lock(&job->builder->lock);
    (void)snprintf(job->detail, sizeof job->detail, "%.200s", line);
    if (is_step)
        memcpy(job->progress, progress, sizeof job->progress);
    bool tell = is_step && now - job->told_at >= DETAIL_EVERY_MS;
    if (tell)
        job->told_at = now;
    (void)pthread_mutex_unlock(&job->builder->lock);
    if (!tell)
        return;
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->parked.n; i++) {
        Instance *in = m->parked.items[i];
        if (strcmp(in->challenge_id, job->challenge->id) == 0) {
            instance_set_phase_locked(in, PHASE_BUILDING, progress);
            vec_push(&changed, instance_refresh_locked(m, in));
        }
    }
    (void)pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < changed.n; i++) {
        manager_notify(m, changed.items[i], CHANGE_UPDATED, STOP_USER);
        instance_view_unref(changed.items[i]);
    }
    vec_fini(&changed);
}

/*
 * A tag stands for one service of one revision, and one that exists is not built again: names that
 * look alike in lower case ("a.b", "a-b", "A-B") are told apart by their place in the plan.
 */
static char *tag_of(const Challenge *challenge, const PlanService *service)
{
    AUTO_FREE char *slug = ids_slug(challenge->id, 64, "challenge");
    AUTO_FREE char *name = ids_slug(service->name, 64, "service");
    const PlanService *first = challenge->plan->services; /* replicas share an image */

    if (strcmp(name, service->name) == 0)
        return xasprintf("whaley/%s/%s:%s", slug, name, challenge->revision);
    while (strcmp(first->name, service->name) != 0)
        first++;
    return xasprintf("whaley/%s/%s.%zu:%s", slug, name, (size_t)(first - challenge->plan->services),
                     challenge->revision);
}

static int build(ImageJob *job, const PlanService *service, const char *tag, int dir_fd,
                 char ret_id[ENGINE_ID_SIZE], Error *err)
{
    AUTO_ARENA Arena *arena = arena_new();
    /* checked when the challenge was loaded; a link may have taken its place since */
    AUTO_CLOSE int context = fs_open_dir_beneath(dir_fd, service->build.context, err);
    const PlanBuild *b = &service->build;
    Manager *m = job->builder->m;
    const Settings *settings = m->parts.settings;
    Labels labels = { 0 }, args = { 0 };

    if (context < 0)
        return error_wrap(err, "opening the build context %s", b->context);
    for (size_t i = 0; i < b->n_labels; i++)
        labels_add(&labels, arena, b->labels[i].key, b->labels[i].value ? b->labels[i].value : "");
    labels_of_image(&labels, arena, m, job->challenge, service->name);
    for (size_t i = 0; i < b->n_args; i++)
        labels_add(&args, arena, b->args[i].key, b->args[i].value ? b->args[i].value : "");
    const BuildSpec spec = {
        .context_fd = context,
        .dockerfile = b->dockerfile,
        .dockerfile_inline = b->dockerfile_inline,
        .tag = tag,
        .target = b->target,
        .args = args.items,
        .n_args = args.n,
        .labels = labels.items,
        .n_labels = labels.n,
        .platform = service->platform,
        .network_none = b->network_none,
        .memory_bytes = settings->build_max_memory,
        .nano_cpus = (int64_t)(settings->build_max_cpu * 1e9),
        .context_max = (size_t)settings->build_max_context,
        .timeout = settings->build_timeout * 1000,
        .on_line = on_line,
        .ctx = job,
        .stop = &job->cancel,
    };
    return image_build(m->parts.engine, &spec, ret_id, err);
}

static int ensure_image(ImageJob *job, size_t index, int dir_fd, Error *err)
{
    const PlanService *service = &job->challenge->plan->services[index];
    AUTO_FREE char *tag =
        service->build.present ? tag_of(job->challenge, service) : xstrdup(service->image);
    Engine *engine = job->builder->m->parts.engine;
    char id[ENGINE_ID_SIZE];
    ImageInfo info;
    Error why = { 0 };

    if (image_inspect(engine, tag, &info, &why) < 0) {
        if (why.code != E_NOT_FOUND) {
            *err = why;
            return error_wrap(err, "service %s", service->name);
        }
        if (!service->build.present)
            return error_set(err, E_BUILD_FAILED,
                             "service %s: image %s is not on the engine; pull it there first",
                             service->name, tag);
        if (build(job, service, tag, dir_fd, id, err) < 0)
            return error_wrap(err, "service %s", service->name);
        if (image_inspect(engine, id, &info, err) < 0)
            return error_wrap(err, "service %s, just built", service->name);
    }
    if (info.reserved_label[0])
        return error_set(err, E_BUILD_FAILED,
                         "service %s: the image sets the label %s, which is not for challenges; "
                         "remove its LABEL from the Dockerfile",
                         service->name, info.reserved_label);
    LOCK_SCOPE(&job->builder->lock);
    memcpy(job->images[index].id, info.id, sizeof job->images[index].id);
    job->images[index].health = info.health;
    return 0;
}

static int ensure_images(ImageJob *job, Error *err)
{
    AUTO_CLOSE int dir_fd =
        open(job->challenge->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (dir_fd < 0)
        return error_sys(err, "opening %s", job->challenge->path);
    for (size_t i = 0; i < job->challenge->plan->n_services; i++)
        if (ensure_image(job, i, dir_fd, err) < 0)
            return -1;
    return 0;
}

/* Spawns that waited for this revision go on, first in their owner's line. */
static void release_parked(Manager *m, const Challenge *challenge)
{
    LOCK_SCOPE(&m->lock);

    for (size_t i = m->parked.n; i-- > 0;) {
        Instance *in = m->parked.items[i];
        if (strcmp(in->challenge_id, challenge->id) != 0)
            continue;
        vec_remove(&m->parked, i);
        spawn_queue_push_front(m->queue, in);
        m->queue_moved = true;
    }
    (void)pthread_cond_broadcast(&m->spawn_ready);
}

static void run_job(ImageBuilder *b, ImageJob *job)
{
    /* After the lock is given back below, only a dropped job is still ours. */
    AUTO_CHALLENGE Challenge *challenge = challenge_ref(job->challenge);
    Error err = { 0 };
    Millis began = clock_mono_ms();
    int rc = ensure_images(job, &err);
    bool dropped;

    (void)pthread_mutex_lock(&b->lock);
    job->state = rc == 0 ? IMAGE_READY : IMAGE_FAILED;
    job->failed_at = clock_mono_ms();
    if (rc < 0)
        (void)snprintf(job->detail, sizeof job->detail, "%.200s", err.detail);
    dropped = job->dropped;
    job->busy = dropped;
    (void)pthread_mutex_unlock(&b->lock);
    if (rc == 0) {
        log_info("challenge=%s revision=%s images are ready (%lld ms)", challenge->id,
                 challenge->revision, (long long)(clock_mono_ms() - began));
        release_parked(b->m, challenge);
    } else if (!dropped && !atomic_load(&b->m->stop)) {
        log_error("challenge=%s revision=%s image: %s", challenge->id, challenge->revision,
                  err.detail);
        spawn_fail_parked(b->m, challenge->id);
    }
    if (dropped)
        job_free(job);
}

void *image_worker(void *manager)
{
    Manager *m = manager;
    ImageBuilder *b = m->images;

    for (;;) {
        ImageJob *job;

        (void)pthread_mutex_lock(&b->lock);
        while (b->waiting.n == 0 && !atomic_load(&m->stop))
            (void)pthread_cond_wait(&b->wake, &b->lock);
        if (atomic_load(&m->stop)) {
            (void)pthread_mutex_unlock(&b->lock);
            return NULL;
        }
        job = b->waiting.items[0];
        vec_remove(&b->waiting, 0);
        job->state = IMAGE_BUILDING;
        job->busy = true;
        job->detail[0] = '\0';
        job->progress[0] = '\0';
        (void)pthread_mutex_unlock(&b->lock);
        run_job(b, job);
    }
}
