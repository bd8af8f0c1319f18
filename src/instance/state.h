/*
 * state - what the files of this folder share: the manager and the instances it owns. Private to
 * instance/.
 *
 * One lock, `manager->lock`, covers every field below that is not marked otherwise. It is never
 * held across the database, the engine or an observer: a change is made under it, a view is taken,
 * and the rest happens outside.
 *
 * An Instance is owned by manager->instances from the decision to spawn until it is gone; while a
 * spawn or stop worker runs on it, `worker` is set and nobody else removes it.
 */
#pragma once

#include "base/alloc.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/vec.h"
#include "instance/manager.h"
#include "leases/ports.h"
#include "leases/subnets.h"
#include "store/tables.h"

#include <pthread.h>

enum {
    PHASE_DETAIL_SIZE = 201,
    NETWORKS_MAX = 16,       /* per instance; as many as compose/ lets through */
    FAILED_KEEP_MS = 120000, /* how long a failed spawn stays visible */
    PORT_ATTEMPTS = 3,
};

typedef struct InstanceNetwork {
    char *name, *id; /* id NULL until made */
    char subnet[SUBNET_TEXT_SIZE];
    bool pooled; /* goes back to the pool */
    bool egress; /* the firewall lets it out */
} InstanceNetwork;

typedef struct InstanceContainer {
    char *service, *name, *id; /* id NULL until made */
    bool vital;                /* its death ends the instance */
    bool may_end;              /* publishes nothing: an end with exit code 0 is no death */
} InstanceContainer;

typedef struct DoneCall {
    SpawnDone spawn; /* one of the two */
    StopDone stop;
    void *ctx;
} DoneCall;

typedef VEC(DoneCall) DoneCalls;

typedef struct Instance {
    /* const after registration */
    char id[INSTANCE_ID_SIZE];
    char *challenge_id, *challenge_name, *folder, *revision;
    char *user_id, *username, *team_id, *team_name, *idempotency_key;
    Owner owner;
    char owner_key[OWNER_KEY_SIZE];
    Challenge *challenge; /* a reference; NULL for an adopted instance of a lost revision */
    int64_t timeout_s, extend_step_s;
    int64_t created_at;

    /* lock */
    InstanceStatus status;
    InstancePhase phase;
    char phase_detail[PHASE_DETAIL_SIZE];
    int64_t phase_started_at, queue_position;
    int64_t expires_at, extended_s;
    InstancePort *ports; /* owned with label and url */
    size_t n_ports;
    InstanceNetwork networks[NETWORKS_MAX];
    size_t n_networks;
    InstanceContainer *containers;
    size_t n_containers;
    char *error_message;
    ErrorCode error_code;
    int64_t error_at;
    bool has_stop_reason;
    StopReason stop_reason;
    bool worker;          /* a spawn or stop worker is on it */
    unsigned holds;       /* short uses outside the lock; a stop worker waits for them */
    bool dismissed;       /* an error entry that nothing of exists any more may be dropped */
    Millis forget_at;     /* monotonic; error entries leave then. 0 = never */
    Millis retry_stop_at; /* monotonic; a teardown that failed is tried again then. 0 = never */
    unsigned n_retries;
    bool started_over; /* its worker's own: an image or network vanished, this is the second try */
    DoneCalls done;
    uint64_t version;
    InstanceView *view; /* latest */

    /* any thread */
    _Atomic bool cancel; /* looked at between the steps of a spawn */
} Instance;

typedef VEC(Instance *) InstanceList;

typedef struct SpawnQueue SpawnQueue;
typedef struct NetworkPool NetworkPool;
typedef struct ImageBuilder ImageBuilder;
typedef struct Firewall Firewall;
typedef struct ExpiryHeap ExpiryHeap;
typedef struct SpawnTimes SpawnTimes;

struct Manager {
    ManagerParts parts; /* const after new, like the pools below */
    ManagerObserver observer;
    char *prefix; /* NETWORK_PREFIX: also tells our resources from another Whaley's */
    PortPool *ports;
    SubnetPool *subnets;
    NetworkPool *networks;
    ImageBuilder *images;
    Firewall *firewall;

    /*
     * An instance's row is written as it is: taking the snapshot and writing it are one step, so
     * that a newer row is never overwritten by an older one. Before `lock`.
     */
    Lock journal;
    Lock lock;
    pthread_cond_t spawn_ready, stop_ready, idle, timer_wake, housekeeping_wake;
    Map *instances;                         /* id -> Instance */
    size_t n_in_status[INSTANCE_ERROR + 1]; /* registered instances, as their views say */
    Map *owners;                            /* owner key -> InstanceList */
    Map *idempotency;                       /* owner key + "\n" + key -> Instance */
    Map *inactive;                          /* challenge id -> (void *)1 */
    SpawnQueue *queue;
    InstanceList parked; /* waiting for their image */
    InstanceList stops;  /* waiting for a stop worker */
    ExpiryHeap *expiry;
    SpawnTimes *times;
    bool queue_moved;
    bool closing;                  /* no new work */
    size_t n_spawning, n_stopping; /* workers at work */
    bool engine_up;
    char engine_detail[256];

    _Atomic bool disk_limits; /* the engine can put INSTANCE_MAX_DISK into effect */
    _Atomic bool stop;        /* background threads end */
    pthread_t *threads;
    size_t n_threads;
};

/* ---- manager.c: registry ---- */
void instance_free(Instance *instance);
/* Registers; the caller holds the lock. */
void registry_add_locked(Manager *m, Instance *instance);
/* Unregisters and frees; the caller holds the lock and nobody works on it. */
void registry_drop_locked(Manager *m, Instance *instance);
Instance *registry_find_locked(Manager *m, const char *instance_id);
InstanceList *registry_of_owner_locked(Manager *m, const char *owner_key); /* NULL: none */
/* Starts a background thread that manager_stop() joins. */
MUST_USE int manager_thread(Manager *m, void *(*run)(void *), Error *err);
int64_t manager_timeout_s(Manager *m, const Challenge *challenge);
size_t manager_limit(Manager *m, const Owner *owner);

/* ---- view.c ---- */
/* Rebuilds instance->view; returns a reference. The caller holds the lock. */
InstanceView *instance_refresh_locked(Manager *m, Instance *instance);
/* Takes it out of the counts by status; for the registry. */
void view_uncount_locked(Manager *m, const Instance *instance);
void instance_set_phase_locked(Instance *instance, InstancePhase phase, const char *detail);
/* Takes the lock, sets the phase, tells the observer. */
void manager_phase(Manager *m, Instance *instance, InstancePhase phase, const char *detail);
void manager_notify(Manager *m, InstanceView *view, InstanceChange change, StopReason reason);

/* ---- record.c: Instance <-> database row ---- */
MUST_USE int record_save(Manager *m, Instance *instance, Error *err);
/* An Instance from a row; its challenge is looked up by id. */
Instance *record_restore(Manager *m, const InstanceRow *row);

/* ---- decide.c / spawn.c / stop.c / timer.c / housekeeping.c / watch.c / recover.c / sweep.c ----
 */
void *spawn_worker(void *manager);
void spawn_fail_parked(Manager *m, const char *challenge_id);
void *stop_worker(void *manager);
/* Queues the teardown of an instance whose status is stopping already. Lock held. */
void stop_enqueue_locked(Manager *m, Instance *instance);
/* Marks and queues: the lock is held. */
void stop_begin_locked(Manager *m, Instance *instance, StopReason reason);
/*
 * Removes everything the journal knows of an instance: containers, networks, volumes, leases, rows.
 * < 0: something could not be removed; the rows of that stay.
 */
MUST_USE int teardown(Manager *m, Instance *instance, Error *err);
/* Calls everybody who waits. `failure` is for stops; NULL when all is gone. Empties the list. */
void done_call(DoneCalls *calls, InstanceView *view, const char *failure);
/* Ends an instance that is torn down: tells everyone and forgets it. */
void stop_finish(Manager *m, Instance *instance);
/* Keeps a torn-down instance visible as an error entry. */
void stop_keep_error(Manager *m, Instance *instance, Millis keep_ms);

void *timer_thread(void *manager);
void *housekeeping_thread(void *manager);
void expiry_watch_locked(Manager *m, Instance *instance);
void *engine_watcher(void *manager);
/*
 * Looks at every container of an instance that has just become running: an event that came while it
 * was still starting was no news then.
 */
void instance_verify(Manager *m, const InstanceView *view);
/* Compares every running instance with the engine's list. */
void instance_resync(Manager *m);
MUST_USE int recover(Manager *m, Error *err);
MUST_USE int sweep(Manager *m, Millis window, Error *err);
/* Ports the engine publishes for others, and subnets of other networks. */
void survey_engine(Manager *m);
