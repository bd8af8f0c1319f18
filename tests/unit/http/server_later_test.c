#include "fixture.h"
#include "base/macros.h"
#include "base/str.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static const HttpServerOptions options = {
    .worker_threads = 1, .worker_queue = 1, .head_timeout = 5000, .idle_timeout = 5000
};

static int setup(void **state)
{
    (void)state;
    serve(&options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (server)
        stop_serving();
    return 0;
}

static int get(const char *request)
{
    int fd = dial();

    send_text(fd, request);
    return fd;
}

static void check_closed(int fd)
{
    char *rest = read_to_end(fd);

    CHECK_STR(rest, "");
    free(rest);
}

static void check_status(int fd, int status)
{
    char *answer = read_response(fd, false);

    if (status_of(answer) != status)
        fail_msg("wanted %d: %s", status, answer);
    free(answer);
}

static void *finish(void *request)
{
    HttpRequest *self = request;

    self->reply.status = 200;
    strbuf_addf(&self->reply.body, "late: %s", http_request_header(self, "host"));
    http_request_finish(self);
    return NULL;
}

static void finish_elsewhere(HttpRequest *request)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, finish, request) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_finish_from_another_thread(void **state)
{
    int fd = get(GET("/later") GET("/x"));
    char *answer;

    (void)state;
    finish_elsewhere(later_request(0));
    answer = read_response(fd, false);
    CHECK(str_ends(answer, "\r\n\r\nlate: a"));
    free(answer);
    check_status(fd, 200);
    send_text(fd, GET("/worker/later"));
    finish_elsewhere(later_request(1));
    check_status(fd, 200);
    (void)close(fd);
}

static void test_finish_within_handle(void **state)
{
    int fd = get(GET("/at-once") GET("/at-once"));

    (void)state;
    check_status(fd, 200);
    check_status(fd, 200);
    (void)close(fd);
}

static void test_client_vanishes(void **state)
{
    int fd = get(GET("/later"));
    HttpRequest *request = later_request(0);

    (void)state;
    (void)close(fd);
    finish_elsewhere(request);
    fd = get(GET("/x"));
    check_status(fd, 200);
    (void)close(fd);
}

static void wait_for_gate(unsigned n)
{
    Millis deadline = clock_mono_ms() + PATIENCE_MS;

    while (gate_waiting() != n && clock_mono_ms() < deadline)
        clock_sleep_ms(1);
    CHECK_INT(gate_waiting(), n);
}

enum { CROWD = 6 };

/* Waits until all but one of the crowd were answered: one may wait in the queue. */
static void wait_for_refusals(struct pollfd crowd[CROWD])
{
    Millis deadline = clock_mono_ms() + PATIENCE_MS;

    while (poll(crowd, CROWD, 100) < CROWD - 1)
        if (clock_mono_ms() > deadline)
            fail_msg("nobody is refused");
}

static void test_overload(void **state)
{
    struct pollfd crowd[CROWD];
    int running = get(GET("/gate")), n_refused = 0;

    (void)state;
    wait_for_gate(1);
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = (struct pollfd){ .fd = get(GET("/gate")), .events = POLLIN };
    wait_for_refusals(crowd);
    gate_open(2);
    for (size_t i = 0; i < CROWD; i++) {
        char *answer = read_response(crowd[i].fd, false);

        if (status_of(answer) == 503 && strstr(answer, "\r\nRetry-After: 1\r\n"))
            n_refused++;
        free(answer);
        (void)close(crowd[i].fd);
    }
    CHECK_INT(n_refused, CROWD - 1);
    check_status(running, 200);
    (void)close(running);
}

static void test_stream(void **state)
{
    int fd = get(GET("/stream"));
    HttpStream *stream = later_stream(0);

    (void)state;
    free(read_until(fd, "\r\n\r\n"));
    CHECK(http_stream_write(stream, "data: 1\n\n", 9));
    free(read_until(fd, "data: 1\n\n"));
    CHECK(http_stream_write(stream, "data: 2\n\n", 9));
    CHECK(http_stream_write(stream, "data: 3\n\n", 9));
    http_stream_close(stream);
    CHECK(!http_stream_write(stream, "x", 1));
    free(read_until(fd, "data: 3\n\n"));
    free(read_until(fd, "0\r\n\r\n")); /* the orderly end; the connection stays usable */
    send_text(fd, GET("/x"));
    check_status(fd, 200);
    (void)close(fd);
}

static void test_stream_for_head(void **state)
{
    int fd = get("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" GET("/x"));

    (void)state;
    free(read_response(fd, true));
    check_status(fd, 200);
    CHECK(!http_stream_is_open(later_stream(0)));
    (void)close(fd);
}

/* Without chunks the end of the stream is the end of the connection. */
static void test_stream_to_old_client(void **state)
{
    int fd = get("GET /stream HTTP/1.0\r\n\r\n");
    HttpStream *stream = later_stream(0);
    char *answer;

    (void)state;
    CHECK(http_stream_write(stream, "data: 1\n\n", 9));
    http_stream_close(stream);
    answer = read_to_end(fd);
    CHECK(str_ends(answer, "\r\n\r\ndata: 1\n\n"));
    free(answer);
}

static void wait_until_closed(HttpStream *stream, Millis longest)
{
    Millis deadline = clock_mono_ms() + longest;

    while (http_stream_is_open(stream) && clock_mono_ms() < deadline)
        clock_sleep_ms(5);
    CHECK(!http_stream_is_open(stream));
}

static void test_stream_disconnect_is_noticed(void **state)
{
    int fd = get(GET("/stream"));
    HttpStream *stream = later_stream(0);

    (void)state;
    free(read_until(fd, "\r\n\r\n"));
    CHECK(http_stream_is_open(stream));
    (void)close(fd);
    wait_until_closed(stream, 1000);
}

static void test_slow_reader_is_closed(void **state)
{
    static char block[16 * 1024];
    int fd = get(GET("/stream"));
    HttpStream *stream = later_stream(0);
    size_t written = 0;

    (void)state;
    free(read_until(fd, "\r\n\r\n"));
    memset(block, 'x', sizeof block);
    while (http_stream_write(stream, block, sizeof block) && written < 64 * 1024 * 1024)
        written += sizeof block;
    CHECK(written >= HTTP_STREAM_BUFFER_MAX);
    CHECK(written < 64 * 1024 * 1024);
    CHECK(!http_stream_is_open(stream));
    free(read_to_end(fd));
}

/* Writers, disconnects and closes at once; mostly for the thread sanitizer. */
static void *write_until_closed(void *stream)
{
    while (http_stream_write(stream, "data: tick\n\n", 12))
        clock_sleep_ms(1);
    http_stream_unref(stream);
    return NULL;
}

enum { CHURN = 12 };

static void test_stream_churn(void **state)
{
    pthread_t threads[CHURN];
    int fds[CHURN];

    (void)state;
    for (size_t i = 0; i < CHURN; i++) {
        fds[i] = get(GET("/stream"));
        CHECK(pthread_create(&threads[i], NULL, write_until_closed,
                             http_stream_ref(later_stream(i))) == 0);
    }
    for (size_t i = 0; i < CHURN; i++) {
        free(read_until(fds[i], "data: tick\n\n"));
        if (i % 2)
            (void)close(fds[i]);
        else
            http_stream_close(later_stream(i));
    }
    for (size_t i = 0; i < CHURN; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        if (i % 2 == 0)
            (void)close(fds[i]);
    }
}

static void test_drain(void **state)
{
    int idle = get(GET("/x")), streaming = get(GET("/stream")), later = get(GET("/later"));
    HttpStream *stream = later_stream(0);
    HttpRequest *request = later_request(0);
    Millis start;
    char *answer;

    (void)state;
    check_status(idle, 200);
    free(read_until(streaming, "\r\n\r\n"));
    CHECK(http_stream_write(stream, "data: bye\n\n", 11));
    start = clock_mono_ms();
    http_server_drain(server, 100);
    CHECK(clock_mono_ms() - start >= 100);
    CHECK(clock_mono_ms() - start < 4000);
    free(read_until(streaming, "data: bye\n\n"));
    free(read_until(streaming, "0\r\n\r\n"));
    check_status(later, 503);
    check_closed(later);
    /* who is connected still gets its answer, as the last one */
    send_text(idle, GET("/x"));
    answer = read_to_end(idle);
    CHECK(strcasestr(answer, "\r\nConnection: close\r\n"));
    free(answer);
    (void)close(streaming);
    stop_serving();
    finish_elsewhere(request); /* the server is gone: only releases it */
}

/* A drain that has nothing left to wait for does not wait. */
static void test_drain_in_time(void **state)
{
    int fd = get(GET("/later"));
    HttpRequest *request = later_request(0);
    pthread_t thread;
    Millis start = clock_mono_ms();

    (void)state;
    CHECK(pthread_create(&thread, NULL, finish, request) == 0);
    http_server_drain(server, 60000);
    CHECK(clock_mono_ms() - start < 5000);
    CHECK(pthread_join(thread, NULL) == 0);
    check_status(fd, 200);
    (void)close(fd);
}

static void test_drain_with_workers(void **state)
{
    int running = get(GET("/gate")), queued = get(GET("/x"));

    (void)state;
    wait_for_gate(1);
    check_status(queued, 200);
    send_text(queued, GET("/gate"));
    http_server_drain(server, 50);
    check_status(running, 503);
    check_status(queued, 503);
    gate_open(1); /* the one that never started must not start now */
    stop_serving();
    (void)close(running);
    (void)close(queued);
}

static void test_free_without_drain(void **state)
{
    int streaming = get(GET("/stream")), later = get(GET("/later"));
    HttpRequest *request = later_request(0);

    (void)state;
    (void)later_stream(0);
    stop_serving();
    finish_elsewhere(request);
    check_status(later, 503);
    (void)close(later);
    (void)close(streaming);
}

/* A body that trickles in is cut off although it is never idle. */
static void test_slow_body_is_closed(void **state)
{
    Millis start = clock_mono_ms();
    int fd;
    char byte;

    (void)state;
    stop_serving();
    serve(&(HttpServerOptions){ .head_timeout = 200, .idle_timeout = 300 });
    fd = get("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 400 && recv(fd, &byte, 1, MSG_DONTWAIT) != 0; i++) {
        send_text(fd, "x");
        clock_sleep_ms(10);
    }
    CHECK(clock_mono_ms() - start >= 300);
    CHECK(clock_mono_ms() - start < 3000);
    (void)close(fd);
}

static void test_any_address(void **state)
{
    HttpServerOptions any = { .host = "::" };
    HttpServer *second = NULL;
    char *answer;
    int fd;

    (void)state;
    /* a machine without IPv6 has nothing to test here */
    if (http_server_new(&second, &any, (HttpApp){ 0 }, NULL) < 0)
        skip();
    http_server_free(second);
    stop_serving();
    serve(&any);
    fd = get(GET("/x"));
    answer = read_response(fd, false);
    CHECK(strstr(answer, "GET /x from 127.0.0.1 "));
    free(answer);
    (void)close(fd);
}

static void test_port_in_use(void **state)
{
    HttpServerOptions taken = { .host = "127.0.0.1", .port = http_server_port(server) };
    HttpServer *second = NULL;
    Error err = { 0 };

    (void)state;
    CHECK(http_server_new(&second, &taken, (HttpApp){ 0 }, &err) < 0);
    CHECK(strstr(err.detail, "127.0.0.1"));
    CHECK(!second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finish_from_another_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_finish_within_handle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_vanishes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_to_old_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_body_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_for_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_disconnect_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_churn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_with_workers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_without_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
