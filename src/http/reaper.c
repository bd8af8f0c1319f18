#include "http/reaper.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/lock.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct Reaper {
    Lock lock; /* covers the list and `stopping` */
    pthread_cond_t stop;
    Conn *conns;
    bool stopping;
    Millis interval;
    pthread_t thread;
};

static void shut_late_locked(Reaper *reaper, Millis now)
{
    for (Conn *conn = reaper->conns; conn; conn = conn->next) {
        Millis deadline = atomic_load(&conn->deadline);

        if (deadline == 0 || deadline > now)
            continue;
        /* never close(): the descriptor is the library's, which sees the end and cleans up */
        (void)shutdown(conn->fd, SHUT_RDWR);
        atomic_store(&conn->deadline, 0);
    }
}

static void *reap(void *arg)
{
    Reaper *reaper = arg;
    LOCK_SCOPE(&reaper->lock);

    while (!reaper->stopping) {
        Millis now = clock_mono_ms();

        shut_late_locked(reaper, now);
        (void)lock_cond_wait_until(&reaper->stop, &reaper->lock, now + reaper->interval);
    }
    return NULL;
}

int reaper_new(Reaper **ret, Millis interval, Error *err)
{
    Reaper *reaper = xnew(Reaper);

    (void)pthread_mutex_init(&reaper->lock, NULL);
    lock_cond_init(&reaper->stop);
    reaper->interval = interval;
    if (pthread_create(&reaper->thread, NULL, reap, reaper)) {
        free(reaper);
        return error_set(err, E_INTERNAL, "cannot start the thread for connection deadlines");
    }
    *ret = reaper;
    return 0;
}

void reaper_free(Reaper *reaper)
{
    if (!reaper)
        return;
    (void)pthread_mutex_lock(&reaper->lock);
    check(!reaper->conns);
    reaper->stopping = true;
    (void)pthread_cond_signal(&reaper->stop);
    (void)pthread_mutex_unlock(&reaper->lock);
    (void)pthread_join(reaper->thread, NULL);
    (void)pthread_cond_destroy(&reaper->stop);
    (void)pthread_mutex_destroy(&reaper->lock);
    free(reaper);
}

static void format_peer(const struct sockaddr *peer, char ret_text[INET6_ADDRSTRLEN])
{
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;
    const void *address = NULL;
    int family = peer ? peer->sa_family : AF_UNSPEC;

    if (family == AF_INET) {
        memcpy(&in4, peer, sizeof in4);
        address = &in4.sin_addr;
    } else if (family == AF_INET6) {
        memcpy(&in6, peer, sizeof in6);
        address = &in6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            family = AF_INET;
            address = &in6.sin6_addr.s6_addr[12];
        }
    }
    if (!address || !inet_ntop(family, address, ret_text, INET6_ADDRSTRLEN))
        ret_text[0] = '\0';
}

Conn *reaper_add(Reaper *reaper, int fd, const struct sockaddr *peer, Millis deadline)
{
    Conn *conn = xnew(Conn);

    conn->fd = fd;
    atomic_init(&conn->deadline, deadline);
    atomic_init(&conn->busy, false);
    format_peer(peer, conn->peer);
    LOCK_SCOPE(&reaper->lock);
    conn->next = reaper->conns;
    if (conn->next)
        conn->next->prev = conn;
    reaper->conns = conn;
    return conn;
}

void reaper_remove(Reaper *reaper, Conn *conn)
{
    {
        LOCK_SCOPE(&reaper->lock);
        if (conn->next)
            conn->next->prev = conn->prev;
        if (conn->prev)
            conn->prev->next = conn->next;
        else
            reaper->conns = conn->next;
    }
    free(conn);
}

size_t reaper_count_busy(Reaper *reaper)
{
    size_t n = 0;
    LOCK_SCOPE(&reaper->lock);

    for (Conn *conn = reaper->conns; conn; conn = conn->next)
        n += atomic_load(&conn->busy);
    return n;
}
