#include "instance/network_pool.h"
#include "base/crypto.h"
#include "base/log.h"
#include "docker/networks.h"
#include "instance/labels.h"

#include <stdio.h>

enum { SUBNET_ATTEMPTS = 8, IDLE_CHECK_MS = 250, RETRY_MS = 5000 };

typedef struct PooledNetwork {
    char *name, *id; /* id NULL: it may not exist */
    char subnet[SUBNET_TEXT_SIZE];
} PooledNetwork;

struct NetworkPool {
    Manager *m;
    size_t target;
    Lock lock;
    pthread_cond_t wake;
    VEC(PooledNetwork) ready, surplus; /* surplus: to be removed when there is time */
};

NetworkPool *network_pool_new(Manager *m)
{
    NetworkPool *pool = xnew(NetworkPool);

    pool->m = m;
    pool->target = (size_t)m->parts.settings->network_pool_size;
    (void)pthread_mutex_init(&pool->lock, NULL);
    lock_cond_init(&pool->wake);
    return pool;
}

static void pooled_fini(PooledNetwork *n)
{
    free(n->name);
    free(n->id);
}

void network_pool_free(NetworkPool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->ready.n; i++)
        pooled_fini(&pool->ready.items[i]);
    for (size_t i = 0; i < pool->surplus.n; i++)
        pooled_fini(&pool->surplus.items[i]);
    vec_fini(&pool->ready);
    vec_fini(&pool->surplus);
    free(pool);
}

void network_pool_wake(NetworkPool *pool)
{
    LOCK_SCOPE(&pool->lock);
    (void)pthread_cond_broadcast(&pool->wake);
}

size_t network_pool_ready(NetworkPool *pool)
{
    LOCK_SCOPE(&pool->lock);
    return pool->ready.n;
}

/* ---- making and removing one ---- */

typedef struct Making {
    const char *holder, *name;
    const char *instance_id; /* NULL for the pool */
    const char *key;
    bool internal, egress;
} Making;

static int create_in(Manager *m, const Making *what, const char *subnet,
                     char ret_id[ENGINE_ID_SIZE], Error *err)
{
    AUTO_ARENA Arena *arena = arena_new();
    Labels labels = { 0 };
    NetworkSpec spec = {
        .name = what->name,
        .subnet = subnet,
        .internal = what->internal,
        .masquerade = what->egress,
        .icc = true,
    };

    labels_of_network(&labels, arena, m, what->instance_id, what->key, subnet);
    spec.labels = labels.items;
    spec.n_labels = labels.n;
    return network_create(m->parts.engine, &spec, ret_id, err);
}

/* Gives the subnet up; its text is emptied, so that whoever undoes the rest does not do it again.
 */
static int release(Manager *m, char subnet[SUBNET_TEXT_SIZE], Error *err)
{
    if (subnet_pool_release(m->subnets, subnet, err) < 0)
        return -1;
    subnet[0] = '\0';
    return 0;
}

/*
 * Leases a subnet and makes the network in it; a subnet somebody else uses is marked and skipped.
 * After a failure, ret_subnet holds what is still leased: the network may exist. "" is nothing.
 */
static int make(Manager *m, const Making *what, char ret_subnet[SUBNET_TEXT_SIZE],
                char ret_id[ENGINE_ID_SIZE], Error *err)
{
    for (int attempt = 0; attempt < SUBNET_ATTEMPTS; attempt++) {
        Error why = { 0 }, ignored = { 0 };
        ret_subnet[0] = '\0';
        if (subnet_pool_lease(m->subnets, what->holder, what->name, ret_subnet, err) < 0)
            return -1;
        if (create_in(m, what, ret_subnet, ret_id, &why) == 0)
            return subnet_leases_set_network(m->parts.db, ret_subnet, ret_id, err);
        if (why.code == E_SUBNET_TAKEN)
            subnet_pool_mark_foreign(m->subnets, ret_subnet);
        if (why.code == E_CONFLICT) /* our own, from a run that was killed */
            BEST_EFFORT(network_remove(m->parts.engine, what->name, &ignored));
        /* After any other failure the network may exist all the same: remove before releasing. */
        if (why.code != E_SUBNET_TAKEN && why.code != E_CONFLICT) {
            if (network_remove(m->parts.engine, what->name, &ignored) == 0)
                BEST_EFFORT(release(m, ret_subnet, &ignored));
            if (err)
                *err = why;
            return error_wrap(err, "making network %s", what->name);
        }
        if (release(m, ret_subnet, err) < 0)
            return -1;
    }
    return error_set(err, E_SUBNET_TAKEN,
                     "no usable subnet in %d tries; is NETWORK_SUBNET_BASE "
                     "used by something else?",
                     SUBNET_ATTEMPTS);
}

int network_discard(Manager *m, const char *name_or_id, const char *subnet, Error *err)
{
    if (network_remove(m->parts.engine, name_or_id, err) < 0)
        return error_wrap(err, "removing network %s", name_or_id);
    return subnet[0] ? subnet_pool_release(m->subnets, subnet, err) : 0;
}

/* ---- for instances ---- */

static bool pop_ready(NetworkPool *pool, PooledNetwork *ret)
{
    LOCK_SCOPE(&pool->lock);

    if (pool->ready.n == 0)
        return false;
    *ret = pool->ready.items[0];
    vec_remove(&pool->ready, 0);
    (void)pthread_cond_signal(&pool->wake);
    return true;
}

static void put_surplus(NetworkPool *pool, const PooledNetwork *n)
{
    LOCK_SCOPE(&pool->lock);

    vec_push(&pool->surplus, *n);
    (void)pthread_cond_signal(&pool->wake);
}

/*
 * A network of the pool, looked at first: one that was pruned would fail the spawn, and one that
 * somebody is still on (a container whose removal the engine has not finished) would join two
 * instances. Such are left to the background to remove.
 */
static bool take_ready(NetworkPool *pool, PooledNetwork *ret)
{
    while (pop_ready(pool, ret)) {
        Error why = { 0 };
        size_t attached = 0;
        if (network_attached(pool->m->parts.engine, ret->id, &attached, &why) == 0 && attached == 0)
            return true;
        log_warn("network %s of the pool is not used: %s", ret->name,
                 attached > 0 ? "somebody is on it" : why.detail);
        put_surplus(pool, ret);
    }
    return false;
}

int network_obtain(Manager *m, const NetworkWish *wish, InstanceNetwork *ret, Error *err)
{
    char id[ENGINE_ID_SIZE];
    bool plain = !wish->internal && !wish->egress;
    PooledNetwork pooled;
    Making what;

    if (plain && take_ready(m->networks, &pooled)) {
        ret->name = pooled.name;
        ret->id = pooled.id;
        memcpy(ret->subnet, pooled.subnet, sizeof ret->subnet);
        ret->pooled = true;
        return subnet_leases_set_holder(m->parts.db, pooled.subnet, wish->instance->id, err);
    }
    ret->pooled = plain && m->networks->target > 0;
    if (ret->pooled) {
        char hex[9];
        crypto_random_hex(hex, 4);
        ret->name = xasprintf("%s-net-%s", m->prefix, hex);
    } else {
        bool is_default = strcmp(wish->key, "default") == 0;
        ret->name = xasprintf("%s-%s%s%s", m->prefix, wish->instance->id, is_default ? "" : "-",
                              is_default ? "" : wish->key);
    }
    what = (Making){ .holder = wish->instance->id,
                     .name = ret->name,
                     .instance_id = ret->pooled ? NULL : wish->instance->id,
                     .key = wish->key,
                     .internal = wish->internal,
                     .egress = wish->egress };
    if (make(m, &what, ret->subnet, id, err) < 0)
        return -1;
    ret->id = xstrdup(id);
    return 0;
}

int network_return(Manager *m, InstanceNetwork *network, Error *err)
{
    NetworkPool *pool = m->networks;
    PooledNetwork back;

    if (!network->name)
        return 0;
    if (!network->pooled || !network->id)
        return network_discard(m, network->name, network->subnet, err);
    if (subnet_leases_set_holder(m->parts.db, network->subnet, "pool", err) < 0)
        return -1;
    back = (PooledNetwork){ .name = xstrdup(network->name), .id = xstrdup(network->id) };
    memcpy(back.subnet, network->subnet, sizeof back.subnet);
    LOCK_SCOPE(&pool->lock);
    if (pool->ready.n < pool->target)
        vec_push(&pool->ready, back);
    else
        vec_push(&pool->surplus, back);
    (void)pthread_cond_signal(&pool->wake);
    return 0;
}

void network_pool_adopt(Manager *m, const char *name, const char *id, const char *subnet)
{
    NetworkPool *pool = m->networks;
    PooledNetwork n = { .name = xstrdup(name), .id = xstrdup(id) };

    (void)snprintf(n.subnet, sizeof n.subnet, "%s", subnet);
    LOCK_SCOPE(&pool->lock);
    if (pool->ready.n < pool->target)
        vec_push(&pool->ready, n);
    else
        vec_push(&pool->surplus, n);
}

void network_pool_discard_later(Manager *m, const char *name, const char *id, const char *subnet)
{
    PooledNetwork n = { .name = xstrdup(name), .id = xstrdup(id) };

    (void)snprintf(n.subnet, sizeof n.subnet, "%s", subnet);
    put_surplus(m->networks, &n);
}

/* ---- background ---- */

static bool spawns_under_way(Manager *m)
{
    LOCK_SCOPE(&m->lock);
    return m->n_spawning > 0 || !m->engine_up;
}

static int fill_one(NetworkPool *pool, Error *err)
{
    char hex[9], id[ENGINE_ID_SIZE];
    PooledNetwork n = { 0 };
    Making what;

    crypto_random_hex(hex, 4);
    n.name = xasprintf("%s-net-%s", pool->m->prefix, hex);
    what = (Making){ .holder = "pool", .name = n.name, .key = "default" };
    if (make(pool->m, &what, n.subnet, id, err) < 0) {
        if (n.subnet[0])
            put_surplus(pool, &n);
        else
            pooled_fini(&n);
        return -1;
    }
    n.id = xstrdup(id);
    LOCK_SCOPE(&pool->lock);
    vec_push(&pool->ready, n);
    return 0;
}

/* Removes one surplus network. Returns 1 when there was none. */
static int drop_one(NetworkPool *pool, Error *err)
{
    PooledNetwork n;

    (void)pthread_mutex_lock(&pool->lock);
    if (pool->surplus.n == 0) {
        (void)pthread_mutex_unlock(&pool->lock);
        return 1;
    }
    n = pool->surplus.items[--pool->surplus.n];
    (void)pthread_mutex_unlock(&pool->lock);
    if (network_discard(pool->m, n.id ? n.id : n.name, n.subnet, err) < 0) {
        LOCK_SCOPE(&pool->lock);
        vec_push(&pool->surplus, n); /* last in line: the others have their turn first */
        vec_to_front(&pool->surplus, pool->surplus.n - 1);
        return -1;
    }
    pooled_fini(&n);
    return 0;
}

/* One step. Where no network can be made, removing one may give its subnet back. */
static int look_after_one(NetworkPool *pool, bool short_of, bool surplus, Error *err)
{
    if (short_of && fill_one(pool, err) == 0)
        return 0;
    return surplus ? drop_one(pool, err) : -1;
}

/*
 * Fills and empties only while nobody spawns: bridges are made under one lock inside the engine,
 * and a player's spawn comes first.
 */
void *network_pool_thread(void *manager)
{
    Manager *m = manager;
    NetworkPool *pool = m->networks;

    while (!atomic_load(&m->stop)) {
        Millis wait = 60000;
        Error err = { 0 };
        bool short_of, surplus;

        (void)pthread_mutex_lock(&pool->lock);
        short_of = pool->ready.n < pool->target;
        surplus = pool->surplus.n > 0;
        (void)pthread_mutex_unlock(&pool->lock);
        if (short_of || surplus) {
            if (spawns_under_way(m))
                wait = IDLE_CHECK_MS;
            else if (look_after_one(pool, short_of, surplus, &err) >= 0)
                continue;
            else {
                log_warn("network pool: %s", err.detail);
                wait = RETRY_MS;
            }
        }
        LOCK_SCOPE(&pool->lock);
        if (!atomic_load(&m->stop))
            (void)lock_cond_wait_until(&pool->wake, &pool->lock, clock_mono_ms() + wait);
    }
    return NULL;
}
