/*
 * str - checked questions about C strings. No allocation, no locale.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool str_eq(const char *a, const char *b);        /* NULL equals only NULL */
bool str_eq_nocase(const char *a, const char *b); /* ASCII */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_in(const char *s, const char *const *list, size_t n);
char *str_trim(char *s); /* in place; returns the first non-blank */

/* Decimal integer, whole string, within [min, max]. False leaves *ret untouched. */
MUST_USE bool str_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* true/false/1/0/yes/no/on/off/t/f/y/n in any case. */
MUST_USE bool str_parse_bool(const char *s, bool *ret);
/* Plain decimal number like "0.5"; no exponent, no inf/nan. */
MUST_USE bool str_parse_decimal(const char *s, double *ret);
/* Compose byte sizes: 128, 64k, 1.5gb, 1GiB; 1024-based, any case (go-units RAMInBytes). */
MUST_USE bool str_parse_bytes(const char *s, int64_t *ret);
/* Compose durations: 1h2m3.5s, 90s, 250ms, also w d us ns; result in nanoseconds. */
MUST_USE bool str_parse_duration_ns(const char *s, int64_t *ret);

/* Well-formed UTF-8 without NUL, surrogates or overlong forms. */
bool str_is_utf8(const char *s, size_t len);
/* Edit distance, at most `limit` (returns limit + 1 when farther); for "did you mean". */
size_t str_distance(const char *a, const char *b, size_t limit);
/* Nearest of `names` within a third of the length, or NULL. */
const char *str_nearest(const char *s, const char *const *names, size_t n);
