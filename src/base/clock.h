/*
 * clock - what time it is.
 *
 * Units      milliseconds. Wall time counts from the Unix epoch; monotonic time from some point
 *            in the past, unaffected by clock changes. Deadlines are monotonic, expiries are wall.
 */
#pragma once

#include "base/macros.h"

#include <stdint.h>

typedef int64_t Millis;

Millis clock_wall_ms(void);
Millis clock_mono_ms(void);
int64_t clock_wall_us(void);

enum { CLOCK_TEXT_SIZE = 40 };
/* RFC 3339 with Z; fraction (six digits) only when it is not zero (behaviour.md 0.4). */
char *clock_format_us(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE]);
void clock_sleep_ms(Millis ms);
