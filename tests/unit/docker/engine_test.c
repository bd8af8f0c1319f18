/* The client against an engine that misbehaves in every way we could think of. */
#include "test.h"

#include "base/clock.h"
#include "docker/engine.h"
#include "docker/events.h"
#include "docker/images.h"
#include "docker/networks.h"
#include "fake_engine.h"

#define LIST      "/containers/json"
#define CHUNK_TWO "2\r\n[]\r\n0\r\n\r\n"

typedef struct World {
    FakeEngine *fake;
    Engine *engine;
} World;

static World open_world(const FakeLine *script)
{
    World w = { .fake = fake_start(script) };
    EngineOptions options = { .host = w.fake->url };
    Error err = { 0 };

    if (engine_new(&w.engine, &options, &err) < 0)
        fail_msg("%s", err.detail);
    return w;
}

static void close_world(World *w)
{
    engine_free(w->engine);
    fake_stop(w->fake);
}
#define AUTO_WORLD CLEANUP(close_world)

/* Lists containers with a short deadline; returns the error's code, E_NONE when it went well. */
static ErrorCode call_once(World *w, Error *err)
{
    const EngineCall call = { .method = "GET", .path = LIST, .timeout = 700, .reply_max = 4096 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status = engine_call(w->engine, &call, &reply, err);

    if (status < 0)
        return err->code;
    if (status > 299)
        (void)engine_refusal(status, &reply, "list", err);
    return status > 299 ? err->code : E_NONE;
}

static void test_misbehaviour(void **state)
{
    static const struct {
        const char *what, *reply;
        FakeManner manner;
        ErrorCode code;
    } cases[] = {
        { "fine", FAKE_JSON("200 OK", CHUNK_TWO), FAKE_WHOLE, E_NONE },
        { "fine, without length", "HTTP/1.1 200 OK\r\n\r\n[]", FAKE_CUT, E_NONE },
        { "nothing", "", FAKE_CUT, E_ENGINE_DOWN },
        { "no HTTP", "SSH-2.0-nonsense\r\n\r\n", FAKE_CUT, E_ENGINE_DOWN },
        { "half a head", "HTTP/1.1 200 OK\r\nConte", FAKE_CUT, E_ENGINE_DOWN },
        { "half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", FAKE_CUT, E_ENGINE_DOWN },
        { "half a chunk", FAKE_JSON("200 OK", "ff\r\n["), FAKE_CUT, E_ENGINE_DOWN },
        { "a broken chunk", FAKE_JSON("200 OK", "zz\r\n["), FAKE_CUT, E_ENGINE_DOWN },
        { "silence", "", FAKE_HOLD, E_TIMEOUT },
        { "silence in the body", FAKE_JSON("200 OK", "ff\r\n["), FAKE_HOLD, E_TIMEOUT },
        { "drip", FAKE_JSON("200 OK", CHUNK_TWO), FAKE_DRIP, E_TIMEOUT },
        { "endless body", "[[[[[[[[[[[[[[[[", FAKE_ENDLESS, E_ENGINE_DOWN },
        { "endless head", "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", FAKE_WHOLE, E_TIMEOUT },
        { "404", FAKE_JSON("404 Not Found", "f\r\n{\"message\":\"m\"}\r\n0\r\n\r\n"), FAKE_WHOLE,
          E_NOT_FOUND },
        { "409", FAKE_EMPTY("409 Conflict"), FAKE_WHOLE, E_CONFLICT },
        { "500", FAKE_EMPTY("500 Oops"), FAKE_WHOLE, E_ENGINE_REFUSED },
        { "redirect", "HTTP/1.1 301 M\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", FAKE_WHOLE,
          E_ENGINE_REFUSED },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const FakeLine script[] = { { LIST, cases[i].reply, cases[i].manner, 0 }, { 0 } };
        AUTO_WORLD World w = open_world(script);
        Error err = { 0 };
        ErrorCode code = call_once(&w, &err);
        if (code != cases[i].code)
            fail_msg("%s: %s, %s", cases[i].what, error_slug(code), err.detail);
    }
}

/* An answer that is no JSON, or the wrong JSON, is never success. */
static void test_nonsense_json(void **state)
{
    static const char *const bodies[] = { "", "{", "nonsense", "{}", "7", "null", "[[[]" };
    char reply[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        (void)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(bodies[i]), bodies[i]);
        const FakeLine script[] = { { "/v1.44/", reply, FAKE_WHOLE, 0 }, { 0 } };
        const ContainerSpec spec = { .name = "n", .image = "i" };
        const NetworkSpec network = { .name = "n" };
        AUTO_WORLD World w = open_world(script);
        CLEANUP(container_rows_fini) ContainerRows rows = { 0 };
        CLEANUP(network_rows_fini) NetworkRows networks = { 0 };
        ContainerState container;
        ImageInfo image;
        char id[ENGINE_ID_SIZE];
        size_t n;
        Error err = { 0 };

        CHECK(container_list(w.engine, NULL, &rows, &err) < 0 && err.code == E_ENGINE_DOWN);
        CHECK(network_list(w.engine, NULL, &networks, &err) < 0 && err.code == E_ENGINE_DOWN);
        CHECK(container_create(w.engine, &spec, id, &err) < 0 && err.code == E_ENGINE_DOWN);
        CHECK(network_create(w.engine, &network, id, &err) < 0 && err.code == E_ENGINE_DOWN);
        CHECK(container_inspect(w.engine, "x", &container, &err) < 0 && err.code == E_ENGINE_DOWN);
        CHECK(image_inspect(w.engine, "x", &image, &err) < 0 && err.code == E_ENGINE_DOWN);
        if (!str_eq(bodies[i], "{}"))
            CHECK(network_attached(w.engine, "x", &n, &err) < 0 && err.code == E_ENGINE_DOWN);
    }
}

static void test_image_labels(void **state)
{
    static const struct {
        const char *labels, *reserved;
    } cases[] = {
        { "null", "" },
        { "{}", "" },
        { "{\"maintainer\":\"x\",\"com.docker.compose.project\":\"p\"}", "" },
        { "{\"whaley.managed\":\"true\",\"whaley.base\":\"1\"}", "" },
        { "{\"a\":\"b\",\"traefik.enable\":\"true\"}", "traefik.enable" },
        { "{\"Traefik.http.routers.x.rule\":\"y\"}", "Traefik.http.routers.x.rule" },
        { "{\"whaley.pcap_sidecar\":\"true\"}", "whaley.pcap_sidecar" },
        { "{\"WHALEY.managed\":\"true\"}", "WHALEY.managed" },
    };
    char json[300], reply[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(json, sizeof json, "{\"Id\":\"sha256:1\",\"Config\":{\"Labels\":%s}}",
                       cases[i].labels);
        (void)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(json), json);
        const FakeLine script[] = { { "/images/", reply, FAKE_WHOLE, 0 }, { 0 } };
        AUTO_WORLD World w = open_world(script);
        ImageInfo image;
        Error err = { 0 };

        CHECK_INT(image_inspect(w.engine, "x", &image, &err), 0);
        CHECK_STR(image.reserved_label, cases[i].reserved);
    }
}

static void test_not_there(void **state)
{
    EngineOptions options = { .host = "unix:///nonexistent/docker.sock" };
    AUTO_ENGINE Engine *engine = NULL;
    Error err = { 0 };

    (void)state;
    CHECK_INT(engine_new(&engine, &options, &err), 0);
    CHECK(engine_ping(engine, &err) < 0);
    CHECK_INT(err.code, E_ENGINE_DOWN);
    CHECK(strstr(err.detail, "No such file") && strstr(err.detail, "/nonexistent/docker.sock"));
    CHECK(engine_is_local(engine));
    CHECK_STR(engine_host_address(engine), "127.0.0.1");
}

/* ---- negotiation ---- */

#define PING(version) "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 0\r\n\r\n"

static void test_negotiation(void **state)
{
    static const struct {
        const char *ping, *expected; /* NULL: refused */
    } cases[] = {
        { PING("1.41"), "1.41" }, { PING("1.99"), "1.51" },         { PING("1.40"), NULL },
        { PING("x"), NULL },      { FAKE_EMPTY("404 No"), "1.44" }, { PING("1.51"), "1.51" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const FakeLine script[] = { { "/_ping", cases[i].ping, FAKE_WHOLE, 0 }, { 0 } };
        AUTO_WORLD World w = open_world(script);
        EngineInfo info;
        Error err = { 0 };
        int r = engine_connect(w.engine, &info, &err);

        CHECK_INT(r, cases[i].expected ? 0 : -1);
        if (cases[i].expected)
            CHECK_STR(info.api_version, cases[i].expected);
    }
}

/* The engine was downgraded under us: one 400, a new agreement, the call again. */
static void test_renegotiation(void **state)
{
    const FakeLine script[] = {
        { "/_ping", PING("1.47"), FAKE_WHOLE, 1 },
        { "/_ping", PING("1.43"), FAKE_WHOLE, 0 },
        { "/v1.47/", "HTTP/1.1 400 Bad\r\n\r\n{\"message\":\"client version 1.47 is too new\"}",
          FAKE_CUT, 0 },
        { "/v1.43" LIST, FAKE_JSON("200 OK", CHUNK_TWO), FAKE_WHOLE, 0 },
        { 0 },
    };
    AUTO_WORLD World w = open_world(script);
    EngineFacts facts;
    Error err = { 0 };

    (void)state;
    CHECK_INT(call_once(&w, &err), E_NONE);
    CHECK_INT(engine_facts(w.engine, &facts, &err), 0);
    CHECK_INT(facts.api_minor, 43);
}

static void test_podman(void **state)
{
    const FakeLine script[] = {
        { "/_ping",
          "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n"
          "Builder-Version: 2\r\n\r\n",
          FAKE_WHOLE, 0 },
        { "/networks/create", FAKE_JSON("201 Created", "a\r\n{\"Id\":\"n\"}\r\n0\r\n\r\n"),
          FAKE_WHOLE, 0 },
        { 0 },
    };
    const NetworkSpec spec = { .name = "net", .subnet = "10.9.8.0/28" };
    AUTO_WORLD World w = open_world(script);
    char id[ENGINE_ID_SIZE];
    EngineFacts facts;
    Error err = { 0 };

    (void)state;
    CHECK_INT(engine_facts(w.engine, &facts, &err), 0);
    CHECK(facts.podman && !facts.buildkit);
    CHECK_INT(network_create(w.engine, &spec, id, &err), 0);
    CHECK(!strstr(strbuf_str(&w.fake->log), "enable_icc"));
    CHECK(strstr(strbuf_str(&w.fake->log), "10.9.8.0/28") != NULL);
}

/* ---- connections ---- */

static void test_connection_is_kept(void **state)
{
    const FakeLine script[] = {
        { LIST, FAKE_JSON("200 OK", CHUNK_TWO), FAKE_WHOLE, 5 },
        { LIST, FAKE_JSON("200 OK", CHUNK_TWO), FAKE_CUT, 1 },
        { LIST, FAKE_JSON("200 OK", CHUNK_TWO), FAKE_WHOLE, 0 },
        { 0 },
    };
    AUTO_WORLD World w = open_world(script);
    Error err = { 0 };

    (void)state;
    for (int i = 0; i < 6; i++)
        CHECK_INT(call_once(&w, &err), E_NONE);
    CHECK_INT(w.fake->n_connections, 1);
    CHECK_INT(call_once(&w, &err), E_NONE); /* closed meanwhile: a new one, unseen */
    CHECK_INT(w.fake->n_connections, 2);
}

static void *call_many(void *ctx)
{
    Error err = { 0 };

    for (int i = 0; i < 20; i++)
        if (call_once(ctx, &err) != E_NONE)
            return ctx;
    return NULL;
}

static void test_many_threads(void **state)
{
    const FakeLine script[] = { { LIST, FAKE_JSON("200 OK", CHUNK_TWO), FAKE_WHOLE, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script);
    pthread_t threads[8];
    void *failed;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, call_many, &w), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        CHECK_INT(pthread_join(threads[i], &failed), 0);
        CHECK(failed == NULL);
    }
}

/* ---- what statuses mean ---- */

/* Without a length: sent with FAKE_CUT. */
#define SAID(status, text) "HTTP/1.1 " status "\r\n\r\n{\"message\":\"" text "\"}"

static void test_meanings(void **state)
{
    const FakeLine script[] = {
        { "POST /v1.44/containers/runs/", FAKE_EMPTY("304 Not Modified"), FAKE_WHOLE, 0 },
        { "/containers/port/start", SAID("500 E", "a: port is already allocated      "), FAKE_CUT,
          0 },
        { "/containers/bind/start", SAID("500 E", "listen: bind: address already in use"), FAKE_CUT,
          0 },
        { "DELETE /v1.44/containers/going", SAID("409 C", "removal already in progress"), FAKE_CUT,
          0 },
        { "DELETE /v1.44/networks/busy", SAID("403 F", "has active endpoints "), FAKE_CUT, 0 },
        { "POST /v1.44/networks/create", SAID("403 F", "Pool overlaps with it "), FAKE_CUT, 1 },
        { "POST /v1.44/networks/create",
          SAID("404 N", "could not find an available, non-overlapping   "), FAKE_CUT, 1 },
        { 0 },
    };
    AUTO_WORLD World w = open_world(script);
    const NetworkSpec spec = { .name = "net" };
    char id[ENGINE_ID_SIZE] = "untouched";
    Error err = { 0 };

    (void)state;
    CHECK_INT(container_start(w.engine, "runs", &err), 0);
    CHECK(container_start(w.engine, "port", &err) < 0 && err.code == E_PORT_TAKEN);
    CHECK(container_start(w.engine, "bind", &err) < 0);
    CHECK_INT(container_remove(w.engine, "going", &err), 0);
    CHECK_INT(container_remove(w.engine, "gone", &err), 0);
    CHECK(network_remove(w.engine, "busy", &err) < 0 && err.code == E_CONFLICT);
    CHECK_INT(network_remove(w.engine, "gone", &err), 0);
    CHECK_INT(volume_remove(w.engine, "gone", &err), 0);
    CHECK_INT(image_remove(w.engine, "a/b:c", &err), 0);
    CHECK(network_create(w.engine, &spec, id, &err) < 0 && err.code == E_SUBNET_TAKEN);
    CHECK(network_create(w.engine, &spec, id, &err) < 0 && err.code == E_NO_SUBNETS);
    CHECK_STR(id, "untouched");
    CHECK(strstr(strbuf_str(&w.fake->log), "DELETE /v1.44/images/a/b%3Ac HTTP") != NULL);
}

/* Before API 1.44 further networks are connected one by one; a failure leaves no container. */
static void test_extra_networks(void **state)
{
    const FakeLine script[] = {
        { "/_ping", PING("1.41"), FAKE_WHOLE, 0 },
        { "/containers/create?name=a%2Fb%20c",
          "HTTP/1.1 201 Created\r\n\r\n{\"Id\":\"0123456789abcdef\"}", FAKE_CUT, 0 },
        { "/networks/two/connect", FAKE_EMPTY("200 OK"), FAKE_WHOLE, 0 },
        { "/networks/three/connect", FAKE_EMPTY("500 No"), FAKE_WHOLE, 0 },
        { "DELETE /v1.41/containers/0123456789abcdef", FAKE_EMPTY("204 Gone"), FAKE_WHOLE, 0 },
        { 0 },
    };
    const EngineEndpoint endpoints[] = { { .network = "one" },
                                         { .network = "two" },
                                         { .network = "three" } };
    ContainerSpec spec = {
        .name = "a/b c", .image = "i", .endpoints = endpoints, .n_endpoints = 2
    };
    AUTO_WORLD World w = open_world(script);
    char id[ENGINE_ID_SIZE] = "";
    Error err = { 0 };

    (void)state;
    CHECK_INT(container_create(w.engine, &spec, id, &err), 0);
    CHECK_STR(id, "0123456789abcdef");
    CHECK(!strstr(strbuf_str(&w.fake->log), "DELETE"));
    spec.n_endpoints = 3;
    CHECK(container_create(w.engine, &spec, id, &err) < 0);
    CHECK(strstr(strbuf_str(&w.fake->log), "DELETE") != NULL);
}

/* ---- streams ---- */

typedef struct Seen {
    int events, opened, exit_code;
    char id[16];
    _Atomic bool stop;
} Seen;

static void on_event(void *ctx, const EngineEvent *event)
{
    Seen *seen = ctx;

    seen->events++;
    seen->exit_code = event->exit_code;
    (void)snprintf(seen->id, sizeof seen->id, "%s", event->instance_id);
    seen->stop = true;
}

static void on_open(void *ctx)
{
    ((Seen *)ctx)->opened++;
}

#define DIE                                                                                        \
    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"c1\",\"Attributes\":{"         \
    "\"exitCode\":\"137\",\"whaley.instance_id\":\"i9\"}},\"timeNano\":5}\n"

static int watch(const char *reply, FakeManner manner, Seen *seen, Error *err)
{
    const FakeLine script[] = { { "/events?", reply, manner, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script);

    *seen = (Seen){ 0 };
    return engine_events(w.engine, 1700000000000000005, on_event, on_open, seen, &seen->stop, err);
}

static void test_events(void **state)
{
    Seen seen;
    Error err = { 0 };

    (void)state;
    CHECK_INT(watch("HTTP/1.1 200 OK\r\n\r\n" DIE, FAKE_HOLD, &seen, &err), 0); /* stopped */
    CHECK(seen.events == 1 && seen.opened == 1 && seen.exit_code == 137);
    CHECK_STR(seen.id, "i9");
    CHECK(watch("HTTP/1.1 200 OK\r\n\r\n{\"Type\"", FAKE_CUT, &seen, &err) < 0);
    CHECK(seen.events == 0 && err.code == E_ENGINE_DOWN);
    CHECK(watch("HTTP/1.1 200 OK\r\n\r\nnonsense\n", FAKE_HOLD, &seen, &err) < 0);
    CHECK(watch("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", FAKE_ENDLESS, &seen,
                &err) < 0);
    CHECK(watch(FAKE_EMPTY("500 No"), FAKE_WHOLE, &seen, &err) < 0);
    CHECK_INT(seen.opened, 0);
}

static void test_logs(void **state)
{
    static const char framed[] = "HTTP/1.1 200 OK\r\n\r\nplain\nwith a terminal\n";
    const FakeLine script[] = { { "/containers/c/logs", framed, FAKE_CUT, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script);
    AUTO_FREE char *text = NULL;
    Error err = { 0 };

    (void)state;
    CHECK_INT(container_logs_tail(w.engine, "c", 5, 100, &text, &err), 0);
    CHECK_STR(text, "plain\nwith a terminal\n");
    CHECK(container_logs_tail(w.engine, "gone", 5, 100, &text, &err) < 0);
    CHECK_INT(err.code, E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misbehaviour),   cmocka_unit_test(test_nonsense_json),
        cmocka_unit_test(test_image_labels),   cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_negotiation),    cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_podman),         cmocka_unit_test(test_connection_is_kept),
        cmocka_unit_test(test_many_threads),   cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_extra_networks), cmocka_unit_test(test_events),
        cmocka_unit_test(test_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
