/*
 * rate_limit - at most so many calls per key within a sliding window.
 *
 * Every accepted call is remembered for the length of the window; a rejected one is not, so that
 * hammering does not lengthen the wait. Keys with nothing left in the window are forgotten. When
 * `max_keys` are known the one that was quiet longest goes: memory is bounded, and whoever commands
 * that many addresses can wash away a limit.
 *
 * Units      monotonic milliseconds in, whole seconds out.
 * Threads    any.
 */
#pragma once

#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

typedef struct RateLimit RateLimit;

RateLimit *rate_limit_new(Millis window, size_t max_keys);
void rate_limit_free(RateLimit *limit);
/* 0: accepted and counted. > 0: over `max_calls`; seconds until the next would be accepted. */
int64_t rate_limit_take(RateLimit *limit, const char *key, size_t max_calls, Millis now);
/* Takes back the newest call of a key: something else refused it after rate_limit_take(). */
void rate_limit_give_back(RateLimit *limit, const char *key);
size_t rate_limit_keys(RateLimit *limit);
