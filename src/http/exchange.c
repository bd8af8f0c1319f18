#include "http/exchange.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/str.h"
#include "http/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of a chunked body beyond its limit, how much is read only to be able to say 413. */
enum { EXCESS_MAX = 256 * 1024 };
/* A body or a response slower than this (after idle_timeout) is cut off. */
enum { SLOWEST_BYTES_PER_MS = 64 };
enum { STREAM_BLOCK = 2048 };

struct Streaming {
    HttpServer *server;
    HttpStream *stream;
    struct MHD_Connection *connection;
    int fd;
    Streaming *prev, *next; /* under the server's lock */
};

/* ---- streams ---- */

static void stream_park(void *ctx)
{
    Streaming *streaming = ctx;

    MHD_suspend_connection(streaming->connection);
}

static void stream_wake(void *ctx)
{
    Streaming *streaming = ctx;

    MHD_resume_connection(streaming->connection);
}

static void stream_cut(void *ctx)
{
    Streaming *streaming = ctx;

    (void)shutdown(streaming->fd, SHUT_RDWR);
}

static void on_client_gone(void *ctx)
{
    Streaming *streaming = ctx;

    stream_abort(streaming->stream);
}

static ssize_t read_stream(void *ctx, uint64_t pos, char *buf, size_t max)
{
    Streaming *streaming = ctx;
    ssize_t n = stream_read(streaming->stream, buf, max);

    (void)pos;
    if (n == STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return n == STREAM_GONE ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

/* The library calls this when the last reference to the response goes, before the socket closes. */
static void end_streaming(void *ctx)
{
    Streaming *streaming = ctx;
    HttpServer *server = streaming->server;

    watcher_remove(server->watcher, streaming->fd);
    stream_detach(streaming->stream);
    {
        LOCK_SCOPE(&server->lock);
        if (streaming->next)
            streaming->next->prev = streaming->prev;
        if (streaming->prev)
            streaming->prev->next = streaming->next;
        else
            server->streamings = streaming->next;
    }
    http_stream_unref(streaming->stream);
    free(streaming);
}

/* Takes over the reference to the stream. NULL when it cannot be served. */
static struct MHD_Response *make_stream_response(Request *request, HttpStream *stream)
{
    static const StreamHooks hooks = { stream_park, stream_wake, stream_cut };
    HttpServer *server = request->server;
    Streaming *streaming = xnew(Streaming);

    *streaming = (Streaming){ .server = server,
                              .stream = stream,
                              .connection = request->connection,
                              .fd = request->conn->fd };
    check(stream_attach(stream, &hooks, streaming));
    {
        LOCK_SCOPE(&server->lock);
        streaming->next = server->streamings;
        if (streaming->next)
            streaming->next->prev = streaming;
        server->streamings = streaming;
    }
    if (atomic_load(&server->draining))
        http_stream_close(stream);
    if (watcher_add(server->watcher, streaming->fd, on_client_gone, streaming, NULL) < 0)
        http_stream_close(stream);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, streaming,
                                             end_streaming);
}

void exchange_close_streams(HttpServer *server)
{
    LOCK_SCOPE(&server->lock);

    for (Streaming *streaming = server->streamings; streaming; streaming = streaming->next)
        http_stream_close(streaming->stream);
}

/* ---- replies ---- */

static struct MHD_Response *make_response(Request *request)
{
    static char nothing[] = "";
    HttpReply *reply = &request->pub.reply;
    size_t len = reply->static_body ? reply->static_len : reply->body.len;

    /* the library (0.9.75) ends even the bodyless answer to HEAD with a last chunk */
    if (reply->stream && request->pub.method == HTTP_HEAD)
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (reply->stream)
        return make_stream_response(request, TAKE(reply->stream));
    if (reply->static_body) /* the library does not write to persistent memory */
        return MHD_create_response_from_buffer(len, (void *)(uintptr_t)reply->static_body,
                                               MHD_RESPMEM_PERSISTENT);
    if (len == 0)
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer(len, strbuf_take(&reply->body), MHD_RESPMEM_MUST_FREE);
}

static void add_headers(struct MHD_Response *response, const HttpHeader *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
}

static void allow_time(Request *request, uint64_t n_bytes)
{
    Millis extra = (Millis)(n_bytes / SLOWEST_BYTES_PER_MS);

    atomic_store(&request->conn->deadline, clock_mono_ms() + request->server->idle_timeout + extra);
}

static enum MHD_Result send_reply(Request *request)
{
    HttpReply *reply = &request->pub.reply;
    bool streams = reply->stream != NULL;
    unsigned status = reply->status >= 200 && reply->status <= 599 ? (unsigned)reply->status : 500;
    uint64_t len = reply->static_body ? reply->static_len : reply->body.len;
    struct MHD_Response *response = make_response(request);
    enum MHD_Result result;

    check(response);
    if (reply->content_type)
        (void)MHD_add_response_header(response, "Content-Type", reply->content_type);
    add_headers(response, reply->shared_headers, reply->n_shared_headers);
    add_headers(response, reply->headers, reply->n_headers);
    if (request->last || atomic_load(&request->server->draining))
        (void)MHD_add_response_header(response, "Connection", "close");
    request->phase = PHASE_DONE;
    if (streams)
        atomic_store(&request->conn->deadline, 0);
    else
        allow_time(request, len);
    result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static bool reply_has_header(const HttpReply *reply, const char *name)
{
    for (size_t i = 0; i < reply->n_headers; i++)
        if (str_eq_nocase(reply->headers[i].name, name))
            return true;
    return false;
}

/* An answer of the server's own. */
static enum MHD_Result fail(Request *request, int status, const char *message)
{
    const HttpApp *app = &request->server->app;
    HttpReply *reply = &request->pub.reply;

    request_drop_reply(request);
    reply->status = status;
    if (app->fail) {
        app->fail(app->ctx, &request->pub, status, message);
    } else {
        reply->content_type = "text/plain; charset=utf-8";
        strbuf_addf(&reply->body, "%s\n", message);
    }
    if (status == 503 && !reply_has_header(reply, "Retry-After"))
        http_reply_header(&request->pub, "Retry-After", "1");
    return send_reply(request);
}

/* ---- answers that come later ---- */

static void park_locked(Request *request)
{
    HttpServer *server = request->server;

    request->state = REQ_PARKED;
    request->holds_server = true;
    atomic_fetch_add(&server->refs, 1);
    request->prev = NULL;
    request->next = server->parked;
    if (request->next)
        request->next->prev = request;
    server->parked = request;
    MHD_suspend_connection(request->connection);
}

/* After this the connection belongs to its loop thread again. */
static void unpark_locked(Request *request, RequestState state)
{
    if (request->next)
        request->next->prev = request->prev;
    if (request->prev)
        request->prev->next = request->next;
    else
        request->server->parked = request->next;
    request->state = state;
    MHD_resume_connection(request->connection);
}

void exchange_abandon_parked(HttpServer *server)
{
    LOCK_SCOPE(&server->lock);

    server->closing = true;
    while (server->parked)
        unpark_locked(server->parked, REQ_ABANDONED);
}

void http_request_finish(HttpRequest *pub)
{
    Request *request = request_of(pub);
    HttpServer *server = request->server;
    bool held;

    (void)pthread_mutex_lock(&server->lock);
    held = request->holds_server;
    if (request->state == REQ_PARKED)
        unpark_locked(request, REQ_FINISHED);
    else if (request->state == REQ_RUNNING)
        request->state = REQ_FINISHED;
    (void)pthread_mutex_unlock(&server->lock);
    request_unref(request);
    if (held)
        server_unref(server);
}

static RequestState state_of(Request *request)
{
    LOCK_SCOPE(&request->server->lock);

    return request->state;
}

static void run_on_worker(void *arg)
{
    Request *request = arg;
    const HttpApp *app = &request->server->app;

    if (state_of(request) == REQ_ABANDONED || app->handle(app->ctx, &request->pub) == HTTP_DONE)
        http_request_finish(&request->pub);
}

static enum MHD_Result fail_abandoned(Request *request)
{
    /* whoever has the request may be writing its reply at this moment */
    Request *twin = request_new_twin(request);
    enum MHD_Result result = fail(twin, 503, "The server is shutting down.");

    request->phase = PHASE_DONE;
    request_unref(twin);
    return result;
}

static enum MHD_Result start_on_worker(Request *request)
{
    bool accepted;

    {
        LOCK_SCOPE(&request->server->lock);
        accepted = !request->server->closing &&
                   workers_submit(request->server->workers, run_on_worker, request);
        if (accepted)
            park_locked(request);
    }
    if (accepted)
        return MHD_YES;
    request_unref(request);
    return fail(request, 503, "The server is busy; try again shortly.");
}

static enum MHD_Result start_on_loop(Request *request)
{
    HttpServer *server = request->server;
    bool finished, abandoned = false;

    if (server->app.handle(server->app.ctx, &request->pub) == HTTP_DONE) {
        request_unref(request);
        return send_reply(request);
    }
    {
        LOCK_SCOPE(&server->lock);
        finished = request->state == REQ_FINISHED;
        if (!finished && server->closing) {
            abandoned = true;
            request->state = REQ_ABANDONED;
            request->holds_server = true;
            atomic_fetch_add(&server->refs, 1);
        } else if (!finished) {
            park_locked(request);
        }
    }
    if (abandoned)
        return fail_abandoned(request);
    return finished ? send_reply(request) : MHD_YES;
}

/* ---- requests ---- */

void exchange_forget(Conn *conn)
{
    request_unref(conn->request);
    conn->request = NULL;
}

void *exchange_begin(void *server, const char *target, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Conn *conn = info->socket_context;
    Request *request;

    exchange_forget(conn);
    request = request_new(server, conn, target ? target : "");
    request->connection = connection;
    conn->request = request;
    return request;
}

typedef struct FieldList {
    HeadField items[HEAD_FIELDS_MAX];
    size_t n;
    bool overflowed;
} FieldList;

static enum MHD_Result collect_field(void *ctx, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
    FieldList *list = ctx;

    (void)kind;
    if (list->n == HEAD_FIELDS_MAX) {
        list->overflowed = true;
        return MHD_NO;
    }
    list->items[list->n++] = (HeadField){ .name = name,
                                          .value = value ? value : "",
                                          .name_len = name_len,
                                          .value_len = value ? value_len : 0 };
    return MHD_YES;
}

/*
 * Versions before 1.0 parse in place and hide from us what they skipped or cut; what they left in
 * the buffer shows it. Later ones refuse such heads themselves.
 */
static bool is_framed(const Request *request, const char *method, const char *version,
                      const FieldList *list)
{
#if MHD_VERSION < 0x01000000
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t method_len = strlen(method), target_len = strlen(request->pub.raw_target);

    return version == method + method_len + 1 + target_len + 1 &&
           head_is_framed(version, list->items, list->n, method + info->header_size);
#else
    (void)request, (void)method, (void)version, (void)list;
    return true;
#endif
}

/* Checks the head and fills the request from it; false with facts.status set when it is refused. */
static bool read_head(Request *request, const char *method, const char *version)
{
    FieldList list;
    HeadFacts *facts = &request->facts;
    Head head = { .method = method, .target = request->pub.raw_target, .version = version };
    bool fine;

    list.n = 0;
    list.overflowed = false;
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, collect_field, &list);
    request_set_fields(request, list.items, list.n);
    head.fields = request->fields;
    head.n_fields = list.n;
    fine = head_check(&head, facts);
    if (!fine) {
        request->pub.method_name = "?";
    } else if (list.overflowed) {
        facts->status = 431;
        facts->message = "There are too many headers.";
    } else if (!is_framed(request, method, version, &list)) {
        facts->status = 400;
        facts->message = "The request head is malformed.";
    } else if (!request_set_target(request, method)) {
        facts->status = 400;
        facts->message = "The path holds a malformed escape, a control character or bad UTF-8.";
    }
    return facts->status == 0;
}

static enum MHD_Result on_head(Request *request, const char *method, const char *version)
{
    const HttpApp *app = &request->server->app;
    HttpRequest *pub = &request->pub;
    HeadFacts *facts = &request->facts;

    atomic_store(&request->conn->busy, true);
    if (!read_head(request, method, version)) {
        request->last = true;
        return fail(request, facts->status, facts->message);
    }
    if (!app->begin(app->ctx, pub)) {
        /* the body stays unread: what follows on this connection could not be told from it */
        request->last = facts->has_body;
        return send_reply(request);
    }
    if (facts->content_length > 0 && (uint64_t)facts->content_length > pub->body_max) {
        request->last = true;
        return fail(request, 413, "The request body is too large.");
    }
    if (facts->has_body)
        allow_time(request, pub->body_max);
    else
        atomic_store(&request->conn->deadline, 0);
    request->phase = PHASE_BODY;
    return MHD_YES;
}

static enum MHD_Result on_body(Request *request, const char *bytes, size_t *n)
{
    if (*n <= request->pub.body_max - request->body.len && request->excess == 0)
        strbuf_add(&request->body, bytes, *n);
    else
        request->excess += *n;
    *n = 0;
    return request->excess > EXCESS_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_complete(Request *request)
{
    atomic_store(&request->conn->deadline, 0);
    if (request->excess)
        return fail(request, 413, "The request body is too large.");
    request->pub.body = strbuf_str(&request->body);
    request->pub.body_len = request->body.len;
    request->phase = PHASE_ANSWER;
    request_ref(request);
    return request->pub.on_worker ? start_on_worker(request) : start_on_loop(request);
}

static enum MHD_Result on_resumed(Request *request)
{
    RequestState state = state_of(request);

    if (state == REQ_ABANDONED)
        return fail_abandoned(request);
    check(state == REQ_FINISHED);
    return send_reply(request);
}

enum MHD_Result exchange_step(void *server, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request_at)
{
    Request *request = *request_at;

    (void)server, (void)connection, (void)url;
    switch (request->phase) {
    case PHASE_HEAD:
        return on_head(request, method, version);
    case PHASE_BODY:
        return *upload_size ? on_body(request, upload, upload_size) : on_complete(request);
    case PHASE_ANSWER:
        return on_resumed(request);
    case PHASE_DONE:
        break;
    }
    return MHD_NO;
}

void exchange_end(void *server, struct MHD_Connection *connection, void **request_at,
                  enum MHD_RequestTerminationCode how)
{
    Request *request = *request_at;
    HttpServer *self = server;

    (void)connection, (void)how;
    *request_at = NULL;
    if (!request)
        return;
    request->conn->request = NULL;
    atomic_store(&request->conn->busy, false);
    atomic_store(&request->conn->deadline, clock_mono_ms() + self->head_timeout);
    request_unref(request);
}
