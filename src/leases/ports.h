/*
 * ports - which host port is whose; the same ones to the same owner and challenge when it can.
 *
 * The range is cut into at most 32 lanes. blake2b of "{owner}:{challenge}:{internal port}" picks
 * the first lane, a cursor per lane the next port in it, and the other lanes follow in order
 * (behaviour.md 6.1). A port is leased only after the database has accepted it (unique by port) and
 * a bind probe on the engine's host did not find it taken. What an owner had last time comes from
 * user_port_mappings, which is written once a spawn has succeeded, so that a conflict is not
 * remembered as a wish.
 *
 * Units      ports in host byte order.
 * Threads    any.
 * Failure    E_NO_PORTS: every port is taken; nothing was leased.
 */
#pragma once

#include "base/error.h"
#include "store/database.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct PortPool PortPool;

typedef struct PortWish {
    const char *owner_key, *username, *challenge_id, *instance_id;
    const uint16_t *internal;
    size_t n;
} PortWish;

/* probe_address: where instance ports are published on this host; NULL = no bind probe. */
PortPool *port_pool_new(Db *db, uint16_t first, uint16_t last, const char *probe_address);
void port_pool_free(PortPool *pool);
DEFINE_CLEANUP(PortPool, port_pool_free_p, port_pool_free)
#define AUTO_PORT_POOL CLEANUP(port_pool_free_p)

/* Takes over the leases that are in the database. */
MUST_USE int port_pool_load(PortPool *pool, Error *err);
/* Replaces the set of ports that the engine publishes for others. */
void port_pool_set_foreign(PortPool *pool, const uint16_t *ports, size_t n);

/* All or nothing; ret_ports[i] belongs to wish->internal[i]. */
MUST_USE int port_pool_lease(PortPool *pool, const PortWish *wish, uint16_t *ret_ports, Error *err);
/* Something else has this port: it is avoided for ten minutes. */
void port_pool_block(PortPool *pool, uint16_t port);
/* The spawn succeeded: this is what the owner gets next time. */
MUST_USE int port_pool_remember(PortPool *pool, const PortWish *wish, const uint16_t *ports,
                                Error *err);
/* Drops all leases of the instance, and only of it; none is fine. */
MUST_USE int port_pool_release(PortPool *pool, const char *instance_id, Error *err);

size_t port_pool_size(PortPool *pool);
size_t port_pool_leased(PortPool *pool);
