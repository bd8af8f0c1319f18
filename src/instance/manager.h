/*
 * manager - the life of instances: spawn, stop, extend, expire, adopt, sweep.
 *
 * A spawn is decided at once (limits, duplicate, active, id, journal row) under the manager's lock,
 * queued fairly between owners, and carried out by a worker; the caller watches it through the
 * observer or waits with manager_spawn()'s callback. See docs/ARCHITECTURE.md for the steps and
 * the journal.
 *
 * Threads    any. The observer runs on the thread that made the change, without locks held.
 */
#pragma once

#include "challenge/catalogue.h"
#include "docker/engine.h"
#include "instance/instance.h"
#include "settings/settings.h"
#include "store/database.h"

typedef struct Manager Manager;

typedef enum InstanceChange {
    CHANGE_UPDATED, /* also: created */
    CHANGE_RUNNING, /* a spawn has ended well */
    CHANGE_FAILED,  /* a spawn has ended badly; view->error_* say why */
    CHANGE_EXTENDED,
    CHANGE_GONE, /* everything of it is removed */
} InstanceChange;

typedef struct ManagerObserver {
    void *ctx;
    void (*changed)(void *ctx, InstanceView *view, InstanceChange change, StopReason reason);
    /* The queue moved: positions of queued instances changed (their views are updated already). */
    void (*engine_state)(void *ctx, bool up, const char *detail);
    /* A line of a build, from its worker: for organisers only. May be NULL, like the one above. */
    void (*build_line)(void *ctx, const char *challenge_id, const char *line);
} ManagerObserver;

typedef struct ManagerParts {
    const Settings *settings;
    Db *db;
    Engine *engine;
    Catalogue *catalogue;
    bool team_mode;
    const char *public_host; /* shown in endpoints */
} ManagerParts;

/* Creates; manager_start() adopts or cleans what an earlier run left and starts the threads. */
MUST_USE int manager_new(Manager **ret, const ManagerParts *parts, ManagerObserver observer,
                         Error *err);
MUST_USE int manager_start(Manager *manager, Error *err);
/* Stops taking work, waits up to `grace` for spawns under way, leaves instances running. */
void manager_stop(Manager *manager, Millis grace);
void manager_free(Manager *manager);

typedef struct SpawnRequest {
    const char *challenge_id;
    const char *user_id, *username, *team_id, *team_name; /* team_* NULL outside team mode */
    Owner owner;
    const char *idempotency_key; /* NULL; the same key of one owner gives the same instance */
} SpawnRequest;

/* Called once when the spawn has ended (running, failed or cancelled), from any thread. */
typedef void (*SpawnDone)(void *ctx, InstanceView *view);

/*
 * Decides and queues. Returns 0 with the queued instance's view (a reference), or 1
 * (SPAWN_REPEATED) with the existing one when the idempotency key was seen; `done` is called in
 * both cases (at once when it has ended already), unless NULL. Refusals (< 0): E_CHALLENGE_*,
 * E_LIMIT_REACHED, E_ALREADY_RUNNING, E_QUEUE_FULL, E_NO_PORTS, E_NO_SUBNETS, E_ENGINE_DOWN,
 * E_UNAVAILABLE (shutting down), E_INVALID (the key was used for another challenge); their detail
 * may be shown to the player.
 */
enum { SPAWN_REPEATED = 1 };
MUST_USE int manager_spawn(Manager *manager, const SpawnRequest *request, SpawnDone done,
                           void *done_ctx, InstanceView **ret_view, Error *err);

/* Called once when a stop has ended; `failure` NULL when everything is gone. */
typedef void (*StopDone)(void *ctx, const char *failure);
/*
 * Stops, or cancels a queued or starting spawn. asker NULL: an administrator. E_NOT_FOUND,
 * E_NOT_OWNER, E_ALREADY_STOPPING.
 */
MUST_USE int manager_stop_instance(Manager *manager, const char *instance_id, const Owner *asker,
                                   StopReason reason, StopDone done, void *done_ctx, Error *err);

/* Rules of behaviour.md 5.5. *ret_added_s: how much was added. */
MUST_USE int manager_extend(Manager *manager, const char *instance_id, const Owner *asker,
                            InstanceView **ret_view, int64_t *ret_added_s, Error *err);

/* NULL when unknown. */
InstanceView *manager_find(Manager *manager, const char *instance_id);
/* Of one owner (NULL: all), oldest first. */
void manager_list(Manager *manager, const Owner *owner, InstanceViews *ret);

typedef struct ManagerStats {
    size_t instances, running, starting, stopping, errors, queued;
    size_t ports_allocated, ports_available;
    size_t subnets_leased, subnets_total, pooled_networks;
    bool engine_up;
    bool firewall_up;
    char engine_detail[256], firewall_detail[256];
} ManagerStats;
void manager_stats(Manager *manager, ManagerStats *ret);
/* STARTING + RUNNING of the owner, and how many it may have. */
void manager_quota(Manager *manager, const Owner *owner, size_t *ret_used, size_t *ret_max);

/* What stands between a challenge and its first spawn: its image. */
typedef enum ImageState { IMAGE_UNKNOWN, IMAGE_BUILDING, IMAGE_READY, IMAGE_FAILED } ImageState;
typedef struct ChallengeReadiness {
    bool active;
    ImageState image;
    char detail[256];
    int64_t eta_s; /* median of recent spawns; 0 unknown */
} ChallengeReadiness;
void manager_challenge(Manager *manager, const char *challenge_id, ChallengeReadiness *ret);
/* The catalogue changed: build what is new, forget what is gone. */
void manager_challenges_changed(Manager *manager);
