/* Projects of several files: extends, include, profiles, tags. */
#include "test.h"

#include "../folder.h"
#include "base/strbuf.h"
#include "compose/load.h"
#include "compose/plan_json.h"

enum { FILES_MAX = 6 };

typedef struct Project {
    const char *files[FILES_MAX][2]; /* the first is the compose file, called compose.yaml */
    const char *profile;             /* an active one, or NULL */
    const char *want;                /* a part of the plan as JSON; or, when refused, the code */
    const char *file;                /* refused: where that is said */
    int line;
} Project;

static int load(const char *folder, const Project *p, Plan **ret, DiagList *diags)
{
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ComposeOptions options = { .dir_fd = fd,
                               .file = "compose.yaml",
                               .profiles = &p->profile,
                               .n_profiles = p->profile != NULL };
    Error err = { 0 };
    int status;

    for (size_t i = 0; i < FILES_MAX && p->files[i][0]; i++)
        folder_write(folder, p->files[i][0], p->files[i][1]);
    status = compose_load(&options, ret, diags, &err);
    if (status < 0)
        fail_msg("%s", err.detail);
    return status;
}

static void print_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *line = diag_format(&diags->items[i]);
        print_message("# %s\n", line);
    }
}

static void check_project(const Project *p)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf json = { 0 };
    int status = load(folder, p, &plan, &diags);
    const Diag *d = diag_first_error(&diags);

    if (!p->file) {
        if (plan)
            plan_write_json(plan, &json);
        if (plan && strstr(strbuf_str(&json), p->want))
            return;
        print_diags(&diags);
        fail_msg("%s\nis not in\n%s\nof\n%s", p->want, strbuf_str(&json), p->files[0][1]);
    }
    if (status == COMPOSE_REFUSED && strcmp(d->code, p->want) == 0 &&
        strcmp(d->file, p->file) == 0 && d->line == p->line && diags.n_errors == 1)
        return;
    print_diags(&diags);
    fail_msg("want one %s at %s:%d for\n%s", p->want, p->file, p->line, p->files[0][1]);
}

/* `text` with `part` for its %s; caller frees. */
static char *fill_in(const char *text, const char *part)
{
    const char *at = strstr(text, "%s");

    return at ? xasprintf("%.*s%s%s", (int)(at - text), text, part, at + 2) : xstrdup(text);
}

#define MAIN(text)                                                                                 \
    {                                                                                              \
        "compose.yaml", text                                                                       \
    }

static const Project extends[] = {
    { { MAIN("services:\n  a: {image: x, extends: b, environment: [A=2]}\n"
             "  b: {image: y, command: [one], environment: {A: 1, B: 1}}\n") },
      .want = "\"a\":{\"image\":\"x\",\"command\":[\"one\"],\"environment\":{\"A\":\"2\",\"B\":"
              "\"1\"}" },
    { { MAIN("services:\n  a:\n    extends: {file: base/common.yaml, service: web}\n"),
        { "base/common.yaml", "services:\n  web: {build: ./src, env_file: [v.env], "
                              "volumes: ['./data:/data']}\n" },
        { "base/src/Dockerfile", "FROM scratch\n" },
        { "base/v.env", "V=1\n" },
        { "base/data/x", "" } },
      .want = "\"a\":{\"build\":{\"context\":\"base/src\",\"dockerfile\":\"Dockerfile\"},"
              "\"environment\":{\"V\":\"1\"},\"networks\":{\"default\":{}},"
              "\"volumes\":[{\"type\":\"bind\",\"source\":\"./base/data\",\"target\":\"/data\"}]" },
    { { MAIN("services:\n  a: {extends: {file: sub/one.yaml, service: s}}\n"),
        { "sub/one.yaml",
          "services: {s: {extends: {file: ../two.yaml, service: t}, tty: true}}\n" },
        { "two.yaml", "services: {t: {image: two, init: true}}\n" } },
      .want =
          "\"a\":{\"image\":\"two\",\"networks\":{\"default\":{}},\"tty\":true,\"init\":true}" },
    /* lists, by what makes two items the same */
    { { MAIN("services:\n"
             "  a: {extends: b, ports: ['81:80', {target: 90}], volumes: ['v:/data'], "
             "cap_drop: [ALL], dns: 9.9.9.9}\n"
             "  b: {image: x, ports: ['81:80/tcp', '443'], volumes: ['w:/data/', '/cache'], "
             "cap_drop: [KILL, ALL], dns: 1.1.1.1, profiles: [never]}\n"
             "volumes: {v: , w: }\n") },
      .profile = "never",
      .want = "\"ports\":[{\"target\":80,\"protocol\":\"tcp\"},{\"target\":443,\"protocol\":"
              "\"tcp\"},{\"target\":90,\"protocol\":\"tcp\"}],\"networks\":{\"default\":{}},"
              "\"volumes\":[{\"type\":\"volume\",\"source\":\"v\",\"target\":\"/data\"},"
              "{\"type\":\"volume\",\"target\":\"/cache\"}],\"cap_drop\":[\"KILL\",\"ALL\"],"
              "\"dns\":[\"1.1.1.1\",\"9.9.9.9\"]}" },
    { { MAIN("services:\n"
             "  a: {extends: b, healthcheck: {test: [CMD, two], retries: 2}, depends_on: [d], "
             "networks: {default: {aliases: [n]}}}\n"
             "  b: {image: x, healthcheck: {test: one, interval: 10s}, depends_on: {c: }, "
             "networks: [default]}\n  c: {image: x}\n  d: {image: x}\n") },
      .want = "\"networks\":{\"default\":{\"aliases\":[\"n\"]}},\"depends_on\":{\"c\":{"
              "\"condition\":\"service_started\",\"required\":true},\"d\":{\"condition\":"
              "\"service_started\",\"required\":true}},\"healthcheck\":{\"test\":[\"CMD\",\"two\"],"
              "\"interval\":\"10s\",\"retries\":2}" },
    { { MAIN("services:\n  a: {extends: b, build: {args: [A=2]}}\n  b: {build: src}\n"),
        { "src/Dockerfile", "FROM scratch\n" } },
      .want = "\"a\":{\"build\":{\"context\":\"src\",\"dockerfile\":\"Dockerfile\",\"args\":"
              "{\"A\":\"2\"}}" },
    { { MAIN("services:\n  a: {extends: b, ulimits: {nofile: 10}}\n"
             "  b: {image: x, ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}}\n") },
      .want =
          "\"ulimits\":{\"nofile\":{\"soft\":10,\"hard\":10},\"nproc\":{\"soft\":5,\"hard\":5}}" },
    /* !reset and !override */
    { { MAIN("services:\n"
             "  a: {extends: b, ports: !override ['90'], environment: {A: !reset null}, "
             "command: !reset []}\n"
             "  b: {image: x, ports: ['80'], environment: {A: 1, B: 2}, command: run}\n") },
      .want = "\"a\":{\"image\":\"x\",\"environment\":{\"B\":\"2\"},\"ports\":[{\"target\":90,"
              "\"protocol\":\"tcp\"}]" },
    { { MAIN("services:\n  a: {extends: {file: b.yaml, service: b}}\n"),
        { "b.yaml", "services: {b: {image: x, privileged: '${P:-true}'}}\n" } },
      .want = "key-refused",
      .file = "b.yaml",
      .line = 1 },
    { { MAIN("services:\n  a: {image: x, extends: a}\n") },
      .want = "extends-cycle",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: b.yaml, service: b}}\n"),
        { "b.yaml", "services:\n\n  b: {extends: c}\n  c: {extends: b}\n" } },
      .want = "extends-cycle",
      .file = "b.yaml",
      .line = 4 },
    { { MAIN("services:\n  a: {image: x, extends: {file: b.yaml, service: b}}\n"),
        { "b.yaml", "services:\n  b: {extends: {file: compose.yaml, service: a}}\n" } },
      .want = "extends-cycle",
      .file = "b.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: ../b.yaml, service: b}}\n") },
      .want = "path-outside",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: /etc/passwd, service: b}}\n") },
      .want = "path-outside",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: b.yaml, service: b}}\n") },
      .want = "file-missing",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: b.yaml, service: b}}\n"),
        { "b.yaml", "services: {b: [}\n" } },
      .want = "syntax",
      .file = "b.yaml",
      .line = 1 },
    { { MAIN("services:\n  a: {image: x, extends: nobody}\n") },
      .want = "extends-undefined",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {file: b.yaml}}\n"),
        { "b.yaml", "services: {}" } },
      .want = "missing-key",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, extends: {service: b, flie: b}}\n  b: {image: x}\n") },
      .want = "unknown-key",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {extends: b, ports: {a: b}}\n  b: {image: x, ports: ['80']}\n") },
      .want = "merge-mismatch",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, ports: !override ['80']}\n") },
      .want = "tag-misplaced",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, command: !reset null}\n") },
      .want = "tag-misplaced",
      .file = "compose.yaml",
      .line = 2 },
    { { MAIN("services:\n  a: {image: x, command: !restet null}\n") },
      .want = "syntax",
      .file = "compose.yaml",
      .line = 2 },
};

static const Project includes[] = {
    { { MAIN("include: [db/compose.yaml]\nservices: {a: {image: x, depends_on: [db]}}\n"),
        { "db/compose.yaml", "services: {db: {build: ., environment: {N: $NAME}}}\n"
                             "networks: {default: {internal: true}}\n" },
        { "db/Dockerfile", "FROM scratch\n" },
        { "db/.env", "NAME=inner\n" } },
      .want = "{\"services\":{\"db\":{\"build\":{\"context\":\"db\",\"dockerfile\":\"Dockerfile\"},"
              "\"environment\":{\"N\":\"inner\"},\"networks\":{\"default\":{}}},\"a\":" },
    { { MAIN("include: [db/compose.yaml]\nservices: {a: {image: x}}\n"),
        { "db/compose.yaml", "services: {db: {image: y, environment: [NAME, N=$NAME]}}\n" },
        { "db/.env", "NAME=inner\n" },
        { ".env", "NAME=outer\n" } },
      .want = "\"environment\":{\"NAME\":\"outer\",\"N\":\"outer\"}" },
    { { MAIN("include:\n  - path: [one.yaml, two.yaml]\n    env_file: [v.env]\n"
             "    project_directory: sub\nservices: {a: {image: x}}\n"),
        { "one.yaml", "services: {s: {image: $I, build: ., ports: ['80'], tty: true}}\n" },
        { "two.yaml", "services: {s: {ports: !reset [], init: true}}\n" },
        { "v.env", "I=y\n" },
        { "sub/Dockerfile", "FROM scratch\n" } },
      .want =
          "\"s\":{\"image\":\"y\",\"build\":{\"context\":\"sub\",\"dockerfile\":\"Dockerfile\"},"
          "\"networks\":{\"default\":{}},\"tty\":true,\"init\":true}" },
    { { MAIN("include: [a/one.yaml, {path: a/one.yaml}]\nservices: {a: {image: x}}\n"),
        { "a/one.yaml", "include: [../two.yaml]\nservices: {s: {image: y}}\n" },
        { "two.yaml", "services: {t: {image: z}}\n" } },
      .want = "\"t\":{\"image\":\"z\"" },
    { { MAIN("include: [b.yaml]\nservices: {a: {image: x}}\n"),
        { "b.yaml", "services: {a: {image: y}}\n" } },
      .want = "include-conflict",
      .file = "b.yaml",
      .line = 1 },
    { { MAIN("include: [b.yaml]\nservices: {a: {image: x}}\n"),
        { "b.yaml", "include: [compose.yaml]\nservices: {b: {image: y}}\n" } },
      .want = "include-cycle",
      .file = "b.yaml",
      .line = 1 },
    { { MAIN("include: [b.yaml]\nservices: {a: {image: x}}\n"),
        { "b.yaml", "services:\n  b: {image: y, volumes: ['/:/host']}\n" } },
      .want = "bind-host-path",
      .file = "b.yaml",
      .line = 2 },
    { { MAIN("include: [b.yaml]\nservices: {a: {image: x}}\n"),
        { "b.yaml", "services: {b: {image: y}}\nvolumse: {}\n" } },
      .want = "unknown-key",
      .file = "b.yaml",
      .line = 2 },
    { { MAIN("include: ['https://example.com/x.yaml']\nservices: {a: {image: x}}\n") },
      .want = "include-remote",
      .file = "compose.yaml",
      .line = 1 },
    { { MAIN("include: [sub/../../x.yaml]\nservices: {a: {image: x}}\n") },
      .want = "path-outside",
      .file = "compose.yaml",
      .line = 1 },
    { { MAIN("include: b.yaml\nservices: {a: {image: x}}\n") },
      .want = "wrong-type",
      .file = "compose.yaml",
      .line = 1 },
    { { MAIN("include: [{path: b.yaml, env_file: no.env}]\nservices: {a: {image: x}}\n"),
        { "b.yaml", "services: {b: {image: y}}\n" } },
      .want = "file-missing",
      .file = "compose.yaml",
      .line = 1 },
};

/* No way around the allow-list: through another file, a merge, an alias, a variable. */
static const struct {
    const char *main, *other; /* compose.yaml and b.yaml */
} bypasses[] = {
    { "services: {a: {extends: {file: b.yaml, service: b}}}", "services: {b: {image: x, %s}}" },
    { "services: {a: {image: x, extends: {file: b.yaml, service: b}}}",
      "services: {b: {extends: c}, c: {image: x, %s}}" },
    { "include: [b.yaml]\nservices: {a: {image: x}}", "services: {b: {image: x, %s}}" },
    { "include: [{path: [c.yaml, b.yaml]}]\nservices: {a: {image: x}}",
      "services: {b: {image: x, %s}}" },
    { "services: {a: {extends: b, image: x}, b: {%s}}", "" },
    { "services: {a: &a {image: x, %s}, b: {<<: *a}}", "" },
    { "x-a: &a {%s}\nservices: {a: {image: x, <<: *a}}", "" },
};

static const char *const forbidden[] = {
    "privileged: '${X:-true}'",
    "privileged: 1",
    "pid: '${P:-host}'",
    "ipc: host",
    "uts: host",
    "userns_mode: host",
    "cgroup: host",
    "cgroup_parent: /",
    "network_mode: host",
    "network_mode: 'container:other'",
    "use_api_socket: true",
    "cap_add: [SYS_ADMIN]",
    "devices: [/dev/sda]",
    "device_cgroup_rules: ['a *:* rwm']",
    "gpus: all",
    "runtime: other",
    "security_opt: [seccomp=unconfined]",
    "sysctls: {kernel.core_pattern: x}",
    "volumes: ['/:/host']",
    "volumes: ['../../x:/x']",
    "volumes: [{type: '${T:-bind}', source: '${S:-/}', target: /x}]",
    "volumes: [{type: npipe, source: x, target: /x}]",
    "volumes: ['/var/run/docker.sock:/s']",
    "volumes_from: [other]",
    "external_links: [other]",
    "env_file: /etc/passwd",
    "label_file: ../x",
    "labels: {traefik.enable: 'true'}",
    "labels: {whaley.managed: 'no'}",
    "build: {context: ., network: host}",
    "build: {context: ., privileged: true}",
    "build: {context: ., entitlements: [security.insecure]}",
    "build: {context: ., additional_contexts: {x: /}}",
    "build: {context: ., ssh: [default]}",
    "build: 'git@example.com:x'",
    "build: github.com/x/y",
    "build: ../..",
    "post_start: [{command: x, privileged: true}]",
    "provider: {type: x}",
    "oom_kill_disable: true",
    "storage_opt: {size: 1t}",
    "extra_hosts: ['h:host-gateway']",
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
    "configs: [{source: c, target: /proc/x}]",
};

static void nothing_gets_around(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bypasses); i++) {
        for (size_t k = 0; k < ARRAY_LEN(forbidden); k++) {
            AUTO_FOLDER char *folder = folder_new();
            AUTO_DIAGS DiagList diags = { 0 };
            AUTO_PLAN Plan *plan = NULL;
            AUTO_FREE char *first = fill_in(bypasses[i].main, forbidden[k]);
            AUTO_FREE char *second = fill_in(bypasses[i].other, forbidden[k]);
            const Project p = { .files = { MAIN(first),
                                           { "b.yaml", second },
                                           { "c.yaml", "services: {b: {image: x}}" } } };
            if (load(folder, &p, &plan, &diags) != COMPOSE_REFUSED)
                fail_msg("accepted: %s | %s", first, second);
        }
    }
}

static const Project profiles[] = {
    { { MAIN("services:\n  a: {image: x}\n  b: {image: y, profiles: [p, q]}\n") },
      .profile = "q",
      .want = "\"b\":{" },
    { { MAIN("services:\n  a: {image: x}\n  b: {image: y, profiles: [p, q]}\n") },
      .profile = "*",
      .want = "\"b\":{" },
    { { MAIN("services:\n  a: {image: x}\n  b: {image: y, profiles: [p]}\n"),
        { ".env", "COMPOSE_PROFILES=p\n" } },
      .want = "{\"services\":{\"a\":{\"image\":\"x\",\"networks\":{\"default\":{}}}}" },
    { { MAIN("services:\n  a: {image: x}\n  b: {image: y, profiles: ['p q']}\n") },
      .want = "bad-name",
      .file = "compose.yaml",
      .line = 3 },
};

static void check_all(const Project *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_project(&list[i]);
}

static void services_extend(void **state)
{
    (void)state;
    check_all(extends, ARRAY_LEN(extends));
}

static void files_include(void **state)
{
    (void)state;
    check_all(includes, ARRAY_LEN(includes));
}

static void profiles_choose(void **state)
{
    (void)state;
    check_all(profiles, ARRAY_LEN(profiles));
}

static void override_files_are_noted(void **state)
{
    const Project p = { .files = {
                            MAIN("services: {a: {image: x}}\n"),
                            { "compose.override.yaml", "services: {a: {privileged: true}}\n" } } };
    AUTO_FOLDER char *folder = folder_new();
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;

    (void)state;
    CHECK_INT(load(folder, &p, &plan, &diags), 0);
    CHECK_INT(diags.n, 1);
    CHECK_STR(diags.items[0].code, "override-ignored");
}

/* What would multiply without bounds is refused, and soon. */
static void growth_is_bounded(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf b = { 0 };
    Project p = { .files = { { "compose.yaml", NULL } } };

    (void)state;
    strbuf_adds(&b, "services:\n  s0: {image: x, environment: {");
    for (int i = 0; i < 8800; i++)
        strbuf_addf(&b, "V%d: 1,", i);
    strbuf_adds(&b, "}}\n");
    for (int i = 1; i < 250; i++)
        strbuf_addf(&b, "  s%d: {extends: s0, environment: {W: 1}}\n", i);
    p.files[0][1] = strbuf_str(&b);
    CHECK_INT(load(folder, &p, &plan, &diags), COMPOSE_REFUSED);
    CHECK_INT(diags.n_errors, 1);
    CHECK_STR(diag_first_error(&diags)->code, "too-large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_extend),          cmocka_unit_test(files_include),
        cmocka_unit_test(profiles_choose),          cmocka_unit_test(nothing_gets_around),
        cmocka_unit_test(override_files_are_noted), cmocka_unit_test(growth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
