/* Files nobody writes by accident: one clear refusal each, in bounded time; or taken, if harmless.
 */
#include "fixture.h"

#include "base/clock.h"

enum { LONGEST_MS = 3000 }; /* far above what they take; an unbounded one takes minutes */

static void load_hostile(const char *text, size_t len, const char *code)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    ComposeOptions options = { .dir_fd = folder_fd, .file = "compose.yaml" };
    Error err = { 0 };
    Millis start = clock_mono_ms();
    int status = compose_load_text(&options, text, len, &plan, &diags, &err);

    if (clock_mono_ms() - start > LONGEST_MS)
        fail_msg("%s took %lld ms", code ? code : "it", (long long)(clock_mono_ms() - start));
    if (!code && status == 0)
        return;
    if (code && status == COMPOSE_REFUSED && diags.n_errors == 1 &&
        strcmp(diag_first_error(&diags)->code, code) == 0)
        return;
    print_diags(&diags);
    fail_msg("want %s for %.60s", code ? code : "a plan", text);
}

#define SERVICE "services: {a: {image: x}}\n"

static const struct {
    const char *text;
    size_t len;
    const char *code; /* NULL: taken */
} texts[] = {
#define TEXT(text, code)                                                                           \
    {                                                                                              \
        text, sizeof(text) - 1, code                                                               \
    }
    TEXT("\xEF\xBB\xBF" SERVICE, NULL),
    TEXT("services:\r\n  a:\r\n    image: x\r\n", NULL),
    TEXT("services:\n  a:\n    image: x\n    command: \"a\\tb\"\n", NULL),
    TEXT("services:\n\ta:\n\t\timage: x\n", "syntax"),
    TEXT("services: {a: {image: \"x\xFF\"}}\n", "syntax"),
    TEXT("services: {a: {image: \xC0\x80}}\n", "syntax"),
    TEXT("services: {a: {image: x\0y}}\n", "syntax"),
    TEXT("services: {a: {image: x, command: \"\\0\"}}\n", "syntax"),
    TEXT("services: {a: {image: x, command: \"\\x01FLAG\\x02\"}}\n", "bad-variable"),
    TEXT("services: {a: {image: x, command: \"\\x07\"}}\n", NULL),
    TEXT("services: {a: {image: x, command: '${'}}\n", "bad-variable"),
    TEXT("services: {a: {image: x, command: '${A'}}\n", "bad-variable"),
    TEXT("services: {a: {image: x, command: '${A:-${B'}}\n", "bad-variable"),
    TEXT("services: {a: {image: x, command: '${A!b}'}}\n", "bad-variable"),
    TEXT("services: {a: {image: x, image: y}}\n", "syntax"),
    TEXT("services: {a: {image: x}}\n---\nservices: {}\n", "syntax"),
    TEXT("a: &a [*a]\n", "syntax"),
    TEXT("", "empty"),
    TEXT("---\n", "empty"),
    TEXT("\0\0\0\0", "syntax"),
#undef TEXT
};

static void odd_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        load_hostile(texts[i].text, texts[i].len, texts[i].code);
}

static void expect_built(StrBuf *b, const char *code)
{
    load_hostile(strbuf_str(b), b->len, code);
    strbuf_clear(b);
}

static void huge_files(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    strbuf_adds(&b, SERVICE "x-pad: \"");
    while (b.len < 10 << 20)
        strbuf_adds(&b, "padding padding padding ");
    strbuf_adds(&b, "\"\n");
    expect_built(&b, "syntax");
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 100000; i++)
        strbuf_addf(&b, " s%d: {image: x}\n", i);
    expect_built(&b, "syntax");
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 4000; i++)
        strbuf_addf(&b, " s%d: {extends: s%d}\n", i, i + 1);
    expect_built(&b, "too-many");
    for (int i = 0; i < 500; i++)
        strbuf_addc(&b, '[');
    expect_built(&b, "syntax");
}

/* Nine aliases of nine aliases of ..., a hundred services each extending the next, and the like. */
static void bombs(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    strbuf_adds(&b, "x0: &x0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
    for (int i = 1; i < 12; i++) {
        strbuf_addf(&b, "x%d: &x%d [", i, i);
        for (int k = 0; k < 9; k++)
            strbuf_addf(&b, "*x%d,", i - 1);
        strbuf_adds(&b, "]\n");
    }
    expect_built(&b, "syntax");
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 30; i++)
        strbuf_addf(&b, " s%d: {extends: s%d}\n", i, (i + 1) % 30);
    strbuf_adds(&b, "x-end: 1\n");
    load_hostile(strbuf_str(&b), b.len, "extends-cycle");
    strbuf_clear(&b);
    strbuf_adds(&b, "services: {a: {image: x, command: '");
    for (int i = 0; i < 5000; i++)
        strbuf_adds(&b, "${A:-");
    strbuf_adds(&b, "'}}\n");
    expect_built(&b, "bad-variable");
    strbuf_adds(&b, "services: {a: {image: x, command: '");
    for (int i = 0; i < 20000; i++)
        strbuf_adds(&b, "$LOCAL ");
    strbuf_adds(&b, "'}}\n");
    expect_built(&b, "bad-variable");
}

/* Small files that name the same large thing again and again. */
static void repeats(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };
    AUTO_FREE char *large = xcalloc(200001, 1);

    (void)state;
    memset(large, 'x', 200000);
    memcpy(large, "A=", 2);
    put_file("large.env", large);
    strbuf_adds(&b, "services:\n a:\n  image: x\n  env_file: [");
    for (int i = 0; i < 9000; i++)
        strbuf_adds(&b, "large.env,");
    strbuf_adds(&b, "]\n");
    expect_built(&b, "too-many");
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 32; i++) {
        strbuf_addf(&b, " s%d:\n  image: x\n  configs: [", i);
        for (int k = 0; k < 60; k++)
            strbuf_addf(&b, "{source: c, target: /c%d},", k);
        strbuf_adds(&b, "]\n");
    }
    strbuf_addf(&b, "configs: {c: {content: \"%s\"}}\n", large);
    expect_built(&b, "too-large");
    unlinkat(folder_fd, "large.env", 0);
}

static void circles(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 32; i++)
        strbuf_addf(&b, " s%d: {image: x, depends_on: [s%d]}\n", i, (i + 1) % 32);
    expect_built(&b, "depends-cycle");
    strbuf_adds(&b, SERVICE "include: [compose.yaml]\n");
    expect_built(&b, "include-cycle");
    strbuf_adds(&b, "services:\n a: {image: x, network_mode: 'service:b'}\n"
                    " b: {image: x, pid: 'service:a'}\n");
    expect_built(&b, "depends-cycle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_bytes), cmocka_unit_test(huge_files), cmocka_unit_test(bombs),
        cmocka_unit_test(repeats),   cmocka_unit_test(circles),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
