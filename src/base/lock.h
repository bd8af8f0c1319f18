/*
 * lock - mutexes held to the end of a block: `LOCK_SCOPE(&registry->lock);`
 *
 * No lock is held across a call to the container engine, the database's network or another
 * process. Where two are needed, the order is the order of src/LAYERS, lower layer last.
 */
#pragma once

#include "base/macros.h"

#include <pthread.h>

typedef pthread_mutex_t Lock;

static inline Lock *lock_take_for_scope(Lock *lock)
{
    (void)pthread_mutex_lock(lock);
    return lock;
}

static inline void lock_give_p(Lock **lock)
{
    (void)pthread_mutex_unlock(*lock);
}

#define LOCK_NAME_2(a, b) a##b
#define LOCK_NAME(a, b)   LOCK_NAME_2(a, b)
#define LOCK_SCOPE(l)                                                                              \
    CLEANUP(lock_give_p)                                                                           \
    UNUSED Lock *LOCK_NAME(lock_scope_, __LINE__) = lock_take_for_scope(l)

/* A condition variable on the monotonic clock; deadline in clock_mono_ms() terms. */
void lock_cond_init(pthread_cond_t *cond);
/* Waits until signalled or the deadline passed (< 0: no deadline). Returns 0, or 1 on timeout. */
int lock_cond_wait_until(pthread_cond_t *cond, Lock *lock, long long deadline_ms);
