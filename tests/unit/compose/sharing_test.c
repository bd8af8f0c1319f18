/* What services are given and share: secrets, configs, links, namespaces, replicas. */
#include "fixture.h"

/* services.web with `body`, services.db, and one secret and config of each kind. */
static char *project_text(const char *body)
{
    return xasprintf("services:\n  web: {image: x, %s}\n  db: {image: y}\n"
                     "secrets: {s: {file: src/flag.txt}, e: {environment: LOCAL}, "
                     "f: {environment: FLAG}, u: {environment: ADMIN_KEY}, n: {file: none}}\n"
                     "configs: {c: {content: \"=$FLAG=\"}}\nvolumes: {data: }\n",
                     body);
}

static const struct {
    const char *body, *json;
} taken[] = {
    { "secrets: [s]",
      "\"files\":[{\"target\":\"/run/secrets/s\",\"source\":\"src/flag.txt\",\"mode\":292}]" },
    { "secrets: [{source: s, target: /f.txt, mode: 0400, uid: \"7\", gid: 8}]",
      "\"files\":[{\"target\":\"/f.txt\",\"source\":\"src/flag.txt\",\"mode\":256,\"uid\":7,"
      "\"gid\":8}]" },
    { "secrets: [{source: s, target: name, mode: 0o640}]",
      "{\"target\":\"/run/secrets/name\",\"source\":\"src/flag.txt\",\"mode\":416}" },
    { "secrets: [{source: s, mode: 288}]", "\"mode\":288" },
    { "secrets: [e]", "{\"target\":\"/run/secrets/e\",\"content\":\"here\"" },
    { "secrets: [f]", "{\"target\":\"/run/secrets/f\",\"content\":\"${FLAG-placeholder}\"" },
    { "configs: [c]", "{\"target\":\"/c\",\"content\":\"=${FLAG-placeholder}=\",\"mode\":292}" },
    { "configs: [{source: c, target: /etc/../c}], labels: {a: b}", NULL },
    { "links: [db]", "\"depends_on\":{\"db\":{\"condition\":\"service_started\"" },
    { "links: ['db:store', 'db:store', 'db:base']",
      "\"db\":{\"image\":\"y\",\"networks\":{\"default\":{\"aliases\":[\"store\",\"base\"]}}" },
    { "depends_on: {db: {restart: true}}", "\"required\":true,\"restart\":true}" },
    { "network_mode: 'service:db'",
      "\"web\":{\"image\":\"x\",\"network_mode\":\"service:db\",\"depends_on\":{\"db\"" },
    { "pid: 'service:db'", "\"pid\":\"service:db\"" },
    { "ipc: 'service:db'",
      "\"db\":{\"image\":\"y\",\"ipc\":\"shareable\",\"networks\":{\"default\":{}}},\"web\":{"
      "\"image\":\"x\",\"ipc\":\"service:db\"" },
    { "ipc: shareable", "\"ipc\":\"shareable\"" },
    { "scale: 3", "\"scale\":3" },
    { "deploy: {replicas: 2}, ports: ['80']", "\"scale\":2" },
    { "scale: 50", "\"scale\":5" },
    { "annotations: {a: b}", "\"web\":{\"image\":\"x\",\"networks\"" },
    { "label_file: app.env, labels: {A: mine}", "\"labels\":{\"A\":\"mine\",\"B\":\"two words\"" },
    { "volumes: [{type: volume, target: /v, volume: {nocopy: true}}]",
      "{\"type\":\"volume\",\"target\":\"/v\",\"nocopy\":true}" },
    { "volumes: ['data:/x:ro', './src:/xy']", "\"target\":\"/xy\"" },
    { "tmpfs: ['/t:size=1m,mode=0700,uid=5,noexec']",
      "\"tmpfs\":{\"size\":1048576,\"options\":\"mode=0700,uid=5,noexec\"}" },
    { "volumes: [{type: tmpfs, target: /t, read_only: true, tmpfs: {mode: 0o755}}]",
      "\"options\":\"mode=755,ro\"}" },
};

static void takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        AUTO_FREE char *text = project_text(taken[i].body);
        if (taken[i].json)
            expect_json(text, taken[i].json);
        else
            expect_refused(text, "bad-target", NULL);
    }
}

static const struct {
    const char *body, *code, *field;
} refused[] = {
    { "secrets: [nobody]", "object-undefined", "services.web.secrets[0]" },
    { "secrets: [c]", "object-undefined", "services.web.secrets[0]" },
    { "secrets: [n]", "file-missing", "secrets.n.file" },
    { "secrets: [u]", "unset-variable", "secrets.u.environment" },
    { "secrets: [s, s]", "duplicate", "services.web.secrets[1]" },
    { "secrets: [{source: s, target: /proc/x}]", "bad-target", "services.web.secrets[0].target" },
    { "secrets: [{source: s, mode: 4755}]", "bad-value", "services.web.secrets[0].mode" },
    { "secrets: [{source: s, mode: 04755}]", "bad-value", "services.web.secrets[0].mode" },
    { "secrets: [{source: s, uid: root}]", "not-a-number", "services.web.secrets[0].uid" },
    { "secrets: [{source: s, uid: -1}]", "out-of-range", "services.web.secrets[0].uid" },
    { "secrets: [{target: /x}]", "missing-key", "services.web.secrets[0]" },
    { "secrets: [s], read_only: true", "bind-read-only", "services.web.secrets[0]" },
    { "secrets: [s], tmpfs: /run", "file-hidden", "services.web.secrets[0]" },
    { "tmpfs: /x, volumes: ['./src:/x/y']", "file-hidden", "services.web.volumes[0]" },
    { "volumes: ['./src:/x/y', {type: tmpfs, target: /x}]", "file-hidden",
      "services.web.volumes[0]" },
    { "volumes: ['./src:/dev/shm']", "file-hidden", "services.web.volumes[0]" },
    { "volumes: ['./src/flag.txt:/etc/hosts']", "file-hidden", "services.web.volumes[0]" },
    { "configs: [{source: c, target: /etc/resolv.conf}]", "file-hidden",
      "services.web.configs[0]" },
    { "secrets: [{source: s, target: /dev/shm/s}]", "file-hidden", "services.web.secrets[0]" },
    { "volumes: ['data:/x:ro'], configs: [{source: c, target: /x/c}]", "file-hidden",
      "services.web.configs[0]" },
    { "volumes: ['data:/x:ro', './src:/x/y']", "file-hidden", "services.web.volumes[1]" },
    { "configs: [{source: c, target: /a}, {source: c, target: /a/b}]", "file-hidden",
      "services.web.configs[1]" },
    { "configs: [{source: c, target: /a/b}, {source: c, target: /a}]", "file-hidden",
      "services.web.configs[1]" },
    { "links: ['db:a b']", "bad-name", "services.web.links[0]" },
    { "links: [web]", "depends-cycle", "services.web.links[0]" },
    { "links: {db: }", "wrong-type", "services.web.links" },
    { "network_mode: 'service:db', ports: ['80']", "conflict", "services.web.ports" },
    { "network_mode: 'service:db', hostname: h", "conflict", "services.web.hostname" },
    { "network_mode: 'service:web'", "depends-cycle", "services.web.network_mode" },
    { "network_mode: 'container:db'", "network-mode", "services.web.network_mode" },
    { "pid: 'container:db'", "key-refused", "services.web.pid" },
    { "pid: host", "key-refused", "services.web.pid" },
    { "ipc: host", "key-refused", "services.web.ipc" },
    { "pid: shareable", "key-refused", "services.web.pid" },
    { "scale: 2, container_name: w", "conflict", "services.web" },
    { "scale: -1", "out-of-range", "services.web.scale" },
    { "tmpfs: '/t:suid'", "bad-option", "services.web.tmpfs" },
    { "tmpfs: '/t:mode=9'", "bad-option", "services.web.tmpfs" },
    { "label_file: none.env", "file-missing", "services.web.label_file" },
    { "label_file: bad.env", "bad-file", "services.web.label_file" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        AUTO_FREE char *text = project_text(refused[i].body);
        expect_refused(text, refused[i].code, refused[i].field);
    }
}

/* Each replica is a service of its own, after the one before it, and waited for. */
/* A name of a container is a host name here: two must not share it. */
static void container_names_are_of_one(void **state)
{
    static const char text[] = "services:\n  web: {image: x, container_name: box}\n"
                               "  db: {image: y, container_name: box}\n";

    (void)state;
    expect_refused(text, "duplicate", "services.db.container_name");
}

static void replicas_are_services(void **state)
{
    static const char text[] = "services:\n"
                               "  web: {image: x, depends_on: [db], pid: 'service:db'}\n"
                               "  db: {image: y, scale: 2, ports: ['80']}\n";
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;

    (void)state;
    CHECK_INT(load_text(text, &plan, &diags), 0);
    CHECK(find_diag(&diags, DIAG_WARNING, "replicas") != NULL);
    CHECK_INT(plan->n_services, 3);
    CHECK_STR(plan->services[0].name, "db");
    CHECK_STR(plan->services[1].name, "db");
    CHECK_INT(plan->services[0].replica, 1);
    CHECK_INT(plan->services[1].replica, 2);
    CHECK(plan->services[0].ports[0].published && !plan->services[1].ports[0].published);
    CHECK_INT(plan->services[2].n_depends_on, 2);
    CHECK_INT(plan->services[2].depends_on[0].service, 0);
    CHECK_INT(plan->services[2].depends_on[1].service, 1);
    CHECK(plan->services[2].pid_of.set && plan->services[2].pid_of.service == 0);
}

static void replicas_are_bounded(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };

    (void)state;
    strbuf_adds(&b, "services:\n");
    for (int i = 0; i < 7; i++)
        strbuf_addf(&b, "  s%d: {image: x, scale: 5}\n", i);
    expect_refused(strbuf_str(&b), "too-many", NULL);
}

/* Privileges are the organiser's to give, and only to a file that asks. */
static const struct {
    const char *body, *json; /* NULL: refused all the same */
} grants[] = {
    { "cap_add: [CAP_SYS_PTRACE]", "\"cap_add\":[\"SYS_PTRACE\"]" },
    { "devices: ['/dev/net/tun']", "\"devices\":[\"/dev/net/tun\"]" },
    { "devices: ['/dev/net/tun:/dev/net/tun:rwm']", "\"devices\":[\"/dev/net/tun\"]" },
    { "devices: [{source: /dev/net/tun, permissions: rw}]", "\"devices\":[\"/dev/net/tun\"]" },
    { "tty: true", "\"web\":{\"image\":\"x\",\"networks\":{\"default\":{}},\"tty\":true}" },
    { "cap_add: [NET_ADMIN]", NULL },
    { "devices: [/dev/kvm]", NULL },
    { "devices: [/dev/sda]", NULL },
    { "devices: ['/dev/net/tun:/dev/sda']", NULL },
    { "devices: ['/dev/net/../sda']", NULL },
    { "devices: [{source: /dev/net/tun, target: /x}]", NULL },
    { "privileged: true", NULL },
};

static void grants_are_needed_and_enough(void **state)
{
    static const char *const capabilities[] = { "SYS_PTRACE" };
    static const char *const devices[] = { "/dev/net/tun" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        AUTO_FREE char *text = project_text(grants[i].body);
        AUTO_DIAGS DiagList diags = { 0 };
        AUTO_PLAN Plan *plan = NULL;
        AUTO_STRBUF StrBuf json = { 0 };
        ComposeOptions options = { .dir_fd = folder_fd,
                                   .file = "compose.yaml",
                                   .allow = { capabilities, 1, devices, 1 } };
        Error err = { 0 };
        int status = compose_load_text(&options, text, strlen(text), &plan, &diags, &err);
        if (plan)
            plan_write_json(plan, &json);
        if (status != (grants[i].json ? 0 : COMPOSE_REFUSED) ||
            (grants[i].json && !strstr(strbuf_str(&json), grants[i].json))) {
            print_diags(&diags);
            fail_msg("%s: %s", grants[i].body, strbuf_str(&json));
        }
    }
}

static void some_things_are_never_granted(void **state)
{
    (void)state;
    CHECK(compose_grantable_capability("SYS_PTRACE"));
    CHECK(compose_grantable_capability("NET_ADMIN"));
    CHECK(!compose_grantable_capability("SYS_ADMIN"));
    CHECK(!compose_grantable_capability("ALL"));
    CHECK(!compose_grantable_capability("SYS_MODULE"));
    CHECK(!compose_grantable_capability("NO_SUCH"));
    CHECK(compose_grantable_device("/dev/kvm"));
    CHECK(!compose_grantable_device("/dev/mem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(container_names_are_of_one),
        cmocka_unit_test(replicas_are_services),
        cmocka_unit_test(replicas_are_bounded),
        cmocka_unit_test(grants_are_needed_and_enough),
        cmocka_unit_test(some_things_are_never_granted),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
