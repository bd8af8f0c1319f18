#include "http/stream.h"
#include "base/alloc.h"
#include "base/lock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 512, KEEP_CAP = 4096 };

struct HttpStream {
    atomic_uint refs;
    Lock lock; /* covers everything below */
    char *data;
    size_t start, len, cap; /* bytes [start, start + len) wait to be read */
    bool open;              /* writers may write */
    bool gone;              /* the client is lost: the rest is not wanted */
    bool parked;            /* the reader sleeps until woken */
    bool taken;             /* has or had a reader */
    StreamHooks hooks;
    void *ctx; /* NULL: no reader */
};

HttpStream *http_stream_new(void)
{
    HttpStream *stream = xnew(HttpStream);

    atomic_init(&stream->refs, 1);
    (void)pthread_mutex_init(&stream->lock, NULL);
    stream->open = true;
    return stream;
}

HttpStream *http_stream_ref(HttpStream *stream)
{
    atomic_fetch_add(&stream->refs, 1);
    return stream;
}

void http_stream_unref(HttpStream *stream)
{
    if (!stream || atomic_fetch_sub(&stream->refs, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&stream->lock);
    free(stream->data);
    free(stream);
}

static void drop_bytes_locked(HttpStream *stream)
{
    free(stream->data);
    stream->data = NULL;
    stream->start = stream->len = stream->cap = 0;
}

static void wake_locked(HttpStream *stream)
{
    if (!stream->parked)
        return;
    stream->parked = false;
    stream->hooks.wake(stream->ctx);
}

static void abort_locked(HttpStream *stream)
{
    stream->open = false;
    if (stream->gone)
        return;
    stream->gone = true;
    drop_bytes_locked(stream);
    if (stream->ctx)
        stream->hooks.cut(stream->ctx);
    wake_locked(stream);
}

/* Room for n more bytes behind what is there. */
static void make_room_locked(HttpStream *stream, size_t n)
{
    size_t cap = stream->cap ? stream->cap : FIRST_CAP;

    if (stream->start + stream->len + n <= stream->cap)
        return;
    while (cap < stream->len + n)
        cap *= 2;
    if (cap > stream->cap) {
        char *bigger = xmalloc(cap);

        if (stream->len)
            memcpy(bigger, stream->data + stream->start, stream->len);
        free(stream->data);
        stream->data = bigger;
        stream->cap = cap;
    } else {
        memmove(stream->data, stream->data + stream->start, stream->len);
    }
    stream->start = 0;
}

bool http_stream_write(HttpStream *stream, const char *bytes, size_t n)
{
    LOCK_SCOPE(&stream->lock);

    if (!stream->open)
        return false;
    if (n > HTTP_STREAM_BUFFER_MAX - stream->len) {
        abort_locked(stream);
        return false;
    }
    if (n == 0)
        return true;
    make_room_locked(stream, n);
    memcpy(stream->data + stream->start + stream->len, bytes, n);
    stream->len += n;
    wake_locked(stream);
    return true;
}

void http_stream_close(HttpStream *stream)
{
    LOCK_SCOPE(&stream->lock);

    stream->open = false;
    wake_locked(stream);
}

bool http_stream_is_open(HttpStream *stream)
{
    LOCK_SCOPE(&stream->lock);

    return stream->open;
}

bool stream_attach(HttpStream *stream, const StreamHooks *hooks, void *ctx)
{
    LOCK_SCOPE(&stream->lock);

    if (stream->taken)
        return false;
    stream->taken = true;
    stream->hooks = *hooks;
    stream->ctx = ctx;
    return true;
}

void stream_detach(HttpStream *stream)
{
    LOCK_SCOPE(&stream->lock);

    stream->ctx = NULL;
    stream->parked = false;
    stream->open = false;
    stream->gone = true;
    drop_bytes_locked(stream);
}

ssize_t stream_read(HttpStream *stream, char *ret_bytes, size_t max)
{
    LOCK_SCOPE(&stream->lock);

    if (stream->gone)
        return STREAM_GONE;
    if (stream->len > 0) {
        size_t n = stream->len < max ? stream->len : max;

        memcpy(ret_bytes, stream->data + stream->start, n);
        stream->start += n;
        stream->len -= n;
        if (stream->len == 0)
            stream->start = 0;
        /* thousands of idle streams must not each keep what one burst needed */
        if (stream->len == 0 && stream->cap > KEEP_CAP)
            drop_bytes_locked(stream);
        return (ssize_t)n;
    }
    if (!stream->open)
        return STREAM_END;
    stream->parked = true;
    stream->hooks.park(stream->ctx);
    return STREAM_PARKED;
}

void stream_abort(HttpStream *stream)
{
    LOCK_SCOPE(&stream->lock);

    abort_locked(stream);
}
