#include "leases/subnets.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/str.h"
#include "store/tables.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct SubnetPool {
    Lock lock;
    Db *db;
    uint32_t base; /* host byte order */
    unsigned base_prefix, prefix;
    size_t size, n_leased, cursor;
    bool *leased, *foreign;
};

static bool parse_cidr(const char *text, uint32_t *ret_base, unsigned *ret_prefix)
{
    struct in_addr address;
    char host[32];
    const char *slash = strchr(text, '/');
    int64_t prefix;

    if (!slash || (size_t)(slash - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    if (inet_pton(AF_INET, host, &address) != 1 || !str_parse_i64(slash + 1, 0, 32, &prefix))
        return false;
    *ret_base = ntohl(address.s_addr) & (prefix ? UINT32_MAX << (32 - prefix) : 0);
    *ret_prefix = (unsigned)prefix;
    return true;
}

int subnet_pool_new(SubnetPool **ret, Db *db, const char *base, unsigned prefix, Error *err)
{
    SubnetPool *pool;
    uint32_t address;
    unsigned base_prefix;

    if (!parse_cidr(base, &address, &base_prefix))
        return error_set(err, E_INVALID, "NETWORK_SUBNET_BASE %s is no IPv4 network", base);
    if (prefix <= base_prefix || prefix > 30)
        return error_set(err, E_INVALID,
                         "NETWORK_SUBNET_PREFIX %u must be longer than %s and at most 30", prefix,
                         base);
    pool = xnew(SubnetPool);
    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->db = db;
    pool->base = address;
    pool->base_prefix = base_prefix;
    pool->prefix = prefix;
    pool->size = (size_t)1 << (prefix - base_prefix);
    pool->leased = xcalloc(pool->size, sizeof *pool->leased);
    pool->foreign = xcalloc(pool->size, sizeof *pool->foreign);
    *ret = pool;
    return 0;
}

void subnet_pool_free(SubnetPool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->leased);
    free(pool->foreign);
    free(pool);
}

static void format_subnet(const SubnetPool *pool, size_t i, char ret[SUBNET_TEXT_SIZE])
{
    uint32_t a = pool->base + (uint32_t)(i << (32 - pool->prefix));

    (void)snprintf(ret, SUBNET_TEXT_SIZE, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255,
                   a & 255, pool->prefix);
}

/* Index of a subnet of ours; false for any other text. */
static bool index_of(const SubnetPool *pool, const char *subnet, size_t *ret)
{
    uint32_t address;
    unsigned prefix;
    size_t i;

    if (!parse_cidr(subnet, &address, &prefix) || prefix != pool->prefix || address < pool->base)
        return false;
    i = (address - pool->base) >> (32 - pool->prefix);
    if (i >= pool->size)
        return false;
    *ret = i;
    return true;
}

static void set_leased_locked(SubnetPool *pool, size_t i, bool leased)
{
    if (pool->leased[i] != leased)
        pool->n_leased = leased ? pool->n_leased + 1 : pool->n_leased - 1;
    pool->leased[i] = leased;
}

int subnet_pool_load(SubnetPool *pool, Error *err)
{
    SubnetLeaseRows rows = { 0 };
    size_t index;

    if (subnet_leases_all(pool->db, &rows, err) < 0)
        return error_wrap(err, "reading subnet leases");
    LOCK_SCOPE(&pool->lock);
    for (size_t i = 0; i < rows.n; i++)
        if (index_of(pool, rows.items[i].subnet, &index))
            set_leased_locked(pool, index, true);
    subnet_lease_rows_fini(&rows);
    return 0;
}

static void mark_range(SubnetPool *pool, uint32_t address, unsigned prefix)
{
    uint64_t first = address;
    uint64_t last = first + (((uint64_t)1 << (32 - prefix)) - 1);
    uint64_t width = (uint64_t)1 << (32 - pool->prefix);

    LOCK_SCOPE(&pool->lock);
    for (size_t i = 0; i < pool->size; i++) {
        uint64_t low = pool->base + i * width;
        if (low <= last && low + width - 1 >= first)
            pool->foreign[i] = true;
    }
}

void subnet_pool_mark_foreign(SubnetPool *pool, const char *cidr)
{
    uint32_t address;
    unsigned prefix;

    if (parse_cidr(cidr, &address, &prefix) && prefix > 0)
        mark_range(pool, address, prefix);
}

void subnet_pool_forget_foreign(SubnetPool *pool)
{
    LOCK_SCOPE(&pool->lock);
    memset(pool->foreign, 0, pool->size * sizeof *pool->foreign);
}

bool subnet_pool_is_leased(SubnetPool *pool, const char *subnet)
{
    LOCK_SCOPE(&pool->lock);
    size_t i;

    return index_of(pool, subnet, &i) && pool->leased[i];
}

/* The n-th tab-separated field of a line as a hexadecimal number. */
static bool hex_field(const char *line, unsigned n, uint32_t *ret)
{
    uint32_t value = 0;
    size_t digits = 0;

    for (; n > 0; n--) {
        line = strchr(line, '\t');
        if (!line)
            return false;
        line++;
    }
    for (; digits < 8 && isxdigit((unsigned char)line[digits]); digits++) {
        int c = tolower((unsigned char)line[digits]);
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = value;
    return digits > 0;
}

/* One route: "Iface Destination Gateway Flags RefCnt Use Metric Mask ...", network byte order. */
static void mark_route(SubnetPool *pool, const char *line)
{
    uint32_t destination, mask;
    char cidr[SUBNET_TEXT_SIZE];
    size_t index;

    if (!hex_field(line, 1, &destination) || !hex_field(line, 7, &mask) || mask == 0)
        return;
    destination = ntohl(destination);
    (void)snprintf(cidr, sizeof cidr, "%u.%u.%u.%u/%d", destination >> 24, destination >> 16 & 255,
                   destination >> 8 & 255, destination & 255, __builtin_popcount(mask));
    /* A route of exactly one of our subnets is one of our own bridges, running or stale. */
    if (!index_of(pool, cidr, &index))
        subnet_pool_mark_foreign(pool, cidr);
}

void subnet_pool_mark_routes(SubnetPool *pool)
{
    FILE *routes = fopen("/proc/net/route", "re");
    char line[256];

    if (!routes)
        return;
    while (fgets(line, sizeof line, routes))
        mark_route(pool, line);
    (void)fclose(routes);
}

int subnet_pool_lease(SubnetPool *pool, const char *holder, const char *network_name,
                      char ret_subnet[SUBNET_TEXT_SIZE], Error *err)
{
    LOCK_SCOPE(&pool->lock);

    /* Next fit: a subnet that was just given up rests as long as possible. */
    for (size_t step = 0; step < pool->size; step++) {
        size_t i = (pool->cursor + step) % pool->size;
        char text[SUBNET_TEXT_SIZE];
        Error why = { 0 };
        if (pool->leased[i] || pool->foreign[i])
            continue;
        format_subnet(pool, i, text);
        if (subnet_leases_add(pool->db, text, holder, network_name, &why) < 0) {
            if (why.code == E_CONFLICT)
                continue;
            if (err)
                *err = why;
            return error_wrap(err, "leasing subnet %s", text);
        }
        set_leased_locked(pool, i, true);
        pool->cursor = (i + 1) % pool->size;
        memcpy(ret_subnet, text, sizeof text);
        return 0;
    }
    return error_set(err, E_NO_SUBNETS, "all %zu subnets of the pool are taken", pool->size);
}

int subnet_pool_release(SubnetPool *pool, const char *subnet, Error *err)
{
    size_t i;

    if (subnet_leases_drop(pool->db, subnet, err) < 0)
        return error_wrap(err, "releasing subnet %s", subnet);
    LOCK_SCOPE(&pool->lock);
    if (index_of(pool, subnet, &i))
        set_leased_locked(pool, i, false);
    return 0;
}

size_t subnet_pool_size(SubnetPool *pool)
{
    return pool->size;
}

size_t subnet_pool_leased(SubnetPool *pool)
{
    LOCK_SCOPE(&pool->lock);
    return pool->n_leased;
}
