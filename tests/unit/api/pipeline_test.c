/* What every request passes before its handler, over a real server; no manager stands behind it. */
#include "api/api.h"
#include "base/alloc.h"
#include "base/crypto.h"
#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define H     "Host: ctf.test:8000\r\nConnection: close\r\n"
#define JSON  "Content-Type: application/json\r\n"
#define EMPTY "Content-Length: 2\r\n\r\n{}"

static Settings *settings;
static Hub *hub;
static Api *api;
static HttpServer *server;

static int setup(void **state)
{
    static const char *const env[] = { "AUTH_MODE=none",
                                       "USER_RATE_LIMIT=2",
                                       "PARTICIPANT_IP_RATE_LIMIT=3",
                                       "TRUSTED_PROXIES=127.0.0.1",
                                       "CORS_ALLOW_ORIGINS=https://friend.test",
                                       "ADMIN_PATH=/secret-admin",
                                       NULL };
    AUTO_DIAGS DiagList diags = { 0 };
    ApiParts parts = { .identity = identity_none() };
    HttpServerOptions options = { .host = "127.0.0.1" };

    (void)state;
    CHECK_INT(crypto_init(NULL), 0);
    CHECK_INT(settings_load(env, NULL, &settings, &diags, NULL), 0);
    hub = hub_new(3);
    parts.settings = settings;
    parts.hub = hub;
    CHECK_INT(api_new(&api, &parts, NULL), 0);
    CHECK_INT(http_server_new(&server, &options, api_http_app(api), NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_drain(server, 1000);
    http_server_free(server);
    api_free(api);
    hub_free(hub);
    settings_free(settings);
    return 0;
}

/* The whole answer to one request; caller frees. */
static char *ask(const char *request)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 10 };
    StrBuf answer = { 0 };
    char bytes[4096];
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK_INT(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    CHECK_INT(write(fd, request, strlen(request)), strlen(request));
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        strbuf_add(&answer, bytes, (size_t)n);
    (void)close(fd);
    return strbuf_take(&answer);
}

/* Asks, and wants the status and each of the texts (NULL-terminated) in the answer. */
static void expect(const char *request, const char *status, const char *const texts[])
{
    AUTO_FREE char *answer = ask(request);

    if (!answer || strncmp(answer + strlen("HTTP/1.1 "), status, 3) != 0)
        fail_msg("%s\nwant %s, got %s", request, status, answer ? answer : "nothing");
    for (; *texts; texts++)
        if (!strstr(answer, *texts))
            fail_msg("%s\nno \"%s\" in %s", request, *texts, answer);
}

#define EXPECT(request, status, ...) expect(request, status, (const char *const[]){ __VA_ARGS__ })

static void every_answer_carries_the_security_headers(void **state)
{
    (void)state;
    EXPECT("GET /api HTTP/1.1\r\n" H "\r\n", "200", "\"auth_mode\":\"none\"",
           "Content-Security-Policy: default-src 'none'; script-src 'self'",
           "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
           "X-Request-Id: ", "Cache-Control: no-store", NULL);
    EXPECT("GET /nothing HTTP/1.1\r\n" H "\r\n", "404",
           "{\"detail\":\"Not Found\",\"code\":\"not_found\",\"request_id\":\"",
           "Content-Security-Policy: ", NULL);
    EXPECT("GET /x HTTP/1.1\r\n" H "Host: b\r\n\r\n", "400", "\"code\":\"bad_request\"",
           "Content-Security-Policy: ", NULL);
    EXPECT("GET /config HTTP/1.1\r\n" H "\r\n", "200",
           "{\"team_mode\":false,\"max_instances_per_user\":3,\"max_instances_per_team\":5,"
           "\"instance_timeout\":3600,\"auth_mode\":\"none\"}",
           NULL);
}

static void paths_and_methods(void **state)
{
    (void)state;
    EXPECT("PUT /instances HTTP/1.1\r\n" H "\r\n", "405", "Allow: GET\r\n",
           "\"detail\":\"Method Not Allowed\"", NULL);
    EXPECT("HEAD /api HTTP/1.1\r\n" H "\r\n", "405", NULL);
    EXPECT("HEAD / HTTP/1.1\r\n" H "\r\n", "200", "ETag: \"", NULL);
    EXPECT("GET /instances/?a=b%20c HTTP/1.1\r\n" H "\r\n", "307",
           "Location: /instances?a=b%20c\r\n", NULL);
    EXPECT("GET /instance/%C3%BC%0/ HTTP/1.1\r\n" H "\r\n", "400", NULL);
    EXPECT("GET /instance/%C3%BC%20%22/ HTTP/1.1\r\n" H "\r\n", "307",
           "Location: /instance/%C3%BC%20%22\r\n", NULL);
    EXPECT("GET //evil.test/ HTTP/1.1\r\n" H "\r\n", "404", NULL);
    EXPECT("GET /admin HTTP/1.1\r\n" H "\r\n", "404", NULL);
    EXPECT("GET /secret-admin HTTP/1.1\r\n" H "\r\n", "200", "No admin page yet", NULL);
}

static void the_page(void **state)
{
    AUTO_FREE char *page = ask("GET /static/page.js HTTP/1.1\r\n" H "\r\n");
    AUTO_FREE char *again = NULL;
    char etag[64] = "", request[256];
    const char *tag = strstr(page, "ETag: ");

    (void)state;
    CHECK(tag != NULL);
    (void)snprintf(etag, sizeof etag, "%.18s", tag + strlen("ETag: "));
    (void)snprintf(request, sizeof request,
                   "GET /static/page.js HTTP/1.1\r\n" H "If-None-Match: W/%s\r\n\r\n", etag);
    again = ask(request);
    CHECK(strncmp(again, "HTTP/1.1 304", 12) == 0);
    EXPECT("GET /instance/anything HTTP/1.1\r\n" H "\r\n", "200", "text/html", "no-cache", NULL);
}

static void who_may_act(void **state)
{
    (void)state;
    EXPECT("POST /instances/spawn HTTP/1.1\r\n" H JSON "Origin: http://ctf.test:30001\r\n" EMPTY,
           "403", "\"code\":\"forbidden\"", NULL);
    EXPECT("DELETE /instances/x HTTP/1.1\r\n" H "Origin: null\r\n\r\n", "403", NULL);
    EXPECT("POST /instances/spawn HTTP/1.1\r\n" H "Content-Type: text/plain\r\n" EMPTY, "415",
           "\"code\":\"unsupported_media_type\"", NULL);
    EXPECT("POST /instances/spawn HTTP/1.1\r\n" H JSON "Content-Length: 999999\r\n\r\n", "413",
           "\"code\":\"too_large\"", NULL);
    EXPECT("OPTIONS /instances/spawn HTTP/1.1\r\n" H "Origin: http://evil.test\r\n"
           "Access-Control-Request-Method: POST\r\n\r\n",
           "405", NULL);
    EXPECT("OPTIONS /instances/spawn HTTP/1.1\r\n" H "Origin: https://friend.test\r\n"
           "Access-Control-Request-Method: POST\r\n\r\n",
           "200", "Access-Control-Allow-Origin: https://friend.test\r\n", "Vary: Origin", NULL);
    EXPECT("GET /api HTTP/1.1\r\n" H "Origin: https://friend.test\r\n\r\n", "200",
           "Access-Control-Allow-Origin: https://friend.test\r\n", NULL);
}

#define SPAWN(from, body) "POST /instances/spawn HTTP/1.1\r\n" H JSON from "Content-Length: " body

static void input_that_does_not_fit(void **state)
{
    (void)state;
    EXPECT(SPAWN("X-Forwarded-For: 10.0.0.1\r\n", "1\r\n\r\n{"), "422", "\"type\":\"json_invalid\"",
           "\"code\":\"invalid\"", NULL);
    EXPECT(SPAWN("X-Forwarded-For: 10.0.0.1\r\n", "7\r\n\r\n{\"x\":1}"), "422",
           "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"challenge_id\"],"
           "\"msg\":\"Field required\",\"input\":{\"x\":1}}]",
           NULL);
    EXPECT(SPAWN("X-Forwarded-For: 10.0.0.2\r\n", "18\r\n\r\n{\"challenge_id\":1}"), "422",
           "\"type\":\"string_type\"", "\"input\":1", NULL);
    EXPECT(SPAWN("X-Forwarded-For: 10.0.0.2\r\n", "2\r\n\r\n[]"), "422", "\"loc\":[\"body\"]",
           NULL);
    EXPECT("POST /instances/spawn HTTP/1.1\r\n" H "X-Forwarded-For: 10.0.0.3\r\n\r\n", "422",
           "\"type\":\"missing\",\"loc\":[\"body\"]", NULL);
}

/* A proxy may add a line of its own below the one the client made up: the last one counts. */
static void limits_count_by_the_real_address(void **state)
{
    (void)state;
    EXPECT(SPAWN("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 10.9.9.9\r\n", "1\r\n\r\n{"), "422",
           NULL);
    EXPECT(SPAWN("X-Forwarded-For: 2.2.2.2\r\nX-Forwarded-For: 10.9.9.9\r\n", "1\r\n\r\n{"), "422",
           NULL);
    EXPECT(SPAWN("X-Forwarded-For: 3.3.3.3, 10.9.9.9\r\n", "1\r\n\r\n{"), "429",
           "\"code\":\"rate_limited\"", "Retry-After: ", NULL);
    EXPECT(SPAWN("X-Forwarded-For: 10.9.9.9, 10.9.9.8\r\n", "1\r\n\r\n{"), "422", NULL);
}

static void a_restart_refuses_spawns(void **state)
{
    (void)state;
    api_shutting_down(api);
    EXPECT(SPAWN("X-Forwarded-For: 10.7.7.7\r\n", "18\r\n\r\n{\"challenge_id\":1}"), "503",
           "Retry-After: ", "\"code\":\"unavailable\"", NULL);
}

static void refuses_bad_settings(void **state)
{
    static const char *const env[] = { "AUTH_MODE=none", "TRUSTED_PROXIES=proxy.test", NULL };
    AUTO_DIAGS DiagList diags = { 0 };
    ApiParts parts = { .identity = identity_none() };
    AUTO_SETTINGS Settings *bad = NULL;
    Api *none = NULL;
    Error err = { 0 };

    (void)state;
    if (settings_load(env, NULL, &bad, &diags, NULL) != 0)
        return; /* the settings refuse it themselves */
    parts.settings = bad;
    CHECK(api_new(&none, &parts, &err) < 0);
    CHECK(strstr(err.detail, "TRUSTED_PROXIES") && strstr(err.detail, "proxy.test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_carries_the_security_headers),
        cmocka_unit_test(paths_and_methods),
        cmocka_unit_test(the_page),
        cmocka_unit_test(who_may_act),
        cmocka_unit_test(input_that_does_not_fit),
        cmocka_unit_test(limits_count_by_the_real_address),
        cmocka_unit_test(refuses_bad_settings),
        cmocka_unit_test(a_restart_refuses_spawns),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
