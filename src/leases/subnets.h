/*
 * subnets - which piece of NETWORK_SUBNET_BASE belongs to which network.
 *
 * Each network gets an explicit small subnet, so that the engine's own 30 address pools never run
 * out (decisions B7). A lease is written to the database, unique by subnet, before the network is
 * made. Subnets that other networks or routes of the host use are marked foreign.
 *
 * Threads    any.
 * Failure    E_NO_SUBNETS: all leased; nothing was changed.
 */
#pragma once

#include "base/error.h"
#include "store/database.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUBNET_TEXT_SIZE = 20 }; /* "255.255.255.255/32" */

typedef struct SubnetPool SubnetPool;

/* base "10.240.0.0/16", prefix 24..30 and longer than the base's. */
MUST_USE int subnet_pool_new(SubnetPool **ret, Db *db, const char *base, unsigned prefix,
                             Error *err);
void subnet_pool_free(SubnetPool *pool);
DEFINE_CLEANUP(SubnetPool, subnet_pool_free_p, subnet_pool_free)
#define AUTO_SUBNET_POOL CLEANUP(subnet_pool_free_p)

MUST_USE int subnet_pool_load(SubnetPool *pool, Error *err);
/* Everything in `cidr` is used by somebody else. Text that is no IPv4 CIDR is ignored. */
void subnet_pool_mark_foreign(SubnetPool *pool, const char *cidr);
/* Before a survey, which marks anew what it finds: networks of others come and go. */
void subnet_pool_forget_foreign(SubnetPool *pool);
/* Is it one subnet of ours, leased? */
bool subnet_pool_is_leased(SubnetPool *pool, const char *subnet);
/* Marks what /proc/net/route knows beyond the default route. */
void subnet_pool_mark_routes(SubnetPool *pool);

MUST_USE int subnet_pool_lease(SubnetPool *pool, const char *holder, const char *network_name,
                               char ret_subnet[SUBNET_TEXT_SIZE], Error *err);
MUST_USE int subnet_pool_release(SubnetPool *pool, const char *subnet, Error *err);

size_t subnet_pool_size(SubnetPool *pool);
size_t subnet_pool_leased(SubnetPool *pool);
