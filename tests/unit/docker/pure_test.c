/* Addresses, versions, frames, lines, BuildKit detection and traces, build answers, bodies. */
#include "test.h"

#include "base/alloc.h"
#include "base/str.h"
#include "docker/address.h"
#include "docker/answers.h"
#include "docker/build_stream.h"
#include "docker/buildkit.h"
#include "docker/container_body.h"
#include "docker/frames.h"
#include "docker/image_path.h"
#include "docker/version.h"

#include <stdlib.h>
#include <string.h>

static void test_address(void **state)
{
    static const struct {
        const char *text;
        bool tls;
        const char *url; /* NULL: refused */
        const char *host;
    } cases[] = {
        { NULL, false, "http://docker", "127.0.0.1" },
        { "unix:///run/x.sock", false, "http://docker", "127.0.0.1" },
        { "/run/x.sock", true, "http://docker", "127.0.0.1" },
        { "tcp://engine:2376", true, "https://engine:2376", "engine" },
        { "tcp://engine", false, "http://engine:2375", "engine" },
        { "https://engine/", false, "https://engine:2376", "engine" },
        { "tcp://[::1]:99", false, "http://[::1]:99", "::1" },
        { "unix://relative", false, NULL, NULL },
        { "tcp://", false, NULL, NULL },
        { "tcp://:2375", false, NULL, NULL },
        { "tcp://a:0", false, NULL, NULL },
        { "tcp://a:65536", false, NULL, NULL },
        { "tcp://a:1/path", false, NULL, NULL },
        { "tcp://a b:1", false, NULL, NULL },
        { "tcp://user@a:1", false, NULL, NULL },
        { "ssh://a", false, NULL, NULL },
        { "tcp://[::1", false, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        EngineAddress a;
        Error err;
        int r = engine_address_parse(&a, cases[i].text, cases[i].tls, &err);
        if (r != (cases[i].url ? 0 : -1))
            fail_msg("%s: %d", cases[i].text, r);
        if (r == 0) {
            CHECK_STR(a.base_url, cases[i].url);
            CHECK_STR(a.host, cases[i].host);
        }
    }
}

static void test_version(void **state)
{
    static const struct {
        const char *max, *min;
        int minor; /* -1: refused */
    } cases[] = { { "1.41", "1.12", 41 }, { "1.55", "1.40", 51 }, { "1.56", "1.53", 53 },
                  { "1.40", "", -1 },     { "1.9", NULL, -1 },    { "2.0", NULL, 51 },
                  { "", NULL, -1 },       { "1.", NULL, -1 },     { "1.44x", NULL, -1 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ApiVersion v;
        Error err;
        int r = api_version_negotiate(cases[i].max, cases[i].min, &v, &err);
        CHECK_INT(r, cases[i].minor < 0 ? -1 : 0);
        if (r == 0)
            CHECK_INT(v.minor, cases[i].minor);
    }
}

static void test_time(void **state)
{
    (void)state;
    CHECK_INT(engine_parse_time("2024-05-01T10:00:00Z"), 1714557600);
    CHECK_INT(engine_parse_time("2024-05-01T10:00:00.123456789+02:00"), 1714550400);
    CHECK_INT(engine_parse_time("2024-05-01T10:00:00-01:30"), 1714563000);
    CHECK_INT(engine_parse_time("0001-01-01T00:00:00Z"), 0);
    CHECK_INT(engine_parse_time("yesterday"), 0);
}

/* ---- frames ---- */

static char *decode(const char *bytes, size_t n, size_t keep, size_t step)
{
    AUTO_FRAMES FrameDecoder d = { .keep = keep };

    for (size_t i = 0; i < n; i += step)
        frames_feed(&d, bytes + i, n - i < step ? n - i : step);
    return frames_finish(&d);
}

static void test_frames(void **state)
{
    static const struct {
        const char *bytes;
        size_t n, keep;
        const char *expected;
    } cases[] = {
#define RAW(s) s, sizeof(s) - 1
        { RAW(""), 99, "" },
        { RAW("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n"), 99, "out\nerr\n" },
        { RAW("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n"), 5, "err\n" },
        { RAW("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n"), 4, "err\n" },
        { RAW("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1x"), 99, "x" },
        { RAW("\1\0\0\0\377\377\377\377cut"), 99, "cut" },
        { RAW("\1\0\0\0\0\0"), 99, "" },
        { RAW("raw text\n"), 99, "raw text\n" },
        { RAW("\1raw"), 99, "\1raw" },
        { RAW("\1\0\0\0\0\0\0\1xraw again"), 99, "xraw again" },
        { RAW("one long line"), 4, "line" },
        { RAW("a\nb\nc\n"), 3, "c\n" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step < 20; step += 6) {
            AUTO_FREE char *got = decode(cases[i].bytes, cases[i].n, cases[i].keep, step);
            if (strcmp(got, cases[i].expected) != 0)
                fail_msg("case %zu, step %zu: \"%s\"", i, step, got);
        }
    }
}

/* A flood is held to about twice what is kept. */
static void test_frames_flood(void **state)
{
    FrameDecoder d = { .keep = 1000 };
    AUTO_FREE char *text = NULL;

    (void)state;
    for (int i = 0; i < 100000; i++)
        frames_feed(&d, "0123456789\n", 11);
    CHECK(d.text.len <= 2001 + 11);
    text = frames_finish(&d);
    CHECK(strlen(text) <= 1000 && strlen(text) > 980);
    CHECK(str_starts(text, "0123456789\n"));
}

/* ---- BuildKit ---- */

static void test_buildkit_needed(void **state)
{
    static const struct {
        const char *text;
        bool needed;
    } cases[] = {
        { "", false },
        { "FROM a\nRUN x --mount=type=cache\nCOPY . .\n", false },
        { "# syntax=docker/dockerfile:1\nFROM a\n", true },
        { "#syntax = x\nFROM a\n", true },
        { "# a comment\n# syntax=x\nFROM a\n", false },
        { "FROM a\n# syntax=x\n", false },
        { "FROM a\nrun --mount=type=cache,target=/x y\n", true },
        { "FROM a\nRUN --network=none x\n", true },
        { "FROM a\nRUN --security=insecure x\n", true },
        { "FROM a\nCOPY --chown=1 --chmod=755 a b\n", true },
        { "FROM a\nCOPY --from=b --link a b\n", true },
        { "FROM a\nCOPY --from=b --chown=1:1 a b\n", false },
        { "FROM a\nADD --checksum=x http://a b\n", true },
        { "FROM a\nCOPY a--chmod=1 b\n", false },
        { "FROM a\nRUN \\\n  # comment\n\n  --mount=type=bind x\n", true },
        { "FROM a\nRUN echo \\\r\n --mount=x\r\n", false },
        { "# escape=`\nFROM a\nRUN `\n --mount=x y\n", true },
        { "# escape=`\nFROM a\nRUN \\\n--mount=x y\n", false },
        { "FROM a\nRUN <<EOF\nls\nEOF\n", true },
        { "FROM a\nCOPY <<-\"EOF\" /x\nEOF\n", true },
        { "FROM a\nRUN cat <<<x; echo $((1 << 2))\n", false },
        { "FROM a\nENV X=<<EOF\n", false },
        { "FROM a\nRUN --mount=x y", true },
        { "\xef\xbb\xbf# syntax=x\n", true },
        { "FROM a\nRUN \\", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (buildkit_needed(cases[i].text, strlen(cases[i].text)) != cases[i].needed)
            fail_msg("%s", cases[i].text);
}

/* ---- the build's answer ---- */

static void collect(void *ctx, const char *line)
{
    strbuf_adds(ctx, line);
    strbuf_addc(ctx, '|');
}

static void test_build_stream(void **state)
{
    static const struct {
        const char *text, *lines, *id, *error;
        bool nonsense;
    } cases[] = {
        { "{\"stream\":\"Step 1\"}\r\n{\"stream\":\" : x\\nand\"}\r\n{\"stream\":\" on\\n\"}\r\n",
          "Step 1 : x|and on|", "", "", false },
        { "{\"aux\":{\"ID\":\"sha256:1\"}}\n{\"stream\":\"no end\"}", "no end|", "sha256:1", "",
          false },
        { "{\"errorDetail\":{\"code\":1,\"message\":\"bad\"},\"error\":\"bad\"}\n", "", "", "bad",
          false },
        { "{\"error\":\"old\"}\n", "", "", "old", false },
        { "{\"errorDetail\":{}}\n", "", "", "(no reason given)", false },
        { "{\"status\":\"Pulling\",\"id\":\"x\"}\n{\"status\":\"Download\",\"progressDetail\":"
          "{\"current\":1}}\n",
          "x: Pulling|", "", "", false },
        { "{\"stream\":\"a\\u0000b \\\\u0000\\n\"}\n",
          "a\xef\xbf\xbd"
          "b \\u0000|",
          "", "", false },
        /* vertex: name "step", started; log: "hi\n" */
        { "{\"id\":\"moby.buildkit.trace\",\"aux\":\"CggaBHN0ZXAqABoFIgNoaQo=\"}\n", "step|hi|", "",
          "", false },
        { "{\"id\":\"moby.buildkit.trace\",\"aux\":\"!!\"}\n{\"id\":\"moby.buildkit.trace\"}\n", "",
          "", "", false },
        { "{\"id\":\"moby.image.id\",\"aux\":{\"ID\":\"sha256:2\"}}\n", "", "sha256:2", "", false },
        { "{\"stream\":\"x\"", "", "", "", true },
        { "nonsense\n", "", "", "", true },
        { "[]\n", "", "", "", true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_STRBUF StrBuf lines = { 0 };
        CLEANUP(build_stream_fini) BuildStream s;
        bool more = true;

        build_stream_init(&s, collect, &lines);
        for (const char *p = cases[i].text; *p && more; p++)
            more = build_stream_feed(&s, p, 1);
        build_stream_end(&s);
        if (strcmp(strbuf_str(&lines), cases[i].lines) != 0)
            fail_msg("case %zu: %s", i, strbuf_str(&lines));
        CHECK_STR(s.image_id, cases[i].id);
        CHECK_STR(s.error, cases[i].error);
        CHECK_INT(s.nonsense, cases[i].nonsense);
    }
}

static void test_build_progress(void **state)
{
    static const struct {
        const char *line, *shown; /* NULL: nothing */
    } cases[] = {
        { "Step 2/5 : RUN echo FLAG{x} > /flag", "step 2 of 5" },
        { "STEP 3/5: ENV FLAG=FLAG{x}", "step 3 of 5" },
        { "[1/2] FROM scratch", "step 1 of 2" },
        { "[web 2/2] RUN echo FLAG{x}", "step 2 of 2" },
        { "[internal] load build context", NULL },
        { "[linux/amd64 1/2] FROM x", "step 1 of 2" },
        { " ---> Running in 0123456789ab", NULL },
        { "FLAG{x}", NULL },
        { "Step 2/1 : x", NULL },
        { "Step 0/5 : x", NULL },
        { "Step 1/999999 : x", NULL },
        { "Step 1/5FLAG{x}", NULL },
        { "[1/5", NULL },
        { "[", NULL },
        { "[]", NULL },
        { "Step ", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[BUILD_PROGRESS_SIZE] = "";
        if (build_progress(cases[i].line, text) != (cases[i].shown != NULL))
            fail_msg("%s", cases[i].line);
        CHECK_STR(text, cases[i].shown ? cases[i].shown : "");
    }
}

static void test_build_line_too_long(void **state)
{
    CLEANUP(build_stream_fini) BuildStream s;
    bool more = true;

    (void)state;
    build_stream_init(&s, NULL, NULL);
    for (int i = 0; i < LINES_MAX / 16 + 1 && more; i++)
        more = build_stream_feed(&s, "aaaaaaaaaaaaaaaa", 16);
    CHECK(!more && s.nonsense);
}

/* ---- bodies and paths ---- */

static void test_container_body(void **state)
{
    const EnginePortBinding ports[] = { { 80, 30001, false, "127.0.0.1" },
                                        { 80, 30002, false, "" },
                                        { 53, 0, true, "" } };
    const char *const alias[] = { "web" };
    const EngineEndpoint endpoints[] = { { "net1", alias, 1 }, { "net2", NULL, 0 } };
    const char *const none[] = { "NONE" };
    ContainerSpec spec = { .image = "sha256:1",
                           .has_entrypoint = true,
                           .ports = ports,
                           .n_ports = 3,
                           .endpoints = endpoints,
                           .n_endpoints = 2,
                           .health_test = none,
                           .n_health_test = 1,
                           .memory_bytes = 5 };
    AUTO_STRBUF StrBuf out = { 0 };

    (void)state;
    container_body(&out, &spec, 41);
    CHECK_STR(
        strbuf_str(&out),
        "{\"Image\":\"sha256:1\",\"Entrypoint\":[],\"Labels\":{},\"Tty\":false,\"OpenStdin\":false,"
        "\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Healthcheck\":{\"Test\":[\"NONE\"]},"
        "\"HostConfig\":{\"NetworkMode\":\"net1\",\"Memory\":5,\"MemorySwap\":5,"
        "\"ReadonlyRootfs\":false,\"RestartPolicy\":{\"Name\":\"no\"},\"LogConfig\":{\"Type\":"
        "\"json-file\",\"Config\":{\"max-size\":\"1m\",\"max-file\":\"2\"}},\"PortBindings\":{"
        "\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"30001\"},{\"HostIp\":\"\","
        "\"HostPort\":\"30002\"}]}},\"NetworkingConfig\":{\"EndpointsConfig\":{\"net1\":{"
        "\"Aliases\":[\"web\"]}}}}");
    strbuf_clear(&out);
    container_body(&out, &spec, 44);
    CHECK(strstr(strbuf_str(&out), "\"net2\":{\"Aliases\":[]}") != NULL);
    strbuf_clear(&out);
    spec.n_endpoints = 0;
    container_body(&out, &spec, 44);
    CHECK(strstr(strbuf_str(&out), "\"NetworkMode\":\"none\"") != NULL);
    CHECK(!strstr(strbuf_str(&out), "NetworkingConfig"));
}

static void test_paths(void **state)
{
    AUTO_STRBUF StrBuf out = { 0 };

    (void)state;
    image_path(&out, "a/b c:1?x", "/json");
    CHECK_STR(strbuf_str(&out), "/images/a/b%20c%3A1%3Fx/json");
    strbuf_clear(&out);
    engine_add_label_filter(&out, '?', "a=b");
    CHECK_STR(strbuf_str(&out), "?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D");
    strbuf_clear(&out);
    engine_add_label_filter(&out, '?', NULL);
    CHECK_STR(strbuf_str(&out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),        cmocka_unit_test(test_version),
        cmocka_unit_test(test_time),           cmocka_unit_test(test_frames),
        cmocka_unit_test(test_frames_flood),   cmocka_unit_test(test_buildkit_needed),
        cmocka_unit_test(test_build_stream),   cmocka_unit_test(test_build_line_too_long),
        cmocka_unit_test(test_build_progress), cmocka_unit_test(test_container_body),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
