#include "base/macros.h"
#include "http/head_check.h"

#include "test.h"

#include <string.h>

enum { ROW_FIELDS = 4 };

static const struct {
    const char *method, *target, *version;
    const char *fields[ROW_FIELDS][2];
    int status;
    int64_t length;
    bool chunked;
} rows[] = {
    { "GET", "/", "HTTP/1.1", { { "Host", "a" } }, 0, -1, false },
    { "GET", "/", "HTTP/1.1", { { "hOST", "a:80" } }, 0, -1, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "[::1]:80" } }, 0, -1, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a " } }, 0, -1, false },
    { "GET", "/", "HTTP/1.0", { { NULL } }, 0, -1, false },
    { "GET", "/", "HTTP/1.1", { { NULL } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a@b" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a" }, { "Host", "a" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.0", { { "Host", "a" }, { "Host", "b" } }, 400, 0, false },
    { "GET", "/", "HTTP/0.9", { { "Host", "a" } }, 505, 0, false },
    { "GET", "/", "HTTP/3.0", { { "Host", "a" } }, 505, 0, false },
    { "", "/", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "G T", "/", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "G(T", "/", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "GET", "", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "GET", "/\177", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "GET", "/?%0", "HTTP/1.1", { { "Host", "a" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a" }, { "X(", "b" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a" }, { "", "b" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a" }, { "X", "\033" } }, 400, 0, false },
    { "GET", "/", "HTTP/1.1", { { "Host", "a" }, { "X", "a\tb" } }, 0, -1, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", "0" } }, 0, 0, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "content-length", "007" } }, 0, 7, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", "" } }, 400, 0, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", " 1" } }, 400, 0, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", "1 " } }, 400, 0, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", "+1" } }, 400, 0, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Content-Length", "1,1" } }, 400, 0, false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Content-Length", "9223372036854775807" } },
      0,
      INT64_MAX,
      false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Content-Length", "9223372036854775808" } },
      413,
      0,
      false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Content-Length", "1" }, { "Content-Length", "1" } },
      400,
      0,
      false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Transfer-Encoding", "chunked" } },
      0,
      -1,
      true },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Transfer-Encoding", "chunked " } },
      501,
      0,
      false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Transfer-Encoding", "" } }, 501, 0, false },
    { "PUT", "/", "HTTP/1.0", { { "Transfer-Encoding", "chunked" } }, 400, 0, false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Transfer-Encoding", "chunked" }, { "Content-Length", "0" } },
      400,
      0,
      false },
    { "PUT",
      "/",
      "HTTP/1.1",
      { { "Host", "a" }, { "Transfer-Encoding", "chunked" }, { "Transfer-Encoding", "chunked" } },
      400,
      0,
      false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Expect", "100-Continue" } }, 0, -1, false },
    { "PUT", "/", "HTTP/1.1", { { "Host", "a" }, { "Expect", "200-ok" } }, 417, 0, false },
};

static size_t fields_of(size_t row, HeadField ret[ROW_FIELDS])
{
    size_t n = 0;

    for (; n < ROW_FIELDS && rows[row].fields[n][0]; n++)
        ret[n] = (HeadField){ .name = rows[row].fields[n][0],
                              .value = rows[row].fields[n][1],
                              .name_len = strlen(rows[row].fields[n][0]),
                              .value_len = strlen(rows[row].fields[n][1]) };
    return n;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        HeadField fields[ROW_FIELDS];
        Head head = { rows[i].method, rows[i].target, rows[i].version, fields, 0 };
        HeadFacts facts;
        bool fine;

        head.n_fields = fields_of(i, fields);
        fine = head_check(&head, &facts);
        if (facts.status != rows[i].status)
            fail_msg("row %zu: wanted %d, got %d (%s)", i, rows[i].status, facts.status,
                     facts.message ? facts.message : "fine");
        CHECK_INT(fine, rows[i].status == 0);
        if (!fine)
            continue;
        CHECK(facts.content_length == rows[i].length);
        CHECK_INT(facts.chunked, rows[i].chunked);
        CHECK_INT(facts.has_body, rows[i].chunked || rows[i].length > 0);
    }
}

static void test_limits(void **state)
{
    HeadField fields[HEAD_FIELDS_MAX + 1];
    Head head = { "GET", "/", "HTTP/1.1", fields, HEAD_FIELDS_MAX };
    char method[HEAD_METHOD_MAX + 2];
    HeadFacts facts;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = (HeadField){ i ? "X" : "Host", "a", i ? 1 : 4, 1 };
    CHECK(head_check(&head, &facts));
    head.n_fields++;
    CHECK(!head_check(&head, &facts));
    CHECK_INT(facts.status, 431);
    head.n_fields = 1;
    memset(method, 'M', sizeof method);
    method[HEAD_METHOD_MAX] = '\0';
    head.method = method;
    CHECK(head_check(&head, &facts));
    method[HEAD_METHOD_MAX] = 'M';
    method[HEAD_METHOD_MAX + 1] = '\0';
    CHECK(!head_check(&head, &facts));
    CHECK_INT(facts.status, 501);
}

static void test_method(void **state)
{
    (void)state;
    CHECK_INT(head_method("GET"), HTTP_GET);
    CHECK_INT(head_method("OPTIONS"), HTTP_OPTIONS);
    CHECK_INT(head_method("DELETE"), HTTP_DELETE);
    CHECK_INT(head_method("get"), HTTP_OTHER);
    CHECK_INT(head_method(""), HTTP_OTHER);
}

/* Heads as the library leaves them: '.' stands for the NULs it put there. */
static const struct {
    const char *memory;
    const char *fields[3][2];
    bool framed;
} frames[] = {
    { "HTTP/1.1..Host. a....", { { "Host", "a" } }, true },
    { "HTTP/1.1..Host.a..X.\t b ....", { { "Host", "a" }, { "X", "b " } }, true },
    { "HTTP/1.1..X.....", { { "X", "" } }, true },
    { "HTTP/1.1....", { { NULL } }, true },
    { "HTTP/1.1.Host.a....", { { "Host", "a" } }, false },
    { "HTTP/1.1..Host.a...", { { "Host", "a" } }, false },
    { "HTTP/1.1..Host.a.X.b....", { { "Host", "a" }, { "X", "b" } }, false },
    { "HTTP/1.1..Host.a.c....", { { "Host", "a" } }, false },
    { "HTTP/1.1..Host.a..c....", { { "Host", "a" } }, false },
    { "HTTP/1.1..Host.a......", { { "Host", "a" } }, false },
    { "HTTP/1.1..Host.a..", { { "Host", "a" } }, false },
};

static void test_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        char memory[64];
        size_t len = strlen(frames[i].memory), n = 0;
        HeadField fields[3];
        const char *from = memory + 8;

        memcpy(memory, frames[i].memory, len + 1);
        for (char *c = memory + 8; c < memory + len; c++)
            if (*c == '.')
                *c = '\0';
        for (; n < 3 && frames[i].fields[n][0]; n++) {
            const char *name = frames[i].fields[n][0], *value = frames[i].fields[n][1];

            from = memmem(from, (size_t)(memory + len - from), name, strlen(name));
            fields[n].name = from;
            fields[n].name_len = strlen(name);
            from += strlen(name) + 1;
            from += strspn(from, " \t");
            CHECK(strncmp(from, value, strlen(value)) == 0);
            fields[n].value = from;
            fields[n].value_len = strlen(value);
        }
        if (head_is_framed(memory, fields, n, memory + len) != frames[i].framed)
            fail_msg("%s", frames[i].memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_method),
        cmocka_unit_test(test_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
