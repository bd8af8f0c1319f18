#include "docker/frames.h"

#include <string.h>

static void drop_front(StrBuf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

static void add_text(FrameDecoder *d, const char *bytes, size_t n)
{
    if (n > d->keep + 1) { /* one more shows that something was cut */
        bytes += n - d->keep - 1;
        n = d->keep + 1;
    }
    strbuf_add(&d->text, bytes, n);
    if (d->text.len > 2 * d->keep + 1)
        drop_front(&d->text, d->text.len - d->keep - 1);
}

static void add_head_as_text(FrameDecoder *d)
{
    char copy[FRAME_HEAD_SIZE];

    memcpy(copy, d->head, d->n_head);
    add_text(d, copy, d->n_head);
    d->n_head = 0;
}

/* stdin (0), stdout (1), stderr (2), the engine's own errors (3); three zeroes. */
static bool may_be_head(const FrameDecoder *d)
{
    for (size_t i = 1; i < d->n_head && i < 4; i++)
        if (d->head[i] != 0)
            return false;
    return d->n_head == 0 || d->head[0] <= 3;
}

static uint32_t head_length(const unsigned char *h)
{
    return (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
}

void frames_feed(FrameDecoder *d, const char *bytes, size_t n)
{
    while (n > 0) {
        if (d->raw || d->left > 0) {
            size_t take = d->raw || n < d->left ? n : d->left;
            add_text(d, bytes, take);
            if (!d->raw)
                d->left -= (uint32_t)take;
            bytes += take;
            n -= take;
            continue;
        }
        d->head[d->n_head++] = (unsigned char)*bytes++;
        n--;
        if (!may_be_head(d)) {
            d->raw = true;
            add_head_as_text(d);
        } else if (d->n_head == FRAME_HEAD_SIZE) {
            d->left = head_length(d->head);
            d->n_head = 0;
        }
    }
}

char *frames_finish(FrameDecoder *d)
{
    StrBuf *b = &d->text;

    if (b->len > d->keep) {
        size_t cut = b->len - d->keep;
        /* Unless the cut falls between lines, the broken one goes too (a lone long one stays). */
        if (b->data[cut - 1] != '\n') {
            const char *newline = memchr(b->data + cut, '\n', b->len - cut);
            if (newline && newline + 1 < b->data + b->len)
                cut = (size_t)(newline + 1 - b->data);
        }
        drop_front(b, cut);
    }
    return strbuf_take(b);
}

void frames_fini(FrameDecoder *d)
{
    strbuf_fini(&d->text);
}
