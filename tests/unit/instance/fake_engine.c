/* The fake engine's socket, connections and mishaps. */
#include "base/alloc.h"
#include "base/str.h"
#include "instance/fake_state.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, BODY_MAX = 1 << 20 };

/* How a call goes wrong. */
typedef enum Mishap { NONE, REFUSED, DONE_BUT_REFUSED, DONE_BUT_CUT, CUT } Mishap;

static Mishap choose_mishap(FakeEngine *f, const Request *q)
{
    bool eligible = str_starts(q->path, "/containers/") || str_starts(q->path, "/networks");

    if (!eligible || fake_dice(f, 1000) >= f->per_mille)
        return NONE;
    return (Mishap)(1 + fake_dice(f, CUT));
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
        fake_route(f, q, &r);
    if (mishap == REFUSED || mishap == DONE_BUT_REFUSED) {
        strbuf_clear(&r.body);
        fake_refuse(&r, 500, "something went wrong");
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

void fake_engine_limit_disks(FakeEngine *f, bool really)
{
    LOCK_SCOPE(&f->lock);

    f->has_sizes = true;
    f->takes_sizes = really;
}

size_t fake_engine_disk_limits(FakeEngine *f)
{
    LOCK_SCOPE(&f->lock);

    return f->n_sized;
}

void fake_engine_take_ports(FakeEngine *f, unsigned n)
{
    LOCK_SCOPE(&f->lock);
    f->take_ports = n;
}

bool fake_engine_kill(FakeEngine *f, const char *key)
{
    LOCK_SCOPE(&f->lock);
    Container *c = fake_find_container(f, key);

    if (!c || !c->running)
        return false;
    c->running = false;
    tell_died(f, c);
    return true;
}

bool fake_engine_lose_network(FakeEngine *f, const char *name)
{
    LOCK_SCOPE(&f->lock);
    const Network *n = fake_find_network(f, name);

    if (!n)
        return false;
    vec_remove(&f->networks, (size_t)(n - f->networks.items));
    return true;
}

void fake_engine_squat(FakeEngine *f, const char *network)
{
    LOCK_SCOPE(&f->lock);
    const Network *n = fake_find_network(f, network);
    Container c = { .name = "squatter", .instance = "squatter", .running = true };

    fake_make_id(f, c.id);
    (void)snprintf(c.network, sizeof c.network, "%s", n ? n->id : "");
    vec_push(&f->containers, c);
}

void fake_engine_add_network(FakeEngine *f, const char *name, const char *subnet)
{
    LOCK_SCOPE(&f->lock);
    Network n = { .managed = true };

    fake_make_id(f, n.id);
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
    const Container *c = fake_find_container(f, container);

    (void)snprintf(ret, size, "%s", c ? c->network : "");
}
