#include "base/clock.h"

#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

Millis clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

Millis clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

/* The separator, then n digits. Returns the end. */
static char *put_digits(char *to, char separator, int value, int n)
{
    *to = separator;
    for (int i = n; i > 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + n + 1;
}

/* By hand: five of these stand in every instance of every answer, and strftime() is slow. */
char *clock_format_us(int64_t wall_us, char ret_text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    int micros = (int)(wall_us % 1000000);
    char text[CLOCK_TEXT_SIZE], *end = text;
    struct tm tm;

    if (micros < 0) { /* before 1970 */
        micros += 1000000;
        seconds--;
    }
    (void)gmtime_r(&seconds, &tm);
    end = put_digits(end, ' ', tm.tm_year + 1900, 4);
    end = put_digits(end, '-', tm.tm_mon + 1, 2);
    end = put_digits(end, '-', tm.tm_mday, 2);
    end = put_digits(end, 'T', tm.tm_hour, 2);
    end = put_digits(end, ':', tm.tm_min, 2);
    end = put_digits(end, ':', tm.tm_sec, 2);
    if (micros)
        end = put_digits(end, '.', micros, 6);
    *end++ = 'Z';
    *end++ = '\0';
    memcpy(ret_text, text + 1, (size_t)(end - text) - 1);
    return ret_text;
}

void clock_sleep_ms(Millis ms)
{
    struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (nanosleep(&ts, &ts) != 0)
        continue;
}
