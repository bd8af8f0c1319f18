#include "api/router.h"
#include "base/macros.h"
#include "test.h"

#include <string.h>

static const RouterRow rows[] = {
    { HTTP_GET, "/", true },
    { HTTP_GET, "/instances", false },
    { HTTP_POST, "/instances/spawn", false },
    { HTTP_GET, "/instances/{id}", false },
    { HTTP_DELETE, "/instances/{id}", false },
    { HTTP_POST, "/instances/{id}/extend", false },
};

static const struct {
    HttpMethod method;
    const char *path;
    RouterOutcome outcome;
    size_t row;
    const char *arg, *allow;
} cases[] = {
    { HTTP_GET, "/", ROUTER_FOUND, 0, NULL, "" },
    { HTTP_HEAD, "/", ROUTER_FOUND, 0, NULL, "" },
    { HTTP_POST, "/", ROUTER_WRONG_METHOD, 0, NULL, "GET, HEAD" },
    { HTTP_GET, "/instances", ROUTER_FOUND, 1, NULL, "" },
    { HTTP_HEAD, "/instances", ROUTER_WRONG_METHOD, 0, NULL, "GET" },
    { HTTP_GET, "/instances/", ROUTER_SLASH, 0, NULL, NULL },
    { HTTP_DELETE, "/instances/", ROUTER_SLASH, 0, NULL, NULL },
    { HTTP_GET, "/instances//", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_GET, "//", ROUTER_SLASH, 0, NULL, NULL },
    { HTTP_GET, "/Instances", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_POST, "/instances/spawn", ROUTER_FOUND, 2, NULL, "" },
    { HTTP_GET, "/instances/spawn", ROUTER_FOUND, 3, "spawn", NULL },
    { HTTP_GET, "/instances/web-7-0a1b2c3d", ROUTER_FOUND, 3, "web-7-0a1b2c3d", "" },
    { HTTP_DELETE, "/instances/x y?", ROUTER_FOUND, 4, "x y?", "GET" },
    { HTTP_PUT, "/instances/x", ROUTER_WRONG_METHOD, 0, NULL, "GET, DELETE" },
    { HTTP_OPTIONS, "/instances/x", ROUTER_WRONG_METHOD, 0, NULL, "GET, DELETE" },
    { HTTP_POST, "/instances/x/extend", ROUTER_FOUND, 5, "x", "" },
    { HTTP_POST, "/instances/x/extend/", ROUTER_SLASH, 0, NULL, NULL },
    { HTTP_GET, "/instances/x/extend", ROUTER_WRONG_METHOD, 0, NULL, "POST" },
    { HTTP_POST, "/instances//extend", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_POST, "/instances/a/b/extend", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_GET, "/instances/a/b", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_GET, "/nothing/", ROUTER_NOT_FOUND, 0, NULL, "" },
    { HTTP_GET, "", ROUTER_NOT_FOUND, 0, NULL, "" },
};

static void finds_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RouterMatch m = router_match(rows, ARRAY_LEN(rows), cases[i].method, cases[i].path);
        bool ok = m.outcome == cases[i].outcome;
        if (ok && m.outcome == ROUTER_FOUND)
            ok = m.row == cases[i].row &&
                 (cases[i].arg ? m.arg_len == strlen(cases[i].arg) &&
                                     memcmp(m.arg, cases[i].arg, m.arg_len) == 0
                               : !m.arg);
        if (ok && m.outcome == ROUTER_WRONG_METHOD)
            ok = strcmp(m.allow, cases[i].allow) == 0;
        if (!ok)
            fail_msg("case %zu: %s (allow %s)", i, cases[i].path, m.allow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(finds_rows) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
