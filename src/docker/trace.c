#include "docker/trace.h"
#include "base/alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_VERTEX = 1, FIELD_LOG = 3 };
enum { VERTEX_NAME = 3, VERTEX_STARTED = 5, VERTEX_COMPLETED = 6, LOG_MSG = 4 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct Bytes {
    const uint8_t *at, *end;
} Bytes;

typedef struct Field {
    uint64_t number;
    Bytes bytes; /* empty unless length-delimited */
} Field;

static bool read_varint(Bytes *b, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        uint8_t c = *b->at++;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

/* False at the end, and at anything that is no protobuf. */
static bool next_field(Bytes *b, Field *ret)
{
    uint64_t key, n = 0;

    if (b->at >= b->end || !read_varint(b, &key))
        return false;
    *ret = (Field){ .number = key >> 3 };
    switch (key & 7) {
    case WIRE_VARINT:
        return read_varint(b, &n);
    case WIRE_64:
        n = 8;
        break;
    case WIRE_32:
        n = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(b, &n))
            return false;
        break;
    default:
        return false;
    }
    if (n > (uint64_t)(b->end - b->at))
        return false;
    if ((key & 7) == WIRE_BYTES)
        ret->bytes = (Bytes){ b->at, b->at + n };
    b->at += n;
    return true;
}

static void give(TraceText *out, void *ctx, Bytes b)
{
    if (b.at && b.at < b.end)
        out(ctx, (const char *)b.at, (size_t)(b.end - b.at));
}

/* A step is sent again at each change; it is shown when it starts. */
static void read_vertex(Bytes b, TraceText *on_step, void *ctx)
{
    bool started = false, completed = false;
    Bytes name = { 0 };
    Field field;

    while (next_field(&b, &field)) {
        if (field.number == VERTEX_NAME)
            name = field.bytes;
        started |= field.number == VERTEX_STARTED;
        completed |= field.number == VERTEX_COMPLETED;
    }
    if (started && !completed)
        give(on_step, ctx, name);
}

static void read_log(Bytes b, TraceText *on_log, void *ctx)
{
    Field field;

    while (next_field(&b, &field))
        if (field.number == LOG_MSG)
            give(on_log, ctx, field.bytes);
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes up to the first character that is none; caller frees. */
static uint8_t *decode_base64(const char *text, size_t *ret_n)
{
    uint8_t *out = xmalloc(strlen(text) / 4 * 3 + 3);
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;

    for (; digit(*text) >= 0; text++) {
        bits = (bits << 6 | (uint32_t)digit(*text)) & 0xffffff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    *ret_n = n;
    return out;
}

void trace_decode(const char *base64, TraceText *on_step, TraceText *on_log, void *ctx)
{
    size_t n;
    AUTO_FREE uint8_t *bytes = decode_base64(base64, &n);
    Bytes b = { bytes, bytes + n };
    Field field;

    while (next_field(&b, &field)) {
        if (field.number == FIELD_VERTEX)
            read_vertex(field.bytes, on_step, ctx);
        else if (field.number == FIELD_LOG)
            read_log(field.bytes, on_log, ctx);
    }
}
