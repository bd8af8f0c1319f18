#include "api/origin.h"
#include "base/macros.h"
#include "test.h"

#include <string.h>

static const struct {
    const char *list, *origin, *host;
    OriginKind want;
} cases[] = {
    { "", NULL, "ctf.test:8000", ORIGIN_NONE },
    { "", "http://ctf.test:8000", "ctf.test:8000", ORIGIN_OURS },
    { "", "http://CTF.test:8000", "ctf.TEST:8000", ORIGIN_OURS },
    { "", "https://ctf.test", "ctf.test", ORIGIN_OURS },
    { "", "https://ctf.test", "ctf.test:443", ORIGIN_OURS },
    { "", "http://ctf.test", "ctf.test:80", ORIGIN_OURS },
    { "", "http://[::1]:8000", "[::1]:8000", ORIGIN_OURS },
    /* a challenge on another port of the same host is somebody else */
    { "", "http://ctf.test:30001", "ctf.test:8000", ORIGIN_FOREIGN },
    { "", "http://ctf.test", "ctf.test:8000", ORIGIN_FOREIGN },
    { "", "http://ctf.test:443", "ctf.test", ORIGIN_FOREIGN },
    { "", "http://ctf.test:8000", NULL, ORIGIN_FOREIGN },
    { "", "http://evil.test", "ctf.test", ORIGIN_FOREIGN },
    { "", "http://ctf.test.evil.test", "ctf.test", ORIGIN_FOREIGN },
    { "", "null", "ctf.test", ORIGIN_FOREIGN },
    { "", "", "ctf.test", ORIGIN_FOREIGN },
    { "", "", "", ORIGIN_FOREIGN },
    { "", "http://", "", ORIGIN_FOREIGN },
    { "", "file://ctf.test", "ctf.test", ORIGIN_FOREIGN },
    { "https://a.test, http://b.test:81", "http://b.test:81", "ctf.test", ORIGIN_ALLOWED },
    { "https://a.test", "https://A.test", "ctf.test", ORIGIN_ALLOWED },
    { "https://a.test", "http://a.test", "ctf.test", ORIGIN_FOREIGN },
    { "*", "http://anything.test", "ctf.test", ORIGIN_ALLOWED },
    { "*", "null", "ctf.test", ORIGIN_FOREIGN },
};

static void judges_origins(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OriginList *list;
        CHECK_INT(origin_list_new(&list, cases[i].list, NULL), 0);
        if (origin_judge(list, cases[i].origin, cases[i].host) != cases[i].want)
            fail_msg("case %zu", i);
        origin_list_free(list);
    }
}

static void refuses_what_is_no_origin(void **state)
{
    static const char *const bad[] = { "ctf.test", "https://ctf.test/", "ftp://x.test",
                                       "http://",  "https://*.test",    "https://a.test/x" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        OriginList *list = NULL;
        Error err = { 0 };
        CHECK(origin_list_new(&list, bad[i], &err) < 0);
        CHECK(strstr(err.detail, bad[i]) != NULL);
    }
}

static void knows_json(void **state)
{
    (void)state;
    CHECK(origin_is_json("application/json"));
    CHECK(origin_is_json("Application/JSON; charset=utf-8"));
    CHECK(origin_is_json("application/json ;x"));
    CHECK(!origin_is_json(NULL));
    CHECK(!origin_is_json("text/plain"));
    CHECK(!origin_is_json("application/jsonp"));
    CHECK(!origin_is_json("text/plain; application/json"));
}

static void takes_names_from_host_headers(void **state)
{
    static const struct {
        const char *host, *want; /* NULL: none */
    } rows[] = {
        { "ctf.test:8000", "ctf.test" },
        { "ctf.test", "ctf.test" },
        { "127.0.0.1:80", "127.0.0.1" },
        { "[::1]:8000", "::1" },
        { NULL, NULL },
        { "", NULL },
        { ":80", NULL },
        { "a b", NULL },
        { "x;rm -rf", NULL },
        { "$(id)", NULL },
        { "-oProxyCommand", NULL },
        { "[::1;x]", NULL },
        { "a\"b", NULL },
        { "<script>", NULL },
        { "[]", NULL },
    };
    char name[ORIGIN_HOST_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_INT(origin_host_name(rows[i].host, name), rows[i].want != NULL);
        if (rows[i].want)
            CHECK_STR(name, rows[i].want);
    }
}

static void reads_prefer(void **state)
{
    (void)state;
    CHECK(origin_prefers("respond-async", "respond-async"));
    CHECK(origin_prefers("wait=5, Respond-Async;x=1", "respond-async"));
    CHECK(!origin_prefers(NULL, "respond-async"));
    CHECK(!origin_prefers("respond-asynchronously", "respond-async"));
    CHECK(!origin_prefers("x=respond-async", "respond-async"));
    CHECK(!origin_prefers(",,,", "respond-async"));
}

static void names_hosts_that_may_be_asked(void **state)
{
    static const struct {
        const char *allowed, *host;
        bool wanted;
    } hosts[] = {
        { "", "anything.example", true },
        { "", NULL, true },
        { "ctf.example", "ctf.example", true },
        { "ctf.example", "CTF.example:8000", true },
        { "a.example, ctf.example", "ctf.example", true },
        { "ctf.example", "evil.example", false },
        { "ctf.example", "ctf.example.evil.example", false },
        { "ctf.example", NULL, false },
        { "ctf.example", "127.0.0.1:8000", true },
        { "ctf.example", "[::1]:8000", true },
        { "ctf.example", "localhost:8000", true },
        { "ctf.example", "127.0.0.1.evil.example", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (origin_host_is_allowed(hosts[i].allowed, hosts[i].host) != hosts[i].wanted)
            fail_msg("%s asked by %s", hosts[i].allowed, hosts[i].host ? hosts[i].host : "nobody");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_origins), cmocka_unit_test(refuses_what_is_no_origin),
        cmocka_unit_test(knows_json),     cmocka_unit_test(takes_names_from_host_headers),
        cmocka_unit_test(reads_prefer),   cmocka_unit_test(names_hosts_that_may_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
