/* The manager against a fake engine: what many threads at once, and failures, must not break. */
#include "instance/fixture.h"

#include <pthread.h>

/* ---- everything at once ---- */

enum { STORM_THREADS = 8, STORM_OPS = 60, STORM_OWNERS = 5 };

typedef struct Storm {
    World *world;
    unsigned seed;
    Waiter waiters[STORM_OPS];
    bool expected[STORM_OPS]; /* the callback was promised */
    size_t n_wrong;
} Storm;

static void storm_stop_any(Storm *s, const char *owner, int i)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    Owner who = owner_of(owner);
    Error err = { 0 };

    manager_list(s->world->m, &who, &views);
    if (views.n == 0)
        return;
    const char *id = views.items[(size_t)rand_r(&s->seed) % views.n]->instance_id;
    s->expected[i] = manager_stop_instance(s->world->m, id, &who, STOP_USER, waiter_stopped,
                                           &s->waiters[i], &err) == 0;
}

static void storm_extend_any(Storm *s, const char *owner)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    Owner who = owner_of(owner);
    Error err = { 0 };

    manager_list(s->world->m, &who, &views);
    for (size_t i = 0; i < views.n; i++) {
        InstanceView *view = NULL;
        int64_t added;
        if (manager_extend(s->world->m, views.items[i]->instance_id, &who, &view, &added, &err) ==
            0)
            instance_view_unref(view);
    }
}

static void storm_look(Storm *s, const char *owner)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    Owner who = owner_of(owner);
    ChallengeReadiness readiness;
    size_t used, max, n = 0;

    manager_list(s->world->m, &who, &views);
    for (size_t i = 0; i < views.n; i++) {
        AUTO_VIEW InstanceView *view = manager_find(s->world->m, views.items[i]->instance_id);
        s->n_wrong += view && !owner_equal(&view->owner, &who);
        n += views.items[i]->status == INSTANCE_STARTING ||
             views.items[i]->status == INSTANCE_RUNNING;
    }
    manager_quota(s->world->m, &who, &used, &max);
    manager_challenge(s->world->m, "a", &readiness);
    if (n > max || used > max)
        s->n_wrong++;
}

static void storm_kill_any(Storm *s, const char *owner)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    Owner who = owner_of(owner);

    manager_list(s->world->m, &who, &views);
    for (size_t i = 0; i < views.n && i < 1; i++)
        if (views.items[i]->n_containers > 0)
            (void)fake_engine_kill(s->world->fake, views.items[i]->container_ids[0]);
}

static void *storm_thread(void *arg)
{
    static const char *const owners[STORM_OWNERS] = { "1", "2", "3", "4", "5" };
    static const char *const ids[] = { "a", "b", "c", "d" };
    static const char *const keys[] = { NULL, NULL, "k1", "k2" };
    Storm *s = arg;

    for (int i = 0; i < STORM_OPS; i++) {
        const char *owner = owners[rand_r(&s->seed) % STORM_OWNERS];
        const char *id = ids[rand_r(&s->seed) % 4], *key = keys[rand_r(&s->seed) % 4];
        Error err = { 0 };
        switch (rand_r(&s->seed) % 8) {
        case 0:
        case 1:
        case 2:
            s->expected[i] = world_spawn(s->world, id, owner, key, &s->waiters[i], NULL, &err) >= 0;
            if (s->expected[i] && i % 3 == 0)
                waiter_wait(&s->waiters[i]);
            break;
        case 3:
        case 4:
            storm_stop_any(s, owner, i);
            break;
        case 5:
            storm_extend_any(s, owner);
            break;
        case 6:
            storm_kill_any(s, owner);
            break;
        default:
            break;
        }
        storm_look(s, owner);
        if (i % 4 == 0)
            clock_sleep_ms(1); /* lets workers get somewhere */
    }
    return NULL;
}

static void run_storm(World *w)
{
    Storm *storms = xcalloc(STORM_THREADS, sizeof *storms);
    pthread_t threads[STORM_THREADS];

    for (unsigned i = 0; i < STORM_THREADS; i++) {
        storms[i].world = w;
        storms[i].seed = i + 1;
        CHECK_INT(pthread_create(&threads[i], NULL, storm_thread, &storms[i]), 0);
    }
    for (size_t i = 0; i < STORM_THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    fake_engine_fail(w->fake, 0);
    world_settle(w);
    for (size_t i = 0; i < STORM_THREADS; i++) {
        CHECK_INT(storms[i].n_wrong, 0);
        for (size_t k = 0; k < STORM_OPS; k++)
            CHECK_INT(storms[i].waiters[k].calls, storms[i].expected[k]);
    }
    free(storms);
}

static void test_a_storm_leaves_nothing_behind(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);

    (void)state;
    world_start(w);
    run_storm(w);
    CHECK(w->n_running > 0);
}

static void test_a_storm_with_a_failing_engine_leaves_nothing_behind(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);

    (void)state;
    world_start(w);
    fake_engine_fail(w->fake, 80);
    log_set_level((LogLevel)-1); /* failures are wanted here */
    run_storm(w);
    CHECK(w->n_failed > 0);
}

/* ---- limits and repeats ---- */

static void spawn_all(Spawner *spawners, size_t n)
{
    pthread_t threads[16];

    for (size_t i = 0; i < n; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, spawn_thread, &spawners[i]), 0);
    for (size_t i = 0; i < n; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < n; i++)
        if (spawners[i].rc >= 0)
            waiter_wait(&spawners[i].waiter);
}

static void test_the_limit_is_exact_when_many_ask_at_once(void **state)
{
    static const char *const ids[] = { "a", "b", "c", "d" };
    AUTO_WORLD World *w = world_new(NULL);
    Spawner spawners[16] = { 0 };
    size_t accepted = 0;

    (void)state;
    world_start(w);
    for (size_t i = 0; i < 16; i++)
        spawners[i] = (Spawner){ .world = w, .challenge = ids[i % 4] };
    spawn_all(spawners, 16);
    for (size_t i = 0; i < 16; i++) {
        accepted += spawners[i].rc == 0;
        CHECK(spawners[i].rc == 0 || spawners[i].err.code == E_LIMIT_REACHED ||
              spawners[i].err.code == E_ALREADY_RUNNING);
        CHECK_INT(spawners[i].waiter.calls, spawners[i].rc == 0);
    }
    CHECK_INT(accepted, 2);
    world_settle(w);
}

static void test_one_idempotency_key_gives_one_instance(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    Spawner spawners[8] = { 0 };
    size_t fresh = 0;

    (void)state;
    world_start(w);
    for (size_t i = 0; i < 8; i++)
        spawners[i] = (Spawner){ .world = w, .challenge = "a", .key = "once" };
    spawn_all(spawners, 8);
    for (size_t i = 0; i < 8; i++) {
        CHECK(spawners[i].rc >= 0);
        fresh += spawners[i].rc == 0;
        CHECK_STR(spawners[i].id, spawners[0].id);
        CHECK_INT(spawners[i].waiter.calls, 1);
        CHECK_INT(spawners[i].waiter.status, INSTANCE_RUNNING);
    }
    CHECK_INT(fresh, 1);
    world_settle(w);
}

/* ---- refusals of the engine ---- */

static void test_taken_ports_are_avoided_three_times(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    char id[INSTANCE_ID_SIZE];
    Waiter waiter = { 0 };
    Error err = { 0 };

    (void)state;
    log_set_level((LogLevel)-1);
    world_start(w);
    fake_engine_take_ports(w->fake, 2);
    world_run(w, "a", "1", id);
    fake_engine_take_ports(w->fake, 6);
    CHECK_INT(world_spawn(w, "b", "1", NULL, &waiter, id, &err), 0);
    waiter_wait(&waiter);
    fake_engine_take_ports(w->fake, 0);
    CHECK_INT(waiter.status, INSTANCE_ERROR);
    CHECK_INT(waiter.code, E_PORT_TAKEN);
    world_settle(w);
}

static void test_a_dead_container_ends_its_instance(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    AUTO_FREE char *name = NULL;
    char id[INSTANCE_ID_SIZE];
    AUTO_VIEW InstanceView *view = NULL;

    (void)state;
    world_start(w);
    world_run(w, "a", "1", id);
    name = xasprintf("%s-web-1", id);
    CHECK(fake_engine_kill(w->fake, name));
    WAIT_FOR(fake_engine_containers(w->fake) == 0);
    view = manager_find(w->m, id);
    CHECK_INT(view->status, INSTANCE_ERROR);
    CHECK_INT(view->error_code, E_CONTAINER_DIED);
    world_settle(w);
}

/* ---- networks of the pool ---- */

static void test_a_pooled_network_that_was_lost_is_not_used(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    AUTO_ROWS DbRows *rows = NULL;
    char id[INSTANCE_ID_SIZE];
    ManagerStats stats;
    Error err = { 0 };

    (void)state;
    world_start(w);
    WAIT_FOR((manager_stats(w->m, &stats), stats.pooled_networks == 3));
    if (db_query(w->db, "SELECT network_name FROM subnet_leases", DB_NO_ARGS, &rows, &err) < 0)
        fail_msg("%s", err.detail);
    for (size_t i = 0; i < db_rows_count(rows); i++)
        CHECK(fake_engine_lose_network(w->fake, db_rows_text(rows, i, 0)));
    world_run(w, "a", "1", id);
    world_settle(w);
}

static void test_a_pooled_network_with_somebody_on_it_is_not_used(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    AUTO_ROWS DbRows *rows = NULL;
    char id[INSTANCE_ID_SIZE], network[80], squatted[80];
    AUTO_FREE char *name = NULL;
    ManagerStats stats;
    Error err = { 0 };

    (void)state;
    log_set_level((LogLevel)-1);
    world_start(w);
    WAIT_FOR((manager_stats(w->m, &stats), stats.pooled_networks == 3));
    if (db_query(w->db, "SELECT network_name FROM subnet_leases ORDER BY created_at", DB_NO_ARGS,
                 &rows, &err) < 0)
        fail_msg("%s", err.detail);
    fake_engine_squat(w->fake, db_rows_text(rows, 0, 0));
    world_run(w, "a", "1", id);
    name = xasprintf("%s-web-1", id);
    fake_engine_network_of(w->fake, name, network, sizeof network);
    fake_engine_network_of(w->fake, "squatter", squatted, sizeof squatted);
    CHECK_STR(fake_engine_violation(w->fake), "");
    CHECK(!str_eq(network, squatted));
}

static size_t pooled_after_waking(World *w)
{
    ManagerStats stats;

    world_hurry(w);
    manager_stats(w->m, &stats);
    return stats.pooled_networks;
}

static void test_a_pool_filled_by_a_failing_engine_forgets_no_network(void **state)
{
    static const char *const twelve[] = { "NETWORK_POOL_SIZE=12", NULL };
    AUTO_WORLD World *w = world_new(twelve);

    (void)state;
    log_set_level((LogLevel)-1);
    world_start(w);
    fake_engine_fail(w->fake, 500);
    WAIT_FOR(pooled_after_waking(w) == 12);
    fake_engine_fail(w->fake, 0);
    world_settle(w);
}

/* ---- images ---- */

static void test_a_challenge_taken_away_while_its_image_is_made(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);
    AUTO_FREE char *from = xasprintf("%s/challenges/a", w->folder);
    AUTO_FREE char *to = xasprintf("%s/a", w->folder);
    Waiter waiter = { 0 };
    ManagerStats stats;
    Error err = { 0 };

    (void)state;
    log_set_level((LogLevel)-1);
    fake_engine_hold_images(w->fake, true);
    world_start(w);
    CHECK_INT(world_spawn(w, "a", "1", NULL, &waiter, NULL, &err), 0);
    WAIT_FOR((manager_stats(w->m, &stats), stats.starting == 1 && stats.queued == 0));
    CHECK_INT(rename(from, to), 0);
    CHECK_INT(catalogue_reload(w->catalogue, &err), 0);
    waiter_wait(&waiter);
    CHECK_INT(waiter.status, INSTANCE_ERROR);
    CHECK_INT(waiter.code, E_CHALLENGE_NOT_FOUND);
    fake_engine_hold_images(w->fake, false);
    world_settle(w);
}

static void test_what_is_cancelled_does_not_wait_for_an_image(void **state)
{
    AUTO_WORLD World *w = world_new(NULL);

    (void)state;
    log_set_level((LogLevel)-1);
    fake_engine_hold_images(w->fake, true);
    world_start(w);
    for (int i = 0; i < 50; i++) {
        Waiter spawned = { 0 }, stopped = { 0 };
        char id[INSTANCE_ID_SIZE];
        Error err = { 0 };
        CHECK_INT(world_spawn(w, "a", "1", NULL, &spawned, id, &err), 0);
        CHECK_INT(world_stop(w, id, &stopped, &err), 0);
        waiter_wait(&spawned);
        waiter_wait(&stopped);
        CHECK(!stopped.failed);
        world_hurry(w);
    }
    fake_engine_hold_images(w->fake, false);
    world_settle(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_storm_leaves_nothing_behind),
        cmocka_unit_test(test_a_storm_with_a_failing_engine_leaves_nothing_behind),
        cmocka_unit_test(test_the_limit_is_exact_when_many_ask_at_once),
        cmocka_unit_test(test_one_idempotency_key_gives_one_instance),
        cmocka_unit_test(test_taken_ports_are_avoided_three_times),
        cmocka_unit_test(test_a_dead_container_ends_its_instance),
        cmocka_unit_test(test_a_pooled_network_that_was_lost_is_not_used),
        cmocka_unit_test(test_a_pooled_network_with_somebody_on_it_is_not_used),
        cmocka_unit_test(test_a_pool_filled_by_a_failing_engine_forgets_no_network),
        cmocka_unit_test(test_a_challenge_taken_away_while_its_image_is_made),
        cmocka_unit_test(test_what_is_cancelled_does_not_wait_for_an_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
