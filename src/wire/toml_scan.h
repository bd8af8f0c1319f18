/*
 * toml_scan - the cursor that the parts of the TOML reader share, and the reading of one token.
 *
 * Private to wire/toml*.c. Reading past the end gives NUL, which is never valid TOML, so that no
 * caller has to ask twice.
 *
 * Ownership  strings that are read live in the arena.
 * Failure    the first failure sets *pos and err; callers only pass the -1 on.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "wire/toml.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct TomlScan {
    const char *text;
    size_t len, at;
    int line;
    size_t line_start; /* offset of the current line, for columns */
    Arena *arena;
    TomlPos *fail_pos;
    Error *err;
    size_t n_keys, n_values;
} TomlScan;

/* A piece of text with its length: keys and strings may hold NUL. */
typedef struct TomlText {
    const char *text;
    size_t len;
} TomlText;

static inline char toml_peek(const TomlScan *s, size_t ahead)
{
    return ahead < s->len - s->at ? s->text[s->at + ahead] : '\0';
}

static inline bool toml_at_end(const TomlScan *s)
{
    return s->at >= s->len;
}

TomlPos toml_pos(const TomlScan *s);
int toml_fail_at(TomlScan *s, TomlPos pos, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same at the cursor. */
#define toml_fail(s, ...) toml_fail_at((s), toml_pos(s), __VA_ARGS__)
/* How the character at the cursor reads in a message: 'x', "the end of the line" ... */
const char *toml_here(const TomlScan *s);

/* Sets the cursor up; refuses what is no UTF-8 and skips a byte order mark. */
MUST_USE int toml_scan_start(TomlScan *s);
void toml_skip_blanks(TomlScan *s); /* spaces and tabs */
/* Eats one LF or CRLF; false when there is none. */
bool toml_take_newline(TomlScan *s);
/* Eats a comment up to its line's end, if there is one. */
MUST_USE int toml_skip_comment(TomlScan *s);
/* Blanks, comments and newlines, as between the items of an array. */
MUST_USE int toml_skip_lines(TomlScan *s);
/* May this byte stand in a comment or a string on one line? */
bool toml_is_text_byte(char c);

/* The cursor stands on a quote. Multi-line forms only where a value may stand. */
MUST_USE int toml_read_string(TomlScan *s, TomlText *ret);
MUST_USE int toml_read_key_string(TomlScan *s, TomlText *ret);
/* Number, date, time, true or false. Fills kind and payload of `value`. */
MUST_USE int toml_read_scalar(TomlScan *s, TomlValue *value);
