#include "http/server.h"
#include "base/alloc.h"
#include "base/process.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/exchange.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOP_THREADS = 2, WORKER_THREADS = 8, WORKER_QUEUE = 256, CONNECTION_LIMIT = 4096 };
enum { HEAD_TIMEOUT_MS = 10000, IDLE_TIMEOUT_MS = 30000 };
enum { CONNECTION_MEMORY = 16 * 1024 }; /* bounds the head; beyond it the library says 431 */
enum { BACKLOG = 1024, DRAIN_POLL_MS = 5, FLUSH_MS = 1000 };

/* ---- the listening socket ---- */

static int listen_at(const struct addrinfo *address)
{
    static const int on = 1, off = 0;
    AUTO_CLOSE int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -1;
    /* "::" means every address, IPv4 too */
    if (address->ai_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
        return -1;
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return TAKE_FD(fd);
}

static int open_listener(HttpServer *server, const char *host, int port, Error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *addresses;
    struct sockaddr_storage bound = { 0 };
    socklen_t len = sizeof bound;
    char service[16], text[16];
    int64_t bound_port = 0;
    int problem;

    (void)snprintf(service, sizeof service, "%d", port);
    problem = getaddrinfo(host, service, &hints, &addresses);
    if (problem)
        return error_set(err, E_INVALID, "cannot listen on %s: %s", host, gai_strerror(problem));
    server->listen_fd = listen_at(addresses);
    freeaddrinfo(addresses);
    if (server->listen_fd < 0)
        return error_sys(err, "cannot listen on %s port %d", host, port);
    if (getsockname(server->listen_fd, (struct sockaddr *)&bound, &len) < 0 ||
        getnameinfo((struct sockaddr *)&bound, len, NULL, 0, text, sizeof text, NI_NUMERICSERV) ||
        !str_parse_i64(text, 1, 65535, &bound_port))
        return error_sys(err, "cannot find out which port was bound");
    server->port = (int)bound_port;
    return 0;
}

/* ---- the library ---- */

static void on_panic(void *ctx, const char *file, unsigned line, const char *reason)
{
    (void)ctx;
    log_error("http library panic=%s at=%s:%u", reason ? reason : "?", file ? file : "?", line);
    abort();
}

static void on_message(void *ctx, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void on_message(void *ctx, const char *fmt, va_list args)
{
    char text[256];

    (void)ctx;
    (void)vsnprintf(text, sizeof text, fmt, args);
    log_debug("http library: %s", text);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **conn_at,
                          enum MHD_ConnectionNotificationCode what)
{
    HttpServer *server = ctx;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        const union MHD_ConnectionInfo *peer =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        *conn_at = reaper_add(server->reaper, fd->connect_fd, peer->client_addr,
                              clock_mono_ms() + server->head_timeout);
    } else {
        exchange_forget(*conn_at);
        reaper_remove(server->reaper, *conn_at);
        *conn_at = NULL;
    }
}

static int start_library(HttpServer *server, const HttpServerOptions *options, Error *err)
{
    unsigned threads = options->loop_threads ? options->loop_threads : LOOP_THREADS;
    unsigned limit = options->connection_limit ? options->connection_limit : CONNECTION_LIMIT;
    unsigned idle_s = (unsigned)((server->idle_timeout + 999) / 1000);
    struct MHD_OptionItem items[] = {
        { MHD_OPTION_LISTEN_SOCKET, server->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)limit, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)idle_s, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };

    MHD_set_panic_func(on_panic, NULL);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        exchange_step, server, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_end, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY,
        items, MHD_OPTION_END);
    if (!server->daemon)
        return error_set(err, E_INTERNAL, "cannot start the HTTP library");
    return 0;
}

/* ---- start and stop ---- */

static Millis clamp_interval(Millis head_timeout)
{
    Millis interval = head_timeout / 4;

    return interval < 10 ? 10 : interval > 500 ? 500 : interval;
}

static int start(HttpServer *server, const HttpServerOptions *options, Error *err)
{
    unsigned workers = options->worker_threads ? options->worker_threads : WORKER_THREADS;
    size_t queue = options->worker_queue ? options->worker_queue : WORKER_QUEUE;

    if (open_listener(server, options->host, options->port, err) < 0 ||
        reaper_new(&server->reaper, clamp_interval(server->head_timeout), err) < 0 ||
        watcher_new(&server->watcher, err) < 0 ||
        workers_new(&server->workers, workers, queue, err) < 0)
        return -1;
    return start_library(server, options, err);
}

int http_server_new(HttpServer **ret, const HttpServerOptions *options, HttpApp app, Error *err)
{
    HttpServer *server = xnew(HttpServer);

    server->app = app;
    server->listen_fd = -1;
    server->head_timeout = options->head_timeout ? options->head_timeout : HEAD_TIMEOUT_MS;
    server->idle_timeout = options->idle_timeout ? options->idle_timeout : IDLE_TIMEOUT_MS;
    atomic_init(&server->refs, 1);
    atomic_init(&server->draining, false);
    (void)pthread_mutex_init(&server->lock, NULL);
    process_ignore_sigpipe();
    if (start(server, options, err) < 0) {
        http_server_free(server);
        return -1;
    }
    *ret = server;
    return 0;
}

int http_server_port(const HttpServer *server)
{
    return server->port;
}

static void wait_until_quiet(HttpServer *server, Millis longest)
{
    Millis deadline = clock_mono_ms() + longest;

    while (reaper_count_busy(server->reaper) > 0 && clock_mono_ms() < deadline)
        clock_sleep_ms(DRAIN_POLL_MS);
}

void http_server_drain(HttpServer *server, Millis grace)
{
    if (server->drained || !server->daemon)
        return;
    server->drained = true;
    (void)MHD_quiesce_daemon(server->daemon);
    /* the library may still look at it, so it is closed later; refuse newcomers at once */
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    atomic_store(&server->draining, true);
    exchange_close_streams(server);
    wait_until_quiet(server, grace);
    exchange_abandon_parked(server);
    wait_until_quiet(server, FLUSH_MS);
}

void server_unref(HttpServer *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

void http_server_free(HttpServer *server)
{
    if (!server)
        return;
    http_server_drain(server, 0);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    workers_free(server->workers);
    watcher_free(server->watcher);
    reaper_free(server->reaper);
    cleanup_close(&server->listen_fd);
    server_unref(server);
}
