#include "app/trial.h"
#include "base/alloc.h"
#include "base/crypto.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "base/vec.h"
#include "docker/containers.h"
#include "docker/engine.h"
#include "docker/images.h"
#include "docker/networks.h"
#include "instance/manager.h"
#include "store/database.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PREFIX_SIZE = 16, LOOK_EVERY_MS = 100, STOP_MAX_MS = 90000, GRACE_MS = 30000 };

struct Trial {
    TrialOptions options;
    char prefix[PREFIX_SIZE];
    char *folder;
    Settings *settings;
    Db *db;
    Engine *engine;
};

/* One spawn or stop that somebody waits for; it outlives the manager, whose calls may come late. */
typedef struct Wait {
    Lock lock;
    pthread_cond_t done_cond;
    bool done, failed;
    InstanceView *view;
    Error err;
} Wait;

/* --- settings ------------------------------------------------------------------------------- */

static bool sets(const char *pair, const char *other)
{
    size_t n = strcspn(other, "=") + 1;

    return strncmp(pair, other, n) == 0;
}

/* The environment with what makes it a trial in the place of what it says of the same names. */
static int load_settings(Trial *t, Error *err)
{
    AUTO_DIAGS DiagList diags = { 0 };
    VEC(const char *) all = { 0 };
    char *own[] = {
        xasprintf("NETWORK_PREFIX=%s", t->prefix),
        xasprintf("DATA_DIR=%s", t->folder),
        xasprintf("CHALLENGES_DIR=%s", t->folder),
        xstrdup("DATABASE_URL="),
        xstrdup("PUBLISH_ADDRESS=127.0.0.1"),
        xstrdup("PUBLIC_HOST=127.0.0.1"),
        xstrdup("FIREWALL_ENABLED=false"),
        xstrdup("NETWORK_POOL_SIZE=0"),
        xstrdup("AUTH_MODE=none"),
    };
    int rc;

    for (size_t i = 0; t->options.environ_[i]; i++) {
        bool replaced = false;
        for (size_t k = 0; k < ARRAY_LEN(own); k++)
            replaced = replaced || sets(t->options.environ_[i], own[k]);
        if (!replaced)
            vec_push(&all, t->options.environ_[i]);
    }
    for (size_t k = 0; k < ARRAY_LEN(own); k++)
        vec_push(&all, own[k]);
    vec_push(&all, NULL);
    rc = settings_load(all.items, t->options.dotenv_path, &t->settings, &diags, err);
    if (rc == SETTINGS_REFUSED) {
        AUTO_FREE char *why = diag_format(diag_first_error(&diags));
        rc = error_set(err, E_INVALID, "settings: %s", why);
    }
    for (size_t k = 0; k < ARRAY_LEN(own); k++)
        free(own[k]);
    vec_fini(&all);
    return rc;
}

/* --- life ----------------------------------------------------------------------------------- */

static int make_folder(Trial *t, Error *err)
{
    const char *tmp = getenv("TMPDIR");
    char *path = xasprintf("%s/whaley-check-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");

    if (!mkdtemp(path)) {
        (void)error_sys(err, "making a folder like %s", path);
        free(path);
        return -1;
    }
    t->folder = path;
    return 0;
}

static int start(Trial *t, Error *err)
{
    AUTO_FREE char *url = NULL;
    EngineOptions options;
    EngineInfo info;

    process_ignore_sigpipe();
    if (make_folder(t, err) < 0 || load_settings(t, err) < 0)
        return -1;
    options = (EngineOptions){
        .host = t->settings->docker_host[0] ? t->settings->docker_host : NULL,
        .cert_dir = t->settings->docker_cert_path[0] ? t->settings->docker_cert_path : NULL,
    };
    if (engine_new(&t->engine, &options, err) < 0 || engine_connect(t->engine, &info, err) < 0)
        return -1;
    url = settings_database_url(t->settings);
    return db_open(&t->db, url, err);
}

int trial_new(Trial **ret, const TrialOptions *options, Error *err)
{
    AUTO_TRIAL Trial *t = xnew(Trial);

    t->options = *options;
    memcpy(t->prefix, "check-", 6);
    crypto_random_hex(t->prefix + 6, 4);
    if (start(t, err) < 0)
        return -1;
    *ret = TAKE(t);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* What carries our prefix: all images that were built, and what a stop may have left. */
static void remove_leftovers(Trial *t)
{
    AUTO_FREE char *filter = xasprintf("whaley.prefix=%s", t->prefix);
    AUTO_CONTAINER_ROWS ContainerRows containers = { 0 };
    AUTO_NETWORK_ROWS NetworkRows networks = { 0 };
    AUTO_VOLUME_ROWS VolumeRows volumes = { 0 };
    AUTO_IMAGE_ROWS ImageRows images = { 0 };
    Error err = { 0 };

    if (container_list(t->engine, filter, &containers, &err) == 0)
        for (size_t i = 0; i < containers.n; i++)
            if (container_remove(t->engine, containers.items[i].id, &err) < 0)
                log_error("check: %s stays: %s", containers.items[i].name, err.detail);
    if (network_list(t->engine, filter, &networks, &err) == 0)
        for (size_t i = 0; i < networks.n; i++)
            if (network_remove(t->engine, networks.items[i].id, &err) < 0)
                log_error("check: %s stays: %s", networks.items[i].name, err.detail);
    if (volume_list(t->engine, filter, &volumes, &err) == 0)
        for (size_t i = 0; i < volumes.n; i++)
            if (volume_remove(t->engine, volumes.items[i].name, &err) < 0)
                log_error("check: %s stays: %s", volumes.items[i].name, err.detail);
    if (image_list(t->engine, filter, &images, &err) < 0)
        return;
    for (size_t i = 0; i < images.n; i++) {
        const ImageRow *image = &images.items[i];
        if (image_remove(t->engine, image->tag[0] ? image->tag : image->id, &err) < 0)
            log_error("check: image %s stays: %s", image->tag, err.detail);
    }
}

void trial_free(Trial *t)
{
    if (!t)
        return;
    if (t->engine)
        remove_leftovers(t);
    db_free(t->db);
    engine_free(t->engine);
    settings_free(t->settings);
    if (t->folder)
        (void)nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(t->folder);
    free(t);
}

/* --- building and running ------------------------------------------------------------------- */

static void on_change(void *ctx, InstanceView *view, InstanceChange change, StopReason reason)
{
    (void)ctx;
    (void)view;
    (void)change;
    (void)reason;
}

static void on_build_line(void *ctx, const char *challenge_id, const char *line)
{
    const Trial *t = ctx;

    if (t->options.on_line)
        t->options.on_line(t->options.ctx, challenge_id, line);
}

static bool is_stopped(const Trial *t)
{
    return t->options.stop && atomic_load(t->options.stop);
}

static int wait_for_images(const Trial *t, Manager *m, const Challenge *challenge, Error *err)
{
    const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000L };

    for (;;) {
        ChallengeReadiness now;
        manager_challenge(m, challenge->id, &now);
        if (now.image == IMAGE_READY)
            return 0;
        if (now.image == IMAGE_FAILED)
            return error_set(err, E_BUILD_FAILED, "%s", now.detail);
        if (is_stopped(t))
            return error_set(err, E_CANCELLED, "stopped while its images were built");
        (void)nanosleep(&pause, NULL);
    }
}

static void wait_init(Wait *w)
{
    *w = (Wait){ 0 };
    (void)pthread_mutex_init(&w->lock, NULL);
    lock_cond_init(&w->done_cond);
}

static void wait_fini(Wait *w)
{
    instance_view_unref(w->view);
    (void)pthread_cond_destroy(&w->done_cond);
    (void)pthread_mutex_destroy(&w->lock);
}

static void on_spawned(void *ctx, InstanceView *view)
{
    Wait *w = ctx;
    LOCK_SCOPE(&w->lock);

    w->view = instance_view_ref(view);
    w->done = true;
    (void)pthread_cond_signal(&w->done_cond);
}

static void on_stopped(void *ctx, const char *failure)
{
    Wait *w = ctx;
    LOCK_SCOPE(&w->lock);

    if (failure)
        w->failed = error_set(&w->err, E_UNAVAILABLE, "%s", failure) < 0;
    w->done = true;
    (void)pthread_cond_signal(&w->done_cond);
}

/* Until it is done (0), the trial is stopped or the deadline has passed (1). */
static int wait_until(const Trial *t, Wait *w, Millis deadline)
{
    LOCK_SCOPE(&w->lock);

    while (!w->done) {
        Millis now = clock_mono_ms();
        if ((deadline > 0 && now >= deadline) || (deadline == 0 && is_stopped(t)))
            return 1;
        (void)lock_cond_wait_until(&w->done_cond, &w->lock, now + LOOK_EVERY_MS);
    }
    return 0;
}

static int stop_instance(const Trial *t, Manager *m, const char *instance_id, Wait *w, Error *err)
{
    if (manager_stop_instance(m, instance_id, NULL, STOP_ADMIN, on_stopped, w, err) < 0)
        return error_wrap(err, "stopping it");
    if (wait_until(t, w, clock_mono_ms() + STOP_MAX_MS) != 0)
        return error_set(err, E_TIMEOUT, "it did not stop within %d s", STOP_MAX_MS / 1000);
    if (!w->failed)
        return 0;
    *err = w->err;
    return error_wrap(err, "stopping it");
}

/* waits: one for the spawn, one for the stop. */
static int run_once(const Trial *t, Manager *m, const Challenge *challenge, Wait waits[2],
                    TrialTimes *times, Error *err)
{
    const SpawnRequest request = {
        .challenge_id = challenge->id,
        .user_id = "check",
        .username = "check",
        .owner = owner_make(OWNER_USER, "check"),
    };
    AUTO_VIEW InstanceView *queued = NULL;
    Millis began = clock_mono_ms();
    const InstanceView *view;

    if (manager_spawn(m, &request, on_spawned, &waits[0], &queued, err) < 0)
        return -1;
    if (wait_until(t, &waits[0], 0) != 0) {
        (void)stop_instance(t, m, queued->instance_id, &waits[1], err);
        return error_set(err, E_CANCELLED, "stopped while it was started");
    }
    view = waits[0].view;
    if (view->status != INSTANCE_RUNNING)
        return error_set(err, E_UNAVAILABLE, "%s",
                         view->error_message ? view->error_message : "the spawn was given up");
    times->ready = clock_mono_ms() - began;
    return stop_instance(t, m, view->instance_id, &waits[1], err);
}

static int build_and_run(const Trial *t, Manager *m, const Challenge *challenge, Wait *waits,
                         TrialTimes *times, Error *err)
{
    Millis began = clock_mono_ms();

    if (manager_start(m, err) < 0 || wait_for_images(t, m, challenge, err) < 0)
        return -1;
    times->build = clock_mono_ms() - began;
    return waits ? run_once(t, m, challenge, waits, times, err) : 0;
}

int trial_challenge(Trial *t, Challenge *challenge, bool run, TrialTimes *ret, Error *err)
{
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_of(challenge);
    const ManagerParts parts = { .settings = t->settings,
                                 .db = t->db,
                                 .engine = t->engine,
                                 .catalogue = catalogue,
                                 .public_host = "127.0.0.1" };
    const ManagerObserver observer = { .ctx = t,
                                       .changed = on_change,
                                       .build_line = on_build_line };
    TrialTimes times = { 0 };
    Manager *m = NULL;
    Wait waits[2];
    int rc;

    if (manager_new(&m, &parts, observer, err) < 0)
        return -1;
    wait_init(&waits[0]);
    wait_init(&waits[1]);
    rc = build_and_run(t, m, challenge, run ? waits : NULL, &times, err);
    manager_stop(m, GRACE_MS);
    manager_free(m);
    wait_fini(&waits[0]);
    wait_fini(&waits[1]);
    if (rc == 0)
        *ret = times;
    return rc;
}
