#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool str_eq(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

bool str_eq_nocase(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcasecmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_in(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

char *str_trim(char *s)
{
    size_t n;

    while (isspace((unsigned char)*s))
        s++;
    n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    return s;
}

bool str_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    char *end = NULL;
    long long value;

    if (!(*s == '-' || isdigit((unsigned char)*s)))
        return false;
    errno = 0;
    value = strtoll(s, &end, 10);
    if (errno || end == s || *end || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool str_parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = { "true", "1", "yes", "on", "t", "y" };
    static const char *const no[] = { "false", "0", "no", "off", "f", "n" };

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcasecmp(s, yes[i]) == 0) {
            *ret = true;
            return true;
        }
        if (strcasecmp(s, no[i]) == 0) {
            *ret = false;
            return true;
        }
    }
    return false;
}

/* Reads digits[.digits]; returns the end, or NULL. */
static const char *scan_decimal(const char *s, double *ret)
{
    double value = 0, scale = 1;
    const char *start = s;
    bool digits = false;

    for (; isdigit((unsigned char)*s); s++, digits = true)
        value = value * 10 + (*s - '0');
    if (*s == '.') {
        for (s++; isdigit((unsigned char)*s); s++, digits = true)
            value += (*s - '0') * (scale /= 10);
    }
    if (!digits || s - start > 24)
        return NULL;
    *ret = value;
    return s;
}

bool str_parse_decimal(const char *s, double *ret)
{
    double value;
    const char *end = scan_decimal(s, &value);

    if (!end || *end)
        return false;
    *ret = value;
    return true;
}

bool str_parse_bytes(const char *s, int64_t *ret)
{
    static const char units[] = "bkmgtp";
    double value, factor = 1;
    const char *end = scan_decimal(s, &value);
    const char *unit;

    if (!end)
        return false;
    while (*end == ' ')
        end++;
    if (*end) {
        unit = strchr(units, tolower((unsigned char)*end));
        if (!unit)
            return false;
        for (const char *u = units; u < unit; u++)
            factor *= 1024;
        end++;
        if (unit > units && tolower((unsigned char)*end) == 'i')
            end++;
        if (unit > units && tolower((unsigned char)*end) == 'b')
            end++;
        if (*end)
            return false;
    }
    if (value * factor >= 9e18)
        return false;
    *ret = (int64_t)(value * factor);
    return true;
}

bool str_parse_duration_ns(const char *s, int64_t *ret)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = { { "ns", 1 },   { "us", 1e3 },   { "ms", 1e6 },    { "s", 1e9 },
                  { "m", 6e10 }, { "h", 3.6e12 }, { "d", 8.64e13 }, { "w", 6.048e14 } };
    double total = 0;

    if (!*s)
        return false;
    while (*s) {
        double value;
        size_t best = ARRAY_LEN(units), best_len = 0;

        s = scan_decimal(s, &value);
        if (!s)
            return false;
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
            size_t len = strlen(units[i].name);
            if (len > best_len && strncmp(s, units[i].name, len) == 0) {
                best = i;
                best_len = len;
            }
        }
        if (best_len == 0)
            return false;
        s += best_len;
        total += value * units[best].ns;
        if (total >= 9e18)
            return false;
    }
    *ret = (int64_t)total;
    return true;
}

/* Length of the UTF-8 sequence at s (n bytes left), 0 if malformed. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
    static const unsigned min[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len;
    unsigned cp;

    if (s[0] < 0x80)
        return s[0] != 0;
    len = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || n < len)
        return 0;
    cp = s[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3Fu);
    }
    return cp < min[len] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF) ? 0 : len;
}

bool str_is_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = utf8_len((const unsigned char *)s + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

size_t str_distance(const char *a, const char *b, size_t limit)
{
    size_t n = strlen(a), m = strlen(b);
    size_t row[64];

    if (m >= ARRAY_LEN(row) || n >= ARRAY_LEN(row))
        return limit + 1;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[m] > limit ? limit + 1 : row[m];
}

const char *str_nearest(const char *s, const char *const *names, size_t n)
{
    size_t best = strlen(s) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = str_distance(s, names[i], best);
        if (d < best || (d == best && !found)) {
            best = d;
            found = names[i];
        }
    }
    return found;
}
