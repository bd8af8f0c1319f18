/*
 * network_pool - bridges for instances: made on demand, and a few empty ones kept ready, because
 * making and removing one is a third of a spawn and serialised inside the engine (decisions B7).
 *
 * Every network has an explicit subnet whose lease is in the database before the network exists.
 * A pooled network is called "{prefix}-net-{8 hex}" and goes back after use; one made for an
 * instance is "{prefix}-{instance id}" (and "..-{key}" for further ones).
 *
 * Threads    any; one background thread fills and empties.
 */
#pragma once

#include "instance/state.h"

NetworkPool *network_pool_new(Manager *m);
void network_pool_free(NetworkPool *pool);
void *network_pool_thread(void *manager);
void network_pool_wake(NetworkPool *pool);
size_t network_pool_ready(NetworkPool *pool);

typedef struct NetworkWish {
    const Instance *instance;
    const char *key; /* of the compose file, "default" */
    bool internal, egress;
} NetworkWish;

/*
 * A network for the instance: from the pool, or made. Fills name, id, subnet, pooled; name and
 * subnet are filled as soon as they are leased, so that a failure half-way can be undone.
 */
MUST_USE int network_obtain(Manager *m, const NetworkWish *wish, InstanceNetwork *ret, Error *err);
/* Gives it back or removes it. Nothing may be attached any more. */
MUST_USE int network_return(Manager *m, InstanceNetwork *network, Error *err);
/* Removes a network and its lease. */
MUST_USE int network_discard(Manager *m, const char *name_or_id, const char *subnet, Error *err);
/* Leaves that to the background, which tries until the engine lets go of it. */
void network_pool_discard_later(Manager *m, const char *name, const char *id, const char *subnet);
/* On recovery: an empty network of the pool from an earlier run. */
void network_pool_adopt(Manager *m, const char *name, const char *id, const char *subnet);
