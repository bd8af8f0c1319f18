/*
 * times - how long recent spawns of each challenge took, for "usually about 8 s".
 *
 * Threads    none: the manager's lock.
 */
#pragma once

#include "instance/state.h"

SpawnTimes *spawn_times_new(void);
void spawn_times_free(SpawnTimes *times);
void spawn_times_add(SpawnTimes *times, const char *challenge_id, Millis took);
/* Median of the last 31, in milliseconds; 0 when unknown. */
Millis spawn_times_median(const SpawnTimes *times, const char *challenge_id);
