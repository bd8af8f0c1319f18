/*
 * log - one line per event on stderr: time, level, then `key=value` fields and a sentence.
 *
 * Lines are written with a single write(2), control characters are escaped, and a line is cut at
 * 4 KiB. Never log tokens, flags or request bodies. An error is logged once, where it stops.
 *
 * Levels     error: someone must act. warn: degraded. info: worth an entry. debug: for us.
 * Threads    any.
 */
#pragma once

#include "base/error.h"

typedef enum LogLevel { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } LogLevel;

void log_set_level(LogLevel level);
void log_write(LogLevel level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
