/*
 * fixture - a manager with everything around it: a fake engine, a database in memory, and
 * challenges "a" to "d" whose image the fake engine has.
 */
#pragma once

#include "test.h"

#include "folder.h"
#include "instance/fake_engine.h"
#include "instance/state.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/str.h"

typedef struct World {
    char *folder, *socket;
    Settings *settings;
    FakeEngine *fake;
    Db *db;
    Engine *engine;
    Catalogue *catalogue;
    Manager *m;
    atomic_size_t n_gone, n_running, n_failed; /* what the observer was told */
    atomic_size_t faults;                      /* changes that contradict what the view says */
} World;

/* `settings`: "NAME=value" beside the fixture's own; NULL-terminated, may be NULL. */
World *world_new(const char *const *settings);
void world_free(World *w); /* stops the manager if it still runs */
DEFINE_CLEANUP(World, world_free_p, world_free)
#define AUTO_WORLD CLEANUP(world_free_p)

/* A manager on the same database and engine: begin and end may be repeated. */
void world_begin(World *w);
void world_start(World *w);
void world_end(World *w, Millis grace);

/* Counts the calls of one callback. */
typedef struct Waiter {
    atomic_int calls;
    _Atomic InstanceStatus status; /* of a spawn */
    _Atomic ErrorCode code;
    _Atomic bool failed; /* of a stop */
} Waiter;
void waiter_spawned(void *ctx, InstanceView *view);
void waiter_stopped(void *ctx, const char *failure);
/* Waits until it was called; fails the test after 20 s. */
void waiter_wait(Waiter *waiter);

Owner owner_of(const char *id);
/* < 0: refused, with err. The id of the instance in ret_id (may be NULL). */
int world_spawn(World *w, const char *challenge, const char *owner, const char *key, Waiter *waiter,
                char ret_id[INSTANCE_ID_SIZE], Error *err);
/* One of many threads that spawn for owner 7: pthread_create(..., spawn_thread, &spawner). */
typedef struct Spawner {
    World *world;
    const char *challenge, *key;
    Waiter waiter;
    int rc;
    char id[INSTANCE_ID_SIZE];
    Error err;
} Spawner;
void *spawn_thread(void *spawner);
/* Spawns and waits until it runs. */
void world_run(World *w, const char *challenge, const char *owner, char ret_id[INSTANCE_ID_SIZE]);
int world_stop(World *w, const char *instance_id, Waiter *waiter, Error *err);

bool world_has(World *w, const char *instance_id);

/* Waits for a condition; fails the test after 20 s. */
#define WAIT_FOR(cond)                                                                             \
    do {                                                                                           \
        Millis until_ = clock_mono_ms() + 20000;                                                   \
        while (!(cond)) {                                                                          \
            if (clock_mono_ms() > until_)                                                          \
                fail_msg("waited in vain for " #cond);                                             \
            clock_sleep_ms(2);                                                                     \
        }                                                                                          \
    } while (0)

/* What waits for its time to be tried again or forgotten does so now. */
void world_hurry(World *w);
/* Stops what runs, and waits until nothing of any instance is left anywhere. */
void world_settle(World *w);
/* The first cell of the first row. */
int64_t world_count(World *w, const char *sql);
