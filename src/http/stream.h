/*
 * stream - the inside of HttpStream: a bounded buffer between writers on any thread and the one
 * connection that reads it. Knows nothing of the HTTP library: the connection gives three hooks.
 *
 * Model      The reader takes bytes until there are none, then it is parked (hook `park`); the next
 *            write or the end wakes it (`wake`). A vanished or slow client is cut off (`cut`).
 * Threads    any. The hooks are called with the stream's lock held and must not call back.
 */
#pragma once

#include "http/server.h"

#include <sys/types.h>

typedef struct StreamHooks {
    void (*park)(void *ctx); /* no bytes now: sleep until woken */
    void (*wake)(void *ctx); /* only after a park, once */
    void (*cut)(void *ctx);  /* drop the connection without ceremony; at most once */
} StreamHooks;

enum { STREAM_PARKED = 0, STREAM_END = -1, STREAM_GONE = -2 };

/* False when the stream has a reader already. */
bool stream_attach(HttpStream *stream, const StreamHooks *hooks, void *ctx);
/* The connection is no more: hooks are forgotten, writers learn that the client is gone. */
void stream_detach(HttpStream *stream);
/* > 0 bytes copied, or one of STREAM_*. */
ssize_t stream_read(HttpStream *stream, char *ret_bytes, size_t max);
/* The client has vanished. */
void stream_abort(HttpStream *stream);
