/*
 * watcher - notices clients that vanish while nothing is sent to them.
 *
 * The library takes a sleeping (suspended) connection out of its own epoll set, so a closed socket
 * goes unseen until the next write. Here a private epoll set waits for nothing but the hang-up.
 *
 * Threads    any. `on_gone` runs on the watcher's thread with its lock held: after watcher_remove()
 *            has returned it neither runs nor will run. It must not call back.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

typedef struct Watcher Watcher;

MUST_USE int watcher_new(Watcher **ret, Error *err);
void watcher_free(Watcher *watcher); /* NULL is fine */
/* Watches a descriptor that stays open until it is removed. < 0: the system refused. */
MUST_USE int watcher_add(Watcher *watcher, int fd, void (*on_gone)(void *ctx), void *ctx,
                         Error *err);
void watcher_remove(Watcher *watcher, int fd);
