/*
 * watch - a thread that says when files under a folder changed and have been quiet for a while.
 *
 * inotify on every folder below, re-made as folders come and go. It is only a hint: a lost event
 * (queue overflow) counts as a change, and a fingerprint of the tree is compared now and then, so
 * that shares without inotify, or with no watches left, work too, only later. Constant change
 * cannot put the call off for ever: after twenty settle times it is made anyway.
 *
 * Symbolic links are not followed.
 *
 * Units      milliseconds.
 * Threads    `fn` runs on the watcher's own thread. watch_free() waits for it to return.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

typedef struct Watch Watch;

typedef void (*WatchChanged)(void *ctx);

MUST_USE int watch_new(const char *folder, Millis settle, WatchChanged fn, void *ctx, Watch **ret,
                       Error *err);
void watch_free(Watch *watch); /* NULL is fine */
