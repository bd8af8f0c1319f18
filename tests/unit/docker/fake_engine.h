/*
 * fake_engine - a thread that answers on a unix socket with scripted bytes, as badly as it is told.
 *
 * A request takes the first line of the script that matches its request line and is not used up;
 * without one it gets 404. _ping and version have answers of their own unless scripted.
 */
#pragma once

#include "base/alloc.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef enum FakeManner {
    FAKE_WHOLE,   /* sends it and keeps the connection */
    FAKE_CUT,     /* sends it and closes */
    FAKE_DRIP,    /* a byte every 20 ms, then silence */
    FAKE_ENDLESS, /* sends it again and again */
    FAKE_HOLD,    /* sends it, then silence */
} FakeManner;

typedef struct FakeLine {
    const char *match; /* in the request line */
    const char *reply; /* raw bytes; NULL ends a script */
    FakeManner manner;
    int times; /* 0 = any number */
} FakeLine;

enum { FAKE_CONNECTIONS = 64 };

typedef struct FakeEngine {
    char dir[64], path[80], url[96];
    int listener;
    pthread_t thread, workers[FAKE_CONNECTIONS];
    int fds[FAKE_CONNECTIONS];
    size_t n_fds;
    _Atomic bool stop;
    Lock lock;
    FakeLine script[16];
    StrBuf log; /* heads and bodies of all requests */
    _Atomic int n_connections;
} FakeEngine;

typedef struct FakeConnection {
    FakeEngine *fake;
    int fd;
} FakeConnection;

#define FAKE_JSON(status, json)                                                                    \
    "HTTP/1.1 " status                                                                             \
    "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" json
#define FAKE_VERSION                                                                               \
    FAKE_JSON("200 OK", "4a\r\n{\"Version\":\"25.0\",\"ApiVersion\":\"1.44\","                     \
                        "\"MinAPIVersion\":\"1.24\",\"Os\":\"linux\"}\r\n0\r\n\r\n")
#define FAKE_EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

static bool fake_send(const FakeConnection *c, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Reads head and body of one request into `text`. */
static bool fake_receive(const FakeConnection *c, StrBuf *text)
{
    char buffer[4096];
    const char *end, *length;
    size_t body = 0;

    strbuf_clear(text);
    while (!(end = strstr(strbuf_str(text), "\r\n\r\n"))) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return false;
        strbuf_add(text, buffer, (size_t)n);
    }
    length = strstr(strbuf_str(text), "Content-Length: ");
    if (length && length < end)
        body = (size_t)strtoul(length + 16, NULL, 10);
    body += (size_t)(end + 4 - strbuf_str(text));
    while (text->len < body) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return false;
        strbuf_add(text, buffer, (size_t)n);
    }
    return true;
}

static FakeLine fake_choose(FakeEngine *fake, const char *request)
{
    LOCK_SCOPE(&fake->lock);
    AUTO_FREE char *line = xstrndup(request, strcspn(request, "\r"));

    strbuf_adds(&fake->log, request);
    for (size_t i = 0; fake->script[i].reply; i++) {
        FakeLine *at = &fake->script[i];
        if (!strstr(line, at->match) || at->times < 0)
            continue;
        if (at->times > 0 && --at->times == 0)
            at->times = -1;
        return *at;
    }
    if (strstr(line, "/_ping"))
        return (FakeLine){ .reply = "HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\n\r\n" };
    if (strstr(line, "/version"))
        return (FakeLine){ .reply = FAKE_VERSION };
    return (FakeLine){ .reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 23\r\n\r\n"
                                "{\"message\":\"no script\"}" };
}

static void fake_wait(const FakeConnection *c)
{
    char ignored[256];

    while (recv(c->fd, ignored, sizeof ignored, 0) > 0) {
    }
}

/* False when the connection is done. */
static bool fake_reply(const FakeConnection *c, const FakeLine *line)
{
    size_t n = strlen(line->reply);

    switch (line->manner) {
    case FAKE_WHOLE:
        return fake_send(c, line->reply, n);
    case FAKE_CUT:
        (void)fake_send(c, line->reply, n);
        return false;
    case FAKE_DRIP:
        for (size_t i = 0; i < n && !c->fake->stop && fake_send(c, line->reply + i, 1); i++)
            (void)usleep(20000);
        fake_wait(c);
        return false;
    case FAKE_ENDLESS:
        if (!fake_send(c, "HTTP/1.1 200 OK\r\n\r\n", 19))
            return false;
        while (!c->fake->stop && fake_send(c, line->reply, n)) {
        }
        return false;
    case FAKE_HOLD:
        (void)fake_send(c, line->reply, n);
        fake_wait(c);
        return false;
    }
    return false;
}

static void *fake_serve(void *arg)
{
    FakeConnection *c = arg;
    StrBuf request = { 0 };

    while (fake_receive(c, &request)) {
        FakeLine line = fake_choose(c->fake, strbuf_str(&request));
        if (!fake_reply(c, &line))
            break;
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    strbuf_fini(&request);
    free(c);
    return NULL;
}

static void *fake_accept(void *arg)
{
    FakeEngine *fake = arg;
    int fd;

    while (!fake->stop && fake->n_fds < FAKE_CONNECTIONS &&
           (fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        FakeConnection *c = xnew(FakeConnection);
        *c = (FakeConnection){ fake, fd };
        fake->fds[fake->n_fds] = fd;
        (void)pthread_create(&fake->workers[fake->n_fds++], NULL, fake_serve, c);
        fake->n_connections++;
    }
    return NULL;
}

static FakeEngine *fake_start(const FakeLine *script)
{
    FakeEngine *fake = xnew(FakeEngine);
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    (void)pthread_mutex_init(&fake->lock, NULL);
    for (size_t i = 0; script && script[i].reply; i++)
        fake->script[i] = script[i];
    (void)snprintf(fake->dir, sizeof fake->dir, "/tmp/whaley-fake-XXXXXX");
    CHECK(mkdtemp(fake->dir) != NULL);
    (void)snprintf(fake->path, sizeof fake->path, "%s/s", fake->dir);
    (void)snprintf(fake->url, sizeof fake->url, "unix://%s", fake->path);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", fake->path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fake->listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(fake->listener, 16) == 0);
    CHECK(pthread_create(&fake->thread, NULL, fake_accept, fake) == 0);
    return fake;
}

static void fake_stop(FakeEngine *fake)
{
    fake->stop = true;
    (void)shutdown(fake->listener, SHUT_RDWR);
    (void)pthread_join(fake->thread, NULL);
    for (size_t i = 0; i < fake->n_fds; i++)
        (void)shutdown(fake->fds[i], SHUT_RDWR);
    for (size_t i = 0; i < fake->n_fds; i++) {
        (void)pthread_join(fake->workers[i], NULL);
        (void)close(fake->fds[i]);
    }
    (void)close(fake->listener);
    (void)unlink(fake->path);
    (void)rmdir(fake->dir);
    (void)pthread_mutex_destroy(&fake->lock);
    strbuf_fini(&fake->log);
    free(fake);
}
