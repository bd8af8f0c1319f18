#include "store/datetime.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND     INT64_C(1000000)
#define FIRST_TIME (INT64_C(-62135596800) * SECOND)                   /* 0001-01-01 */
#define LAST_TIME  (INT64_C(253402300799) * SECOND + INT64_C(999999)) /* 9999-12-31 23:59:59.9 */

const char *datetime_format(int64_t wall_us, char ret_text[DATETIME_SIZE])
{
    int64_t us = wall_us < FIRST_TIME ? FIRST_TIME : wall_us > LAST_TIME ? LAST_TIME : wall_us;
    int64_t micros = us % SECOND;
    time_t seconds;
    struct tm tm;

    if (micros < 0)
        micros += SECOND;
    seconds = (time_t)((us - micros) / SECOND);
    (void)gmtime_r(&seconds, &tm);
    (void)snprintf(ret_text, DATETIME_SIZE, "%04u-%02u-%02u %02u:%02u:%02u.%06u",
                   (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                   (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)micros);
    return ret_text;
}

/* Reads exactly n digits; NULL when there are fewer. */
static const char *scan_digits(const char *s, size_t n, int *ret)
{
    int value = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]))
            return NULL;
        value = value * 10 + (s[i] - '0');
    }
    *ret = value;
    return s + n;
}

static const char *scan_fraction(const char *s, int64_t *ret_us)
{
    int64_t us = 0, scale = SECOND / 10;
    size_t n = 0;

    for (; isdigit((unsigned char)s[n]); n++, scale /= 10)
        us += (s[n] - '0') * scale;
    *ret_us = us;
    return n >= 1 && n <= 9 ? s + n : NULL;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_real(const int part[6])
{
    return part[0] >= 1 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 &&
           part[2] <= days_in(part[0], part[1]) && part[3] <= 23 && part[4] <= 59 && part[5] <= 59;
}

bool datetime_parse(const char *text, int64_t *ret_wall_us)
{
    static const char after[] = "-- ::"; /* what follows each part but the last */
    const char *s = text;
    int part[6];
    int64_t micros = 0;
    struct tm tm = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        s = scan_digits(s, i == 0 ? 4 : 2, &part[i]);
        if (!s)
            return false;
        if (i < 5 && *s != after[i] && !(i == 2 && *s == 'T'))
            return false;
        s += i < 5;
    }
    if (*s == '.' && !(s = scan_fraction(s + 1, &micros)))
        return false;
    if (!(str_eq(s, "") || str_eq(s, "Z") || str_eq(s, "+00:00")) || !is_real(part))
        return false;
    tm.tm_year = part[0] - 1900;
    tm.tm_mon = part[1] - 1;
    tm.tm_mday = part[2];
    tm.tm_hour = part[3];
    tm.tm_min = part[4];
    tm.tm_sec = part[5];
    *ret_wall_us = (int64_t)timegm(&tm) * SECOND + micros;
    return true;
}
