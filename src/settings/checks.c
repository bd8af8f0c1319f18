#include "settings/checks.h"
#include "base/alloc.h"
#include "base/str.h"
#include "settings/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_address(const char *s)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static bool is_made_of(const char *s, const char *extra)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr(extra, *s))
            return false;
    return true;
}

static bool starts_any(const char *s, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncasecmp(s, prefixes[i], strlen(prefixes[i])) == 0 && s[strlen(prefixes[i])])
            return true;
    return false;
}

#define STARTS_ANY(s, ...)                                                                         \
    starts_any((s), (const char *const[]){ __VA_ARGS__ },                                          \
               ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

static const char *check_listen_address(char **text)
{
    return is_address(*text) || str_eq_nocase(*text, "localhost")
               ? NULL
               : "an IP address, such as 0.0.0.0, 127.0.0.1 or ::";
}

static const char *check_publish_address(char **text)
{
    return is_address(*text) ? NULL : "an IP address, such as 0.0.0.0 or 127.0.0.1";
}

static const char *check_public_host(char **text)
{
    bool bare = is_made_of(*text, ".-_") && strlen(*text) <= 253;

    if (str_eq(*text, "")) {
        free(*text);
        *text = xstrdup("auto");
        return NULL;
    }
    return bare || is_address(*text)
               ? NULL
               : "auto, or a host name or address without scheme, port and path";
}

/* The forerunners' ADMIN_PATH has no slash: both "admin" and "/admin/" mean "/admin". */
static const char *check_path(char **text)
{
    const char *start = *text;
    size_t n;
    char *path;

    while (*start == '/')
        start++;
    n = strlen(start);
    while (n > 0 && start[n - 1] == '/')
        n--;
    if (n == 0 || !is_made_of(start, "/._~-") || strstr(start, "..") || strstr(start, "//"))
        return "a path such as /admin, of letters, digits and /._~-";
    path = xasprintf("/%.*s", (int)n, start);
    free(*text);
    *text = path;
    return NULL;
}

/* An address, or a network "address/bits". */
static bool is_network(const char *entry)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(entry, '/');
    size_t n = slash ? (size_t)(slash - entry) : strlen(entry);
    int64_t bits;

    if (n >= sizeof address)
        return false;
    memcpy(address, entry, n);
    address[n] = '\0';
    return is_address(address) &&
           (!slash || str_parse_i64(slash + 1, 0, strchr(address, ':') ? 128 : 32, &bits));
}

/* Does every comma-separated entry satisfy `is_good`? Blanks and empty entries are fine. */
static bool all_entries(const char *list, bool (*is_good)(const char *entry))
{
    AUTO_FREE char *copy = xstrdup(list);
    char *left = copy, *entry;

    while ((entry = strsep(&left, ","))) {
        entry = str_trim(entry);
        if (*entry && !is_good(entry))
            return false;
    }
    return true;
}

static bool is_proxy(const char *entry)
{
    return str_eq(entry, "*") || is_network(entry);
}

static const char *check_proxies(char **text)
{
    return all_entries(*text, is_proxy)
               ? NULL
               : "a comma-separated list of addresses and networks (10.0.0.0/8), or *";
}

static bool is_origin(const char *entry)
{
    const char *host = strstr(entry, "://");

    if (str_eq(entry, "*"))
        return true;
    return STARTS_ANY(entry, "http://", "https://") && is_made_of(host + 3, ".-:[]");
}

static const char *check_origins(char **text)
{
    return all_entries(*text, is_origin)
               ? NULL
               : "a comma-separated list of origins such as https://ctf.example.org (no path)";
}

static const char *check_engine(char **text)
{
    return !**text || STARTS_ANY(*text, "unix:///", "tcp://")
               ? NULL
               : "unix:///path/to/docker.sock or tcp://host:port";
}

static const char *check_web_url(char **text)
{
    return !**text || STARTS_ANY(*text, "http://", "https://") ? NULL
                                                               : "an http:// or https:// URL";
}

static const char *check_database(char **text)
{
    return !**text || STARTS_ANY(*text, "sqlite://", "sqlite+aiosqlite://", "postgresql://",
                                 "postgresql+asyncpg://", "postgres://")
               ? NULL
               : "a URL such as sqlite:///relative/whaley.db or sqlite:////absolute/whaley.db";
}

static const char *check_redis(char **text)
{
    return !**text || STARTS_ANY(*text, "redis://", "rediss://", "unix://")
               ? NULL
               : "a URL such as redis://host:6379/0";
}

static const char *check_network_prefix(char **text)
{
    return isalnum((unsigned char)**text) && is_made_of(*text, "_.-") && strlen(*text) <= 32
               ? NULL
               : "1 to 32 letters, digits and _.-, the first a letter or digit";
}

static const char *check_flag_prefix(char **text)
{
    return !strpbrk(*text, "{} \"'\\") && strlen(*text) <= 64
               ? NULL
               : "at most 64 characters without braces, blanks, quotes and backslashes";
}

static const struct TextCheck {
    size_t index;
    const char *(*check)(char **text);
} text_checks[] = {
    { SETTING_host, check_listen_address },
    { SETTING_publish_address, check_publish_address },
    { SETTING_public_host, check_public_host },
    { SETTING_admin_path, check_path },
    { SETTING_trusted_proxies, check_proxies },
    { SETTING_cors_allow_origins, check_origins },
    { SETTING_docker_host, check_engine },
    { SETTING_ctfd_url, check_web_url },
    { SETTING_discord_webhook_url, check_web_url },
    { SETTING_database_url, check_database },
    { SETTING_redis_url, check_redis },
    { SETTING_network_prefix, check_network_prefix },
    { SETTING_flag_prefix, check_flag_prefix },
};

const char *checks_text(size_t index, Settings *settings)
{
    for (size_t i = 0; i < ARRAY_LEN(text_checks); i++)
        if (text_checks[i].index == index)
            return text_checks[i].check(setting_text(&setting_specs[index], settings));
    return NULL;
}

static void check_ports(const Settings *s, const DiagAt *origins, DiagList *diags)
{
    if (s->port_range_start > s->port_range_end)
        diag_add(diags, DIAG_ERROR, origins[SETTING_port_range_end], "settings-port-range",
                 "exchange PORT_RANGE_START and PORT_RANGE_END",
                 "the range ends at %lld, before PORT_RANGE_START (%lld)",
                 (long long)s->port_range_end, (long long)s->port_range_start);
    else if (s->port >= s->port_range_start && s->port <= s->port_range_end)
        diag_add(diags, DIAG_WARNING, origins[SETTING_port], "settings-port-in-range",
                 "choose a PORT outside PORT_RANGE_START to PORT_RANGE_END",
                 "Whaley itself listens on %lld, inside the range of its instances",
                 (long long)s->port);
}

static bool is_private(uint32_t address)
{
    return address >> 24 == 10 || address >> 20 == (172 << 4 | 1) || address >> 16 == 0xC0A8 ||
           address >> 22 == (100 << 2 | 1); /* RFC 1918, and RFC 6598 */
}

static void check_pool(const Settings *s, const DiagAt *origins, DiagList *diags)
{
    uint32_t address = 0;
    int bits = 0;

    if (!value_parse_cidr(s->network_subnet_base, &address, &bits))
        return; /* reported already */
    if (bits >= s->network_subnet_prefix)
        diag_add(diags, DIAG_ERROR, origins[SETTING_network_subnet_prefix],
                 "settings-subnet-prefix",
                 "give a larger NETWORK_SUBNET_BASE or a longer NETWORK_SUBNET_PREFIX",
                 "no /%lld network can be cut from %s", (long long)s->network_subnet_prefix,
                 s->network_subnet_base);
    if (!is_private(address))
        diag_add(diags, DIAG_WARNING, origins[SETTING_network_subnet_base], "settings-public-pool",
                 "take a network inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
                 "%s is no private network; its real hosts will be out of reach",
                 s->network_subnet_base);
}

static void check_admin_key(const Settings *s, const DiagAt *origins, DiagList *diags)
{
    size_t n = strlen(s->admin_key);

    if (n > 0 && n < 16)
        diag_add(diags, DIAG_WARNING, origins[SETTING_admin_key], "settings-weak-key",
                 "leave it empty to have one made, or use `openssl rand -hex 24`",
                 "%zu characters can be guessed", n);
}

/* Every container needs something; the engine refuses one with less than 6 MiB. */
static void check_instance(const Settings *s, const DiagAt *origins, DiagList *diags)
{
    int64_t n = s->instance_max_containers > 0 ? s->instance_max_containers : 32;
    const int64_t memory_each = 6 << 20, pids_each = 8, disk_each = 16 << 20;
    const double cpu_each = 0.02;

    if (s->instance_max_memory > 0 && s->instance_max_memory < n * memory_each)
        diag_add(diags, DIAG_ERROR, origins[SETTING_instance_max_memory], "settings-instance-cap",
                 "raise it, or lower INSTANCE_MAX_CONTAINERS",
                 "%lld containers need at least %lldm", (long long)n, (long long)(n * 6));
    if (s->instance_max_cpu > 0 && s->instance_max_cpu < (double)n * cpu_each)
        diag_add(diags, DIAG_ERROR, origins[SETTING_instance_max_cpu], "settings-instance-cap",
                 "raise it, or lower INSTANCE_MAX_CONTAINERS", "%lld containers need at least %.2f",
                 (long long)n, (double)n * cpu_each);
    if (s->instance_max_disk > 0 && s->instance_max_disk < n * disk_each)
        diag_add(diags, DIAG_ERROR, origins[SETTING_instance_max_disk], "settings-instance-cap",
                 "raise it, or lower INSTANCE_MAX_CONTAINERS",
                 "%lld containers need at least %lldm", (long long)n, (long long)(n * 16));
    if (s->instance_max_pids > 0 && s->instance_max_pids < n * pids_each)
        diag_add(diags, DIAG_ERROR, origins[SETTING_instance_max_pids], "settings-instance-cap",
                 "raise it, or lower INSTANCE_MAX_CONTAINERS", "%lld containers need at least %lld",
                 (long long)n, (long long)(n * pids_each));
}

void checks_together(const Settings *settings, const DiagAt origins[SETTING_COUNT], DiagList *diags)
{
    check_ports(settings, origins, diags);
    check_pool(settings, origins, diags);
    check_admin_key(settings, origins, diags);
    check_instance(settings, origins, diags);
}
