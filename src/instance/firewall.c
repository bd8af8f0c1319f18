#include "instance/firewall.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

enum { IPTABLES_TIMEOUT_MS = 15000, CHAIN_SIZE = 28, WORD_MAX = 11 };

struct Firewall {
    Manager *m;
    Lock lock; /* also keeps two assertions apart: it is held across iptables, by intent */
    char word[FIREWALL_WORD_SIZE];
    char in_chain[CHAIN_SIZE], forward_chain[CHAIN_SIZE];
    VEC(char *) egress;
    bool up, ever_up;
    char detail[256];
};

/*
 * What even egress does not reach: private, link-local, shared, benchmark, multicast and reserved
 * ranges (RFC 6890), where metadata services live too; Azure's lives on a public address.
 */
static const char *const closed[] = {
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "0.0.0.0/8",
    "192.0.0.0/24",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "168.63.129.16/32 -p tcp --dport 80",
    "168.63.129.16/32 -p tcp --dport 32526",
};

/*
 * iptables takes 28 bytes, so long prefixes are cut; then, and where characters are replaced, a
 * digest keeps two Whaleys from emptying each other's chains.
 */
void firewall_word(const char *prefix, char ret_word[FIREWALL_WORD_SIZE])
{
    char digest[SHA256_HEX_SIZE];
    size_t n = 0;
    bool faithful = true;

    for (const char *p = prefix; *p; p++) {
        bool fits = n < WORD_MAX && (isalnum((unsigned char)*p) || *p == '-');
        faithful &= fits && !isupper((unsigned char)*p);
        if (fits)
            ret_word[n++] = (char)toupper((unsigned char)*p);
    }
    ret_word[n] = '\0';
    if (faithful)
        return;
    crypto_sha256_hex(prefix, strlen(prefix), digest);
    (void)snprintf(ret_word + n, FIREWALL_WORD_SIZE - n, "-%.6s", digest);
}

Firewall *firewall_new(Manager *m)
{
    Firewall *f = xnew(Firewall);

    f->m = m;
    (void)pthread_mutex_init(&f->lock, NULL);
    firewall_word(m->prefix, f->word);
    (void)snprintf(f->in_chain, sizeof f->in_chain, "%s-INPUT", f->word);
    (void)snprintf(f->forward_chain, sizeof f->forward_chain, "%s-FORWARD", f->word);
    return f;
}

void firewall_free(Firewall *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->egress.n; i++)
        free(f->egress.items[i]);
    vec_fini(&f->egress);
    free(f);
}

static int run(const char *const argv[], const char *input, Error *err)
{
    ProcessResult result = { 0 };
    int rc;

    if (process_run(argv, input, IPTABLES_TIMEOUT_MS, &result, err) < 0)
        return -1;
    rc = result.exit_code;
    if (rc != 0 && err)
        (void)error_set(err, E_INTERNAL, "%s: exit %d: %.200s", argv[0], rc, result.output);
    free(result.output);
    return rc == 0 ? 0 : -1;
}

/* Egress networks: neighbours and closed ranges first, the rest is let through. */
static void add_egress(StrBuf *out, const FirewallPlan *plan, const char *subnet)
{
    strbuf_addf(out, "-A %s-FORWARD -s %s -d %s -m conntrack --ctstate NEW -j DROP\n", plan->word,
                subnet, plan->pool);
    for (size_t i = 0; i < ARRAY_LEN(closed); i++)
        strbuf_addf(out, "-A %s-FORWARD -s %s -d %s -m conntrack --ctstate NEW -j DROP\n",
                    plan->word, subnet, closed[i]);
    strbuf_addf(out, "-A %s-FORWARD -s %s -j RETURN\n", plan->word, subnet);
}

/*
 * FORWARD is hooked in the mangle table, which the engine never touches: each time it makes a
 * network it takes the jumps to DOCKER-USER and to its isolation chain out of `filter` for a
 * moment, and a connection opened in that moment would stay open.
 */
void firewall_rules(const FirewallPlan *plan, StrBuf *out)
{
    const char *word = plan->word, *pool = plan->pool;

    strbuf_addf(out, "*filter\n:%s-INPUT - [0:0]\n", word);
    strbuf_addf(out, "-A %s-INPUT -s %s -m conntrack --ctstate NEW -j DROP\n", word, pool);
    strbuf_addf(out, "COMMIT\n*mangle\n:%s-FORWARD - [0:0]\n", word);
    /* With bridge-nf-call-iptables the traffic inside one bridge passes here too: let it be. */
    if (plan->sees_bridged)
        strbuf_addf(out, "-A %s-FORWARD -m physdev --physdev-is-bridged -j RETURN\n", word);
    for (size_t i = 0; i < plan->n_egress; i++)
        add_egress(out, plan, plan->egress[i]);
    strbuf_addf(out, "-A %s-FORWARD -s %s -m conntrack --ctstate NEW -j DROP\n", word, pool);
    strbuf_adds(out, "COMMIT\n");
}

static int ensure_jump(const char *table, const char *from, const char *to, Error *err)
{
    const char *const check[] = { "iptables", "-w", "5", "-t", table, "-C", from, "-j", to, NULL };
    const char *const insert[] = { "iptables", "-w", "5",  "-t", table, "-I",
                                   from,       "1",  "-j", to,   NULL };
    Error absent = { 0 };

    return run(check, NULL, &absent) == 0 ? 0 : run(insert, NULL, err);
}

/* Whether iptables is shown what passes inside a bridge (kernel doc ip-sysctl, bridge-nf-*). */
static bool kernel_shows_bridged(void)
{
    AUTO_FREE char *text = NULL;
    size_t len;

    return fs_read_file("/proc/sys/net/bridge/bridge-nf-call-iptables", 16, &text, &len, NULL) ==
               0 &&
           text[0] == '1';
}

/*
 * The rule about bridged traffic needs xt_physdev. A kernel without it can do without as long as it
 * does not show iptables that traffic; the rule is wanted all the same, because the engine may turn
 * that on at any time.
 */
static int restore_rules(Firewall *f, Error *err)
{
    static const char *const restore[] = { "iptables-restore", "-w", "5", "--noflush", NULL };
    FirewallPlan plan = { f->word, f->m->parts.settings->network_subnet_base, f->egress.items,
                          f->egress.n, true };
    AUTO_STRBUF StrBuf rules = { 0 };

    firewall_rules(&plan, &rules);
    if (run(restore, strbuf_str(&rules), err) == 0)
        return 0;
    if (kernel_shows_bridged())
        return -1;
    plan.sees_bridged = false;
    strbuf_clear(&rules);
    firewall_rules(&plan, &rules);
    return run(restore, strbuf_str(&rules), err);
}

static int install_locked(Firewall *f, Error *err)
{
    if (!f->m->parts.settings->firewall_enabled)
        return error_set(err, E_UNAVAILABLE, "FIREWALL_ENABLED is false");
    if (!engine_is_local(f->m->parts.engine))
        return error_set(err, E_UNAVAILABLE,
                         "the engine is on another host; install the rules there yourself");
    if (geteuid() != 0)
        return error_set(err, E_UNAVAILABLE, "not root");
    if (restore_rules(f, err) < 0 || ensure_jump("filter", "INPUT", f->in_chain, err) < 0)
        return -1;
    return ensure_jump("mangle", "FORWARD", f->forward_chain, err);
}

void firewall_assert(Firewall *f)
{
    Error err = { 0 };

    LOCK_SCOPE(&f->lock);
    bool was_up = f->up;
    f->up = install_locked(f, &err) == 0;
    (void)snprintf(f->detail, sizeof f->detail, "%.255s", f->up ? "" : err.detail);
    if (f->up && !f->ever_up)
        log_info("firewall: chains %s and %s are in place", f->in_chain, f->forward_chain);
    else if (!f->up && (was_up || !f->detail[0] || !f->ever_up))
        log_warn("firewall: NOT in place: %s; instances can reach this host and the network",
                 f->detail);
    f->ever_up = true;
}

static void remove_chain(const char *table, const char *hook, const char *chain)
{
    const char *const unhook[] = {
        "iptables", "-w", "5", "-t", table, "-D", hook, "-j", chain, NULL
    };
    const char *const flush[] = { "iptables", "-w", "5", "-t", table, "-F", chain, NULL };
    const char *const remove[] = { "iptables", "-w", "5", "-t", table, "-X", chain, NULL };
    Error ignored = { 0 };

    (void)run(unhook, NULL, &ignored);
    (void)run(flush, NULL, &ignored);
    (void)run(remove, NULL, &ignored);
}

void firewall_remove(Firewall *f)
{
    LOCK_SCOPE(&f->lock);
    if (!f->up)
        return;
    remove_chain("filter", "INPUT", f->in_chain);
    remove_chain("mangle", "FORWARD", f->forward_chain);
    f->up = false;
}

void firewall_add_egress(Firewall *f, const char *subnet)
{
    (void)pthread_mutex_lock(&f->lock);
    vec_push(&f->egress, xstrdup(subnet));
    (void)pthread_mutex_unlock(&f->lock);
    firewall_assert(f);
}

void firewall_drop_egress(Firewall *f, const char *subnet)
{
    bool found = false;

    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->egress.n && !found; i++) {
        if (strcmp(f->egress.items[i], subnet) == 0) {
            free(f->egress.items[i]);
            vec_remove(&f->egress, i);
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
    if (found)
        firewall_assert(f);
}

bool firewall_state(Firewall *f, char *ret_detail, size_t size)
{
    LOCK_SCOPE(&f->lock);
    (void)snprintf(ret_detail, size, "%s", f->detail);
    return f->up;
}
