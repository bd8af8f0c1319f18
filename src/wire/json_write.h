/*
 * json_write - appends compact, valid JSON to a StrBuf.
 *
 * Commas are placed by the writer. Strings are escaped so that they are also inert inside HTML and
 * an SSE line (control characters, `<`, U+2028/9); bytes that are not UTF-8 become U+FFFD.
 *
 *     JsonWriter w = { &buf };
 *     json_write_object(&w);
 *     json_put_string(&w, "id", id);
 *     json_write_end_object(&w);
 */
#pragma once

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct JsonWriter {
    StrBuf *out;
    bool need_comma;
} JsonWriter;

void json_write_object(JsonWriter *w);
void json_write_end_object(JsonWriter *w);
void json_write_array(JsonWriter *w);
void json_write_end_array(JsonWriter *w);
void json_write_key(JsonWriter *w, const char *key);
void json_write_string(JsonWriter *w, const char *s); /* NULL writes null */
void json_write_string_n(JsonWriter *w, const char *s, size_t n);
void json_write_int(JsonWriter *w, int64_t n);
void json_write_decimal(JsonWriter *w, double n); /* three decimals at most; NaN writes null */
void json_write_bool(JsonWriter *w, bool b);
void json_write_null(JsonWriter *w);
/* A value that is JSON already. */
void json_write_raw(JsonWriter *w, const char *json);

void json_put_string(JsonWriter *w, const char *key, const char *s);
void json_put_int(JsonWriter *w, const char *key, int64_t n);
void json_put_bool(JsonWriter *w, const char *key, bool b);
void json_put_null(JsonWriter *w, const char *key);
void json_put_raw(JsonWriter *w, const char *key, const char *json);
