/*
 * reaper - every connection, and a deadline for each: a thread shuts down those that are late.
 *
 * The library's own timeout counts from the last byte, so one byte a second keeps a connection for
 * ever; deadlines here count from the start of what is waited for.
 *
 * Ownership  reaper_remove() frees the connection; its socket belongs to the library, which closes
 *            it only after that.
 * Threads    any; deadline and busy are set without a lock.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

typedef struct Conn {
    int fd;
    _Atomic Millis deadline; /* clock_mono_ms() terms; 0 = none */
    atomic_bool busy;        /* between the head and the end of the response */
    char peer[INET6_ADDRSTRLEN];
    void *request;            /* the one under way; the connection's loop thread only */
    struct Conn *prev, *next; /* under the reaper's lock */
} Conn;

typedef struct Reaper Reaper;

MUST_USE int reaper_new(Reaper **ret, Millis interval, Error *err);
void reaper_free(Reaper *reaper); /* after the last connection is removed; NULL is fine */
Conn *reaper_add(Reaper *reaper, int fd, const struct sockaddr *peer, Millis deadline);
void reaper_remove(Reaper *reaper, Conn *conn);
size_t reaper_count_busy(Reaper *reaper);
