#include "base/str.h"
#include "compose/keys.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * `[ip:][published[-published]:]target[-target][/protocol]`. The host side is ours to choose, so
 * it is only checked for sense; it may hold instance variables, which a target may not.
 */

typedef struct PortSpec {
    const char *ip, *published, *target;
    PlanProtocol protocol;
} PortSpec;

typedef struct Range {
    int64_t first, last;
} Range;

static void bad_port(Loader *l, const Field *f, const char *what)
{
    field_error(l, f, "bad-port", "write \"8080:80\", \"80\" or \"53:53/udp\"", "%s", what);
}

/* The last `c` outside of markers and brackets, or NULL. */
static char *last_outside(char *s, char c)
{
    char *found = NULL;
    int depth = 0;

    for (char *p = s; *p; p++) {
        depth += *p == '\x01' || *p == '[';
        depth -= *p == '\x02' || *p == ']';
        if (depth == 0 && *p == c)
            found = p;
    }
    return found;
}

static bool parse_protocol(Loader *l, const Field *f, const char *text, PlanProtocol *ret)
{
    if (str_eq_nocase(text, "tcp"))
        *ret = PLAN_TCP;
    else if (str_eq_nocase(text, "udp"))
        *ret = PLAN_UDP;
    else {
        field_error(l, f, "bad-protocol", "use tcp or udp", "'%.50s' is not a protocol", text);
        return false;
    }
    return true;
}

static bool parse_range(char *text, Range *ret)
{
    char *dash = strchr(text, '-');

    if (dash)
        *dash = '\0';
    if (!str_parse_i64(text, 1, 65535, &ret->first))
        return false;
    ret->last = ret->first;
    return !dash || (str_parse_i64(dash + 1, 1, 65535, &ret->last) && ret->last >= ret->first);
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    size_t n = strlen(text);
    char inner[INET6_ADDRSTRLEN];

    if (n < 2 || text[0] != '[')
        return inet_pton(AF_INET, text, bytes) == 1;
    if (n - 2 >= sizeof inner || text[n - 1] != ']')
        return false;
    memcpy(inner, text + 1, n - 2);
    inner[n - 2] = '\0';
    return inet_pton(AF_INET6, inner, bytes) == 1;
}

/* Does the host side make sense beside `target`? "" and variables always do. */
static bool check_host_side(Loader *l, const Field *f, const PortSpec *spec, Range target)
{
    Range host;

    if (spec->ip && !plan_is_template(spec->ip) && !is_address(spec->ip)) {
        bad_port(l, f, "the address on the host is not an IP address");
        return false;
    }
    if (!spec->published || !*spec->published || plan_is_template(spec->published))
        return true;
    if (strcmp(spec->published, "0") == 0)
        return true;
    if (!parse_range(arena_strdup(l->scratch, spec->published), &host)) {
        bad_port(l, f, "the port on the host is not a port");
        return false;
    }
    if (target.last != target.first && host.last - host.first != target.last - target.first) {
        bad_port(l, f, "the two ranges differ in length");
        return false;
    }
    return true;
}

static void add_port(Loader *l, const Field *f, PlanService *s, PlanPort port)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        PlanPort *other = &s->ports[i];
        if (other->target == port.target && other->protocol == port.protocol) {
            other->published |= port.published;
            return;
        }
    }
    if (s->n_ports == COMPOSE_PORTS_MAX) {
        field_error(l, f, "too-many", NULL, "more than %d ports", COMPOSE_PORTS_MAX);
        return;
    }
    if (!s->ports)
        s->ports = arena_alloc(l->arena, COMPOSE_PORTS_MAX * sizeof *s->ports);
    s->ports[s->n_ports++] = port;
}

/* A fixed port or address of the host cannot be everybody's at once. */
static void remark_host_side(Loader *l, const Field *f, const PortSpec *spec)
{
    const char *port = spec->published ? spec->published : "";
    const char *ip = spec->ip && !plan_is_template(spec->ip) ? spec->ip : "";
    bool fixed = *port && strcmp(port, "0") != 0 && !plan_is_template(port);

    if (fixed || *ip)
        field_warn(l, f, "host-port", "leave the host's side out, or write ${PORT_80:-8080}:80",
                   "'%.60s%s%.60s' of the host is replaced: each instance has its own port", ip,
                   fixed && *ip ? ":" : "", fixed ? port : "");
}

static void add_spec(Loader *l, const Field *f, PlanService *s, const PortSpec *spec,
                     bool published)
{
    Range target;

    if (plan_is_template(spec->target)) {
        field_error(l, f, "variable-not-allowed", "only the host side may be a variable",
                    "the container's port differs from instance to instance");
        return;
    }
    if (!parse_range(arena_strdup(l->scratch, spec->target), &target)) {
        bad_port(l, f, "the container's port is not a port");
        return;
    }
    if (target.last - target.first >= COMPOSE_PORT_RANGE_MAX) {
        field_error(l, f, "bad-port", NULL, "a range of more than %d ports",
                    COMPOSE_PORT_RANGE_MAX);
        return;
    }
    if (!check_host_side(l, f, spec, target))
        return;
    remark_host_side(l, f, spec);
    for (int64_t port = target.first; port <= target.last; port++)
        add_port(l, f, s,
                 (PlanPort){ .target = (uint16_t)port,
                             .protocol = spec->protocol,
                             .published = published });
}

static void load_short(Loader *l, const Field *f, PlanService *s, bool published)
{
    PortSpec spec = { .protocol = PLAN_TCP };
    char *text = arena_strdup(l->scratch, f->node->text);
    char *slash = last_outside(text, '/'), *colon;

    if (slash) {
        *slash = '\0';
        if (!parse_protocol(l, f, slash + 1, &spec.protocol))
            return;
    }
    spec.target = text;
    colon = last_outside(text, ':');
    if (colon) {
        *colon = '\0';
        spec.target = colon + 1;
        spec.published = text;
        colon = last_outside(text, ':');
        if (colon) {
            *colon = '\0';
            spec.published = colon + 1;
            spec.ip = text;
        }
    }
    if (spec.published && !published) {
        bad_port(l, f, "'expose' takes ports of the container only");
        return;
    }
    add_spec(l, f, s, &spec, published);
}

static void load_long(Loader *l, const Field *f, PlanService *s)
{
    PortSpec spec = { .protocol = PLAN_TCP };
    Field member;
    const char *protocol;

    if (!keys_check(l, f, KEY_PORT))
        return;
    if (!field_get(f, "target", &member)) {
        field_error(l, f, "missing-key", NULL, "needs a 'target'");
        return;
    }
    spec.target = field_template(l, &member);
    if (!spec.target)
        return;
    if (field_get(f, "published", &member))
        spec.published = field_template(l, &member);
    if (field_get(f, "host_ip", &member))
        spec.ip = field_template(l, &member);
    if (field_get(f, "protocol", &member)) {
        protocol = field_text(l, &member);
        if (!protocol || !parse_protocol(l, &member, protocol, &spec.protocol))
            return;
    }
    add_spec(l, f, s, &spec, true);
}

static void load_list(Loader *l, const Field *service, const char *key, PlanService *s)
{
    Field f;
    bool published = strcmp(key, "ports") == 0;

    if (!field_get(service, key, &f) || !field_want(l, &f, YAML_LIST))
        return;
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_item(&f, i);
        if (item.node->kind == YAML_MAP && published)
            load_long(l, &item, s);
        else if (field_want(l, &item, YAML_SCALAR))
            load_short(l, &item, s, published);
    }
}

void load_ports(Loader *l, const Field *service, PlanService *s)
{
    load_list(l, service, "ports", s);
    load_list(l, service, "expose", s);
}
