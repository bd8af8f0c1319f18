#include "instance/fake_engine.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, BODY_MAX = 1 << 20 };

typedef struct Container {
    char id[65], name[160], instance[128], network[65];
    bool running, squatter;
    int host_port;
} Container;

typedef struct Network {
    char id[65], name[160], subnet[24];
    bool managed;
} Network;

struct FakeEngine {
    int listener;
    pthread_t acceptor;
    Lock lock;
    pthread_cond_t changed;
    VEC(Container) containers;
    VEC(Network) networks;
    VEC(int) streams;     /* connections that watch the events */
    VEC(int) connections; /* all that are open */
    size_t n_threads, n_waiting;
    unsigned per_mille, take_ports, next_id;
    uint64_t random;
    bool hold_images, ending;
    char violation[256];
};

typedef struct Request {
    char method[8], path[512];
    char *body;
    JsonValue *json; /* NULL without a body */
} Request;

typedef struct Reply {
    int status;
    StrBuf body;
    bool stream;
} Reply;

/* How a call goes wrong. */
typedef enum Mishap { NONE, REFUSED, DONE_BUT_REFUSED, DONE_BUT_CUT, CUT } Mishap;

/* ---- state; all with the lock held ---- */

static unsigned dice(FakeEngine *f, unsigned sides)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (unsigned)(f->random % sides);
}

static void make_id(FakeEngine *f, char ret[65])
{
    (void)snprintf(ret, 65, "%064x", ++f->next_id);
}

#define VIOLATION(f, ...)                                                                          \
    do {                                                                                           \
        if (!(f)->violation[0])                                                                    \
            (void)snprintf((f)->violation, sizeof(f)->violation, __VA_ARGS__);                     \
    } while (0)

static Container *find_container(FakeEngine *f, const char *key)
{
    for (size_t i = 0; i < f->containers.n; i++)
        if (str_eq(f->containers.items[i].id, key) || str_eq(f->containers.items[i].name, key))
            return &f->containers.items[i];
    return NULL;
}

static Network *find_network(FakeEngine *f, const char *key)
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

static void send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void tell_died(FakeEngine *f, const Container *c)
{
    AUTO_STRBUF StrBuf line = { 0 };
    AUTO_STRBUF StrBuf chunk = { 0 };

    strbuf_addf(
        &line,
        "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"%s\",\"Attributes\":"
        "{\"exitCode\":\"1\",\"whaley.instance_id\":\"%s\"}},\"timeNano\":1}\n",
        c->id, c->instance);
    strbuf_addf(&chunk, "%zx\r\n%s\r\n", line.len, strbuf_str(&line));
    for (size_t i = 0; i < f->streams.n; i++)
        send_all(f->streams.items[i], chunk.data, chunk.len);
}

static int refuse(Reply *r, int status, const char *message)
{
    JsonWriter w = { .out = &r->body };

    r->status = status;
    json_write_object(&w);
    json_put_string(&w, "message", message);
    json_write_end_object(&w);
    return 0;
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
    if (find_network(f, n.name)) {
        refuse(r, 409, "network with that name already exists");
        return;
    }
    for (size_t i = 0; i < f->networks.n; i++) {
        if (str_eq(f->networks.items[i].subnet, n.subnet)) {
            refuse(r, 403, "Pool overlaps with other one on this address space");
            return;
        }
    }
    make_id(f, n.id);
    vec_push(&f->networks, n);
    answer_id(r, 201, n.id);
}

static void remove_network(FakeEngine *f, const char *key, Reply *r)
{
    Network *n = find_network(f, key);

    if (!n) {
        refuse(r, 404, "no such network");
    } else if (attached(f, n) > 0) {
        refuse(r, 403, "network has active endpoints");
    } else {
        vec_remove(&f->networks, (size_t)(n - f->networks.items));
        r->status = 204;
    }
}

static void inspect_network(FakeEngine *f, const char *key, Reply *r)
{
    const Network *n = find_network(f, key);

    if (!n) {
        refuse(r, 404, "no such network");
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
    const Network *network = find_network(f, json_get_string(host, "NetworkMode", ""));
    const char *name = strstr(q->path, "name=");
    Container c = { .host_port = host_port_asked(host) };

    (void)snprintf(c.name, sizeof c.name, "%s", name ? name + 5 : "");
    (void)snprintf(c.instance, sizeof c.instance, "%s",
                   json_get_string(json_value_get(q->json, "Labels"), "whaley.instance_id", ""));
    if (find_container(f, c.name)) {
        refuse(r, 409, "Conflict. The container name is already in use");
        return;
    }
    if (!network) {
        refuse(r, 404, "network not found");
        return;
    }
    (void)snprintf(c.network, sizeof c.network, "%s", network->id);
    for (size_t i = 0; i < f->containers.n; i++)
        if (str_eq(f->containers.items[i].network, c.network) &&
            !str_eq(f->containers.items[i].instance, c.instance))
            VIOLATION(f, "%.90s put on the network of %.90s", c.instance,
                      f->containers.items[i].instance);
    make_id(f, c.id);
    vec_push(&f->containers, c);
    answer_id(r, 201, c.id);
}

static void start_container(FakeEngine *f, const char *key, Reply *r)
{
    Container *c = find_container(f, key);

    if (!c) {
        refuse(r, 404, "no such container");
        return;
    }
    if (f->take_ports > 0) {
        f->take_ports--;
        refuse(r, 500, "driver failed: Bind for 0.0.0.0 failed: port is already allocated");
        return;
    }
    if (!find_network(f, c->network)) {
        refuse(r, 404, "network not found");
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
    const Container *c = find_container(f, key);

    if (!c) {
        refuse(r, 404, "no such container");
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
    Container *c = find_container(f, key);

    if (!c) {
        refuse(r, 404, "no such container");
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
        refuse(r, 404, "page not found");
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

static void route(FakeEngine *f, const Request *q, Reply *r)
{
    if (str_starts(q->path, "/_ping"))
        r->status = 200;
    else if (str_starts(q->path, "/version")) {
        r->status = 200;
        strbuf_adds(&r->body, "{\"Version\":\"1\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":"
                              "\"1.12\",\"Os\":\"linux\",\"Arch\":\"amd64\"}");
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
        refuse(r, 404, "page not found");
}

static Mishap choose_mishap(FakeEngine *f, const Request *q)
{
    bool eligible = str_starts(q->path, "/containers/") || str_starts(q->path, "/networks");

    if (!eligible || dice(f, 1000) >= f->per_mille)
        return NONE;
    return (Mishap)(1 + dice(f, CUT));
}

/* ---- connections ---- */

/* Reads one request. False: the other side closed. */
static bool read_request(int fd, StrBuf *in, Request *q)
{
    char piece[4096];
    const char *end, *length;
    size_t head, body = 0;
    ssize_t n;

    while (!(end = strstr(strbuf_str(in), "\r\n\r\n"))) {
        if ((n = recv(fd, piece, sizeof piece, 0)) <= 0 || in->len > HEAD_MAX)
            return false;
        strbuf_add(in, piece, (size_t)n);
    }
    head = (size_t)(end - in->data) + 4;
    length = strcasestr(in->data, "\r\ncontent-length:");
    if (length && length < end)
        body = (size_t)strtoul(length + 17, NULL, 10);
    if (sscanf(in->data, "%7s %511s", q->method, q->path) != 2 || body > BODY_MAX)
        return false;
    while (in->len < head + body) {
        if ((n = recv(fd, piece, sizeof piece, 0)) <= 0)
            return false;
        strbuf_add(in, piece, (size_t)n);
    }
    q->body = xstrndup(in->data + head, body);
    if (body > 0 && json_parse(&q->json, q->body, body, NULL) < 0)
        q->json = NULL;
    memmove(in->data, in->data + head + body, in->len - head - body + 1);
    in->len -= head + body;
    if (str_starts(q->path, "/v1.")) { /* the version prefix */
        char *rest = strchr(q->path + 1, '/');
        memmove(q->path, rest ? rest : "", strlen(rest ? rest : "") + 1);
    }
    return true;
}

static void write_reply(int fd, const Request *q, Reply *r)
{
    AUTO_STRBUF StrBuf out = { 0 };

    strbuf_addf(&out, "HTTP/1.1 %d X\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n",
                r->status);
    if (r->stream)
        strbuf_adds(&out, "Transfer-Encoding: chunked\r\n\r\n");
    else if (r->status == 204 || r->status == 304)
        strbuf_adds(&out, "\r\n");
    else
        strbuf_addf(&out, "Content-Length: %zu\r\n\r\n%s", r->body.len,
                    str_eq(q->method, "HEAD") ? "" : strbuf_str(&r->body));
    send_all(fd, out.data, out.len);
}

/* False: the connection is to be closed. */
static bool serve_one(FakeEngine *f, int fd, const Request *q)
{
    Reply r = { 0 };
    Mishap mishap;
    bool cut;

    (void)pthread_mutex_lock(&f->lock);
    mishap = choose_mishap(f, q);
    cut = mishap == CUT || mishap == DONE_BUT_CUT;
    if (mishap != CUT && mishap != REFUSED)
        route(f, q, &r);
    if (mishap == REFUSED || mishap == DONE_BUT_REFUSED) {
        strbuf_clear(&r.body);
        refuse(&r, 500, "something went wrong");
    }
    /* Under the lock, so that no event is written into the head of its stream. */
    if (!cut)
        write_reply(fd, q, &r);
    if (r.stream && !cut)
        vec_push(&f->streams, fd);
    (void)pthread_mutex_unlock(&f->lock);
    strbuf_fini(&r.body);
    return !cut;
}

typedef struct Connection {
    FakeEngine *fake;
    int fd;
} Connection;

static void *serve(void *arg)
{
    Connection c = *(Connection *)arg;
    FakeEngine *f = c.fake;
    AUTO_STRBUF StrBuf in = { 0 };
    bool more = true;

    free(arg);
    while (more) {
        Request q = { 0 };
        more = read_request(c.fd, &in, &q) && serve_one(f, c.fd, &q);
        free(q.body);
        json_value_free(q.json);
    }
    LOCK_SCOPE(&f->lock);
    for (size_t i = f->streams.n; i-- > 0;)
        if (f->streams.items[i] == c.fd)
            vec_remove(&f->streams, i);
    for (size_t i = f->connections.n; i-- > 0;)
        if (f->connections.items[i] == c.fd)
            vec_remove(&f->connections, i);
    (void)close(c.fd);
    f->n_threads--;
    (void)pthread_cond_broadcast(&f->changed);
    return NULL;
}

static void *accept_all(void *arg)
{
    FakeEngine *f = arg;
    int fd;

    while ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        Connection *c = xnew(Connection);
        pthread_t thread;
        *c = (Connection){ f, fd };
        (void)pthread_mutex_lock(&f->lock);
        f->n_threads++;
        vec_push(&f->connections, fd);
        (void)pthread_mutex_unlock(&f->lock);
        if (pthread_create(&thread, NULL, serve, c) != 0)
            abort();
        (void)pthread_detach(thread);
    }
    return NULL;
}

FakeEngine *fake_engine_new(const char *socket_path)
{
    FakeEngine *f = xnew(FakeEngine);
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", socket_path);
    f->random = 0x9e3779b97f4a7c15;
    (void)pthread_mutex_init(&f->lock, NULL);
    lock_cond_init(&f->changed);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f->listener, (const struct sockaddr *)&sa, sizeof sa) != 0 ||
        listen(f->listener, 128) != 0 || pthread_create(&f->acceptor, NULL, accept_all, f) != 0)
        abort();
    return f;
}

void fake_engine_free(FakeEngine *f)
{
    (void)shutdown(f->listener, SHUT_RDWR);
    (void)pthread_join(f->acceptor, NULL);
    (void)pthread_mutex_lock(&f->lock);
    f->ending = true;
    (void)pthread_cond_broadcast(&f->changed);
    for (size_t i = 0; i < f->connections.n; i++)
        (void)shutdown(f->connections.items[i], SHUT_RDWR);
    while (f->n_threads > 0)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
    (void)close(f->listener);
    vec_fini(&f->containers);
    vec_fini(&f->networks);
    vec_fini(&f->streams);
    vec_fini(&f->connections);
    free(f);
}

/* ---- what tests ask and do ---- */

void fake_engine_fail(FakeEngine *f, unsigned per_mille)
{
    LOCK_SCOPE(&f->lock);
    f->per_mille = per_mille;
}

void fake_engine_hold_images(FakeEngine *f, bool hold)
{
    LOCK_SCOPE(&f->lock);
    f->hold_images = hold;
    (void)pthread_cond_broadcast(&f->changed);
}

size_t fake_engine_waiting(FakeEngine *f)
{
    LOCK_SCOPE(&f->lock);
    return f->n_waiting;
}

void fake_engine_take_ports(FakeEngine *f, unsigned n)
{
    LOCK_SCOPE(&f->lock);
    f->take_ports = n;
}

bool fake_engine_kill(FakeEngine *f, const char *key)
{
    LOCK_SCOPE(&f->lock);
    Container *c = find_container(f, key);

    if (!c || !c->running)
        return false;
    c->running = false;
    tell_died(f, c);
    return true;
}

bool fake_engine_lose_network(FakeEngine *f, const char *name)
{
    LOCK_SCOPE(&f->lock);
    const Network *n = find_network(f, name);

    if (!n)
        return false;
    vec_remove(&f->networks, (size_t)(n - f->networks.items));
    return true;
}

void fake_engine_squat(FakeEngine *f, const char *network)
{
    LOCK_SCOPE(&f->lock);
    const Network *n = find_network(f, network);
    Container c = { .name = "squatter", .instance = "squatter", .running = true };

    make_id(f, c.id);
    (void)snprintf(c.network, sizeof c.network, "%s", n ? n->id : "");
    vec_push(&f->containers, c);
}

void fake_engine_add_network(FakeEngine *f, const char *name, const char *subnet)
{
    LOCK_SCOPE(&f->lock);
    Network n = { .managed = true };

    make_id(f, n.id);
    (void)snprintf(n.name, sizeof n.name, "%s", name);
    (void)snprintf(n.subnet, sizeof n.subnet, "%s", subnet);
    vec_push(&f->networks, n);
}

size_t fake_engine_containers(FakeEngine *f)
{
    LOCK_SCOPE(&f->lock);
    return f->containers.n;
}

size_t fake_engine_networks(FakeEngine *f)
{
    LOCK_SCOPE(&f->lock);
    return f->networks.n;
}

const char *fake_engine_violation(FakeEngine *f)
{
    LOCK_SCOPE(&f->lock);
    return f->violation; /* set once */
}

void fake_engine_network_of(FakeEngine *f, const char *container, char *ret, size_t size)
{
    LOCK_SCOPE(&f->lock);
    const Container *c = find_container(f, container);

    (void)snprintf(ret, size, "%s", c ? c->network : "");
}
