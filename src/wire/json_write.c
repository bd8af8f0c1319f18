#include "wire/json_write.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void before_value(JsonWriter *w)
{
    if (w->need_comma)
        strbuf_addc(w->out, ',');
    w->need_comma = true;
}

static void open_with(JsonWriter *w, char c)
{
    before_value(w);
    strbuf_addc(w->out, c);
    w->need_comma = false;
}

static void close_with(JsonWriter *w, char c)
{
    strbuf_addc(w->out, c);
    w->need_comma = true;
}

void json_write_object(JsonWriter *w)
{
    open_with(w, '{');
}

void json_write_end_object(JsonWriter *w)
{
    close_with(w, '}');
}

void json_write_array(JsonWriter *w)
{
    open_with(w, '[');
}

void json_write_end_array(JsonWriter *w)
{
    close_with(w, ']');
}

/* Length of one well-formed UTF-8 sequence, 0 if there is none. */
static size_t sequence_len(const char *s, size_t n)
{
    for (size_t len = 2; len <= 4 && len <= n; len++)
        if (str_is_utf8(s, len))
            return len;
    return 0;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<';
}

/*
 * is_plain() of eight bytes at once. A byte's high bit ends up set when it is not ASCII, when
 * subtracting 0x20 borrows, or when it equals one of the four (x ^ c is zero, and borrows). A
 * borrow may reach the next byte, but only out of one that is not plain either.
 */
static bool are_plain(uint64_t eight)
{
    static const unsigned char others[] = { '"', '\\', '<', 0x7f };
    const uint64_t ones = 0x0101010101010101U, high = 0x8080808080808080U;
    uint64_t bad = eight | (eight - ones * 0x20);

    for (size_t i = 0; i < sizeof others; i++) {
        uint64_t x = eight ^ ones * others[i];
        bad |= (x - ones) & ~x;
    }
    return (bad & high) == 0;
}

static bool is_all_plain(const char *s, size_t n)
{
    uint64_t eight;

    for (; n >= sizeof eight; s += sizeof eight, n -= sizeof eight) {
        memcpy(&eight, s, sizeof eight);
        if (!are_plain(eight))
            return false;
    }
    for (; n > 0; n--)
        if (!is_plain((unsigned char)*s++))
            return false;
    return true;
}

/* What most strings are: in one piece, with the quotes around. False when it is not plain. */
static bool add_plain(StrBuf *out, const char *s, size_t n)
{
    char *to;

    if (out->max || !is_all_plain(s, n)) /* with a maximum it may have to be cut */
        return false;
    strbuf_reserve(out, n + 2);
    to = out->data + out->len;
    *to = '"';
    memcpy(to + 1, s, n);
    to[n + 1] = '"';
    to[n + 2] = '\0';
    out->len += n + 2;
    return true;
}

static void add_escape(StrBuf *out, unsigned char c)
{
    static const char names[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    const char *found = c ? strchr(names, c) : NULL;

    if (found) {
        strbuf_addc(out, '\\');
        strbuf_addc(out, letters[found - names]);
    } else {
        strbuf_addf(out, "\\u%04x", c);
    }
}

static void add_quoted(StrBuf *out, const char *s, size_t n)
{
    if (add_plain(out, s, n))
        return;
    strbuf_addc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t start = i, len;
        while (i < n && is_plain((unsigned char)s[i]))
            i++;
        strbuf_add(out, s + start, i - start);
        if (i == n)
            break;
        if ((unsigned char)s[i] < 0x80) {
            add_escape(out, (unsigned char)s[i++]);
            continue;
        }
        len = sequence_len(s + i, n - i);
        if (len == 0)
            strbuf_adds(out, "\xef\xbf\xbd");
        else if (len == 3 && memcmp(s + i, "\xe2\x80", 2) == 0 && (s[i + 2] & ~1) == (char)0xa8)
            strbuf_addf(out, "\\u202%d", s[i + 2] == (char)0xa8 ? 8 : 9);
        else
            strbuf_add(out, s + i, len);
        i += len ? len : 1;
    }
    strbuf_addc(out, '"');
}

void json_write_key(JsonWriter *w, const char *key)
{
    before_value(w);
    add_quoted(w->out, key, strlen(key));
    strbuf_addc(w->out, ':');
    w->need_comma = false;
}

void json_write_string_n(JsonWriter *w, const char *s, size_t n)
{
    before_value(w);
    add_quoted(w->out, s, n);
}

void json_write_string(JsonWriter *w, const char *s)
{
    if (s)
        json_write_string_n(w, s, strlen(s));
    else
        json_write_null(w);
}

void json_write_int(JsonWriter *w, int64_t n)
{
    char digits[24], *end = digits + sizeof digits, *at = end;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        *--at = '-';
    before_value(w);
    strbuf_add(w->out, at, (size_t)(end - at));
}

void json_write_decimal(JsonWriter *w, double n)
{
    char text[64];
    size_t len;

    if (!isfinite(n)) {
        json_write_null(w);
        return;
    }
    before_value(w);
    (void)snprintf(text, sizeof text, "%.3f", n);
    len = strlen(text);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len++; /* keep "1.0": a reader tells decimals from integers by it */
    strbuf_add(w->out, text, len);
}

void json_write_bool(JsonWriter *w, bool b)
{
    before_value(w);
    strbuf_adds(w->out, b ? "true" : "false");
}

void json_write_null(JsonWriter *w)
{
    before_value(w);
    strbuf_adds(w->out, "null");
}

void json_write_raw(JsonWriter *w, const char *json)
{
    before_value(w);
    strbuf_adds(w->out, json);
}

void json_put_string(JsonWriter *w, const char *key, const char *s)
{
    json_write_key(w, key);
    json_write_string(w, s);
}

void json_put_int(JsonWriter *w, const char *key, int64_t n)
{
    json_write_key(w, key);
    json_write_int(w, n);
}

void json_put_bool(JsonWriter *w, const char *key, bool b)
{
    json_write_key(w, key);
    json_write_bool(w, b);
}

void json_put_null(JsonWriter *w, const char *key)
{
    json_write_key(w, key);
    json_write_null(w);
}

void json_put_raw(JsonWriter *w, const char *key, const char *json)
{
    json_write_key(w, key);
    json_write_raw(w, json);
}
