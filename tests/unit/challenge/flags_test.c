/* Placeholders, COPY sources, and what the review says of whole folders. */
#include "test.h"
#include "folder.h"

#include "base/str.h"
#include "base/strbuf.h"
#include "challenge/challenge.h"
#include "challenge/copy_sources.h"

static void test_find(void **state)
{
    static const struct {
        const char *text;
        int line, column; /* 0: none */
    } cases[] = {
        { "FLAG{x}", 1, 1 },
        { "a\nb = 'FLAG{some thing}'\n", 2, 6 },
        { "MYFLAG{x} FLAG{y}", 1, 11 },
        { "_FLAG{x}", 0, 0 },
        { "struct flag{x}", 0, 0 },
        { "FLAG {x}", 0, 0 },
        { "FLAG{}", 0, 0 },
        { "FLAG{a\n}", 0, 0 },
        { "FLAG{{x}}", 0, 0 },
        { "FLAG{a{b}} FLAG{c}", 1, 12 },
        { "FLAG{", 0, 0 },
        { "FLAG", 0, 0 },
        { "", 0, 0 },
        { "FLAGFLAG{x}", 0, 0 },
        { "\xff"
          "FLAG{x}",
          1, 2 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        FlagAt at = { 0 };
        bool found = flag_find(cases[i].text, strlen(cases[i].text), "FLAG", &at);
        if (found != (cases[i].line > 0) || at.line != cases[i].line ||
            at.column != cases[i].column)
            fail_msg("%s: %d:%d", cases[i].text, at.line, at.column);
    }
}

static void test_find_limit(void **state)
{
    char text[FLAG_PLACEHOLDER_MAX + 16];
    FlagAt at;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "CTF{", 4);
    text[4 + FLAG_PLACEHOLDER_MAX] = '}';
    CHECK(flag_find(text, sizeof text, "CTF", &at));
    text[4 + FLAG_PLACEHOLDER_MAX] = 'x';
    text[5 + FLAG_PLACEHOLDER_MAX] = '}';
    CHECK(!flag_find(text, sizeof text, "CTF", &at));
    CHECK(!flag_find(text, sizeof text, "", &at));
}

static void test_template(void **state)
{
    (void)state;
    CHECK(flag_in_template("a\x01"
                           "FLAG\x02"));
    CHECK(flag_in_template("\x01X\x02\x01"
                           "DYNAMIC_FLAG:-x\x02"));
    CHECK(!flag_in_template("\x01"
                            "FLAGS\x02"));
    CHECK(!flag_in_template("FLAG"));
    CHECK(!flag_in_template(NULL));
}

/* --- COPY sources --------------------------------------------------------------------------- */

static void test_sources(void **state)
{
    static const struct {
        const char *text, *sources; /* "INSTRUCTION path:line " ... */
    } cases[] = {
        { "FROM x\nCOPY a b /to/\n", "COPY a:2 COPY b:2 " },
        { "copy --chown=1:1 --chmod=755 ./a/ /to", "COPY a:1 " },
        { "COPY --from=x a /to\nADD /c /", "ADD c:2 " },
        { "COPY [\"a b\", \"/to\"]", "COPY a b:1 " },
        { "COPY [\"a b\", ", "" },
        { "COPY a \\\n# note\n\n  b /to\nCOPY c /", "COPY a:1 COPY b:1 COPY c:5 " },
        { "# escape=`\nCOPY a `\n b /", "COPY a:2 COPY b:2 " },
        { "COPY <<EOF /x\nCOPY no /\nEOF\nCOPY c /", "COPY c:4 " },
        { "RUN <<-'A' cat\nCOPY no /\nA\nCOPY c /", "COPY c:4 " },
        { "RUN <<A\nCOPY no /", "" },
        { "COPY $A *.c ../x \"q\" . ./ / /to", "" },
        { "ADD https://example.org/x git@h:r /", "" },
        { "COPY /only", "" },
        { "COPYING a /\nONBUILD COPY a /", "" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        AUTO_STRBUF StrBuf out = { 0 };
        CopySources sources = { 0 };
        copy_sources_read(arena, cases[i].text, strlen(cases[i].text), &sources);
        for (size_t k = 0; k < sources.n; k++)
            strbuf_addf(&out, "%s %s:%d ", sources.items[k].instruction, sources.items[k].path,
                        sources.items[k].line);
        CHECK_STR(strbuf_str(&out), cases[i].sources);
    }
}

/* --- the review ----------------------------------------------------------------------------- */

static Challenge *load(const char *folder)
{
    const ChallengeRules rules = {
        .flag_prefix = "CTF", .max_memory = 64 << 20, .max_nano_cpus = 500000000, .max_pids = 64
    };
    Challenge *challenge = NULL;
    Error err = { 0 };

    if (challenge_load(folder, "demo", &rules, &challenge, &err) < 0)
        fail_msg("%s", err.detail);
    return challenge;
}

static const Diag *find_diag(const Challenge *challenge, const char *code)
{
    for (size_t i = 0; i < challenge->diags.n; i++)
        if (str_eq(challenge->diags.items[i].code, code))
            return &challenge->diags.items[i];
    return NULL;
}

#define BUILT "services:\n  web:\n    build: app\n    ports: [\"80\"]\n"
#define TAKES BUILT "    environment: { SECRET: \"${FLAG:-}\" }\n"
#define MOUNTS                                                                                     \
    "services:\n  web:\n    image: x\n    ports: [\"80\"]\n    volumes: [\"./app:/app\"]\n"

static void test_delivery(void **state)
{
    static const struct {
        const char *toml, *compose, *file, *text;
        FlagDelivery used;
        const char *code; /* or NULL: nothing is said of flags */
    } cases[] = {
        { "", TAKES, "app/x", "none", FLAG_ENV, "flag-env" },
        { "", TAKES, "app/x", "CTF{x}", FLAG_ENV, "flag-env" },
        { "", BUILT, "app/x", "\n CTF{x}", FLAG_COPY, "flag-placeholder" },
        { "", MOUNTS, "app/a/b", "\n CTF{x}", FLAG_COPY, "flag-placeholder" },
        { "", BUILT, "appendix/x", "CTF{x}", FLAG_NONE, "flag-none" },
        { "", BUILT, "app/x", "FLAG{x}", FLAG_NONE, "flag-none" },
        { "disable_dynamic_flags = true", BUILT, "app/x", "CTF{x}", FLAG_NONE, NULL },
        { "flag_delivery = 'build'", TAKES, "app/x", "CTF{x}", FLAG_BUILD, "flag-placeholder" },
        { "flag_delivery = 'env'", BUILT, "app/x", "CTF{x}", FLAG_ENV, "flag-delivery" },
        { "flag_delivery = 'copy'", TAKES, "app/x", "", FLAG_COPY, "flag-delivery" },
        { "flag_delivery = 'none'", TAKES, "app/x", "", FLAG_NONE, "bad-value" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_CHALLENGE Challenge *c = NULL;
        const Diag *diag;
        folder_write(folder, "instance.toml", cases[i].toml);
        folder_write(folder, "compose.yaml", cases[i].compose);
        folder_write(folder, "app/Dockerfile", "FROM x\n");
        folder_write(folder, cases[i].file, cases[i].text);
        c = load(folder);
        diag = cases[i].code ? find_diag(c, cases[i].code) : NULL;
        if (c->flag_used != cases[i].used || (cases[i].code && !diag) ||
            (!cases[i].code && c->diags.n > 0))
            fail_msg("case %zu: %s", i, flag_delivery_name(c->flag_used));
        if (diag && str_eq(diag->code, "flag-placeholder") && str_starts(cases[i].text, "\n")) {
            CHECK_STR(diag->file, cases[i].file);
            CHECK_INT(diag->line, 2);
            CHECK_INT(diag->column, 2);
        }
    }
}

static void test_copy_sources(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *link = xasprintf("%s/app/link", folder);
    AUTO_CHALLENGE Challenge *c = NULL;
    const Diag *diag;

    (void)state;
    folder_write(folder, "instance.toml", "disable_dynamic_flags = true");
    folder_write(folder, "compose.yaml", BUILT "  two: { build: app }\n");
    folder_write(folder, "app/there/x", "");
    folder_write(folder, "app/Dockerfile",
                 "FROM x\nCOPY there/x link link/etc/none /\nCOPY gone/x /\n");
    CHECK_INT(symlink("/", link), 0);
    c = load(folder);
    CHECK(!c->broken);
    CHECK_INT(c->diags.n_warnings, 1); /* once, though two services share it */
    diag = find_diag(c, "copy-source-missing");
    CHECK(diag != NULL);
    CHECK_STR(diag->file, "app/Dockerfile");
    CHECK_INT(diag->line, 3);
    CHECK(strstr(diag->message, "'gone/x'") != NULL);
}

static void test_images_and_limits(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_CHALLENGE Challenge *c = NULL;

    (void)state;
    folder_write(folder, "instance.toml", "");
    folder_write(folder, "compose.yaml",
                 MOUNTS "    mem_limit: 65m\n    cpus: 0.6\n    pids_limit: 65\n");
    folder_write(folder, "app/x", "");
    c = load(folder);
    CHECK(!c->broken);
    CHECK_INT(c->diags.n_warnings, 3);
    CHECK(find_diag(c, "capped") != NULL);
    CHECK(find_diag(c, "image-needed") != NULL);
    CHECK_INT(find_diag(c, "image-needed")->line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_limit),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_delivery),
        cmocka_unit_test(test_copy_sources),
        cmocka_unit_test(test_images_and_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
