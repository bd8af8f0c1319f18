#include "docker/lines.h"

#include <string.h>

bool lines_end(LineReader *r)
{
    bool more = true;

    while (r->part.len > 0 && r->part.data[r->part.len - 1] == '\r')
        r->part.data[--r->part.len] = '\0';
    if (r->part.len > 0)
        more = r->on_line(r->ctx, r->part.data, r->part.len);
    strbuf_clear(&r->part);
    return more;
}

bool lines_feed(LineReader *r, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *newline = memchr(bytes, '\n', n);
        size_t take = newline ? (size_t)(newline - bytes) : n;

        if (r->part.len + take >= LINES_MAX) {
            r->too_long = true;
            return false;
        }
        strbuf_add(&r->part, bytes, take);
        if (!newline)
            return true;
        if (!lines_end(r))
            return false;
        bytes += take + 1;
        n -= take + 1;
    }
    return true;
}

void lines_fini(LineReader *r)
{
    strbuf_fini(&r->part);
}
