#include "wire/toml_scan.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

TomlPos toml_pos(const TomlScan *s)
{
    return (TomlPos){ .line = s->line, .column = (int)(s->at - s->line_start) + 1 };
}

int toml_fail_at(TomlScan *s, TomlPos pos, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *s->fail_pos = pos;
    return error_set(s->err, E_SYNTAX, "%s", text);
}

const char *toml_here(const TomlScan *s)
{
    unsigned char c;

    if (toml_at_end(s))
        return "the end of the file";
    c = (unsigned char)s->text[s->at];
    if (c == '\n' || (c == '\r' && toml_peek(s, 1) == '\n'))
        return "the end of the line";
    if (c < 0x20 || c == 0x7f)
        return arena_printf(s->arena, "control character 0x%02x", c);
    if (c >= 0x80)
        return "a character that is not ASCII";
    return arena_printf(s->arena, "'%c'", c);
}

/* Length of the UTF-8 sequence at `p`, or 0 when it is none. */
static size_t sequence_len(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    /* NUL is well-formed UTF-8 but refused later, with a better message. */
    return n <= left && (c == '\0' || str_is_utf8(p, n)) ? n : 0;
}

static int check_utf8(TomlScan *s)
{
    if (str_is_utf8(s->text, s->len))
        return 0;
    while (!toml_at_end(s)) {
        size_t n = sequence_len(s->text + s->at, s->len - s->at);
        if (n == 0)
            return toml_fail(s, "not UTF-8; save the file as UTF-8");
        s->at += n;
        if (s->text[s->at - 1] == '\n') {
            s->line++;
            s->line_start = s->at;
        }
    }
    return 0;
}

int toml_scan_start(TomlScan *s)
{
    s->line = 1;
    if (check_utf8(s) < 0)
        return -1;
    s->at = s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    s->line = 1;
    s->line_start = s->at;
    return 0;
}

void toml_skip_blanks(TomlScan *s)
{
    while (toml_peek(s, 0) == ' ' || toml_peek(s, 0) == '\t')
        s->at++;
}

bool toml_take_newline(TomlScan *s)
{
    if (toml_peek(s, 0) == '\r' && toml_peek(s, 1) == '\n')
        s->at++;
    else if (toml_peek(s, 0) != '\n')
        return false;
    s->at++;
    s->line++;
    s->line_start = s->at;
    return true;
}

bool toml_is_text_byte(char c)
{
    unsigned char u = (unsigned char)c;

    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

int toml_skip_comment(TomlScan *s)
{
    if (toml_peek(s, 0) != '#')
        return 0;
    while (toml_is_text_byte(toml_peek(s, 0)))
        s->at++;
    if (toml_at_end(s) || toml_peek(s, 0) == '\n' ||
        (toml_peek(s, 0) == '\r' && toml_peek(s, 1) == '\n'))
        return 0;
    return toml_fail(s, "%s in a comment", toml_here(s));
}

int toml_skip_lines(TomlScan *s)
{
    do {
        toml_skip_blanks(s);
        if (toml_skip_comment(s) < 0)
            return -1;
    } while (toml_take_newline(s));
    return 0;
}
