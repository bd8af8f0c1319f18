/*
 * server - HTTP/1.1 in front of the application: the adapter around libmicrohttpd. Nothing outside
 * this folder includes microhttpd.h.
 *
 * What it adds to the library: a strict check of the request head (one Host, at most one
 * digits-only Content-Length, Transfer-Encoding only `chunked` and never beside Content-Length,
 * token names, no control bytes, no NUL or control byte in the target), a deadline for the head
 * (slow loris), a watcher for vanished stream clients, body limits, completion from other threads,
 * and a drain.
 *
 * A request goes: head -> app.begin() on a loop thread -> body (bounded by request->body_max) ->
 * app.handle() on a loop thread, or on a worker of the server's pool when request->on_worker.
 * handle() either fills the reply and returns HTTP_DONE, or returns HTTP_LATER and somebody calls
 * http_request_finish() exactly once, from any thread.
 *
 * A drain gives up on a request that is HTTP_LATER for longer than its grace: the client gets 503
 * from fail(), and the request (with arena, headers, body) lives on until http_request_finish() is
 * called, which then only releases it. That call is safe even after http_server_free(). Equally, a
 * client that vanished meanwhile is no concern of the application: it finishes as ever.
 *
 * Ownership  the request, its arena and its reply live until the response has been sent and, when
 *            HTTP_LATER was returned, http_request_finish() was called.
 * Threads    begin() and memory-only handle() run on loop threads and must not block. fail() runs
 *            on loop threads.
 * Limits     16 KiB of head, 100 headers. A body or response slower than 64 KB/s may take
 *            idle_timeout more, then the connection is closed.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct HttpServer HttpServer;
typedef struct HttpStream HttpStream;

typedef enum HttpMethod {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_OPTIONS,
    HTTP_OTHER,
} HttpMethod;

typedef struct HttpHeader {
    const char *name, *value;
} HttpHeader;

typedef struct HttpReply {
    int status;                       /* 200..599 */
    const char *content_type;         /* NULL = none */
    StrBuf body;                      /* owned by the reply */
    const HttpHeader *shared_headers; /* a static table, e.g. the security headers */
    size_t n_shared_headers;
    HttpHeader headers[16]; /* names static, values in the request's arena */
    size_t n_headers;
    const char *static_body; /* instead of body: bytes that outlive the server */
    size_t static_len;
    HttpStream *stream; /* instead of a body: a reference, given away */
} HttpReply;

typedef struct HttpRequest {
    HttpMethod method;
    const char *method_name;
    const char *path;       /* percent-decoded, starts with '/', valid UTF-8 */
    const char *raw_target; /* as received */
    const char *peer; /* numeric address of the other end, without port; IPv4-mapped as IPv4 */
    const char *body; /* in handle(); NUL-terminated */
    size_t body_len;
    Arena *arena;
    /* set by begin() */
    size_t body_max; /* 0 = no body wanted: one of any size above 0 is answered 413 */
    bool on_worker;
    void *app; /* the application's own */
    HttpReply reply;
} HttpRequest;

typedef enum HttpOutcome { HTTP_DONE, HTTP_LATER } HttpOutcome;

typedef struct HttpApp {
    void *ctx;
    /* True: go on. False: the reply is filled, answer now without reading the body. */
    bool (*begin)(void *ctx, HttpRequest *request);
    HttpOutcome (*handle)(void *ctx, HttpRequest *request);
    /*
     * Error answers the server makes itself (400, 413, 417, 431, 501, 503, 505): fills the reply.
     * NULL: plain text. begin() may not have run for this request, and after a drain it is a copy
     * whose `app` is NULL. Where the head is too broken to be parsed at all, the library answers
     * by itself.
     */
    void (*fail)(void *ctx, HttpRequest *request, int status, const char *message);
} HttpApp;

typedef struct HttpServerOptions {
    const char *host;          /* "0.0.0.0", "::", "127.0.0.1" */
    int port;                  /* 0 = any free one */
    unsigned loop_threads;     /* 0 = 2 */
    unsigned worker_threads;   /* 0 = 8 */
    size_t worker_queue;       /* 0 = 256; full -> 503 with Retry-After: 1 */
    unsigned connection_limit; /* 0 = 4096 */
    Millis head_timeout;       /* 0 = 10 s: whole head, slow or idle alike */
    Millis idle_timeout;       /* 0 = 30 s */
} HttpServerOptions;

/* Starts to listen and to serve; ignores SIGPIPE for the whole process. */
MUST_USE int http_server_new(HttpServer **ret, const HttpServerOptions *options, HttpApp app,
                             Error *err);
int http_server_port(const HttpServer *server);
/*
 * No new connections; ends every stream, sending what is buffered; waits up to `grace` for requests
 * under way, then answers 503 to those that are still HTTP_LATER or wait for a worker. Returns when
 * every connection is quiet, at most a second after that.
 */
void http_server_drain(HttpServer *server, Millis grace);
/* Drains (without grace, unless done before), waits for handlers on workers and stops. NULL is
 * fine. */
void http_server_free(HttpServer *server);

const char *http_request_header(const HttpRequest *request, const char *name); /* NULL if absent */
/* Every line of that name in order, joined with ", " (RFC 9110, 5.3); for headers that are lists.
 */
const char *http_request_header_all(const HttpRequest *request, const char *name);
const char *http_request_query(const HttpRequest *request, const char *key); /* decoded; NULL */
/* Exactly once after HTTP_LATER, from any thread, even inside handle(); `request` is gone after it.
 */
void http_request_finish(HttpRequest *request);
/* name must be static; value is copied into the arena. CR, LF and NUL are refused (dropped). */
void http_reply_header(HttpRequest *request, const char *name, const char *value);

/*
 * A response without end (Server-Sent Events). Bounded buffer: a reader that does not keep up is
 * closed. Reference counted: the server holds one reference, the writer another.
 */
enum { HTTP_STREAM_BUFFER_MAX = 256 * 1024 };
HttpStream *http_stream_new(void);
HttpStream *http_stream_ref(HttpStream *stream);
void http_stream_unref(HttpStream *stream);
/* False when the client is gone or too slow (the stream is then closed), or after a close. */
bool http_stream_write(HttpStream *stream, const char *bytes, size_t n);
void http_stream_close(HttpStream *stream); /* the client sees an orderly end */
bool http_stream_is_open(HttpStream *stream);
