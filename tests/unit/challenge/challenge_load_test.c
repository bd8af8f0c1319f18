/* What instance.toml and challenge.yaml mean, and what is said about mistakes in them. */
#include "test.h"
#include "folder.h"

#include "base/str.h"
#include "challenge/challenge.h"
#include "challenge/config.h"

#define COMPOSE                                                                                    \
    "services:\n"                                                                                  \
    "  web:\n"                                                                                     \
    "    image: nginx\n"                                                                           \
    "    ports: [\"80\", \"22\"]\n"                                                                \
    "    expose: [\"9000\"]\n"

static Challenge *load(const char *folder)
{
    Challenge *challenge = NULL;
    Error err = { 0 };

    if (challenge_load(folder, "demo", &(ChallengeRules){ 0 }, &challenge, &err) < 0)
        fail_msg("%s", err.detail);
    CHECK_INT(challenge->broken, challenge->diags.n_errors > 0);
    CHECK(!challenge->broken || challenge->plan == NULL);
    return challenge;
}

static const Diag *find_diag(const Challenge *challenge, const char *code)
{
    for (size_t i = 0; i < challenge->diags.n; i++)
        if (str_eq(challenge->diags.items[i].code, code))
            return &challenge->diags.items[i];
    return NULL;
}

static void print_diags(const Challenge *challenge)
{
    for (size_t i = 0; i < challenge->diags.n; i++) {
        AUTO_FREE char *line = diag_format(&challenge->diags.items[i]);
        print_error("# %s\n", line);
    }
}

/* --- mistakes ------------------------------------------------------------------------------- */

typedef struct Mistake {
    const char *text;
    DiagSeverity severity;
    const char *code;
    int line, column;
    const char *field;     /* NULL: none */
    const char *hint_part; /* NULL: not looked at */
} Mistake;

/* clang-format off */
static const Mistake toml_mistakes[] = {
    { "x = = 1",                          DIAG_ERROR,   "syntax",             1, 5,  NULL, NULL },
    { "id = 'a'\nid = 'b'",               DIAG_ERROR,   "syntax",             2, 1,  NULL, NULL },
    { "\nnmae = 'x'",                     DIAG_WARNING, "unknown-key",        2, 1,  "nmae", "'name'" },
    { "[instance]\ntimout = 60",          DIAG_WARNING, "unknown-key",        2, 1,  "instance.timout", "'timeout'" },
    { "[web]\nx = 1",                     DIAG_WARNING, "unknown-key",        1, 2,  "web", NULL },
    { "id = 7",                           DIAG_ERROR,   "wrong-type",         1, 6,  "id", "id = \"web-1\"" },
    { "id = '../x'",                      DIAG_ERROR,   "bad-id",             1, 6,  "id", NULL },
    { "id = ''",                          DIAG_ERROR,   "wrong-length",       1, 6,  "id", NULL },
    { "name = \"a\\u001bb\"",             DIAG_ERROR,   "control-character",  1, 8,  "name", NULL },
    { "name = \"a\\u0000b\"",             DIAG_ERROR,   "control-character",  1, 8,  "name", NULL },
    { "category = 'wbe'",                 DIAG_WARNING, "unknown-category",   1, 12, "category", "'web'" },
    { "timeout = 0",                      DIAG_ERROR,   "out-of-range",       1, 11, "timeout", NULL },
    { "timeout = 9",                      DIAG_ERROR,   "out-of-range",       1, 11, "timeout", NULL },
    { "timeout = 604801",                 DIAG_ERROR,   "out-of-range",       1, 11, "timeout", NULL },
    { "timeout = 1000000000000",          DIAG_ERROR,   "out-of-range",       1, 11, "timeout", NULL },
    { "timeout = -60",                    DIAG_ERROR,   "out-of-range",       1, 11, "timeout", NULL },
    { "timeout = '60'",                   DIAG_ERROR,   "wrong-type",         1, 11, "timeout", "timeout = 3600" },
    { "timeout = 60.5",                   DIAG_ERROR,   "wrong-type",         1, 11, "timeout", NULL },
    { "extend_time = -1",                 DIAG_ERROR,   "out-of-range",       1, 15, "extend_time", NULL },
    { "egress = 'yes'",                   DIAG_ERROR,   "wrong-type",         1, 10, "egress", "egress = true" },
    { "profiles = 'bot'",                DIAG_ERROR,   "wrong-type",         1, 12, "profiles", "[\"bot\"]" },
    { "profiles = [5]",                  DIAG_ERROR,   "wrong-type",         1, 13, "profiles[0]", NULL },
    { "[allow]\ncapabilities = ['cap_sys_ptrace']", DIAG_WARNING, "granted", 2, 17, "allow.capabilities[0]", NULL },
    { "[allow]\ndevices = ['/dev/net/tun']", DIAG_WARNING, "granted",       2, 12, "allow.devices[0]", NULL },
    { "[allow]\ncapabilities = ['SYS_ADMIN']", DIAG_ERROR, "not-grantable", 2, 17, "allow.capabilities[0]", "SYS_PTRACE" },
    { "[allow]\ndevices = ['/dev/mem']", DIAG_ERROR, "not-grantable",       2, 12, "allow.devices[0]", "/dev/kvm" },
    { "[allow]\nprivileged = true",      DIAG_WARNING, "unknown-key",       2, 1,  "allow.privileged", NULL },
    { "ready = 'soon'",                   DIAG_ERROR,   "bad-value",          1, 9,  "ready", "listening" },
    { "max_memory = '1g'",                DIAG_WARNING, "not-supported-yet",  1, 14, "max_memory", NULL },
    { "name='a'\n[challenge]\nname='b'",  DIAG_ERROR,   "set-twice",          3, 6,  "challenge.name", NULL },
    { "[challenge]\nname='a'\n[instance]\nname='b'", DIAG_ERROR, "set-twice", 4, 6,  "instance.name", NULL },
    { "ports = 80",                       DIAG_ERROR,   "wrong-type",         1, 9,  "ports", "[80]" },
    { "ports = ['80']",                   DIAG_ERROR,   "wrong-type",         1, 10, "ports[0]", NULL },
    { "ports = [80, 80]",                 DIAG_ERROR,   "port-twice",         1, 14, "ports[1]", NULL },
    { "ports = [0]",                      DIAG_ERROR,   "out-of-range",       1, 10, "ports[0]", NULL },
    { "ports = [70000]",                  DIAG_ERROR,   "out-of-range",       1, 10, "ports[0]", NULL },
    { "ports = [81]",                     DIAG_ERROR,   "port-not-published", 1, 10, "ports[0]", "ports: [\"81\"]" },
    { "ports = [9000]",                   DIAG_ERROR,   "port-not-published", 1, 10, "ports[0]", "service 'web'" },
    { "ports = [80]",                     DIAG_WARNING, "port-not-listed",    2, 1,  "services.web.ports", NULL },
    { "ports = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33]",
                                          DIAG_ERROR,   "too-many-ports",     1, 9,  "ports", NULL },
    { "[[ports]]\nprotocol = 'tcp'",      DIAG_ERROR,   "missing-key",        1, 3,  "ports[0]", NULL },
    { "[[ports]]\nport=80\n[[ports]]\nport=80", DIAG_ERROR, "port-twice",     4, 6,  "ports[1].port", NULL },
    { "[[ports]]\nport=80\nprotocol='ftp'", DIAG_ERROR, "bad-value",          3, 10, "ports[0].protocol", NULL },
    { "[[ports]]\nport=80\nprotcol='tcp'", DIAG_WARNING, "unknown-key",       3, 1,  "ports[0].protcol", "'protocol'" },
    { "[[ports]]\nport=80\nservice='db'", DIAG_ERROR,   "unknown-service",    1, 3,  "ports[0]", NULL },
    { "[[ports]]\nport=80\npath='/x'",    DIAG_WARNING, "not-supported-yet",  3, 6,  "ports[0].path", NULL },
};

static const Mistake yaml_mistakes[] = {
    { "a: [",                             DIAG_ERROR,   "syntax",             0, 0,  NULL, NULL },
    { "- a",                              DIAG_ERROR,   "syntax",             1, 1,  NULL, "" },
    { "id: 101",                          DIAG_ERROR,   "wrong-type",         1, 5,  "id", "id: \"web-1\"" },
    { "timeout: 0",                       DIAG_ERROR,   "out-of-range",       1, 10, "timeout", NULL },
    { "egress: yes",                      DIAG_ERROR,   "wrong-type",         1, 9,  "egress", "egress: true" },
    { "nmae: x",                          DIAG_WARNING, "unknown-key",        1, 1,  "nmae", "'name'" },
    { "ports: [\"80/tcp\"]",              DIAG_ERROR,   "wrong-type",         1, 9,  "ports[0]", NULL },
};
/* clang-format on */

static bool is_as_said(const Diag *diag, const Mistake *m, const char *file)
{
    if (!diag || diag->severity != m->severity || !str_eq(diag->field, m->field))
        return false;
    if (!str_eq(diag->file, file) && !str_eq(diag->file, "docker-compose.yaml"))
        return false;
    if (m->line != 0 && (diag->line != m->line || diag->column != m->column))
        return false;
    return !m->hint_part || !*m->hint_part || (diag->hint && strstr(diag->hint, m->hint_part));
}

static void run_mistakes(const char *file, const Mistake *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_CHALLENGE Challenge *challenge = NULL;
        folder_write(folder, "docker-compose.yaml", COMPOSE);
        folder_write(folder, file, list[i].text);
        challenge = load(folder);
        if (!is_as_said(find_diag(challenge, list[i].code), &list[i], file)) {
            print_diags(challenge);
            fail_msg("case %zu: %s", i, list[i].text);
        }
        CHECK_INT(challenge->broken, list[i].severity == DIAG_ERROR);
    }
}

static void test_mistakes_in_toml(void **state)
{
    (void)state;
    run_mistakes("instance.toml", toml_mistakes, ARRAY_LEN(toml_mistakes));
}

static void test_mistakes_in_yaml(void **state)
{
    (void)state;
    run_mistakes("challenge.yaml", yaml_mistakes, ARRAY_LEN(yaml_mistakes));
}

/* --- what is right -------------------------------------------------------------------------- */

static Challenge *load_text(const char *folder, const char *file, const char *text)
{
    Challenge *challenge;

    folder_write(folder, "docker-compose.yaml", COMPOSE);
    folder_write(folder, file, text);
    challenge = load(folder);
    if (challenge->diags.n_errors + challenge->diags.n_warnings > 0)
        print_diags(challenge);
    CHECK_INT(challenge->diags.n_errors + challenge->diags.n_warnings, 0);
    return challenge;
}

static void test_defaults(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_CHALLENGE Challenge *c = load_text(folder, "instance.toml", "");

    (void)state;
    CHECK_STR(c->id, "demo");
    CHECK_STR(c->name, "demo");
    CHECK_STR(c->category, "misc");
    CHECK(c->description == NULL);
    CHECK_STR(c->config_file, "instance.toml");
    CHECK_STR(c->compose_file, "docker-compose.yaml");
    CHECK_INT(strlen(c->revision), 12);
    CHECK_INT(c->timeout_s, 0);
    CHECK_INT(c->extend_time_s, 1800);
    CHECK(!c->egress && !c->allow_setuid && !c->disable_dynamic_flags);
    CHECK_INT(c->ready, CHALLENGE_READY_LISTENING);
    CHECK_INT(c->n_ports, 2); /* published ones */
    CHECK_INT(c->ports[0].port, 80);
    CHECK_INT(c->ports[0].protocol, CHALLENGE_TCP);
    CHECK_STR(c->ports[0].service, "web");
    CHECK(c->plan != NULL);
}

static void check_everything(const Challenge *c)
{
    CHECK_STR(c->id, "web-1");
    CHECK_STR(c->name, "Web One");
    CHECK_STR(c->category, "web");
    CHECK_STR(c->description, "Two\nlines");
    CHECK_INT(c->timeout_s, 600);
    CHECK_INT(c->extend_time_s, 0);
    CHECK(c->egress && c->allow_setuid && c->disable_dynamic_flags);
    CHECK_INT(c->ready, CHALLENGE_READY_STARTED);
    CHECK_INT(c->n_profiles, 2);
    CHECK_STR(c->profiles[1], "x");
    CHECK_INT(c->n_ports, 2);
    CHECK_INT(c->ports[0].protocol, CHALLENGE_HTTP); /* of its category */
    CHECK_INT(c->ports[1].port, 22);
    CHECK_INT(c->ports[1].protocol, CHALLENGE_SSH);
    CHECK_STR(c->ports[1].label, "Shell");
}

static void test_everything(void **state)
{
    static const char fields[] = "id = 'web-1'\nname = 'Web One'\ncategory = 'WEB'\n"
                                 "description = \"Two\\nlines\"\ntimeout = 600\nextend_time = 0\n"
                                 "egress = true\nallow_setuid = true\n"
                                 "disable_dynamic_flags = true\nready = 'started'\n"
                                 "profiles = ['bot', 'x']\n";
    static const char *const tables[] = { "", "challenge", "instance" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        AUTO_FOLDER char *folder = folder_new();
        const char *t = tables[i], *dot = *t ? "." : "";
        AUTO_FREE char *text =
            xasprintf("%s%s%s\n%s[[%s%sports]]\nport = 80\n[[%s%sports]]\nport = 22\n"
                      "protocol = 'ssh'\nlabel = 'Shell'\nservice = 'web'\n",
                      *t ? "[" : "", t, *t ? "]" : "", fields, t, dot, t, dot);
        AUTO_CHALLENGE Challenge *c = load_text(folder, "instance.toml", text);
        check_everything(c);
    }
}

static void test_everything_in_yaml(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_CHALLENGE Challenge *c = load_text(
        folder, "challenge.yml",
        "id: web-1\nname: Web One\ncategory: Web\ndescription: |-\n  Two\n  lines\n"
        "timeout: 600\nextend_time: 0\negress: true\nallow_setuid: true\n"
        "disable_dynamic_flags: true\nready: started\nprofiles: [bot, x]\nports:\n  - 80\n"
        "  - {port: 22, protocol: ssh, label: Shell}\n");

    (void)state;
    check_everything(c);
}

static void test_tls_is_a_short_form(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_CHALLENGE Challenge *c =
        load_text(folder, "instance.toml", "ports = [{port = 80, tls = true}, 22]\n");

    (void)state;
    CHECK_INT(c->ports[0].protocol, CHALLENGE_TLS);
    CHECK_INT(c->ports[1].protocol, CHALLENGE_TCP);
}

static void test_limits_of_timeout(void **state)
{
    static const char *const good[] = { "timeout = 10", "timeout = 604800" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_CHALLENGE Challenge *c = load_text(folder, "instance.toml", good[i]);
        CHECK(c->timeout_s == CONFIG_TIMEOUT_MIN_S || c->timeout_s == CONFIG_TIMEOUT_MAX_S);
    }
}

/* --- which files ---------------------------------------------------------------------------- */

static void test_file_names(void **state)
{
    static const struct {
        const char *present[4];
        const char *config, *compose; /* NULL: missing, and said so */
        const char *warning;          /* file that is ignored, or NULL */
    } cases[] = {
        { { "instance.toml", "compose.yml" }, "instance.toml", "compose.yml", NULL },
        { { "challenge.yml", "compose.yaml" }, "challenge.yml", "compose.yaml", NULL },
        { { "challenge.yaml", "instance.toml", "docker-compose.yml" },
          "instance.toml",
          "docker-compose.yml",
          "challenge.yaml" },
        { { "instance.toml", "docker-compose.yml", "docker-compose.yaml" },
          "instance.toml",
          "docker-compose.yaml",
          "docker-compose.yml" },
        { { "instance.toml" }, "instance.toml", NULL, NULL },
        { { "compose.yaml" }, NULL, "compose.yaml", NULL },
        { { "readme.md" }, NULL, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_CHALLENGE Challenge *c = NULL;
        const Diag *ignored;
        for (size_t k = 0; k < 4 && cases[i].present[k]; k++)
            folder_write(folder, cases[i].present[k],
                         strstr(cases[i].present[k], "compose") ? COMPOSE : "");
        CHECK_INT(challenge_is_folder(folder), cases[i].config || cases[i].compose);
        c = load(folder);
        CHECK(str_eq(c->config_file, cases[i].config));
        CHECK(str_eq(c->compose_file, cases[i].compose));
        CHECK_INT(c->broken, !cases[i].config || !cases[i].compose);
        CHECK_INT(find_diag(c, "missing-file") != NULL, c->broken);
        ignored = find_diag(c, "ignored-file");
        CHECK(str_eq(ignored ? ignored->file : NULL, cases[i].warning));
    }
}

static void test_hostile_config_files(void **state)
{
    AUTO_FREE char *big = xmalloc(TOML_TEXT_MAX + 2);
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *config = xasprintf("%s/instance.toml", folder);

    (void)state;
    memset(big, '#', TOML_TEXT_MAX + 2);
    for (int kind = 0; kind < 4; kind++) {
        AUTO_CHALLENGE Challenge *c = NULL;
        folder_write(folder, "docker-compose.yaml", COMPOSE);
        if (kind == 0)
            CHECK_INT(mkfifo(config, 0600), 0);
        else if (kind == 1)
            CHECK_INT(symlink("/etc/hostname", config), 0);
        else if (kind == 2)
            CHECK_INT(mkdir(config, 0755), 0);
        else
            folder_write_n(folder, "instance.toml", big, TOML_TEXT_MAX + 2);
        c = load(folder);
        CHECK(c->broken);
        CHECK(find_diag(c, "unreadable") != NULL);
        CHECK_INT(remove(config), 0);
    }
}

static void test_folder_that_cannot_be_opened(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *link = xasprintf("%s/link", folder);
    AUTO_FREE char *absent = xasprintf("%s/absent", folder);
    Challenge *challenge = NULL;
    Error err = { 0 };

    (void)state;
    CHECK_INT(symlink(".", link), 0);
    CHECK(challenge_load(link, "link", &(ChallengeRules){ 0 }, &challenge, &err) < 0);
    CHECK_INT(err.code, E_NOT_FOUND);
    CHECK(challenge_load(absent, "absent", &(ChallengeRules){ 0 }, &challenge, &err) < 0);
    CHECK_INT(err.code, E_NOT_FOUND);
    CHECK(challenge == NULL);
}

/* --- matching with the compose file --------------------------------------------------------- */

static void test_ports_and_services(void **state)
{
    static const struct {
        const char *compose, *config, *code;
        size_t n_ports;
    } cases[] = {
        { "services:\n  a:\n    image: x\n    ports: [\"80\"]\n  b:\n    image: x\n"
          "    ports: [\"80\"]\n",
          "ports = [80]", "port-ambiguous", 0 },
        { "services:\n  a:\n    image: x\n    ports: [\"80\"]\n  b:\n    image: x\n"
          "    ports: [\"80\"]\n",
          "", "port-ambiguous", 1 },
        { "services:\n  a:\n    image: x\n    ports: [\"80\"]\n  b:\n    image: x\n"
          "    ports: [\"81\"]\n",
          "ports = [81, 80]", NULL, 2 },
        { "services:\n  a:\n    image: x\n    ports: [\"53:53/udp\", \"80\"]\n", "", "port-udp",
          1 },
        { "services:\n  a:\n    image: x\n    ports: [\"53:53/udp\"]\n", "ports = [53]", "port-udp",
          0 },
        { "services:\n  a:\n    image: x\n", "", "no-ports", 0 },
        { "services:\n  a: {image: x, ports: [\"80\"], networks: [n]}\n"
          "networks: {n: {internal: true}}\n",
          "ports = [80]", "port-unreachable", 0 },
        { "services:\n  a: {image: x, ports: [\"80\"], network_mode: none}\n"
          "  b: {image: x, ports: [\"81\"]}\n",
          "", "port-unreachable", 1 },
        { "services:\n  a: {image: x, ports: [\"80\"], networks: [n, m]}\n"
          "networks: {n: {internal: true}, m: }\n",
          "", NULL, 1 },
        { "services:\n  a:\n    image: x\n    ports: [\"80\"]\n", "ports = []", "port-not-listed",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_CHALLENGE Challenge *c = NULL;
        folder_write(folder, "compose.yaml", cases[i].compose);
        folder_write(folder, "instance.toml", cases[i].config);
        c = load(folder);
        if (c->n_ports != cases[i].n_ports || (cases[i].code && !find_diag(c, cases[i].code)) ||
            (!cases[i].code && c->diags.n_errors + c->diags.n_warnings > 0)) {
            print_diags(c);
            fail_msg("case %zu: %zu ports", i, c->n_ports);
        }
    }
}

static void the_operator_limits_containers(void **state)
{
    static const ChallengeRules rules = { .containers_max = 3 };
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CHALLENGE Challenge *refused = NULL, *fine = NULL;
    Error err = { 0 };

    (void)state;
    folder_write(dir, "instance.toml", "ports = [80]\n");
    folder_write(dir, "compose.yaml",
                 "services: {web: {image: x, ports: [80]}, b: {image: x, scale: 3}}\n");
    CHECK_INT(challenge_load(dir, "demo", &rules, &refused, &err), 0);
    CHECK(refused->broken);
    CHECK_STR(find_diag(refused, "too-many")->message, "4 containers; an instance may have 3");
    folder_write(dir, "compose.yaml",
                 "services: {web: {image: x, ports: [80]}, b: {image: x, scale: 2}}\n");
    CHECK_INT(challenge_load(dir, "demo", &rules, &fine, &err), 0);
    if (fine->broken)
        print_diags(fine);
    CHECK(!fine->broken);
}

static void a_network_has_so_many_addresses(void **state)
{
    static const ChallengeRules rules = { .addresses_max = 3 };
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CHALLENGE Challenge *refused = NULL, *fine = NULL;
    Error err = { 0 };

    (void)state;
    folder_write(dir, "instance.toml", "ports = [80]\n");
    folder_write(dir, "compose.yaml",
                 "services: {web: {image: x, ports: [80]}, b: {image: x, scale: 3}}\n");
    CHECK_INT(challenge_load(dir, "demo", &rules, &refused, &err), 0);
    CHECK(refused->broken && find_diag(refused, "network-full"));
    folder_write(
        dir, "compose.yaml",
        "networks: {back: {}}\n"
        "services: {web: {image: x, ports: [80]}, b: {image: x, scale: 3, networks: [back]}}\n");
    CHECK_INT(challenge_load(dir, "demo", &rules, &fine, &err), 0);
    if (fine->broken)
        print_diags(fine);
    CHECK(!fine->broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_in_toml),
        cmocka_unit_test(test_mistakes_in_yaml),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_everything_in_yaml),
        cmocka_unit_test(test_tls_is_a_short_form),
        cmocka_unit_test(test_limits_of_timeout),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_hostile_config_files),
        cmocka_unit_test(test_folder_that_cannot_be_opened),
        cmocka_unit_test(test_ports_and_services),
        cmocka_unit_test(the_operator_limits_containers),
        cmocka_unit_test(a_network_has_so_many_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
