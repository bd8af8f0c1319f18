#include "instance/fixture.h"

#include "instance/network_pool.h"

static const char *const challenges[] = { "a", "b", "c", "d" };

static void add_challenge(const char *folder, const char *id)
{
    AUTO_FREE char *config = xasprintf("challenges/%s/instance.toml", id);
    AUTO_FREE char *compose = xasprintf("challenges/%s/compose.yaml", id);

    folder_write(folder, config, "ready = \"started\"\ntimeout = 600\nextend_time = 60\n");
    folder_write(folder, compose,
                 "services:\n  web:\n    image: x\n    ports: [\"80\"]\n"
                 "  db:\n    image: x\n");
}

static Settings *load_settings(const char *const *more)
{
    static const char *const own[] = { "FIREWALL_ENABLED=false",           "NETWORK_POOL_SIZE=3",
                                       "PORT_RANGE_START=47000",           "PORT_RANGE_END=47063",
                                       "MAX_INSTANCES_PER_USER=2",         "SPAWN_WORKERS=6",
                                       "NETWORK_SUBNET_BASE=10.241.0.0/24" };
    const char *all[24] = { 0 };
    DiagList diags = { 0 };
    Settings *settings = NULL;
    Error err = { 0 };
    size_t n = 0;

    /* The last of a name wins nowhere: what the test says comes instead. */
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        size_t name = strcspn(own[i], "=") + 1;
        bool replaced = false;
        for (size_t k = 0; more && more[k]; k++)
            replaced = replaced || strncmp(more[k], own[i], name) == 0;
        if (!replaced)
            all[n++] = own[i];
    }
    for (size_t k = 0; more && more[k]; k++)
        all[n++] = more[k];
    if (settings_load(all, NULL, &settings, &diags, &err) != 0)
        fail_msg("settings: %s", diags.n ? diags.items[0].message : err.detail);
    diag_list_fini(&diags);
    return settings;
}

static void on_change(void *ctx, InstanceView *view, InstanceChange change, StopReason reason)
{
    World *w = ctx;

    (void)reason;
    w->n_gone += change == CHANGE_GONE;
    w->n_running += change == CHANGE_RUNNING;
    w->n_failed += change == CHANGE_FAILED;
    w->faults += change == CHANGE_RUNNING && view->status != INSTANCE_RUNNING;
    w->faults +=
        change == CHANGE_FAILED && (view->status != INSTANCE_ERROR || !view->error_message);
    w->faults += view->instance_id[0] == '\0';
}

static void on_catalogue(void *ctx, const CatalogueSnapshot *now)
{
    World *w = ctx;

    (void)now;
    if (w->m)
        manager_challenges_changed(w->m);
}

World *world_new(const char *const *settings)
{
    World *w = xnew(World);
    AUTO_FREE char *dir = NULL;
    AUTO_FREE char *host = NULL;
    EngineOptions options = { 0 };
    Error err = { 0 };

    log_set_level(LOG_ERROR);
    w->folder = folder_new();
    w->socket = xasprintf("%s/engine.sock", w->folder);
    host = xasprintf("unix://%s", w->socket);
    dir = xasprintf("%s/challenges", w->folder);
    options.host = host;
    for (size_t i = 0; i < ARRAY_LEN(challenges); i++)
        add_challenge(w->folder, challenges[i]);
    w->settings = load_settings(settings);
    w->fake = fake_engine_new(w->socket);
    w->catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    if (crypto_init(&err) < 0 || db_open(&w->db, "sqlite:///:memory:", &err) < 0 ||
        engine_new(&w->engine, &options, &err) < 0 || catalogue_reload(w->catalogue, &err) < 0)
        fail_msg("%s", err.detail);
    catalogue_on_change(w->catalogue, on_catalogue, w);
    world_begin(w);
    return w;
}

void world_begin(World *w)
{
    const ManagerParts parts = { .settings = w->settings,
                                 .db = w->db,
                                 .engine = w->engine,
                                 .catalogue = w->catalogue,
                                 .public_host = "ctf.test" };
    Error err = { 0 };

    if (manager_new(&w->m, &parts, (ManagerObserver){ .ctx = w, .changed = on_change }, &err) < 0)
        fail_msg("%s", err.detail);
}

void world_start(World *w)
{
    Error err = { 0 };

    if (manager_start(w->m, &err) < 0)
        fail_msg("manager_start: %s", err.detail);
}

void world_end(World *w, Millis grace)
{
    manager_stop(w->m, grace);
    manager_free(w->m);
    w->m = NULL;
}

void world_free(World *w)
{
    if (w->m)
        world_end(w, 0);
    catalogue_free(w->catalogue);
    engine_free(w->engine);
    fake_engine_free(w->fake);
    db_free(w->db);
    settings_free(w->settings);
    folder_free(w->folder);
    free(w->socket);
    free(w);
}

/* ---- callbacks ---- */

void waiter_spawned(void *ctx, InstanceView *view)
{
    Waiter *waiter = ctx;

    waiter->status = view->status;
    waiter->code = view->error_message ? view->error_code : E_NONE;
    waiter->calls++;
}

void waiter_stopped(void *ctx, const char *failure)
{
    Waiter *waiter = ctx;

    waiter->failed = failure != NULL;
    waiter->calls++;
}

void waiter_wait(Waiter *waiter)
{
    WAIT_FOR(waiter->calls > 0);
}

/* ---- doing ---- */

Owner owner_of(const char *id)
{
    return owner_make(OWNER_USER, id);
}

int world_spawn(World *w, const char *challenge, const char *owner, const char *key, Waiter *waiter,
                char ret_id[INSTANCE_ID_SIZE], Error *err)
{
    AUTO_VIEW InstanceView *view = NULL;
    const SpawnRequest request = { .challenge_id = challenge,
                                   .user_id = owner,
                                   .username = owner,
                                   .owner = owner_of(owner),
                                   .idempotency_key = key };
    int rc = manager_spawn(w->m, &request, waiter ? waiter_spawned : NULL, waiter, &view, err);

    if (rc >= 0 && ret_id)
        (void)snprintf(ret_id, INSTANCE_ID_SIZE, "%s", view->instance_id);
    return rc;
}

void *spawn_thread(void *arg)
{
    Spawner *s = arg;

    s->rc = world_spawn(s->world, s->challenge, "7", s->key, &s->waiter, s->id, &s->err);
    return NULL;
}

void world_run(World *w, const char *challenge, const char *owner, char ret_id[INSTANCE_ID_SIZE])
{
    Waiter waiter = { 0 };
    Error err = { 0 };

    if (world_spawn(w, challenge, owner, NULL, &waiter, ret_id, &err) < 0)
        fail_msg("spawn: %s", err.detail);
    waiter_wait(&waiter);
    CHECK_INT(waiter.status, INSTANCE_RUNNING);
}

int world_stop(World *w, const char *instance_id, Waiter *waiter, Error *err)
{
    return manager_stop_instance(w->m, instance_id, NULL, STOP_USER, waiter ? waiter_stopped : NULL,
                                 waiter, err);
}

/* ---- looking ---- */

bool world_has(World *w, const char *instance_id)
{
    AUTO_VIEW InstanceView *view = manager_find(w->m, instance_id);

    return view != NULL;
}

void world_hurry(World *w)
{
    size_t pos = 0;
    void *value;

    {
        LOCK_SCOPE(&w->m->lock);
        while (map_next(w->m->instances, &pos, NULL, &value)) {
            Instance *in = value;
            if (in->retry_stop_at)
                in->retry_stop_at = 1;
            if (in->forget_at)
                in->forget_at = 1;
        }
        (void)pthread_cond_signal(&w->m->timer_wake);
    }
    network_pool_wake(w->m->networks);
}

static bool is_settled(World *w)
{
    ManagerStats stats;

    world_hurry(w);
    manager_stats(w->m, &stats);
    return stats.instances == 0 && stats.ports_allocated == 0 &&
           fake_engine_containers(w->fake) == 0 &&
           stats.subnets_leased == fake_engine_networks(w->fake) &&
           stats.subnets_leased == stats.pooled_networks;
}

void world_settle(World *w)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    Error ignored = { 0 };

    manager_list(w->m, NULL, &views);
    for (size_t i = 0; i < views.n; i++)
        (void)!world_stop(w, views.items[i]->instance_id, NULL, &ignored);
    WAIT_FOR(is_settled(w));
    CHECK_INT(world_count(w, "SELECT count(*) FROM instance_states"), 0);
    CHECK_INT(world_count(w, "SELECT count(*) FROM instance_resources"), 0);
    CHECK_INT(world_count(w, "SELECT count(*) FROM port_leases"), 0);
    CHECK_INT(world_count(w, "SELECT count(*) FROM subnet_leases WHERE holder <> 'pool'"), 0);
    CHECK_INT(world_count(w, "SELECT count(*) FROM subnet_leases"), fake_engine_networks(w->fake));
    CHECK_STR(fake_engine_violation(w->fake), "");
    CHECK_INT(w->faults, 0);
}

int64_t world_count(World *w, const char *sql)
{
    AUTO_ROWS DbRows *rows = NULL;
    Error err = { 0 };

    if (db_query(w->db, sql, DB_NO_ARGS, &rows, &err) < 0)
        fail_msg("%s: %s", sql, err.detail);
    return db_rows_count(rows) ? db_rows_int(rows, 0, 0) : -1;
}
