#include "base/lock.h"

#include <errno.h>
#include <time.h>

void lock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

int lock_cond_wait_until(pthread_cond_t *cond, Lock *lock, long long deadline_ms)
{
    struct timespec ts;

    if (deadline_ms < 0) {
        (void)pthread_cond_wait(cond, lock);
        return 0;
    }
    ts.tv_sec = (time_t)(deadline_ms / 1000);
    ts.tv_nsec = (long)(deadline_ms % 1000) * 1000000;
    return pthread_cond_timedwait(cond, lock, &ts) == ETIMEDOUT;
}
