#include "leases/ports.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/lock.h"
#include "store/tables.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LANES_MAX = 32, BLOCK_MS = 10 * 60 * 1000 };

typedef struct Slot {
    uint64_t holder; /* digest of the instance's id; 0 = not leased */
    bool foreign;
    Millis blocked_until;
} Slot;

struct PortPool {
    Lock lock;
    Db *db;
    char *probe_address;
    uint16_t first;
    size_t size, n_leased;
    Slot *slots;
    size_t n_lanes, lane_size;
    size_t cursor[LANES_MAX]; /* offset inside the lane */
};

PortPool *port_pool_new(Db *db, uint16_t first, uint16_t last, const char *probe_address)
{
    PortPool *pool = xnew(PortPool);

    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->db = db;
    pool->probe_address = xstrdup_or_null(probe_address);
    pool->first = first;
    pool->size = (size_t)(last - first) + 1;
    pool->slots = xcalloc(pool->size, sizeof *pool->slots);
    pool->n_lanes = pool->size < LANES_MAX ? pool->size : LANES_MAX;
    pool->lane_size = (pool->size + pool->n_lanes - 1) / pool->n_lanes;
    return pool;
}

void port_pool_free(PortPool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->probe_address);
    free(pool->slots);
    free(pool);
}

static Slot *slot_of(PortPool *pool, int port)
{
    if (port < pool->first || (size_t)(port - pool->first) >= pool->size)
        return NULL;
    return &pool->slots[port - pool->first];
}

static uint64_t holder_of(const char *instance_id)
{
    uint64_t digest = crypto_blake2b_u64(instance_id, strlen(instance_id));

    return digest ? digest : 1;
}

int port_pool_load(PortPool *pool, Error *err)
{
    PortLeaseRows rows = { 0 };

    if (port_leases_all(pool->db, &rows, err) < 0)
        return error_wrap(err, "reading port leases");
    LOCK_SCOPE(&pool->lock);
    for (size_t i = 0; i < rows.n; i++) {
        Slot *slot = slot_of(pool, rows.items[i].port);
        if (slot && !slot->holder) {
            slot->holder = holder_of(rows.items[i].instance_id);
            pool->n_leased++;
        }
    }
    port_lease_rows_fini(&rows);
    return 0;
}

void port_pool_set_foreign(PortPool *pool, const uint16_t *ports, size_t n)
{
    LOCK_SCOPE(&pool->lock);
    for (size_t i = 0; i < pool->size; i++)
        pool->slots[i].foreign = false;
    for (size_t i = 0; i < n; i++) {
        Slot *slot = slot_of(pool, ports[i]);
        if (slot)
            slot->foreign = !slot->holder;
    }
}

/* Can a listener be bound there right now? Without SO_REUSEADDR, as the engine binds. */
static bool can_bind(const char *address, uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
    AUTO_CLOSE int fd = -1;

    if (!address || inet_pton(AF_INET, address, &sa.sin_addr) != 1)
        return true; /* no probe possible: the engine will say */
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
}

static bool is_free_locked(PortPool *pool, int port, Millis now)
{
    const Slot *slot = slot_of(pool, port);

    return slot && !slot->holder && !slot->foreign && slot->blocked_until <= now &&
           can_bind(pool->probe_address, (uint16_t)port);
}

/* Marks the port leased in the database and in memory. > 0: the database has it already. */
static int take_locked(PortPool *pool, const PortWish *wish, size_t i, uint16_t port, Error *err)
{
    Error why = { 0 };

    if (port_leases_add(pool->db, wish->instance_id, wish->internal[i], port, &why) < 0) {
        if (why.code == E_CONFLICT)
            return 1;
        if (err)
            *err = why;
        return -1;
    }
    slot_of(pool, port)->holder = holder_of(wish->instance_id);
    pool->n_leased++;
    return 0;
}

static uint64_t lane_of(const PortPool *pool, const PortWish *wish, size_t i)
{
    char key[512];
    int len = snprintf(key, sizeof key, "%s:%s:%u", wish->owner_key, wish->challenge_id,
                       (unsigned)wish->internal[i]);
    size_t n = len < 0 ? 0 : (size_t)len < sizeof key ? (size_t)len : sizeof key - 1;

    return crypto_blake2b_u64(key, n) % pool->n_lanes;
}

/* One port from the lanes, the primary one first. Returns 0, or 1 when there is none. */
static int take_fresh_locked(PortPool *pool, const PortWish *wish, size_t i, uint16_t *ret,
                             Error *err)
{
    size_t primary = lane_of(pool, wish, i);
    Millis now = clock_mono_ms();

    for (size_t l = 0; l < pool->n_lanes; l++) {
        size_t lane = (primary + l) % pool->n_lanes;
        for (size_t step = 0; step < pool->lane_size; step++) {
            size_t at = (pool->cursor[lane] + step) % pool->lane_size;
            int port = pool->first + (int)(lane * pool->lane_size + at);
            int rc;
            if (!is_free_locked(pool, port, now))
                continue;
            rc = take_locked(pool, wish, i, (uint16_t)port, err);
            if (rc < 0)
                return -1;
            if (rc > 0)
                continue;
            pool->cursor[lane] = (at + 1) % pool->lane_size;
            *ret = (uint16_t)port;
            return 0;
        }
    }
    return 1;
}

static int give_back_locked(PortPool *pool, const char *instance_id, Error *err)
{
    uint64_t holder = holder_of(instance_id);

    if (port_leases_drop(pool->db, instance_id, err) < 0)
        return error_wrap(err, "releasing ports of %s", instance_id);
    for (size_t i = 0; i < pool->size; i++) {
        if (pool->slots[i].holder == holder) {
            pool->slots[i].holder = 0;
            pool->n_leased--;
        }
    }
    return 0;
}

/* What the owner had last time, if every port of it is free. Returns 0, or 1. */
static int take_remembered_locked(PortPool *pool, const PortWish *wish, uint16_t *ports, Error *err)
{
    PortMappingRows rows = { 0 };
    size_t found = 0;

    if (port_mappings_get(pool->db, wish->owner_key, wish->challenge_id, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < wish->n; i++)
        for (size_t k = 0; k < rows.n; k++)
            if (rows.items[k].internal_port == wish->internal[i] &&
                is_free_locked(pool, rows.items[k].external_port, clock_mono_ms())) {
                ports[i] = (uint16_t)rows.items[k].external_port;
                found++;
                break;
            }
    port_mapping_rows_fini(&rows);
    if (found < wish->n)
        return 1;
    for (size_t i = 0; i < wish->n; i++) {
        Error ignored = { 0 };
        int rc = take_locked(pool, wish, i, ports[i], err);
        if (rc != 0) { /* what cannot be given back now goes when the instance does */
            BEST_EFFORT(give_back_locked(pool, wish->instance_id, &ignored));
            return rc;
        }
    }
    return 0;
}

int port_pool_lease(PortPool *pool, const PortWish *wish, uint16_t *ret_ports, Error *err)
{
    LOCK_SCOPE(&pool->lock);
    int rc = take_remembered_locked(pool, wish, ret_ports, err);

    if (rc <= 0)
        return rc;
    for (size_t i = 0; i < wish->n; i++) {
        Error ignored = { 0 };
        rc = take_fresh_locked(pool, wish, i, &ret_ports[i], err);
        if (rc == 0)
            continue;
        BEST_EFFORT(give_back_locked(pool, wish->instance_id, &ignored));
        return rc < 0
                   ? -1
                   : error_set(err, E_NO_PORTS, "all %zu ports of the range are taken", pool->size);
    }
    return 0;
}

void port_pool_block(PortPool *pool, uint16_t port)
{
    LOCK_SCOPE(&pool->lock);
    Slot *slot = slot_of(pool, port);

    if (slot)
        slot->blocked_until = clock_mono_ms() + BLOCK_MS;
}

int port_pool_remember(PortPool *pool, const PortWish *wish, const uint16_t *ports, Error *err)
{
    AUTO_FREE PortMappingRow *rows = xcalloc(wish->n, sizeof *rows);

    for (size_t i = 0; i < wish->n; i++)
        rows[i] = (PortMappingRow){ wish->internal[i], ports[i] };
    return port_mappings_put(pool->db, wish->owner_key, wish->username, wish->challenge_id, rows,
                             wish->n, err);
}

int port_pool_release(PortPool *pool, const char *instance_id, Error *err)
{
    LOCK_SCOPE(&pool->lock);

    return give_back_locked(pool, instance_id, err);
}

size_t port_pool_size(PortPool *pool)
{
    return pool->size;
}

size_t port_pool_leased(PortPool *pool)
{
    LOCK_SCOPE(&pool->lock);
    return pool->n_leased;
}
