#include "app/daemon.h"
#include "api/api.h"
#include "app/data_dir.h"
#include "app/public_host.h"
#include "auth/identity.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "challenge/catalogue.h"
#include "docker/engine.h"
#include "events/hub.h"
#include "http/server.h"
#include "instance/manager.h"
#include "store/database.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ENGINE_WAIT_MS = 15000, ENGINE_RETRY_MS = 500, PING_EVERY_S = 15, DESCRIPTORS = 8192 };

typedef struct Daemon {
    const Settings *settings;
    sigset_t signals;
    int lock_fd;
    char *public_host;
    Db *db;
    Engine *engine;
    Catalogue *catalogue;
    Manager *manager;
    Hub *hub;
    Api *api;
    HttpServer *server;
} Daemon;

/* ---- who observes whom ---- */

/*
 * The API is made after the manager, because it asks it; the manager tells the API. Changes that
 * happen before the API exists (during recovery) have nobody to tell.
 */
static void on_instance(void *ctx, InstanceView *view, InstanceChange change, StopReason reason)
{
    Daemon *d = ctx;

    if (d->api)
        api_observe(d->api, view, change, reason);
}

static void on_engine(void *ctx, bool up, const char *detail)
{
    Daemon *d = ctx;

    (void)detail;
    if (d->api)
        api_engine_state(d->api, up);
}

/* For the organisers; players see only that it is closed. */
static void log_broken(const CatalogueSnapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n; i++) {
        const Challenge *challenge = snapshot->items[i];
        const Diag *why = diag_first_error(&challenge->diags);
        AUTO_FREE char *text = why ? diag_format(why) : xstrdup("broken");
        if (challenge->broken)
            log_error("challenge=%s %s", challenge->id, text);
    }
}

static size_t count_broken(const CatalogueSnapshot *snapshot)
{
    size_t n = 0;

    for (size_t i = 0; i < snapshot->n; i++)
        n += snapshot->items[i]->broken;
    return n;
}

static void on_catalogue(void *ctx, const CatalogueSnapshot *now)
{
    Daemon *d = ctx;

    log_info("challenges read again: %zu, %zu of them broken", now->n, count_broken(now));
    log_broken(now);
    manager_challenges_changed(d->manager);
    if (d->api)
        api_challenges_changed(d->api);
}

/* ---- starting, in this order ---- */

/* The soft limit of 1,024 descriptors is for programs that use select(2). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < DESCRIPTORS)
        log_warn("only %llu open files allowed; %d are needed for a full house (ulimit -n)",
                 (unsigned long long)limit.rlim_cur, DESCRIPTORS);
}

static int start_base(Daemon *d, Error *err)
{
    (void)mallopt(M_ARENA_MAX, 4);
    process_ignore_sigpipe();
    raise_descriptor_limit();
    (void)sigemptyset(&d->signals);
    (void)sigaddset(&d->signals, SIGTERM);
    (void)sigaddset(&d->signals, SIGINT);
    (void)sigaddset(&d->signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &d->signals, NULL); /* inherited by every thread */
    if (crypto_init(err) < 0)
        return -1;
    if (strcmp(d->settings->auth_mode, "none") != 0)
        return error_set(err, E_INVALID,
                         "AUTH_MODE=%s is not available in this version yet; set AUTH_MODE=none",
                         d->settings->auth_mode);
    d->public_host = public_host_of(d->settings);
    return 0;
}

static int start_data_dir(Daemon *d, Error *err)
{
    d->lock_fd = data_dir_lock(d->settings->data_dir, err);
    return d->lock_fd < 0 ? -1 : 0;
}

static int start_store(Daemon *d, Error *err)
{
    AUTO_FREE char *url = settings_database_url(d->settings);

    return db_open(&d->db, url, err);
}

/* At boot the engine may come up a moment after us. */
static int start_engine(Daemon *d, Error *err)
{
    const EngineOptions options = {
        .host = d->settings->docker_host[0] ? d->settings->docker_host : NULL,
        .cert_dir = d->settings->docker_cert_path[0] ? d->settings->docker_cert_path : NULL,
    };
    Millis deadline = clock_mono_ms() + ENGINE_WAIT_MS;
    EngineInfo info;
    bool told = false;

    if (engine_new(&d->engine, &options, err) < 0)
        return -1;
    while (engine_connect(d->engine, &info, err) < 0) {
        struct timespec wait = { .tv_nsec = ENGINE_RETRY_MS * 1000000L };
        if (err->code != E_ENGINE_DOWN || clock_mono_ms() > deadline)
            return -1;
        if (!told)
            log_warn("waiting for the container engine: %s", err->detail);
        told = true;
        if (sigtimedwait(&d->signals, NULL, &wait) > 0)
            return error_set(err, E_CANCELLED, "stopped while waiting for the engine");
    }
    log_info("engine %s, API %s, %s%s", info.version, info.api_version, info.os_arch,
             info.podman ? " (podman)" : "");
    return 0;
}

static int start_catalogue(Daemon *d, Error *err)
{
    AUTO_SNAPSHOT CatalogueSnapshot *snapshot = NULL;

    const ChallengeOptions options = {
        .flag_prefix = d->settings->flag_prefix,
        .max_memory = d->settings->container_max_memory,
        .max_nano_cpus = (int64_t)(d->settings->container_max_cpu * 1e9),
        .max_pids = d->settings->container_pids_limit,
    };

    d->catalogue = catalogue_new(d->settings->challenges_dir);
    catalogue_set_options(d->catalogue, &options);
    if (catalogue_reload(d->catalogue, err) < 0)
        return error_wrap(err, "CHALLENGES_DIR");
    snapshot = catalogue_snapshot(d->catalogue);
    log_broken(snapshot);
    log_info("%zu challenges in %s, %zu of them broken", snapshot->n, d->settings->challenges_dir,
             count_broken(snapshot));
    return 0;
}

static int start_manager(Daemon *d, Error *err)
{
    const ManagerParts parts = {
        .settings = d->settings,
        .db = d->db,
        .engine = d->engine,
        .catalogue = d->catalogue,
        .public_host = d->public_host,
    };
    const ManagerObserver observer = { .ctx = d,
                                       .changed = on_instance,
                                       .engine_state = on_engine };

    if (manager_new(&d->manager, &parts, observer, err) < 0)
        return -1;
    catalogue_on_change(d->catalogue, on_catalogue, d);
    return 0;
}

static int start_api(Daemon *d, Error *err)
{
    ApiParts parts;

    d->hub = hub_new((size_t)d->settings->event_streams_per_owner);
    parts = (ApiParts){
        .settings = d->settings,
        .manager = d->manager,
        .catalogue = d->catalogue,
        .engine = d->engine,
        .db = d->db,
        .hub = d->hub,
        .identity = identity_none(),
    };
    return api_new(&d->api, &parts, err);
}

static int start_instances(Daemon *d, Error *err)
{
    return manager_start(d->manager, err);
}

static int start_watching(Daemon *d, Error *err)
{
    Error why = { 0 };

    (void)err;
    if (catalogue_watch(d->catalogue, d->settings->challenges_settle_ms, &why) < 0)
        log_warn("challenges are not watched, use SIGHUP to reload: %s", why.detail);
    return 0;
}

static int start_server(Daemon *d, Error *err)
{
    const HttpServerOptions options = { .host = d->settings->host, .port = (int)d->settings->port };
    int port;

    if (http_server_new(&d->server, &options, api_http_app(d->api), err) < 0)
        return error_wrap(err, "HOST %s, PORT %lld", d->settings->host,
                          (long long)d->settings->port);
    port = http_server_port(d->server);
    log_info("listening on http://%s:%d", d->settings->host, port);
    return 0;
}

static const struct {
    const char *what;
    int (*start)(Daemon *d, Error *err);
} start_order[] = {
    { "base", start_base },
    { "data folder", start_data_dir },
    { "database", start_store },
    { "container engine", start_engine },
    { "challenges", start_catalogue },
    { "instances", start_manager },
    { "api", start_api },
    { "recovery", start_instances },
    { "watching", start_watching },
    { "http", start_server },
};

/* ---- running and ending ---- */

static void run_until_signal(Daemon *d)
{
    const struct timespec tick = { .tv_sec = PING_EVERY_S };

    for (;;) {
        int sig = sigtimedwait(&d->signals, NULL, &tick);
        Error err = { 0 };
        if (sig == SIGHUP) {
            log_info("reading the challenges again");
            if (catalogue_reload(d->catalogue, &err) < 0)
                log_error("challenges: %s; the old ones stay", err.detail);
        } else if (sig > 0) {
            log_info("signal %d: ending; instances keep running", sig);
            return;
        } else {
            hub_ping(d->hub);
            (void)malloc_trim(0);
        }
    }
}

static void end(Daemon *d)
{
    Millis grace = d->settings->shutdown_grace * 1000;

    if (d->api)
        api_shutting_down(d->api);
    if (d->manager)
        manager_stop(d->manager, grace);
    if (d->hub)
        hub_close_all(d->hub);
    if (d->server) {
        http_server_drain(d->server, grace);
        http_server_free(d->server);
    }
    catalogue_free(d->catalogue);
    api_free(d->api);
    hub_free(d->hub);
    manager_free(d->manager);
    engine_free(d->engine);
    db_free(d->db);
    free(d->public_host);
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
}

int daemon_serve(const Settings *settings)
{
    static const char *const levels[] = { "error", "warn", "info", "debug" };
    Daemon d = { .settings = settings, .lock_fd = -1 };

    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (strcmp(settings->log_level, levels[i]) == 0)
            log_set_level(settings->debug ? LOG_DEBUG : (LogLevel)i);
    for (size_t i = 0; i < ARRAY_LEN(start_order); i++) {
        Error err = { 0 };
        if (start_order[i].start(&d, &err) < 0) {
            log_error("cannot start (%s): %s", start_order[i].what, err.detail);
            end(&d);
            return 1;
        }
    }
    run_until_signal(&d);
    end(&d);
    log_info("ended");
    return 0;
}
