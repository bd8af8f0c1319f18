/* What the fake engine answers. */
#include "base/str.h"
#include "instance/fake_state.h"
#include "wire/json_write.h"

#include <stdio.h>

/* ---- state; all with the lock held ---- */

unsigned fake_dice(FakeEngine *f, unsigned sides)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (unsigned)(f->random % sides);
}

void fake_make_id(FakeEngine *f, char ret[65])
{
    (void)snprintf(ret, 65, "%064x", ++f->next_id);
}

#define VIOLATION(f, ...)                                                                          \
    do {                                                                                           \
        if (!(f)->violation[0])                                                                    \
            (void)snprintf((f)->violation, sizeof(f)->violation, __VA_ARGS__);                     \
    } while (0)

Container *fake_find_container(FakeEngine *f, const char *key)
{
    for (size_t i = 0; i < f->containers.n; i++)
        if (str_eq(f->containers.items[i].id, key) || str_eq(f->containers.items[i].name, key))
            return &f->containers.items[i];
    return NULL;
}

Network *fake_find_network(FakeEngine *f, const char *key)
{
    for (size_t i = 0; i < f->networks.n; i++)
        if (str_eq(f->networks.items[i].id, key) || str_eq(f->networks.items[i].name, key))
            return &f->networks.items[i];
    return NULL;
}

static size_t attached(const FakeEngine *f, const Network *n)
{
    size_t count = 0;

    for (size_t i = 0; i < f->containers.n; i++)
        count += f->containers.items[i].running && str_eq(f->containers.items[i].network, n->id);
    return count;
}

void fake_refuse(Reply *r, int status, const char *message)
{
    JsonWriter w = { .out = &r->body };

    r->status = status;
    json_write_object(&w);
    json_put_string(&w, "message", message);
    json_write_end_object(&w);
}

static void answer_id(Reply *r, int status, const char *id)
{
    r->status = status;
    strbuf_addf(&r->body, "{\"Id\":\"%s\"}", id);
}

/* ---- networks ---- */

static const char *subnet_asked(const Request *q)
{
    const JsonValue *config = json_value_get(json_value_get(q->json, "IPAM"), "Config");

    return json_get_string(json_value_at(config, 0), "Subnet", "");
}

static void create_network(FakeEngine *f, const Request *q, Reply *r)
{
    Network n = { .managed = true };

    (void)snprintf(n.name, sizeof n.name, "%s", json_get_string(q->json, "Name", ""));
    (void)snprintf(n.subnet, sizeof n.subnet, "%s", subnet_asked(q));
    if (fake_find_network(f, n.name)) {
        fake_refuse(r, 409, "network with that name already exists");
        return;
    }
    for (size_t i = 0; i < f->networks.n; i++) {
        if (str_eq(f->networks.items[i].subnet, n.subnet)) {
            fake_refuse(r, 403, "Pool overlaps with other one on this address space");
            return;
        }
    }
    fake_make_id(f, n.id);
    vec_push(&f->networks, n);
    answer_id(r, 201, n.id);
}

static void remove_network(FakeEngine *f, const char *key, Reply *r)
{
    Network *n = fake_find_network(f, key);

    if (!n) {
        fake_refuse(r, 404, "no such network");
    } else if (attached(f, n) > 0) {
        fake_refuse(r, 403, "network has active endpoints");
    } else {
        vec_remove(&f->networks, (size_t)(n - f->networks.items));
        r->status = 204;
    }
}

static void inspect_network(FakeEngine *f, const char *key, Reply *r)
{
    const Network *n = fake_find_network(f, key);

    if (!n) {
        fake_refuse(r, 404, "no such network");
        return;
    }
    r->status = 200;
    strbuf_addf(&r->body, "{\"Id\":\"%s\",\"Containers\":{", n->id);
    for (size_t i = 0; i < attached(f, n); i++)
        strbuf_addf(&r->body, "%s\"c%zu\":{}", i ? "," : "", i);
    strbuf_adds(&r->body, "}}");
}

static void list_networks(FakeEngine *f, bool filtered, Reply *r)
{
    JsonWriter w = { .out = &r->body };

    r->status = 200;
    json_write_array(&w);
    for (size_t i = 0; i < f->networks.n; i++) {
        const Network *n = &f->networks.items[i];
        AUTO_FREE char *ipam = xasprintf("{\"Config\":[{\"Subnet\":\"%s\"}]}", n->subnet);
        if (filtered && !n->managed)
            continue;
        json_write_object(&w);
        json_put_string(&w, "Id", n->id);
        json_put_string(&w, "Name", n->name);
        json_put_raw(&w, "IPAM", ipam);
        json_put_raw(&w, "Labels", n->managed ? "{\"whaley.managed\":\"true\"}" : "{}");
        json_put_string(&w, "Created", "2020-01-01T00:00:00Z");
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
}

/* ---- containers ---- */

static int host_port_asked(const JsonValue *host)
{
    const JsonValue *bindings = json_value_get(host, "PortBindings"), *list;
    void *at = NULL;
    const char *key;
    int64_t port = 0;

    while (json_value_next(bindings, &at, &key, &list))
        if (str_parse_i64(json_get_string(json_value_at(list, 0), "HostPort", ""), 1, 65535, &port))
            return (int)port;
    return 0;
}

static void create_container(FakeEngine *f, const Request *q, Reply *r)
{
    const JsonValue *host = json_value_get(q->json, "HostConfig");
    const Network *network = fake_find_network(f, json_get_string(host, "NetworkMode", ""));
    const char *name = strstr(q->path, "name=");
    Container c = { .host_port = host_port_asked(host) };

    (void)snprintf(c.name, sizeof c.name, "%s", name ? name + 5 : "");
    (void)snprintf(c.instance, sizeof c.instance, "%s",
                   json_get_string(json_value_get(q->json, "Labels"), "whaley.instance_id", ""));
    if (fake_find_container(f, c.name)) {
        fake_refuse(r, 409, "Conflict. The container name is already in use");
        return;
    }
    if (!network) {
        fake_refuse(r, 404, "network not found");
        return;
    }
    if (json_value_get(host, "StorageOpt")) {
        if (!f->takes_sizes) {
            fake_refuse(r, 500,
                        "--storage-opt is supported only for overlay over xfs with 'pquota'");
            return;
        }
        f->n_sized++;
    }
    (void)snprintf(c.network, sizeof c.network, "%s", network->id);
    for (size_t i = 0; i < f->containers.n; i++)
        if (str_eq(f->containers.items[i].network, c.network) &&
            !str_eq(f->containers.items[i].instance, c.instance))
            VIOLATION(f, "%.90s put on the network of %.90s", c.instance,
                      f->containers.items[i].instance);
    fake_make_id(f, c.id);
    vec_push(&f->containers, c);
    answer_id(r, 201, c.id);
}

static void start_container(FakeEngine *f, const char *key, Reply *r)
{
    Container *c = fake_find_container(f, key);

    if (!c) {
        fake_refuse(r, 404, "no such container");
        return;
    }
    if (f->take_ports > 0) {
        f->take_ports--;
        fake_refuse(r, 500, "driver failed: Bind for 0.0.0.0 failed: port is already allocated");
        return;
    }
    if (!fake_find_network(f, c->network)) {
        fake_refuse(r, 404, "network not found");
        return;
    }
    for (size_t i = 0; i < f->containers.n; i++)
        if (&f->containers.items[i] != c && f->containers.items[i].running && c->host_port != 0 &&
            f->containers.items[i].host_port == c->host_port)
            VIOLATION(f, "%.90s starts on port %d of %.90s", c->name, c->host_port,
                      f->containers.items[i].name);
    r->status = c->running ? 304 : 204;
    c->running = true;
}

static void inspect_container(FakeEngine *f, const char *key, Reply *r)
{
    const Container *c = fake_find_container(f, key);

    if (!c) {
        fake_refuse(r, 404, "no such container");
        return;
    }
    r->status = 200;
    strbuf_addf(&r->body,
                "{\"Id\":\"%s\",\"State\":{\"Status\":\"%s\",\"Running\":%s,\"ExitCode\":%d}}",
                c->id, c->running ? "running" : "exited", c->running ? "true" : "false",
                c->running ? 0 : 1);
}

static void remove_container(FakeEngine *f, const char *key, Reply *r)
{
    Container *c = fake_find_container(f, key);

    if (!c) {
        fake_refuse(r, 404, "no such container");
        return;
    }
    vec_remove(&f->containers, (size_t)(c - f->containers.items));
    r->status = 204;
}

static void list_containers(FakeEngine *f, Reply *r)
{
    JsonWriter w = { .out = &r->body };

    r->status = 200;
    json_write_array(&w);
    for (size_t i = 0; i < f->containers.n; i++) {
        const Container *c = &f->containers.items[i];
        AUTO_FREE char *names = xasprintf("[\"/%s\"]", c->name);
        AUTO_FREE char *labels =
            xasprintf("{\"whaley.managed\":\"true\",\"whaley.instance_id\":\"%s\"}", c->instance);
        AUTO_FREE char *ports = xasprintf("[{\"PublicPort\":%d}]", c->host_port);
        json_write_object(&w);
        json_put_string(&w, "Id", c->id);
        json_put_raw(&w, "Names", names);
        json_put_raw(&w, "Labels", labels);
        json_put_raw(&w, "Ports", c->running && c->host_port ? ports : "[]");
        json_put_string(&w, "State", c->running ? "running" : "exited");
        json_put_int(&w, "Created", 1577836800);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
}

/* ---- routes ---- */

/* "/containers/ID/json" -> ID and "/json"; false: another path. */
static bool split(const char *path, const char *prefix, char ret_id[256], const char **ret_tail)
{
    size_t n;

    if (!str_starts(path, prefix))
        return false;
    path += strlen(prefix);
    n = strcspn(path, "/?");
    (void)snprintf(ret_id, 256, "%.*s", (int)n, path);
    *ret_tail = path + n;
    return n > 0;
}

static void about_image(FakeEngine *f, Reply *r)
{
    f->n_waiting++;
    while (f->hold_images && !f->ending)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    f->n_waiting--;
    r->status = 200;
    strbuf_adds(&r->body, "{\"Id\":\"sha256:feed\",\"Config\":{}}");
}

static void about_containers(FakeEngine *f, const Request *q, Reply *r)
{
    char id[256];
    const char *tail = "";

    if (str_starts(q->path, "/containers/json"))
        list_containers(f, r);
    else if (str_starts(q->path, "/containers/create"))
        create_container(f, q, r);
    else if (!split(q->path, "/containers/", id, &tail))
        fake_refuse(r, 404, "page not found");
    else if (str_eq(q->method, "DELETE"))
        remove_container(f, id, r);
    else if (str_eq(tail, "/start"))
        start_container(f, id, r);
    else if (str_eq(tail, "/json"))
        inspect_container(f, id, r);
    else
        r->status = 200; /* logs: none */
}

static void about_networks(FakeEngine *f, const Request *q, Reply *r)
{
    char id[256];
    const char *tail;

    if (str_eq(q->path, "/networks/create"))
        create_network(f, q, r);
    else if (!split(q->path, "/networks/", id, &tail))
        list_networks(f, strstr(q->path, "filters=") != NULL, r);
    else if (str_eq(q->method, "DELETE"))
        remove_network(f, id, r);
    else
        inspect_network(f, id, r);
}

void fake_route(FakeEngine *f, const Request *q, Reply *r)
{
    if (str_starts(q->path, "/_ping"))
        r->status = 200;
    else if (str_starts(q->path, "/version")) {
        r->status = 200;
        strbuf_adds(&r->body, "{\"Version\":\"1\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":"
                              "\"1.12\",\"Os\":\"linux\",\"Arch\":\"amd64\"}");
    } else if (str_starts(q->path, "/info")) {
        r->status = 200;
        strbuf_addf(&r->body,
                    "{\"Driver\":\"overlay2\",\"DriverStatus\":"
                    "[[\"Backing Filesystem\",\"%s\"]]}",
                    f->has_sizes ? "xfs" : "extfs");
    } else if (str_starts(q->path, "/events")) {
        r->status = 200;
        r->stream = true;
    } else if (str_starts(q->path, "/containers/"))
        about_containers(f, q, r);
    else if (str_starts(q->path, "/networks"))
        about_networks(f, q, r);
    else if (str_starts(q->path, "/images/json")) {
        r->status = 200;
        strbuf_adds(&r->body, "[]");
    } else if (str_starts(q->path, "/images/"))
        about_image(f, r);
    else if (str_starts(q->path, "/volumes")) {
        r->status = 200;
        strbuf_adds(&r->body, "{\"Volumes\":[]}");
    } else
        fake_refuse(r, 404, "page not found");
}
