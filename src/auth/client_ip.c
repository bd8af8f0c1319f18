#include "auth/client_ip.h"
#include "base/alloc.h"
#include "base/str.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* An address as 16 bytes; IPv4 as ::ffff:a.b.c.d, so that one comparison serves both. */
typedef struct Ip {
    uint8_t bytes[16];
} Ip;

typedef struct Range {
    Ip ip;
    unsigned bits;
} Range;

struct TrustedProxies {
    bool any_peer;
    VEC(Range) ranges;
};

static const uint8_t V4_PREFIX[12] = { [10] = 0xff, [11] = 0xff };

static bool ip_is_v4(const Ip *ip)
{
    return memcmp(ip->bytes, V4_PREFIX, sizeof V4_PREFIX) == 0;
}

static bool ip_parse_n(const char *text, size_t n, Ip *ret)
{
    char copy[INET6_ADDRSTRLEN];
    const char *zone = memchr(text, '%', n);
    Ip ip;

    if (zone)
        n = (size_t)(zone - text);
    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    memcpy(ip.bytes, V4_PREFIX, sizeof V4_PREFIX);
    if (inet_pton(AF_INET, copy, ip.bytes + 12) != 1 && inet_pton(AF_INET6, copy, ip.bytes) != 1)
        return false;
    *ret = ip;
    return true;
}

static void ip_print(const Ip *ip, char ret_ip[CLIENT_IP_SIZE])
{
    bool v4 = ip_is_v4(ip);

    (void)inet_ntop(v4 ? AF_INET : AF_INET6, ip->bytes + (v4 ? 12 : 0), ret_ip, CLIENT_IP_SIZE);
}

static void ip_mask(Ip *ip, unsigned bits)
{
    for (unsigned i = 0; i < sizeof ip->bytes; i++) {
        unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
        if (keep < 8)
            ip->bytes[i] = (uint8_t)(ip->bytes[i] & (0xff00U >> keep));
    }
}

static bool range_parse(char *text, Range *ret)
{
    char *slash = strchr(text, '/');
    Range range;
    int64_t bits;

    if (slash)
        *slash++ = '\0';
    if (!ip_parse_n(text, strlen(text), &range.ip))
        return false;
    /* "::ffff:a.b.c.d/n" would be ambiguous; a plain IPv4 prefix counts from 96 */
    bool v4 = !strchr(text, ':');
    bits = v4 ? 32 : 128;
    if (slash && !str_parse_i64(slash, 0, bits, &bits))
        return false;
    range.bits = (unsigned)bits + (v4 ? 96 : 0);
    ip_mask(&range.ip, range.bits);
    *ret = range;
    return true;
}

static bool is_listed(const TrustedProxies *proxies, const Ip *ip)
{
    for (size_t i = 0; i < proxies->ranges.n; i++) {
        Ip masked = *ip;
        ip_mask(&masked, proxies->ranges.items[i].bits);
        if (memcmp(&masked, &proxies->ranges.items[i].ip, sizeof masked) == 0)
            return true;
    }
    return false;
}

static int add_entry(TrustedProxies *proxies, const char *entry, Error *err)
{
    AUTO_FREE char *copy = xstrdup(entry);
    Range range;

    if (str_eq(entry, "*")) {
        proxies->any_peer = true;
        return 0;
    }
    if (!range_parse(copy, &range))
        return error_set(err, E_INVALID,
                         "\"%s\" is no address, CIDR or *; write for example 10.0.0.0/8", entry);
    vec_push(&proxies->ranges, range);
    return 0;
}

int trusted_proxies_new(TrustedProxies **ret, const char *list, Error *err)
{
    TrustedProxies *proxies = xnew(TrustedProxies);
    AUTO_FREE char *copy = xstrdup(list);
    char *save = NULL;

    for (char *entry = strtok_r(copy, ", \t", &save); entry;
         entry = strtok_r(NULL, ", \t", &save)) {
        if (add_entry(proxies, entry, err) < 0) {
            trusted_proxies_free(proxies);
            return -1;
        }
    }
    *ret = proxies;
    return 0;
}

void trusted_proxies_free(TrustedProxies *proxies)
{
    if (!proxies)
        return;
    vec_fini(&proxies->ranges);
    free(proxies);
}

/* One element of X-Forwarded-For: blanks around it, and some proxies write a port. */
static bool element_parse(const char *text, size_t n, Ip *ret)
{
    const char *colon, *bracket;

    while (n && (*text == ' ' || *text == '\t'))
        text++, n--;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (n && *text == '[') {
        bracket = memchr(text, ']', n);
        return bracket && ip_parse_n(text + 1, (size_t)(bracket - text) - 1, ret);
    }
    colon = memchr(text, ':', n);
    if (colon && memchr(text, '.', (size_t)(colon - text)))
        n = (size_t)(colon - text); /* a.b.c.d:port */
    return ip_parse_n(text, n, ret);
}

static bool find_forwarded(const TrustedProxies *proxies, const char *list, Ip *ret)
{
    const char *end = list + strlen(list);
    Ip ip = { { 0 } };

    for (int hop = 0; hop < CLIENT_IP_HOPS_MAX; hop++) {
        const char *start = end;
        while (start > list && start[-1] != ',')
            start--;
        if (!element_parse(start, (size_t)(end - start), &ip))
            return false;
        if (start == list || !is_listed(proxies, &ip)) {
            *ret = ip;
            return true;
        }
        end = start - 1;
    }
    return false;
}

void client_ip_find(const TrustedProxies *proxies, const char *peer, const char *forwarded_for,
                    const char *real_ip, char ret_ip[CLIENT_IP_SIZE])
{
    Ip ip, named;

    ret_ip[0] = '\0';
    if (!peer || !ip_parse_n(peer, strlen(peer), &ip))
        return;
    if (proxies->any_peer || is_listed(proxies, &ip)) {
        bool found = forwarded_for ? find_forwarded(proxies, forwarded_for, &named)
                                   : real_ip && element_parse(real_ip, strlen(real_ip), &named);
        if (found)
            ip = named;
    }
    ip_print(&ip, ret_ip);
}

bool client_ip_normalise(const char *text, char ret_ip[CLIENT_IP_SIZE])
{
    Ip ip;

    if (!text || !ip_parse_n(text, strlen(text), &ip))
        return false;
    ip_print(&ip, ret_ip);
    return true;
}

void client_ip_limit_key(const char *text, char ret_key[CLIENT_IP_SIZE])
{
    Ip ip;

    ret_key[0] = '\0';
    if (!ip_parse_n(text, strlen(text), &ip))
        return;
    if (!ip_is_v4(&ip))
        ip_mask(&ip, 64);
    ip_print(&ip, ret_key);
}
