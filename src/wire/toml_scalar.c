/* Numbers, booleans and dates: whatever is written without quotes. */
#include "base/str.h"
#include "wire/toml_scan.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 1024 };

static bool is_decimal(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

static bool is_binary(char c)
{
    return c == '0' || c == '1';
}

static bool is_hexadecimal(char c)
{
    return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word_byte(char c)
{
    return is_decimal(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '+' || c == '-' || c == '.' || c == ':';
}

/* Length of digits that may be set apart by single underscores; 0 when there are none. */
static size_t digits_len(const char *p, bool (*is_digit)(char))
{
    size_t n = 0;

    while (is_digit(p[n]) || (n > 0 && p[n] == '_' && p[n - 1] != '_' && is_digit(p[n + 1])))
        n++;
    return n;
}

/* --- dates and times ------------------------------------------------------------------------ */

/* Reads exactly `n` digits within [min, max] and moves on. */
static bool take_number(const char **p, int n, int min, int max, int *ret)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (!is_decimal((*p)[i]))
            return false;
        value = value * 10 + ((*p)[i] - '0');
    }
    if (value < min || value > max)
        return false;
    *p += n;
    *ret = value;
    return true;
}

static bool take_char(const char **p, const char *any_of)
{
    if (**p == '\0' || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **p)
{
    int year = 0, month = 0, day = 0;

    return take_number(p, 4, 0, 9999, &year) && take_char(p, "-") &&
           take_number(p, 2, 1, 12, &month) && take_char(p, "-") &&
           take_number(p, 2, 1, days_in(year, month), &day);
}

/* A second of 60 is a leap second (RFC 3339, 5.6). */
static bool take_time(const char **p)
{
    int part = 0;

    if (!take_number(p, 2, 0, 23, &part) || !take_char(p, ":") ||
        !take_number(p, 2, 0, 59, &part) || !take_char(p, ":") || !take_number(p, 2, 0, 60, &part))
        return false;
    if (!take_char(p, "."))
        return true;
    if (!is_decimal(**p))
        return false;
    while (is_decimal(**p))
        (*p)++;
    return true;
}

static bool take_offset(const char **p)
{
    int part = 0;

    return take_char(p, "Zz") || (take_char(p, "+-") && take_number(p, 2, 0, 23, &part) &&
                                  take_char(p, ":") && take_number(p, 2, 0, 59, &part));
}

static bool parse_moment(const char *text, TomlKind *ret_kind)
{
    const char *p = text;

    if (take_time(&p) && *p == '\0') {
        *ret_kind = TOML_LOCAL_TIME;
        return true;
    }
    p = text;
    if (!take_date(&p))
        return false;
    *ret_kind = TOML_LOCAL_DATE;
    if (*p == '\0')
        return true;
    if (!take_char(&p, "Tt ") || !take_time(&p))
        return false;
    *ret_kind = *p == '\0' ? TOML_LOCAL_DATETIME : TOML_DATETIME;
    return *p == '\0' || (take_offset(&p) && *p == '\0');
}

static bool looks_like_date(const char *word)
{
    return strlen(word) > 4 && digits_len(word, is_decimal) == 4 && word[4] == '-';
}

static bool looks_like_time(const char *word)
{
    return strlen(word) > 2 && is_decimal(word[0]) && is_decimal(word[1]) && word[2] == ':';
}

/* --- numbers -------------------------------------------------------------------------------- */

/* The digits of `text` without underscores, in the given base and with the sign's range. */
static bool to_integer(const char *text, int base, bool negative, int64_t *ret)
{
    int64_t value = 0;

    for (; *text; text++) {
        int digit;
        if (*text == '_')
            continue;
        digit = is_decimal(*text) ? *text - '0' : (*text | 0x20) - 'a' + 10;
        /* Downwards for a minus, so that the smallest integer fits too. */
        if (__builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, (int64_t)(negative ? -digit : digit), &value))
            return false;
    }
    *ret = value;
    return true;
}

static int parse_based(TomlScan *s, TomlPos at, const char *digits, TomlValue *value)
{
    bool (*is_digit)(char) = is_hexadecimal;
    int base = 16;

    if (digits[-1] == 'o') {
        is_digit = is_octal;
        base = 8;
    } else if (digits[-1] == 'b') {
        is_digit = is_binary;
        base = 2;
    }
    if (digits_len(digits, is_digit) != strlen(digits) || *digits == '\0')
        return toml_fail_at(s, at, "not a number in base %d", base);
    if (!to_integer(digits, base, false, &value->integer))
        return toml_fail_at(s, at, "the integer does not fit into 64 bits");
    value->kind = TOML_INTEGER;
    return 0;
}

/* Length of a float's grammar; *ret_is_float is false when it is an integer so far. */
static size_t decimal_len(const char *word, bool *ret_is_float)
{
    size_t n = digits_len(word, is_decimal), more;

    *ret_is_float = false;
    if (n == 0 || (word[0] == '0' && n > 1))
        return 0;
    if (word[n] == '.') {
        more = digits_len(word + n + 1, is_decimal);
        if (more == 0)
            return 0;
        n += 1 + more;
        *ret_is_float = true;
    }
    if (word[n] == 'e' || word[n] == 'E') {
        size_t sign = word[n + 1] == '+' || word[n + 1] == '-' ? 1 : 0;
        more = digits_len(word + n + 1 + sign, is_decimal);
        if (more == 0)
            return 0;
        n += 1 + sign + more;
        *ret_is_float = true;
    }
    return n;
}

static int parse_float(TomlScan *s, TomlPos at, const char *word, TomlValue *value)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = 0;

    for (; *word; word++) {
        if (*word == '_')
            continue;
        if (n + 1 >= sizeof text)
            return toml_fail_at(s, at, "a number of more than %d digits", NUMBER_TEXT_MAX);
        text[n++] = *word;
    }
    text[n] = '\0';
    value->kind = TOML_FLOAT;
    value->number = strtod(text, NULL); /* the grammar was checked; the locale is always C */
    return 0;
}

/* What a person may have meant by a word that is no value. */
static const char *advice(const char *word)
{
    if (str_eq_nocase(word, "true") || str_eq_nocase(word, "false"))
        return "write true and false in lower case";
    if (str_eq_nocase(word, "yes") || str_eq_nocase(word, "no") || str_eq_nocase(word, "on") ||
        str_eq_nocase(word, "off"))
        return "write true or false";
    if (is_decimal(*word) || *word == '+' || *word == '-' || *word == '.')
        return "not a valid number";
    return "put text in quotes";
}

static int parse_number(TomlScan *s, TomlPos at, const char *word, TomlValue *value)
{
    bool is_float = false;
    bool has_sign = *word == '+' || *word == '-';
    const char *unsigned_word = word + (has_sign ? 1 : 0);

    if (!has_sign && word[0] == '0' && word[1] != '\0' && strchr("xob", word[1]))
        return parse_based(s, at, word + 2, value);
    if (str_eq(unsigned_word, "inf") || str_eq(unsigned_word, "nan")) {
        value->kind = TOML_FLOAT;
        value->number = strtod(word, NULL);
        return 0;
    }
    if (unsigned_word[0] == '0' && is_decimal(unsigned_word[1]))
        return toml_fail_at(s, at, "a number cannot start with 0; octal is written 0o...");
    if (*unsigned_word == '\0' || decimal_len(unsigned_word, &is_float) != strlen(unsigned_word))
        return toml_fail_at(s, at, "unexpected '%.40s': %s", word, advice(word));
    if (is_float)
        return parse_float(s, at, word, value);
    if (!to_integer(unsigned_word, 10, *word == '-', &value->integer))
        return toml_fail_at(s, at, "the integer does not fit into 64 bits");
    value->kind = TOML_INTEGER;
    return 0;
}

/* --- the word ------------------------------------------------------------------------------- */

/* A date and its time may be set apart by one space. */
static size_t word_len(const TomlScan *s)
{
    size_t n = 0;

    while (is_word_byte(toml_peek(s, n)))
        n++;
    if (n == 10 && toml_peek(s, 4) == '-' && toml_peek(s, 7) == '-' && toml_peek(s, n) == ' ' &&
        is_decimal(toml_peek(s, n + 1)) && is_decimal(toml_peek(s, n + 2)) &&
        toml_peek(s, n + 3) == ':') {
        n++;
        while (is_word_byte(toml_peek(s, n)))
            n++;
    }
    return n;
}

int toml_read_scalar(TomlScan *s, TomlValue *value)
{
    size_t n = word_len(s);
    TomlPos at = toml_pos(s);
    const char *word;

    if (n == 0)
        return toml_fail(s, "expected a value, found %s", toml_here(s));
    word = arena_strndup(s->arena, s->text + s->at, n);
    s->at += n;
    if (str_eq(word, "true") || str_eq(word, "false")) {
        value->kind = TOML_BOOL;
        value->boolean = *word == 't';
        return 0;
    }
    if (looks_like_date(word) || looks_like_time(word)) {
        if (!parse_moment(word, &value->kind))
            return toml_fail_at(s, at, "'%.40s' is not a valid date or time", word);
        value->text = word;
        value->text_len = n;
        return 0;
    }
    return parse_number(s, at, word, value);
}
