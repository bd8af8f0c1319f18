#include "http/worker.h"
#include "base/alloc.h"
#include "base/lock.h"

#include <stdlib.h>

typedef struct Job {
    void (*run)(void *arg);
    void *arg;
} Job;

struct Workers {
    Lock lock; /* covers the queue and `stopping` */
    pthread_cond_t wanted;
    Job *jobs; /* a ring of `max` */
    size_t first, n, max;
    bool stopping;
    pthread_t *threads;
    unsigned n_threads;
};

/* Waits for a job; false when there will be none any more. */
static bool next_job(Workers *workers, Job *ret)
{
    LOCK_SCOPE(&workers->lock);

    while (workers->n == 0 && !workers->stopping)
        (void)lock_cond_wait_until(&workers->wanted, &workers->lock, -1);
    if (workers->n == 0)
        return false;
    *ret = workers->jobs[workers->first];
    workers->first = (workers->first + 1) % workers->max;
    workers->n--;
    return true;
}

static void *work(void *arg)
{
    Job job;

    while (next_job(arg, &job))
        job.run(job.arg);
    return NULL;
}

int workers_new(Workers **ret, unsigned n_threads, size_t queue_max, Error *err)
{
    Workers *workers = xnew(Workers);

    (void)pthread_mutex_init(&workers->lock, NULL);
    lock_cond_init(&workers->wanted);
    workers->max = queue_max;
    workers->jobs = xcalloc(queue_max, sizeof *workers->jobs);
    workers->threads = xcalloc(n_threads, sizeof *workers->threads);
    for (; workers->n_threads < n_threads; workers->n_threads++) {
        if (pthread_create(&workers->threads[workers->n_threads], NULL, work, workers)) {
            workers_free(workers);
            return error_set(err, E_INTERNAL, "cannot start %u request workers", n_threads);
        }
    }
    *ret = workers;
    return 0;
}

bool workers_submit(Workers *workers, void (*run)(void *arg), void *arg)
{
    LOCK_SCOPE(&workers->lock);

    if (workers->n == workers->max || workers->stopping)
        return false;
    workers->jobs[(workers->first + workers->n++) % workers->max] = (Job){ run, arg };
    (void)pthread_cond_signal(&workers->wanted);
    return true;
}

void workers_free(Workers *workers)
{
    if (!workers)
        return;
    (void)pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    (void)pthread_cond_broadcast(&workers->wanted);
    (void)pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->n_threads; i++)
        (void)pthread_join(workers->threads[i], NULL);
    (void)pthread_cond_destroy(&workers->wanted);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers->jobs);
    free(workers->threads);
    free(workers);
}
