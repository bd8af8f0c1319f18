#include "http/stream.h"

#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int parks, wakes, cuts;
} seen;

static void on_park(void *ctx)
{
    (void)ctx;
    seen.parks++;
}

static void on_wake(void *ctx)
{
    (void)ctx;
    seen.wakes++;
}

static void on_cut(void *ctx)
{
    (void)ctx;
    seen.cuts++;
}

static const StreamHooks hooks = { on_park, on_wake, on_cut };
static int reader; /* stands for a connection */

static HttpStream *attached(void)
{
    HttpStream *stream = http_stream_new();

    memset(&seen, 0, sizeof seen);
    CHECK(stream_attach(stream, &hooks, &reader));
    return stream;
}

static void test_write_and_read(void **state)
{
    HttpStream *stream = attached();
    char bytes[4];

    (void)state;
    CHECK(!stream_attach(stream, &hooks, &reader));
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_PARKED);
    CHECK_INT(seen.parks, 1);
    CHECK(http_stream_write(stream, "abcdef", 6));
    CHECK(http_stream_write(stream, "", 0));
    CHECK(http_stream_write(stream, "gh", 2));
    CHECK_INT(seen.wakes, 1);
    CHECK_INT(stream_read(stream, bytes, 4), 4);
    CHECK(memcmp(bytes, "abcd", 4) == 0);
    CHECK_INT(stream_read(stream, bytes, 4), 4);
    CHECK(memcmp(bytes, "efgh", 4) == 0);
    CHECK_INT(stream_read(stream, bytes, 4), STREAM_PARKED);
    stream_detach(stream);
    http_stream_unref(stream);
}

/* What was written before the reader came, or before the close, is still read. */
static void test_close_flushes(void **state)
{
    HttpStream *stream = http_stream_new();
    char bytes[8];

    (void)state;
    CHECK(http_stream_write(stream, "early", 5));
    http_stream_close(stream);
    CHECK(!http_stream_is_open(stream));
    CHECK(!http_stream_write(stream, "late", 4));
    CHECK(stream_attach(stream, &hooks, &reader));
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), 5);
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_END);
    stream_detach(stream);
    http_stream_unref(stream);
}

static void test_close_wakes(void **state)
{
    HttpStream *stream = attached();
    char bytes[8];

    (void)state;
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_PARKED);
    http_stream_close(stream);
    http_stream_close(stream);
    CHECK_INT(seen.wakes, 1);
    CHECK_INT(seen.cuts, 0);
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_END);
    stream_detach(stream);
    http_stream_unref(stream);
}

static void test_limit(void **state)
{
    HttpStream *stream = attached();
    char *block = calloc(1, HTTP_STREAM_BUFFER_MAX);

    (void)state;
    CHECK(http_stream_write(stream, block, HTTP_STREAM_BUFFER_MAX));
    CHECK_INT(stream_read(stream, block, 1), 1);
    CHECK(http_stream_write(stream, block, 1));
    CHECK_INT(seen.cuts, 0);
    CHECK(!http_stream_write(stream, block, 1));
    CHECK_INT(seen.cuts, 1);
    CHECK(!http_stream_is_open(stream));
    CHECK_INT(stream_read(stream, block, 1), STREAM_GONE);
    stream_abort(stream);
    CHECK_INT(seen.cuts, 1);
    stream_detach(stream);
    http_stream_unref(stream);
    stream = attached();
    CHECK(!http_stream_write(stream, block, (size_t)-1));
    stream_detach(stream);
    http_stream_unref(stream);
    free(block);
}

static void test_abort(void **state)
{
    HttpStream *stream = attached();
    char bytes[8];

    (void)state;
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_PARKED);
    stream_abort(stream);
    CHECK_INT(seen.cuts, 1);
    CHECK_INT(seen.wakes, 1);
    CHECK_INT(stream_read(stream, bytes, sizeof bytes), STREAM_GONE);
    CHECK(!http_stream_write(stream, "x", 1));
    stream_detach(stream);
    stream_abort(stream);
    CHECK_INT(seen.cuts, 1);
    http_stream_unref(stream);
}

/* Every byte arrives once and in order whatever the sizes of writes and reads. */
static void test_order(void **state)
{
    HttpStream *stream = attached();
    unsigned char in = 0, out = 0, bytes[1000];

    (void)state;
    for (size_t round = 0; round < 2000; round++) {
        size_t n = (round * 37) % 400;
        ssize_t got;

        for (size_t i = 0; i < n; i++)
            bytes[i] = in++;
        CHECK(http_stream_write(stream, (char *)bytes, n));
        got = stream_read(stream, (char *)bytes, (round * 53) % 500 + 1);
        for (ssize_t i = 0; i < got; i++)
            if (bytes[i] != out++)
                fail_msg("round %zu", round);
    }
    stream_detach(stream);
    http_stream_unref(stream);
}

static void *write_many(void *arg)
{
    HttpStream *stream = arg;

    for (int i = 0; i < 1000; i++)
        (void)http_stream_write(stream, "0123456789", 10);
    http_stream_unref(stream);
    return NULL;
}

static void test_two_writers(void **state)
{
    HttpStream *stream = attached();
    pthread_t threads[2];
    size_t total = 0;
    char bytes[512];
    ssize_t n;

    (void)state;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, write_many, http_stream_ref(stream)) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    http_stream_close(stream);
    while ((n = stream_read(stream, bytes, sizeof bytes)) > 0)
        total += (size_t)n;
    CHECK_INT(n, STREAM_END);
    CHECK_INT(total, 20000);
    stream_detach(stream);
    http_stream_unref(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_close_flushes),
        cmocka_unit_test(test_close_wakes),    cmocka_unit_test(test_limit),
        cmocka_unit_test(test_abort),          cmocka_unit_test(test_order),
        cmocka_unit_test(test_two_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
