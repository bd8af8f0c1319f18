#include "base/strbuf.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_fini(StrBuf *b)
{
    free(b->data);
    *b = (StrBuf){ 0 };
}

void strbuf_clear(StrBuf *b)
{
    b->len = 0;
    b->overflowed = false;
    if (b->data)
        b->data[0] = '\0';
}

void strbuf_reserve(StrBuf *b, size_t more)
{
    size_t need = b->len + more + 1;
    size_t cap = b->cap ? b->cap : 64;

    if (need <= b->cap)
        return;
    while (cap < need)
        cap *= 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
}

void strbuf_add(StrBuf *b, const void *bytes, size_t n)
{
    if (b->max && b->len + n > b->max) {
        b->overflowed = true;
        n = b->max > b->len ? b->max - b->len : 0;
    }
    if (n == 0)
        return;
    strbuf_reserve(b, n);
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void strbuf_adds(StrBuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_addc(StrBuf *b, char c)
{
    if (b->len + 1 < b->cap && !b->max) { /* mostly: JSON is written with many of these */
        b->data[b->len++] = c;
        b->data[b->len] = '\0';
        return;
    }
    strbuf_add(b, &c, 1);
}

void strbuf_addf(StrBuf *b, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof small) {
        strbuf_add(b, small, (size_t)len);
    } else if (len >= 0) {
        char *big = xvasprintf(fmt, again);
        strbuf_add(b, big, (size_t)len);
        free(big);
    }
    va_end(again);
}

const char *strbuf_str(const StrBuf *b)
{
    return b->data ? b->data : "";
}

char *strbuf_take(StrBuf *b)
{
    char *p = b->data ? b->data : xstrdup("");

    *b = (StrBuf){ .max = b->max };
    return p;
}
