/*
 * worker - a fixed set of threads and a bounded queue of jobs.
 *
 * Threads    any.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Workers Workers;

MUST_USE int workers_new(Workers **ret, unsigned n_threads, size_t queue_max, Error *err);
/* False when the queue is full. */
bool workers_submit(Workers *workers, void (*run)(void *arg), void *arg);
/* Runs what is queued, then ends the threads. NULL is fine. */
void workers_free(Workers *workers);
