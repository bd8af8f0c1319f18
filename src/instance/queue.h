/*
 * queue - spawns that wait, fair between owners: owners take turns, each owner's spawns in order.
 *
 * Threads    none: the manager's lock.
 */
#pragma once

#include "instance/state.h"

SpawnQueue *spawn_queue_new(void);
void spawn_queue_free(SpawnQueue *queue);
void spawn_queue_push(SpawnQueue *queue, Instance *instance);
/* Before everything else of its owner, who also comes next. */
void spawn_queue_push_front(SpawnQueue *queue, Instance *instance);
Instance *spawn_queue_pop(SpawnQueue *queue); /* NULL when empty */
bool spawn_queue_remove(SpawnQueue *queue, Instance *instance);
size_t spawn_queue_count(const SpawnQueue *queue);
/* Where it stands, from 1; 0 when it does not wait. */
int64_t spawn_queue_position(const SpawnQueue *queue, const Instance *instance);
/* Sets queue_position of every waiting instance; calls moved() for those that changed. */
void spawn_queue_number(SpawnQueue *queue, void (*moved)(void *ctx, Instance *instance), void *ctx);
