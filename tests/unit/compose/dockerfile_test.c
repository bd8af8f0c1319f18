#include "fixture.h"

#include "compose/dockerfile.h"

enum { NONE = -1 };

static const struct {
    const char *text;
    int problem, line;
} rows[] = {
    { "FROM scratch\nCOPY . /\n", NONE, 0 },
    { "FROM scratch\nADD . /\nADD a.tar.gz b /x/\n", NONE, 0 },
    { "ADD --chown=$U:$U app.tar $HOME/\n", NONE, 0 },
    { "ADD vendor/github.com/x /go/\n", NONE, 0 },
    { "RUN curl http://example.org/\n", NONE, 0 },
    { "# ADD http://x /\nFROM scratch\n", NONE, 0 },
    { "ADD [\"a b\", \"/x/\"]\n", NONE, 0 },
    { "ADD <<\"EOF\" /x\ntext\nEOF\n", NONE, 0 },
    { "# syntax=docker/dockerfile:1\nFROM scratch\n", NONE, 0 },
    { "#syntax = docker.io/docker/dockerfile:1.7-labs \r\nFROM scratch\r\n", NONE, 0 },
    { "FROM scratch\n# syntax=mine\n", NONE, 0 },
    { "RUN --mount=type=cache,target=/c make\n", NONE, 0 },
    { "RUN echo --mount=type=secret\n", NONE, 0 },
    { "", NONE, 0 },

    { "FROM scratch\nADD http://169.254.169.254/x /\n", DOCKERFILE_REMOTE_ADD, 2 },
    { "add\thttps://x/ /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "  Add http://x /\r\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "\xef\xbb\xbf"
      "ADD http://x /\n",
      DOCKERFILE_REMOTE_ADD, 1 },
    { "FROM x\n\xc2\xa0"
      "ADD http://x /\n",
      DOCKERFILE_REMOTE_ADD, 2 },
    { "ADD \xc2\xa0github.com/x/y /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD git@host:repo /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD user@127.0.0.1:repo /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD github.com/x/y#main /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD a http://x b /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD --checksum=sha256:0 --link http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD [\"http://x\", \"/\"]\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD [ \"http:\"//x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD [ g\"ithub.com/x\" /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ONBUILD ADD http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ONBUILD onbuild ADD http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD \\\n  http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD \\  \r\n# why\r\n\r\n  http://x \\\r\n /\r\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD a \\\n  # why\n http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD ht\\\ntp://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "AD\\\nD http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "# escape=`\nADD `\n http://x /\n", DOCKERFILE_REMOTE_ADD, 2 },
    { "ADD a `\n http://x /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "RUN a \\\\\nADD http://x /\n", DOCKERFILE_REMOTE_ADD, 2 },
    { "RUN <<'E\\'\nE\\\nADD http://x /\n", DOCKERFILE_REMOTE_ADD, 3 },
    { "ADD http://x \\\nadd /\n", DOCKERFILE_REMOTE_ADD, 1 },
    { "ADD http://x /", DOCKERFILE_REMOTE_ADD, 1 },

    { "ADD $SRC /\n", DOCKERFILE_UNCLEAR_ADD, 1 },
    { "ADD ${A}tp${B} /\n", DOCKERFILE_UNCLEAR_ADD, 1 },
    { "ADD ht'tp:'//x /\n", DOCKERFILE_UNCLEAR_ADD, 1 },
    { "ADD http:\\/\\/x /\n", DOCKERFILE_UNCLEAR_ADD, 1 },
    { "ADD [\"$X\", \"/\"]\n", DOCKERFILE_UNCLEAR_ADD, 1 },
    { "ADD [\"http:\\u002f/x\", \"/\"]\n", DOCKERFILE_UNCLEAR_ADD, 1 },

    { "# syntax=evil/frontend\nFROM x\n", DOCKERFILE_FRONTEND, 1 },
    { "\n# check=skip=all\n#SYNTAX=127.0.0.1:5000/x\n", DOCKERFILE_FRONTEND, 3 },
    { "#!/usr/bin/env x\n//syntax=evil\n", DOCKERFILE_FRONTEND, 2 },
    { "{\"syntax\": \"evil\"}\n", DOCKERFILE_FRONTEND, 1 },
    { "# syntax=docker/dockerfile:2\n", DOCKERFILE_FRONTEND, 1 },
    { "# syntax=docker/dockerfile:1 evil\n", DOCKERFILE_FRONTEND, 1 },
    { "# syntax=docker/dockerfile-upstream:1\n", DOCKERFILE_FRONTEND, 1 },

    { "FROM x\nRUN --mount=type=secret,id=a cat\n", DOCKERFILE_SECRET_MOUNT, 2 },
    { "RUN --mount=type=cache,target=/c \\\n  --mount=id=a,type=ssh git\n", DOCKERFILE_SSH_MOUNT,
      1 },
    { "run --mount=\"type=se\\\ncret\" x\n", DOCKERFILE_SECRET_MOUNT, 1 },
    { "RUN --network=host x\n", DOCKERFILE_PRIVILEGE, 1 },
    { "RUN --security=insecure x\n", DOCKERFILE_PRIVILEGE, 1 },
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        DockerfileFinding found[DOCKERFILE_FINDINGS_MAX];
        size_t n = dockerfile_check(rows[i].text, strlen(rows[i].text), found);

        if (rows[i].problem == NONE ? n != 0
                                    : n == 0 || (int)found[0].problem != rows[i].problem ||
                                          found[0].line != rows[i].line)
            fail_msg("%s\ngives %zu findings; the first: %d in line %d: %s", rows[i].text, n,
                     n ? (int)found[0].problem : NONE, n ? found[0].line : 0,
                     n ? found[0].text : "");
    }
}

static void test_nul_hides_nothing(void **state)
{
    static const char text[] = "FROM x\0\nADD http://x /\n";
    DockerfileFinding found[DOCKERFILE_FINDINGS_MAX];

    (void)state;
    CHECK_INT(dockerfile_check(text, sizeof text - 1, found), 1);
    CHECK_INT(found[0].line, 2);
}

static void test_findings_are_bounded(void **state)
{
    AUTO_STRBUF StrBuf text = { 0 };
    DockerfileFinding found[DOCKERFILE_FINDINGS_MAX];

    (void)state;
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&text, "ADD http://x http://y /\n");
    CHECK_INT(dockerfile_check(strbuf_str(&text), text.len, found), DOCKERFILE_FINDINGS_MAX);
}

static void test_a_file_is_named_with_its_line(void **state)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    const Diag *d;

    (void)state;
    put_file("src/Dockerfile", "FROM scratch\n\nADD http://127.0.0.1:1/ /\n");
    CHECK_INT(load_text("services: {web: {build: src}}", &plan, &diags), COMPOSE_REFUSED);
    put_file("src/Dockerfile", "FROM scratch\n");
    d = find_diag(&diags, DIAG_ERROR, "dockerfile-remote-add");
    CHECK(d != NULL);
    CHECK_STR(d->file, "src/Dockerfile");
    CHECK_INT(d->line, 3);
    CHECK_STR(d->field, "services.web.build");
    CHECK(strstr(d->hint, "COPY") != NULL);
}

static void test_inline_and_arguments(void **state)
{
    (void)state;
    expect_refused("services: {web: {build: {dockerfile_inline: \"FROM x\\nADD http://x /\"}}}",
                   "dockerfile-remote-add", "services.web.build.dockerfile_inline");
    expect_refused("services: {web: {build: {args: {BUILDKIT_SYNTAX: evil}}}}",
                   "dockerfile-frontend", "services.web.build.args.BUILDKIT_SYNTAX");
    expect_json("services: {web: {build: {args: {BUILDKIT_SYNTAX: 'docker/dockerfile:1'}}}}",
                "BUILDKIT_SYNTAX");
}

static void test_the_operator_may_allow_it(void **state)
{
    static const char text[] =
        "services: {web: {build: {dockerfile_inline: \"FROM x\\nADD http://x /\"}}}";
    static const char session[] =
        "services: {web: {build: {dockerfile_inline: \"RUN --mount=type=ssh x\"}}}";
    const ComposeOptions options = { .dir_fd = folder_fd,
                                     .file = "compose.yaml",
                                     .remote_add = true };
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    Error err = { 0 };

    (void)state;
    CHECK_INT(compose_load_text(&options, text, strlen(text), &plan, &diags, &err), 0);
    plan_free(TAKE(plan));
    CHECK_INT(compose_load_text(&options, session, strlen(session), &plan, &diags, &err),
              COMPOSE_REFUSED);
    CHECK(find_diag(&diags, DIAG_ERROR, "dockerfile-session") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_nul_hides_nothing),
        cmocka_unit_test(test_findings_are_bounded),
        cmocka_unit_test(test_a_file_is_named_with_its_line),
        cmocka_unit_test(test_inline_and_arguments),
        cmocka_unit_test(test_the_operator_may_allow_it),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
