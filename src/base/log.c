#include "base/log.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic int log_level = LOG_INFO;
static const char *const level_names[] = { "error", "warn ", "info ", "debug" };

void log_set_level(LogLevel level)
{
    atomic_store(&log_level, (int)level);
}

void log_write(LogLevel level, const char *fmt, ...)
{
    char line[4096], when[CLOCK_TEXT_SIZE];
    va_list args;
    size_t start, n;
    int len;

    if ((int)level > atomic_load(&log_level))
        return;
    len = snprintf(line, sizeof line, "%s %s ", clock_format_us(clock_wall_ms() * 1000, when),
                   level_names[level]);
    start = (size_t)len;
    va_start(args, fmt);
    len = vsnprintf(line + start, sizeof line - start - 1, fmt, args);
    va_end(args);
    n = len < 0 ? start : start + (size_t)len;
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    for (size_t i = start; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nowhere left to complain */
}
