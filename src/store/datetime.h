/*
 * datetime - the text form of times in the tables that other programs know.
 *
 * "YYYY-MM-DD HH:MM:SS.ffffff", UTC without saying so: what SQLAlchemy writes for a DateTime, so
 * that a file can be read by the forerunners and theirs by us. Such texts sort by time.
 *
 * Units      microseconds since the epoch.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATETIME_SIZE = 32 };

/* Years 0001 to 9999; what lies outside is clamped. Returns ret_text. */
const char *datetime_format(int64_t wall_us, char ret_text[DATETIME_SIZE]);
/* Also takes 'T' between date and time, a fraction of 0 to 9 digits and a trailing Z or +00:00. */
MUST_USE bool datetime_parse(const char *text, int64_t *ret_wall_us);
