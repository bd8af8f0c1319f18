#include "fixture.h"
#include "base/lock.h"
#include "base/str.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

HttpServer *server;

static struct {
    Lock lock;
    pthread_cond_t changed;
    HttpRequest *requests[LATER_MAX];
    HttpStream *streams[LATER_MAX];
    size_t n_requests, n_streams;
    unsigned open, waiting;
} app = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const HttpHeader shared[] = { { "X-Frame-Options", "DENY" }, { "X-Shared", "yes" } };

static void reply_text(HttpRequest *request, int status, const char *text)
{
    request->reply.status = status;
    request->reply.content_type = "text/plain";
    request->reply.shared_headers = shared;
    request->reply.n_shared_headers = ARRAY_LEN(shared);
    strbuf_adds(&request->reply.body, text);
}

static bool begin(void *ctx, HttpRequest *request)
{
    (void)ctx;
    request->body_max = str_eq(request->path, "/echo") ? ECHO_MAX : 0;
    request->on_worker = str_eq(request->path, "/gate") || str_starts(request->path, "/worker");
    if (!str_eq(request->path, "/deny"))
        return true;
    reply_text(request, 401, "no");
    return false;
}

static HttpOutcome keep(HttpRequest *request)
{
    LOCK_SCOPE(&app.lock);

    app.requests[app.n_requests++] = request;
    (void)pthread_cond_broadcast(&app.changed);
    return HTTP_LATER;
}

static void pass_gate(void)
{
    LOCK_SCOPE(&app.lock);

    app.waiting++;
    (void)pthread_cond_broadcast(&app.changed);
    while (app.open == 0)
        (void)lock_cond_wait_until(&app.changed, &app.lock, -1);
    app.open--;
    app.waiting--;
}

static void start_stream(HttpRequest *request)
{
    LOCK_SCOPE(&app.lock);

    request->reply.status = 200;
    request->reply.content_type = "text/event-stream";
    request->reply.stream = http_stream_new();
    app.streams[app.n_streams++] = http_stream_ref(request->reply.stream);
    (void)pthread_cond_broadcast(&app.changed);
}

static void describe(HttpRequest *request)
{
    const char *value = http_request_query(request, "q"), *agent;

    agent = http_request_header(request, "user-agent");
    reply_text(request, 200, "");
    strbuf_addf(&request->reply.body, "%s %s from %s q=%s agent=%s", request->method_name,
                request->path, request->peer, value ? value : "-", agent ? agent : "-");
    http_reply_header(request, "X-Evil", "one\r\nX-Injected: two");
}

static HttpOutcome handle(void *ctx, HttpRequest *request)
{
    (void)ctx;
    if (str_eq(request->path, "/echo")) {
        reply_text(request, 200, request->body);
    } else if (str_eq(request->path, "/static")) {
        reply_text(request, 200, "");
        request->reply.static_body = "fixed bytes";
        request->reply.static_len = strlen("fixed bytes");
    } else if (str_eq(request->path, "/stream")) {
        start_stream(request);
    } else if (str_eq(request->path, "/gate")) {
        pass_gate();
        reply_text(request, 200, "passed");
    } else if (str_eq(request->path, "/later") || str_eq(request->path, "/worker/later")) {
        return keep(request);
    } else if (str_eq(request->path, "/at-once")) {
        reply_text(request, 200, "at once");
        http_request_finish(request);
        return HTTP_LATER;
    } else if (str_eq(request->path, "/empty")) {
        request->reply.status = 204;
    } else {
        describe(request);
    }
    return HTTP_DONE;
}

static void fail_reply(void *ctx, HttpRequest *request, int status, const char *message)
{
    (void)ctx;
    reply_text(request, status, "");
    strbuf_addf(&request->reply.body, "failed: %s", message);
}

void serve(const HttpServerOptions *options)
{
    HttpServerOptions own = *options;
    Error err = { 0 };

    if (!own.host)
        own.host = "127.0.0.1";
    lock_cond_init(&app.changed);
    app.n_requests = app.n_streams = 0;
    app.open = app.waiting = 0;
    if (http_server_new(&server, &own, (HttpApp){ NULL, begin, handle, fail_reply }, &err) < 0)
        fail_msg("%s", err.detail);
}

void stop_serving(void)
{
    http_server_free(server);
    server = NULL;
    for (size_t i = 0; i < app.n_streams; i++)
        http_stream_unref(app.streams[i]);
}

static void wait_for(const size_t *count, size_t n)
{
    long long deadline = clock_mono_ms() + PATIENCE_MS;

    while (*count <= n)
        if (lock_cond_wait_until(&app.changed, &app.lock, deadline))
            fail_msg("request %zu never came", n);
}

HttpRequest *later_request(size_t n)
{
    LOCK_SCOPE(&app.lock);

    wait_for(&app.n_requests, n);
    return app.requests[n];
}

HttpStream *later_stream(size_t n)
{
    LOCK_SCOPE(&app.lock);

    wait_for(&app.n_streams, n);
    return app.streams[n];
}

void gate_open(unsigned n)
{
    LOCK_SCOPE(&app.lock);

    app.open += n;
    (void)pthread_cond_broadcast(&app.changed);
}

unsigned gate_waiting(void)
{
    LOCK_SCOPE(&app.lock);

    return app.waiting;
}

int dial(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

void send_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* the server may have heard enough */
        bytes += sent;
        n -= (size_t)sent;
    }
}

void send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/* Appends up to `max` bytes; 0 at the end. */
static size_t receive(int fd, StrBuf *into, size_t max)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char bytes[4096];
    ssize_t n;

    if (poll(&wait, 1, PATIENCE_MS) != 1)
        fail_msg("no answer; so far: %s", strbuf_str(into));
    n = recv(fd, bytes, max < sizeof bytes ? max : sizeof bytes, 0);
    if (n <= 0)
        return 0; /* a reset is an end, too */
    strbuf_add(into, bytes, (size_t)n);
    return (size_t)n;
}

char *read_to_end(int fd)
{
    StrBuf all = { 0 };

    while (receive(fd, &all, SIZE_MAX) > 0)
        ;
    (void)close(fd);
    return strbuf_take(&all);
}

char *read_until(int fd, const char *text)
{
    StrBuf all = { 0 };

    while (!strstr(strbuf_str(&all), text))
        if (receive(fd, &all, 1) == 0)
            fail_msg("the end came before '%s': %s", text, strbuf_str(&all));
    return strbuf_take(&all);
}

char *read_response(int fd, bool head)
{
    char *text = read_until(fd, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length: ");
    long left = length && !head ? strtol(length + 18, NULL, 10) : 0;
    StrBuf all = { 0 };

    strbuf_adds(&all, text);
    free(text);
    while (left > 0) {
        size_t n = receive(fd, &all, (size_t)left);

        if (n == 0)
            fail_msg("cut off: %s", strbuf_str(&all));
        left -= (long)n;
    }
    return strbuf_take(&all);
}

int status_of(const char *response)
{
    return str_starts(response, "HTTP/1.") ? (int)strtol(response + 9, NULL, 10) : 0;
}

int ask(const char *bytes, size_t n)
{
    int fd = dial(), status;
    char *answer;

    send_bytes(fd, bytes, n);
    answer = read_to_end(fd);
    status = status_of(answer);
    free(answer);
    return status;
}
