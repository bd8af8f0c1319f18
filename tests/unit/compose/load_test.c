#include "fixture.h"

#include "base/fs.h"
#include "compose/keys.h"

#define WEB "services: {web: {image: x}}\n"

static const struct {
    const char *text, *json;
} taken[] = {
    { "version: '3.8'\nname: x\nx-any: [\"${BAD\", {a: b}]\n" WEB, "\"web\":{\"image\":\"x\"" },
    { "x-base: &b {image: x, tty: true}\nservices:\n  web: {<<: *b, tty: false, init: true}\n",
      "\"web\":{\"image\":\"x\",\"networks\":{\"default\":{}},\"init\":true}" },
    { "services:\n  web: {image: x, depends_on: [db]}\n  db: {image: y}\n",
      "{\"services\":{\"db\":{\"image\":\"y\",\"networks\":{\"default\":{}}},\"web\":{" },
    { "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}, c: "
      "{condition: service_completed_successfully, required: false, restart: true}}}\n"
      "  b: {image: y}\n  c: {image: z, depends_on: {b: }}\n",
      "\"depends_on\":{\"b\":{\"condition\":\"service_healthy\",\"required\":true},\"c\":"
      "{\"condition\":\"service_completed_successfully\",\"required\":false,\"restart\":true}}" },
    { "services:\n  a: {image: x}\n  b: {image: y, profiles: [debug], privileged: true}\n",
      "{\"services\":{\"a\":{\"image\":\"x\",\"networks\":{\"default\":{}}}}" },
    { "services:\n  a: {image: x, depends_on: {b: {required: false}}}\n"
      "  b: {image: y, profiles: [debug]}\n",
      "\"a\":{\"image\":\"x\",\"networks\":{\"default\":{}}}" },
    { WEB "networks: {default: {internal: true, name: host, ipam: {config: []}}}\n",
      "\"networks\":{\"default\":{\"internal\":true}},\"volumes\":{}}" },
    { WEB "networks: {default: {driver: bridge}, unused: }\nvolumes: {unused: {driver: local}}\n",
      "\"networks\":{\"default\":{}},\"volumes\":{}}" },
};

static void takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        expect_json(taken[i].text, taken[i].json);
}

static const struct {
    const char *text, *code, *field;
} refused[] = {
    { WEB "servces: {}\n", "unknown-key", "servces" },
    { WEB "include: [other.yaml]\n", "file-missing", "include[0]" },
    { WEB "secrets: {a: {external: true}}\n", "key-refused", "secrets.a.external" },
    { WEB "configs: {a: {file: x, content: y}}\n", "conflict", "configs.a" },
    { WEB "configs: {a: {}}\n", "missing-key", "configs.a" },
    { WEB "configs: [a]\n", "wrong-type", "configs" },
    { WEB "models: {a: {model: b}}\n", "key-refused", "models" },
    { WEB "networks: {a: {external: true}}\n", "key-refused", "networks.a.external" },
    { WEB "networks: {a: {external: {name: b}}}\n", "key-refused", "networks.a.external" },
    { WEB "networks: {a: {external: '${X:-true}'}}\n", "key-refused", "networks.a.external" },
    { WEB "networks: {a: {driver: macvlan, driver_opts: {parent: eth0}}}\n", "network-driver",
      "networks.a.driver" },
    { WEB "networks: {a: {driver: '${D:-host}'}}\n", "network-driver", "networks.a.driver" },
    { WEB "networks: [a]\n", "wrong-type", "networks" },
    { WEB "networks: {'a b': }\n", "bad-name", "networks.a b" },
    { WEB "volumes: {a: {external: true}}\n", "key-refused", "volumes.a.external" },
    { WEB "volumes: {a: {driver: nfs}}\n", "volume-driver", "volumes.a.driver" },
    { WEB "volumes: {a: {driver_opts: {type: none, o: bind, device: /}}}\n", "key-refused",
      "volumes.a.driver_opts" },
    { WEB "volumes: [a]\n", "wrong-type", "volumes" },
    { "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n"
      "  c: {image: x, depends_on: [b]}\n",
      "depends-cycle", "services.b" },
    { "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n"
      "  b: {image: x, healthcheck: {disable: true}}\n",
      "depends-unhealthy", "services.a.depends_on.b" },
    { "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, profiles: [p]}\n",
      "depends-undefined", "services.a.depends_on[0]" },
    { "services: {'a b': {image: x}}\n", "bad-name", "services.a b" },
    { "services: {a: }\n", "wrong-type", "services.a" },
    { "services: {a: {tty: true}}\n", "no-image", "services.a" },
    { "services: {a: {image: }}\n", "no-image", "services.a" },
    { "services: {a: {image: $NOPE, build: }}\n", "bad-value", "services.a.image" },
    { "services: {a: {image: ''}}\n", "bad-value", "services.a.image" },
    { "services: {a: {build: {context: ''}}}\n", "path-outside", "services.a.build.context" },
    { "services: {}\n", "no-services", "services" },
    { "services: [a]\n", "wrong-type", "services" },
    { "services: {a: {image: x, profiles: [p]}}\n", "no-services", "services" },
    { "version: '3'\n", "no-services", NULL },
    { "- a\n", "wrong-type", NULL },
    { "services:\n  a: {image: 'x y'}\n", "bad-value", "services.a.image" },
    { "services:\n  a: {image: '${FLAG}'}\n", "variable-not-allowed", "services.a.image" },
    { "a: b: c\n", "syntax", NULL },
    { "services: {a: {image: x, image: y}}\n", "syntax", NULL },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        expect_refused(refused[i].text, refused[i].code, refused[i].field);
}

static void diagnostics_point(void **state)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    const Diag *d;

    (void)state;
    CHECK_INT(load_text("services:\n  web:\n    image: x\n    prots:\n      - 80\n"
                        "    ports:\n      - \"80:x\"\n",
                        &plan, &diags),
              COMPOSE_REFUSED);
    CHECK(plan == NULL);
    d = find_diag(&diags, DIAG_ERROR, "unknown-key");
    CHECK_INT(d->line, 4);
    CHECK_INT(d->column, 5);
    CHECK_STR(d->hint, "did you mean 'ports'?");
    d = find_diag(&diags, DIAG_ERROR, "bad-port");
    CHECK_INT(d->line, 7);
    CHECK_INT(d->column, 9);
    CHECK_STR(d->field, "services.web.ports[0]");
    CHECK(d->hint != NULL);
}

static void profiles_are_noted(void **state)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;

    (void)state;
    CHECK_INT(load_text("services: {a: {image: x}, b: {image: y, profiles: [p]}}", &plan, &diags),
              0);
    CHECK(find_diag(&diags, DIAG_NOTE, "profile") != NULL);
}

/* A network's own name would let it join one that exists; it never reaches the plan. */
static void names_of_networks_are_dropped(void **state)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf json = { 0 };

    (void)state;
    CHECK_INT(load_text("services: {a: {image: x}}\nnetworks: {default: {name: victim}}\n", &plan,
                        &diags),
              0);
    CHECK(find_diag(&diags, DIAG_WARNING, "key-ignored") != NULL);
    plan_write_json(plan, &json);
    CHECK(strstr(strbuf_str(&json), "victim") == NULL);
}

static void services_are_bounded(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < COMPOSE_SERVICES_MAX; i++)
        strbuf_addf(&b, "  s%d: {image: x%s}\n", i, i ? ", depends_on: [s0]" : "");
    expect_json(strbuf_str(&b), "\"s31\":{");
    strbuf_adds(&b, "  more: {image: x}\n");
    expect_refused(strbuf_str(&b), "too-many", "services.more");
}

static void variables_cannot_explode(void **state)
{
    AUTO_STRBUF StrBuf env = { 0 }, b = { 0 };

    (void)state;
    strbuf_adds(&env, "BIG=");
    for (int i = 0; i < 60000; i++)
        strbuf_addc(&env, 'x');
    put_file(".env", strbuf_str(&env));
    strbuf_adds(&b, "services: {a: {image: x, environment: [");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, "A%d=$BIG, ", i);
    strbuf_adds(&b, "]}}\n");
    expect_refused(strbuf_str(&b), "too-large", NULL);
    expect_refused("services: {a: {image: x, environment: [A=$BIG$BIG]}}", "bad-variable",
                   "services.a.environment[0]");
    put_file(".env", "A='x\n");
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    CHECK_INT(load_text(WEB, &plan, &diags), COMPOSE_REFUSED);
    CHECK_STR(diags.items[0].file, ".env");
    CHECK_INT(unlinkat(folder_fd, ".env", 0), 0);
}

static void files_are_read_carefully(void **state)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    ComposeOptions options = { .dir_fd = folder_fd, .file = "compose.yaml" };
    Error err = { 0 };

    (void)state;
    CHECK_INT(compose_load(&options, &plan, &diags, &err), COMPOSE_REFUSED);
    CHECK_INT(symlinkat("Dockerfile", folder_fd, "compose.yaml"), 0);
    CHECK_INT(compose_load(&options, &plan, &diags, &err), COMPOSE_REFUSED);
    CHECK_INT(diags.n_errors, 2);
    CHECK_INT(unlinkat(folder_fd, "compose.yaml", 0), 0);
    put_file("compose.yaml", WEB);
    CHECK_INT(compose_load(&options, &plan, &diags, &err), 0);
    CHECK_INT(unlinkat(folder_fd, "compose.yaml", 0), 0);
    CHECK_STR(plan->services[0].name, "web");
    CHECK_INT(plan->services[0].line, 1);
}

static void docs_are_current(void **state)
{
    AUTO_STRBUF StrBuf now = { 0 };
    AUTO_FREE char *text = NULL;
    const char *root = getenv("SOURCE_ROOT");
    AUTO_FREE char *path = xasprintf("%s/docs/compose.md", root ? root : ".");
    size_t len;
    Error err = { 0 };

    (void)state;
    compose_print_keys(&now);
    if (fs_read_file(path, 1 << 20, &text, &len, &err) < 0)
        fail_msg("%s", err.detail);
    if (strcmp(text, strbuf_str(&now)) != 0)
        fail_msg("docs/compose.md is stale: run `whaley compose keys > docs/compose.md`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(diagnostics_point),
        cmocka_unit_test(profiles_are_noted),
        cmocka_unit_test(names_of_networks_are_dropped),
        cmocka_unit_test(services_are_bounded),
        cmocka_unit_test(variables_cannot_explode),
        cmocka_unit_test(files_are_read_carefully),
        cmocka_unit_test(docs_are_current),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
