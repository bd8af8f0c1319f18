/*
 * exchange - one request and its response, as the HTTP library's callbacks drive it. Shared only
 * between server.c (which starts and stops the library) and exchange.c (which answers); these two
 * are the files that include microhttpd.h.
 */
#pragma once

#include "base/lock.h"
#include "http/reaper.h"
#include "http/request.h"
#include "http/server.h"
#include "http/watcher.h"
#include "http/worker.h"

#include <microhttpd.h>
#include <stdatomic.h>

typedef struct Streaming Streaming;

struct HttpServer {
    HttpApp app;
    Millis head_timeout, idle_timeout;
    int listen_fd, port;
    struct MHD_Daemon *daemon;
    Reaper *reaper;
    Watcher *watcher;
    Workers *workers;
    atomic_uint refs;     /* the owner's, and one for each request parked or abandoned */
    atomic_bool draining; /* every response is its connection's last, streams end */
    bool drained;         /* owner's thread only */
    Lock lock;            /* covers the states of requests and what follows */
    bool closing;         /* nothing may be parked any more */
    Request *parked;
    Streaming *streamings;
};

void server_unref(HttpServer *server);

/* The library's callbacks. */
void *exchange_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_step(void *server, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request);
void exchange_end(void *server, struct MHD_Connection *connection, void **request,
                  enum MHD_RequestTerminationCode how);

/*
 * The library (0.9.75) does not end every request it began: a head that fills the connection's
 * memory so that no error fits beside it is dropped in silence. What is left is released here.
 */
void exchange_forget(Conn *conn);

/* Every parked request is answered 503 from here on, and none is parked again. */
void exchange_abandon_parked(HttpServer *server);
void exchange_close_streams(HttpServer *server);
