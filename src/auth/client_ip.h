/*
 * client_ip - whose request it is when proxies stand in between.
 *
 * A proxy that is trusted (TRUSTED_PROXIES: addresses, CIDRs, or `*` for every peer) speaks for its
 * client. X-Forwarded-For is read from the right: each proxy appends the address it saw, so the
 * right-most one that is not itself a listed proxy is the last thing somebody trusted has seen, and
 * whatever stands left of it was sent by the client. Without X-Forwarded-For, X-Real-IP counts.
 * Anything malformed: the peer.
 *
 * Addresses are numeric and canonical: "203.0.113.7", "2001:db8::1", IPv4-mapped IPv6 as IPv4, no
 * zone.
 *
 * Threads    immutable after parsing: any.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum { CLIENT_IP_SIZE = 46, CLIENT_IP_HOPS_MAX = 32 };

typedef struct TrustedProxies TrustedProxies;

/* Comma- or blank-separated. E_INVALID names the entry that is none. */
MUST_USE int trusted_proxies_new(TrustedProxies **ret, const char *list, Error *err);
void trusted_proxies_free(TrustedProxies *proxies);
/* peer NULL or no address: "". The headers may be NULL. */
void client_ip_find(const TrustedProxies *proxies, const char *peer, const char *forwarded_for,
                    const char *real_ip, char ret_ip[CLIENT_IP_SIZE]);
/* The canonical text of an address; false when it is none. */
MUST_USE bool client_ip_normalise(const char *text, char ret_ip[CLIENT_IP_SIZE]);
/*
 * What a limit per address counts by: an IPv4 address itself, but the /64 of an IPv6 address, as
 * one host has all of it.
 */
void client_ip_limit_key(const char *ip, char ret_key[CLIENT_IP_SIZE]);
