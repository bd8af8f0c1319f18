/*
 * firewall - a small iptables chain of ours that closes what a bridge alone leaves open
 * (decisions B7): a container may not open connections to this host (which also covers other
 * instances' published ports through the engine's proxy), and, unless its challenge says
 * `egress = true`, to nothing outside its own network.
 *
 * Two chains, named after NETWORK_PREFIX, hooked first in INPUT of the filter table and in FORWARD
 * of the mangle table. They do not rely on the engine's own chains, which are not in place at every
 * moment. Asserting is idempotent and repeated on a timer, in case somebody flushed them. Where it
 * cannot be installed (remote engine, no iptables, no root, FIREWALL_ENABLED=false) it says so in
 * /health.
 *
 * Threads    any.
 */
#pragma once

#include "base/strbuf.h"
#include "instance/state.h"

enum { FIREWALL_WORD_SIZE = 20 };
/* What the chains of this NETWORK_PREFIX start with; no two prefixes share it. */
void firewall_word(const char *prefix, char ret_word[FIREWALL_WORD_SIZE]);

typedef struct FirewallPlan {
    const char *word, *pool;
    char *const *egress; /* subnets */
    size_t n_egress;
    bool sees_bridged; /* iptables is, or may be, shown what passes inside a bridge */
} FirewallPlan;
/* The whole content of both chains for iptables-restore, replaced in one transaction. */
void firewall_rules(const FirewallPlan *plan, StrBuf *out);

Firewall *firewall_new(Manager *m);
void firewall_free(Firewall *firewall);
/* Installs or repairs; remembers the outcome for firewall_state(). */
void firewall_assert(Firewall *firewall);
/* Takes both chains away: for an end with nothing left that they protect anybody from. */
void firewall_remove(Firewall *firewall);
/* An instance network with egress came or went: the rules are rewritten. */
void firewall_add_egress(Firewall *firewall, const char *subnet);
void firewall_drop_egress(Firewall *firewall, const char *subnet);
bool firewall_state(Firewall *firewall, char *ret_detail, size_t size);
