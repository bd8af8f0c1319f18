/*
 * expiry - who ends when: a heap of (time, instance id). An entry may be stale (the instance was
 * extended or is gone); whoever takes it looks the truth up.
 *
 * Units      microseconds since the epoch.
 * Threads    none: the manager's lock.
 */
#pragma once

#include "instance/state.h"

ExpiryHeap *expiry_heap_new(void);
void expiry_heap_free(ExpiryHeap *heap);
void expiry_heap_add(ExpiryHeap *heap, int64_t at, const char *instance_id);
/* Time of the earliest entry; false when empty. */
bool expiry_heap_next(const ExpiryHeap *heap, int64_t *ret_at);
/* Takes the earliest entry if it is due at `now`. */
bool expiry_heap_take(ExpiryHeap *heap, int64_t now, char ret_id[INSTANCE_ID_SIZE]);
