/* What a manager that ends leaves, in order or not, and what the next one makes of it. */
#include "instance/fixture.h"

#include <pthread.h>

/* ---- ends ---- */

static void test_shutting_down_tells_everybody_who_waits(void **state)
{
    static const char *const one_worker[] = { "SPAWN_WORKERS=1", NULL };
    AUTO_WORLD World *w = world_new(one_worker);
    Waiter waiters[4] = { 0 };
    static const char *const owners[] = { "1", "2", "3", "4" };
    Error err = { 0 };

    (void)state;
    log_set_level((LogLevel)-1);
    fake_engine_hold_images(w->fake, true);
    world_start(w);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(world_spawn(w, "a", owners[i], NULL, &waiters[i], NULL, &err), 0);
    WAIT_FOR(fake_engine_waiting(w->fake) > 0);
    fake_engine_hold_images(w->fake, false);
    manager_stop(w->m, 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(waiters[i].calls, 1);
    CHECK(world_spawn(w, "b", "1", NULL, &waiters[0], NULL, &err) < 0);
    CHECK_INT(err.code, E_UNAVAILABLE);
    CHECK_INT(waiters[0].calls, 1);
    manager_free(w->m);
    /* The next start takes up what was queued. */
    world_begin(w);
    world_start(w);
    world_settle(w);
}

static void test_a_restart_takes_running_instances_over(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    AUTO_VIEW InstanceView *before = NULL;
    AUTO_VIEW InstanceView *after = NULL;
    char id[INSTANCE_ID_SIZE];

    (void)state;
    world_start(w);
    world_run(w, "a", "1", id);
    before = manager_find(w->m, id);
    world_end(w, 1000);
    world_begin(w);
    world_start(w);
    after = manager_find(w->m, id);
    CHECK(after != NULL);
    CHECK_INT(after->status, INSTANCE_RUNNING);
    CHECK_INT(after->n_ports, 1);
    CHECK_INT(after->ports[0].external, before->ports[0].external);
    CHECK_INT(after->expires_at, before->expires_at);
    CHECK_STR(after->network_name, before->network_name);
    world_settle(w);
}

/* ---- the journal ---- */

typedef struct Hold {
    Db *db;
    const char *sql; /* before it lets go */
    atomic_bool holding, release;
} Hold;

static int hold_in_transaction(Db *db, void *ctx, Error *err)
{
    Hold *hold = ctx;

    hold->holding = true;
    WAIT_FOR(hold->release);
    return hold->sql ? db_exec(db, hold->sql, DB_NO_ARGS, err) : 0;
}

/* Keeps every writer waiting until it is told to release. */
static void *hold_thread(void *arg)
{
    Hold *hold = arg;
    Error err = { 0 };

    if (db_transaction(hold->db, hold_in_transaction, hold, &err) < 0)
        abort();
    return NULL;
}

static void test_a_refused_journal_row_is_told_to_those_who_repeated(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    Hold hold = { .db = w->db,
                  .sql = "CREATE TRIGGER no_more BEFORE INSERT ON instance_states "
                         "BEGIN SELECT RAISE(FAIL, 'full'); END" };
    Spawner first = { .world = w, .challenge = "a", .key = "k" };
    Waiter repeated = { 0 }, stopped = { 0 };
    char id[INSTANCE_ID_SIZE];
    pthread_t holder, spawner;
    Error err = { 0 };

    (void)state;
    world_start(w);
    CHECK_INT(pthread_create(&holder, NULL, hold_thread, &hold), 0);
    WAIT_FOR(hold.holding);
    CHECK_INT(pthread_create(&spawner, NULL, spawn_thread, &first), 0);
    Owner owner = owner_of("7");
    size_t used = 0, max;
    WAIT_FOR((manager_quota(w->m, &owner, &used, &max), used == 1));
    CHECK_INT(world_spawn(w, "a", "7", "k", &repeated, id, &err), SPAWN_REPEATED);
    CHECK_INT(world_stop(w, id, &stopped, &err), 0);
    hold.release = true;
    CHECK_INT(pthread_join(holder, NULL), 0);
    CHECK_INT(pthread_join(spawner, NULL), 0);
    CHECK(first.rc < 0);
    CHECK_INT(first.waiter.calls, 0); /* it was refused, not ended */
    waiter_wait(&repeated);
    waiter_wait(&stopped);
    CHECK_INT(repeated.status, INSTANCE_ERROR);
    CHECK(!world_has(w, id));
    world_settle(w);
}

static void *extend_thread(void *arg)
{
    Spawner *s = arg;
    InstanceView *view = NULL;
    int64_t added;

    s->rc = manager_extend(s->world->m, s->id, NULL, &view, &added, &s->err);
    if (s->rc == 0)
        instance_view_unref(view);
    return NULL;
}

static void test_the_last_extension_is_the_one_in_the_journal(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    Spawner extenders[6] = { 0 };
    pthread_t threads[6];
    char id[INSTANCE_ID_SIZE];
    Instance *in;

    (void)state;
    world_start(w);
    world_run(w, "a", "1", id);
    (void)pthread_mutex_lock(&w->m->lock);
    in = registry_find_locked(w->m, id);
    in->expires_at -= 301000000; /* more than half of its time is over */
    (void)pthread_mutex_unlock(&w->m->lock);
    for (size_t i = 0; i < 6; i++) {
        extenders[i].world = w;
        (void)snprintf(extenders[i].id, sizeof extenders[i].id, "%s", id);
        CHECK_INT(pthread_create(&threads[i], NULL, extend_thread, &extenders[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(extenders[i].rc, 0);
    }
    CHECK_INT(in->extended_s, 360);
    CHECK_INT(world_count(w, "SELECT extended_s FROM instance_states"), 360);
    world_settle(w);
}

/* ---- what a crash leaves ---- */

static void exec(World *w, const char *sql)
{
    Error err = { 0 };

    if (db_exec(w->db, sql, DB_NO_ARGS, &err) < 0)
        fail_msg("%s: %s", sql, err.detail);
}

/* Killed between giving the network back and deleting the row. */
static void test_a_network_given_back_before_a_crash_is_in_the_pool_once(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    char first[INSTANCE_ID_SIZE], id[INSTANCE_ID_SIZE];

    (void)state;
    world_start(w);
    world_run(w, "a", "1", first);
    world_end(w, 1000);
    exec(w, "UPDATE instance_states SET status = 'stopping', phase = 'stopping'");
    exec(w, "UPDATE subnet_leases SET holder = 'pool'");
    world_begin(w);
    world_start(w);
    WAIT_FOR(!world_has(w, first));
    world_settle(w);
    {
        /* More instances than the pool has networks: none gets one that another has. */
        static const char *const owners[] = { "2", "3", "4", "5", "6", "7" };
        for (size_t i = 0; i < ARRAY_LEN(owners); i++)
            world_run(w, "a", owners[i], id);
    }
    CHECK_STR(fake_engine_violation(w->fake), "");
    world_settle(w);
}

static void test_what_was_under_way_at_a_crash_is_finished_off(void **state)
{
    static const struct {
        const char *sql;
        bool survives;
    } crashes[] = {
        { "UPDATE instance_states SET status = 'running'", true },
        { "UPDATE instance_states SET status = 'starting', phase = 'creating'", false },
        { "UPDATE instance_states SET status = 'starting', phase = 'queued'", false },
        { "UPDATE instance_states SET status = 'stopping', phase = 'stopping'", false },
        { "UPDATE instance_states SET status = 'error', phase = 'error'", false },
        { "UPDATE instance_states SET status = 'nonsense', spec_json = '{'", false },
        { "DELETE FROM instance_resources", true },
        { "DELETE FROM instance_states", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(crashes); i++) {
        AUTO_WORLD World *w = world_new(NULL);
        AUTO_VIEW InstanceView *view = NULL;
        char id[INSTANCE_ID_SIZE];
        log_set_level((LogLevel)-1);
        world_start(w);
        world_run(w, "a", "1", id);
        world_end(w, 1000);
        exec(w, crashes[i].sql);
        exec(w, "DELETE FROM instance_resources WHERE instance_id NOT IN "
                "(SELECT instance_id FROM instance_states)");
        world_begin(w);
        world_start(w);
        view = manager_find(w->m, id);
        if ((view && view->status == INSTANCE_RUNNING) != crashes[i].survives)
            fail_msg("after %s", crashes[i].sql);
        if (!crashes[i].survives)
            WAIT_FOR(fake_engine_containers(w->fake) == 0);
        if (!crashes[i].survives ||
            i == 0) /* the journal of the others does not know what to undo */
            world_settle(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shutting_down_tells_everybody_who_waits),
        cmocka_unit_test(test_a_restart_takes_running_instances_over),
        cmocka_unit_test(test_a_refused_journal_row_is_told_to_those_who_repeated),
        cmocka_unit_test(test_the_last_extension_is_the_one_in_the_journal),
        cmocka_unit_test(test_a_network_given_back_before_a_crash_is_in_the_pool_once),
        cmocka_unit_test(test_what_was_under_way_at_a_crash_is_finished_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
