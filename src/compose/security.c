#include "base/str.h"
#include "compose/keys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- capabilities ---- */

/* Those a container has unless they are dropped and that reach nothing outside of it. */
static const char *const harmless_caps[] = {
    "CHOWN",  "DAC_OVERRIDE", "FOWNER",           "FSETID",     "KILL",
    "SETGID", "SETUID",       "NET_BIND_SERVICE", "SYS_CHROOT", "SETPCAP",
};

static const char *const other_caps[] = {
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
};

/* "cap_net_raw" -> "NET_RAW" */
static const char *cap_name(Loader *l, const char *text)
{
    char *name = arena_strdup(l->arena, strncasecmp(text, "cap_", 4) == 0 ? text + 4 : text);

    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return name;
}

static void load_cap_drop(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "cap_drop", &f))
        return;
    s->cap_drop = field_strings(l, &f, false, false);
    for (size_t i = 0; i < s->cap_drop.n; i++) {
        const char *name = cap_name(l, s->cap_drop.items[i]);
        s->cap_drop.items[i] = name;
        if (!str_in(name, harmless_caps, ARRAY_LEN(harmless_caps)) &&
            !str_in(name, other_caps, ARRAY_LEN(other_caps)))
            field_error(l, &f, "bad-name", NULL, "'%.100s' is not a capability", name);
    }
}

bool compose_grantable_capability(const char *name)
{
    static const char *const never[] = {
        "ALL",      "BPF",        "MAC_ADMIN", "MAC_OVERRIDE", "SYS_ADMIN",
        "SYS_BOOT", "SYS_MODULE", "SYS_RAWIO", "SYS_TIME",     "DAC_READ_SEARCH"
    };

    return str_in(name, other_caps, ARRAY_LEN(other_caps)) &&
           !str_in(name, never, ARRAY_LEN(never));
}

static void load_cap_add(Loader *l, const Field *service, PlanService *s)
{
    const ComposeAllow *allow = &l->options->allow;
    Field f;

    if (!field_get(service, "cap_add", &f))
        return;
    s->cap_add = field_strings(l, &f, false, false);
    for (size_t i = 0; i < s->cap_add.n; i++) {
        s->cap_add.items[i] = cap_name(l, s->cap_add.items[i]);
        if (str_in(s->cap_add.items[i], allow->capabilities, allow->n_capabilities))
            field_note(l, &f, "granted", NULL, "'%s' is granted by instance.toml",
                       s->cap_add.items[i]);
        else if (!str_in(s->cap_add.items[i], harmless_caps, ARRAY_LEN(harmless_caps)))
            field_error(l, &f, "capability-refused",
                        "an organiser can grant it in instance.toml: [allow] capabilities = [...]",
                        "the capability '%.100s' reaches beyond the container",
                        s->cap_add.items[i]);
    }
}

/* ---- security_opt, sysctls ---- */

static void load_security_opt(Loader *l, const Field *service, PlanService *s)
{
    static const char *const on[] = { "no-new-privileges", "no-new-privileges:true",
                                      "no-new-privileges=true" };
    static const char *const off[] = { "no-new-privileges:false", "no-new-privileges=false" };
    PlanStrings options;
    Field f;

    if (!field_get(service, "security_opt", &f))
        return;
    options = field_strings(l, &f, false, false);
    for (size_t i = 0; i < options.n; i++) {
        if (str_in(options.items[i], on, ARRAY_LEN(on)))
            s->no_new_privileges = true;
        else if (!str_in(options.items[i], off, ARRAY_LEN(off)))
            field_error(l, &f, "security-option", "only 'no-new-privileges:true' is supported",
                        "the option '%.100s' is not supported", options.items[i]);
    }
}

static void load_sysctls(Loader *l, const Field *service, PlanService *s)
{
    static const char *const allowed[] = {
        "net.core.somaxconn",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_max_syn_backlog",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_tw_reuse",
        "net.ipv6.conf.all.disable_ipv6",
        "net.ipv6.conf.default.disable_ipv6",
        "net.ipv6.conf.lo.disable_ipv6",
    };
    /* The engine keeps IPv6 off: the host's bridges have link-local addresses to talk to. */
    static const char ipv6[] = "net.ipv6.";
    Pairs pairs = { 0 };
    Field f;

    if (!field_get(service, "sysctls", &f))
        return;
    field_pairs(l, &f, "=", false, &pairs);
    for (size_t i = 0; i < pairs.n; i++) {
        const PlanPair *pair = &pairs.items[i];
        if (!str_in(pair->key, allowed, ARRAY_LEN(allowed)))
            field_error(l, &pairs.fields[i], "sysctl-refused", NULL,
                        "the setting '%.100s' is not supported", pair->key);
        else if (!pair->value || pair->value[0] == '\0' ||
                 strspn(pair->value, "0123456789 \t") != strlen(pair->value))
            field_error(l, &pairs.fields[i], "not-a-number", NULL, "'%.100s' needs numbers",
                        pair->key);
        else if (str_starts(pair->key, ipv6) && strcmp(pair->value, "1") != 0)
            field_error(l, &pairs.fields[i], "sysctl-refused", "write 1, or leave it out",
                        "'%.100s' may not turn IPv6 on", pair->key);
    }
    s->sysctls = pairs.items;
    s->n_sysctls = pairs.n;
}

/* ---- names and addresses ---- */

static bool is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static const char *strip_brackets(Loader *l, const char *text)
{
    size_t n = strlen(text);

    return n > 2 && text[0] == '[' && text[n - 1] == ']' ? arena_strndup(l->arena, text + 1, n - 2)
                                                         : text;
}

static void add_host(Loader *l, const Field *f, PlanStrings *ret, const char *name,
                     const char *address)
{
    address = strip_brackets(l, address);
    if (strcmp(address, "host-gateway") == 0)
        field_error(l, f, "host-gateway", NULL, "the host is out of bounds for instances");
    else if (!text_is_name(name) || !is_address(address))
        field_error(l, f, "bad-host", "write \"name:address\"",
                    "'%.100s' at '%.100s' is not a host", name, address);
    else
        ret->items[ret->n++] = arena_printf(l->arena, "%s:%s", name, address);
}

static void add_host_item(Loader *l, const Field *f, PlanStrings *ret)
{
    const char *text = field_text(l, f);
    size_t len;

    if (!text)
        return;
    len = strcspn(text, "=:");
    add_host(l, f, ret, arena_strndup(l->scratch, text, len), text[len] ? text + len + 1 : "");
}

static size_t count_hosts(const YamlNode *node)
{
    size_t n = node->n;

    for (size_t i = 0; node->kind == YAML_MAP && i < node->n; i++)
        n += node->pairs[i].value->n;
    return n;
}

static void load_extra_hosts(Loader *l, const Field *service, PlanService *s)
{
    PlanStrings *ret = &s->extra_hosts;
    Field f;

    if (!field_get(service, "extra_hosts", &f))
        return;
    if (f.node->kind == YAML_SCALAR) {
        field_error(l, &f, "wrong-type", NULL, "must be a list or a mapping, not text");
        return;
    }
    ret->items = arena_alloc(l->arena, (count_hosts(f.node) + 1) * sizeof *ret->items);
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = f.node->kind == YAML_MAP ? field_pair(&f, i) : field_item(&f, i);
        PlanStrings addresses;
        if (!item.key) {
            add_host_item(l, &item, ret);
            continue;
        }
        addresses = field_strings(l, &item, true, false);
        for (size_t k = 0; k < addresses.n; k++)
            add_host(l, &item, ret, item.key, addresses.items[k]);
    }
}

static bool is_printable(const char *text)
{
    return text_is_made_of(text, "_.-:=", 255);
}

static void load_list(Loader *l, const Field *service, const char *key, TextCheck check,
                      const char *shape, PlanStrings *ret)
{
    Field f;

    if (!field_get(service, key, &f))
        return;
    *ret = field_strings(l, &f, true, false);
    for (size_t i = 0; i < ret->n; i++)
        if (!check(ret->items[i]))
            field_error(l, &f, "bad-value", NULL, "'%.100s' is not %s", ret->items[i], shape);
}

void load_security(Loader *l, const Field *service, PlanService *s)
{
    load_cap_drop(l, service, s);
    load_cap_add(l, service, s);
    load_devices(l, service, s);
    load_security_opt(l, service, s);
    load_sysctls(l, service, s);
    load_extra_hosts(l, service, s);
    load_list(l, service, "dns", is_address, "an address", &s->dns);
    load_list(l, service, "dns_search", is_printable, "a domain", &s->dns_search);
    load_list(l, service, "dns_opt", is_printable, "an option", &s->dns_opt);
    load_list(l, service, "group_add", text_is_name, "a group", &s->group_add);
}
