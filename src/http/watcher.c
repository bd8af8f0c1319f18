#include "http/watcher.h"
#include "base/alloc.h"
#include "base/lock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct Watch {
    uint32_t generation;        /* tells a late event for an earlier user of the descriptor */
    void (*on_gone)(void *ctx); /* NULL: not watched */
    void *ctx;
} Watch;

struct Watcher {
    Lock lock;      /* covers the table */
    Watch *watches; /* by descriptor */
    size_t n_watches;
    int epoll_fd, stop_fd;
    pthread_t thread;
    bool running;
};

static const uint64_t STOP = UINT64_MAX;

static void report(Watcher *watcher, uint64_t key)
{
    size_t fd = (size_t)(key & UINT32_MAX);
    LOCK_SCOPE(&watcher->lock);
    Watch *watch = fd < watcher->n_watches ? &watcher->watches[fd] : NULL;

    if (watch && watch->on_gone && watch->generation == (uint32_t)(key >> 32))
        watch->on_gone(watch->ctx);
}

static void *watch_all(void *arg)
{
    Watcher *watcher = arg;
    struct epoll_event events[64];

    for (;;) {
        int n = epoll_wait(watcher->epoll_fd, events, 64, -1);

        if (n < 0 && errno != EINTR)
            return NULL;
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            report(watcher, events[i].data.u64);
        }
    }
}

static int start(Watcher *watcher, Error *err)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = STOP };

    watcher->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watcher->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (watcher->epoll_fd < 0 || watcher->stop_fd < 0 ||
        epoll_ctl(watcher->epoll_fd, EPOLL_CTL_ADD, watcher->stop_fd, &event) < 0)
        return error_sys(err, "cannot watch connections");
    if (pthread_create(&watcher->thread, NULL, watch_all, watcher))
        return error_set(err, E_INTERNAL, "cannot start the thread that watches connections");
    watcher->running = true;
    return 0;
}

int watcher_new(Watcher **ret, Error *err)
{
    Watcher *watcher = xnew(Watcher);

    (void)pthread_mutex_init(&watcher->lock, NULL);
    watcher->epoll_fd = watcher->stop_fd = -1;
    if (start(watcher, err) < 0) {
        watcher_free(watcher);
        return -1;
    }
    *ret = watcher;
    return 0;
}

void watcher_free(Watcher *watcher)
{
    static const uint64_t one = 1;

    if (!watcher)
        return;
    if (watcher->running && write(watcher->stop_fd, &one, sizeof one) == (ssize_t)sizeof one)
        (void)pthread_join(watcher->thread, NULL);
    cleanup_close(&watcher->epoll_fd);
    cleanup_close(&watcher->stop_fd);
    (void)pthread_mutex_destroy(&watcher->lock);
    free(watcher->watches);
    free(watcher);
}

static Watch *slot_locked(Watcher *watcher, size_t fd)
{
    if (fd >= watcher->n_watches) {
        size_t n = (fd + 1) * 2;

        watcher->watches = xrealloc(watcher->watches, n * sizeof *watcher->watches);
        memset(watcher->watches + watcher->n_watches, 0,
               (n - watcher->n_watches) * sizeof *watcher->watches);
        watcher->n_watches = n;
    }
    return &watcher->watches[fd];
}

int watcher_add(Watcher *watcher, int fd, void (*on_gone)(void *ctx), void *ctx, Error *err)
{
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };
    Watch *watch;
    LOCK_SCOPE(&watcher->lock);

    watch = slot_locked(watcher, (size_t)fd);
    watch->generation++;
    event.data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)fd;
    if (epoll_ctl(watcher->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return error_sys(err, "cannot watch a connection");
    watch->on_gone = on_gone;
    watch->ctx = ctx;
    return 0;
}

void watcher_remove(Watcher *watcher, int fd)
{
    LOCK_SCOPE(&watcher->lock);

    (void)epoll_ctl(watcher->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    if ((size_t)fd < watcher->n_watches)
        watcher->watches[fd].on_gone = NULL;
}
