/* Strings: basic and literal, on one line or several. */
#include "wire/toml_scan.h"

#include <stdint.h>
#include <string.h>

/* What is being read: the text so far and where it began. */
typedef struct Reading {
    TomlScan *s;
    char *out; /* as large as the source: no escape is shorter than what it stands for */
    size_t len;
    TomlPos start;
    char quote;
    bool multi;
} Reading;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static void put_utf8(Reading *r, uint32_t c)
{
    char *out = r->out + r->len;

    if (c < 0x80) {
        out[0] = (char)c;
        r->len += 1;
    } else if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        r->len += 2;
    } else if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        r->len += 3;
    } else {
        out[0] = (char)(0xf0 | c >> 18);
        out[1] = (char)(0x80 | (c >> 12 & 0x3f));
        out[2] = (char)(0x80 | (c >> 6 & 0x3f));
        out[3] = (char)(0x80 | (c & 0x3f));
        r->len += 4;
    }
}

/* \uXXXX or \UXXXXXXXX; the cursor stands on the backslash. */
static int read_unicode_escape(Reading *r, size_t n_digits)
{
    TomlScan *s = r->s;
    uint32_t c = 0;

    for (size_t i = 0; i < n_digits; i++) {
        int digit = hex_digit(toml_peek(s, 2 + i));
        if (digit < 0)
            return toml_fail(s, "\\%c needs %zu hexadecimal digits", toml_peek(s, 1), n_digits);
        c = c << 4 | (uint32_t)digit;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return toml_fail(s, "the escape names no Unicode character");
    put_utf8(r, c);
    s->at += 2 + n_digits;
    return 0;
}

/* A backslash at the end of a line swallows all blanks and newlines up to the next character. */
static bool take_line_continuation(TomlScan *s)
{
    size_t ahead = 1;

    while (toml_peek(s, ahead) == ' ' || toml_peek(s, ahead) == '\t')
        ahead++;
    if (toml_peek(s, ahead) != '\n' &&
        !(toml_peek(s, ahead) == '\r' && toml_peek(s, ahead + 1) == '\n'))
        return false;
    s->at += ahead;
    do {
        toml_skip_blanks(s);
    } while (toml_take_newline(s));
    return true;
}

static int read_escape(Reading *r)
{
    static const char names[] = "btnfr\"\\";
    static const char values[] = "\b\t\n\f\r\"\\";
    TomlScan *s = r->s;
    char c = toml_peek(s, 1);
    const char *found = c ? strchr(names, c) : NULL;

    if (found) {
        r->out[r->len++] = values[found - names];
        s->at += 2;
        return 0;
    }
    if (c == 'u')
        return read_unicode_escape(r, 4);
    if (c == 'U')
        return read_unicode_escape(r, 8);
    if (r->multi && take_line_continuation(s))
        return 0;
    return toml_fail(s, "unknown escape; use '...' for text with backslashes, or \\\\");
}

static bool at_three_quotes(const Reading *r)
{
    return toml_peek(r->s, 0) == r->quote && toml_peek(r->s, 1) == r->quote &&
           toml_peek(r->s, 2) == r->quote;
}

/* Up to two quotes may stand directly before the closing three. */
static void take_closing_quotes(Reading *r)
{
    for (int extra = 0; extra < 2 && toml_peek(r->s, 3) == r->quote; extra++) {
        r->out[r->len++] = r->quote;
        r->s->at++;
    }
    r->s->at += 3;
}

static int unexpected(Reading *r)
{
    TomlScan *s = r->s;
    bool ends = toml_at_end(s) || toml_peek(s, 0) == '\n' ||
                (toml_peek(s, 0) == '\r' && toml_peek(s, 1) == '\n');

    if (ends)
        return toml_fail_at(s, r->start, "the string is not closed");
    return toml_fail(s, "%s in a string; write it as an escape", toml_here(s));
}

/* Returns 0 after one character, 1 at the end of the string. */
static int read_char(Reading *r)
{
    TomlScan *s = r->s;
    char c = toml_peek(s, 0);

    if (c == r->quote && (!r->multi || at_three_quotes(r))) {
        if (r->multi)
            take_closing_quotes(r);
        else
            s->at++;
        return 1;
    }
    if (c == '\\' && r->quote == '"')
        return read_escape(r);
    if (r->multi && toml_take_newline(s)) {
        r->out[r->len++] = '\n'; /* CRLF too: the value does not depend on the editor */
        return 0;
    }
    if (!toml_is_text_byte(c))
        return unexpected(r);
    r->out[r->len++] = c;
    s->at++;
    return 0;
}

/* Room for what the string may become: at most the bytes to its end, found by looking for quotes.
 */
static size_t room_for(const Reading *r)
{
    const TomlScan *s = r->s;
    size_t i = s->at;

    for (; i < s->len; i++) {
        if (s->text[i] == '\\' && r->quote == '"')
            i++;
        else if (s->text[i] == r->quote &&
                 (!r->multi ||
                  (s->len - i >= 3 && s->text[i + 1] == r->quote && s->text[i + 2] == r->quote)))
            break;
        else if (!r->multi && s->text[i] == '\n')
            break;
    }
    return i < s->len ? i - s->at : s->len - s->at;
}

static int read_quoted(TomlScan *s, bool multi_allowed, TomlText *ret)
{
    Reading r = { .s = s, .start = toml_pos(s), .quote = toml_peek(s, 0) };
    int done;

    r.multi = at_three_quotes(&r);
    if (r.multi && !multi_allowed)
        return toml_fail(s, "a key cannot be a multi-line string");
    s->at += r.multi ? 3 : 1;
    if (r.multi)
        (void)toml_take_newline(s);
    r.out = arena_alloc(s->arena, room_for(&r) + 3); /* two closing quotes and NUL */
    while ((done = read_char(&r)) == 0)
        continue;
    if (done < 0)
        return -1;
    r.out[r.len] = '\0';
    *ret = (TomlText){ r.out, r.len };
    return 0;
}

int toml_read_string(TomlScan *s, TomlText *ret)
{
    return read_quoted(s, true, ret);
}

int toml_read_key_string(TomlScan *s, TomlText *ret)
{
    return read_quoted(s, false, ret);
}
