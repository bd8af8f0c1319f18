/* What a container is created with, the row an instance is kept in, and the network pool. */
#include "instance/fixture.h"

#include "docker/container_body.h"
#include "instance/container_spec.h"
#include "instance/images.h"
#include "instance/labels.h"
#include "instance/network_pool.h"
#include "wire/json_read.h"

/* ---- containers ---- */

static const char services[] =
    "services:\n"
    "  plain:\n    image: x\n    ports: [\"80\"]\n"
    "  greedy:\n    image: x\n    mem_limit: 100g\n    cpus: 64\n    pids_limit: 100000\n"
    "    shm_size: 100g\n"
    "  modest:\n    image: x\n    mem_limit: 64m\n    cpus: 0.1\n    pids_limit: 20\n"
    "  bare:\n    image: x\n    cap_drop: [ALL]\n"
    "  binder:\n    image: x\n    cap_drop: [ALL]\n    cap_add: [NET_BIND_SERVICE]\n"
    "  thrifty:\n    image: x\n    cap_drop: [CHOWN]\n    read_only: true\n"
    "    environment: [\"ME=${INSTANCE_ID}\", \"AT=${PORT_80}\", \"NET=${DOCKER_NETWORK}\"]\n"
    "    depends_on: [plain]\n    restart: on-failure:2\n";

/* A world whose challenge "e" has the services above and its images ready. */
static World *world_with(const char *config)
{
    World *w = world_new(NULL);
    Error err = { 0 };

    folder_write(w->folder, "challenges/e/instance.toml", config);
    folder_write(w->folder, "challenges/e/compose.yaml", services);
    world_start(w);
    CHECK_INT(catalogue_reload(w->catalogue, &err), 0);
    AUTO_CHALLENGE Challenge *e = catalogue_find(w->catalogue, "e");
    if (!e || e->broken)
        fail_msg("%s", e && e->diags.n ? e->diags.items[0].message : "no challenge");
    WAIT_FOR(image_builder_state(w->m->images, "e", e->revision, NULL, 0) == IMAGE_READY);
    return w;
}

static Instance *make_instance(World *w)
{
    Instance *in = xnew(Instance);

    in->challenge = catalogue_find(w->catalogue, "e");
    (void)snprintf(in->id, sizeof in->id, "e-7-0123abcd");
    in->challenge_id = xstrdup("e");
    in->challenge_name = xstrdup("E \"quoted\"");
    in->folder = xstrdup("e");
    in->revision = xstrdup(in->challenge->revision);
    in->user_id = xstrdup("7");
    in->owner = owner_of("7");
    (void)owner_key(&in->owner, in->owner_key);
    in->ports = xcalloc(1, sizeof *in->ports);
    in->n_ports = 1;
    in->ports[0] = (InstancePort){ .internal = 80,
                                   .external = 47001,
                                   .protocol = CHALLENGE_TLS,
                                   .label = xstrdup("the <door>"),
                                   .url = xstrdup("ctf.test:47001") };
    in->networks[0] = (InstanceNetwork){ .name = xstrdup("whaley-net-1"),
                                         .id = xstrdup("feed"),
                                         .subnet = "10.241.0.0/28",
                                         .pooled = true };
    in->n_networks = 1;
    return in;
}

/* The create body of every service, parsed; the caller frees. */
static JsonValue *body_of(Project *p, size_t index)
{
    AUTO_STRBUF StrBuf text = { 0 };
    JsonValue *root = NULL;
    ContainerSpec spec;
    Error err = { 0 };

    if (container_spec_fill(&spec, p, index, &err) < 0)
        fail_msg("%s", err.detail);
    container_body(&text, &spec, 41);
    if (json_parse(&root, strbuf_str(&text), text.len, &err) < 0) /* also: no key twice */
        fail_msg("%s", err.detail);
    return root;
}

static bool has_item(const JsonValue *list, const char *text)
{
    for (size_t i = 0; i < json_value_len(list); i++)
        if (str_eq(json_value_string(json_value_at(list, i), ""), text))
            return true;
    return false;
}

static void check_hardened(const Settings *s, const JsonValue *host, bool setuid)
{
    static const char *const allowed[] = {
        "CHOWN",  "DAC_OVERRIDE", "FOWNER",           "FSETID",    "KILL",
        "SETGID", "SETUID",       "NET_BIND_SERVICE", "SYS_CHROOT"
    };
    static const char *const never[] = { "Binds",        "VolumesFrom", "PidMode",
                                         "UTSMode",      "UsernsMode",  "Devices",
                                         "CgroupParent", "Runtime",     "Links" };
    const JsonValue *add = json_value_get(host, "CapAdd"), *drop = json_value_get(host, "CapDrop");
    int64_t memory = json_get_int(host, "Memory", 0), cpus = json_get_int(host, "NanoCpus", 0);
    int64_t pids = json_get_int(host, "PidsLimit", 0);

    CHECK_INT(json_value_len(drop), 1);
    CHECK(has_item(drop, "ALL"));
    for (size_t i = 0; i < json_value_len(add); i++)
        CHECK(str_in(json_value_string(json_value_at(add, i), "?"), allowed, ARRAY_LEN(allowed)));
    CHECK_INT(has_item(json_value_get(host, "SecurityOpt"), "no-new-privileges:true"), !setuid);
    CHECK(!json_get_bool(host, "Privileged", false));
    CHECK(!json_get_bool(host, "PublishAllPorts", false));
    CHECK(memory > 0 && memory <= s->container_max_memory);
    CHECK_INT(json_get_int(host, "MemorySwap", 0), memory); /* no swap on top */
    CHECK(cpus > 0 && cpus <= (int64_t)(s->container_max_cpu * 1e9));
    CHECK(pids > 0 && pids <= s->container_pids_limit);
    CHECK(json_get_int(host, "ShmSize", 0) <= memory);
    CHECK_STR(json_get_string(json_value_get(host, "LogConfig"), "Type", ""), "json-file");
    CHECK_STR(json_get_string(host, "NetworkMode", ""), "feed");
    CHECK(!str_eq(json_get_string(host, "IpcMode", ""), "host"));
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (json_value_len(json_value_get(host, never[i])) > 0 ||
            json_get_string(host, never[i], "")[0])
            fail_msg("%s is set", never[i]);
}

static void check_every_service(const char *config, bool setuid)
{
    AUTO_WORLD World *w = world_with(config);
    AUTO_ARENA Arena *arena = arena_new();
    Instance *in = make_instance(w);
    Project p = { .m = w->m, .instance = in, .challenge = in->challenge, .arena = arena };

    project_declare(&p);
    CHECK_INT(in->n_containers, 6);
    for (size_t i = 0; i < in->n_containers; i++) {
        AUTO_JSON JsonValue *body = body_of(&p, i);
        const JsonValue *labels = json_value_get(body, "Labels");
        check_hardened(w->settings, json_value_get(body, "HostConfig"), setuid);
        CHECK_STR(json_get_string(body, "Image", ""), "sha256:feed");
        CHECK_STR(json_get_string(labels, "whaley.managed", ""), "true");
        CHECK_STR(json_get_string(labels, "whaley.prefix", ""), "whaley");
        CHECK_STR(json_get_string(labels, "whaley.instance_id", ""), in->id);
        CHECK_STR(json_get_string(labels, "whaley.owner_id", ""), "7");
        CHECK_STR(json_get_string(labels, "com.docker.compose.project", ""), in->id);
        CHECK_STR(json_get_string(labels, "com.docker.compose.service", ""),
                  in->containers[i].service);
    }
    instance_free(in);
}

static void test_every_service_is_hardened(void **state)
{
    (void)state;
    check_every_service("ready = \"started\"\n", false);
}

static void test_setuid_is_for_challenges_that_ask(void **state)
{
    (void)state;
    check_every_service("ready = \"started\"\nallow_setuid = true\n", true);
}

static size_t index_of(const Instance *in, const char *service)
{
    for (size_t i = 0; i < in->n_containers; i++)
        if (str_eq(in->containers[i].service, service))
            return i;
    fail_msg("no service %s", service);
    return 0;
}

static void test_capabilities_environment_and_ports(void **state)
{
    AUTO_WORLD World *w = world_with("ready = \"started\"\n");
    AUTO_ARENA Arena *arena = arena_new();
    Instance *in = make_instance(w);
    Project p = { .m = w->m, .instance = in, .challenge = in->challenge, .arena = arena };

    (void)state;
    project_declare(&p);
    AUTO_JSON JsonValue *bare = body_of(&p, index_of(in, "bare"));
    AUTO_JSON JsonValue *binder = body_of(&p, index_of(in, "binder"));
    AUTO_JSON JsonValue *thrifty = body_of(&p, index_of(in, "thrifty"));
    AUTO_JSON JsonValue *plain = body_of(&p, index_of(in, "plain"));
    const JsonValue *host = json_value_get(bare, "HostConfig");
    CHECK_INT(json_value_len(json_value_get(host, "CapAdd")), 0);
    host = json_value_get(binder, "HostConfig");
    CHECK_INT(json_value_len(json_value_get(host, "CapAdd")), 1);
    CHECK(has_item(json_value_get(host, "CapAdd"), "NET_BIND_SERVICE"));
    host = json_value_get(thrifty, "HostConfig");
    CHECK(!has_item(json_value_get(host, "CapAdd"), "CHOWN"));
    CHECK(has_item(json_value_get(host, "CapAdd"), "SETUID"));
    CHECK(json_get_bool(host, "ReadonlyRootfs", false));
    const JsonValue *env = json_value_get(thrifty, "Env");
    CHECK(has_item(env, "ME=e-7-0123abcd"));
    CHECK(has_item(env, "AT=47001"));
    CHECK(has_item(env, "NET=whaley-net-1"));
    CHECK_STR(
        json_get_string(json_value_get(thrifty, "Labels"), "com.docker.compose.depends_on", ""),
        "plain:service_started:false");
    host = json_value_get(plain, "HostConfig");
    const JsonValue *binding =
        json_value_at(json_value_get(json_value_get(host, "PortBindings"), "80/tcp"), 0);
    CHECK_STR(json_get_string(binding, "HostPort", ""), "47001");
    instance_free(in);
}

/* ---- the view ---- */

/* A step that would go over the cap is refused, not shortened: then nothing remains. */
static void test_what_remains_to_extend_can_be_had(void **state)
{
    static const struct {
        int64_t step, extended, remaining;
    } cases[] = { { 60, 0, 600 }, { 60, 540, 60 }, { 60, 560, 0 },
                  { 60, 600, 0 }, { 1800, 0, 0 },  { 0, 0, 0 } };
    AUTO_WORLD World *w = world_with("ready = \"started\"\n");
    Instance *in = make_instance(w);

    (void)state;
    in->timeout_s = 600;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_VIEW InstanceView *view = NULL;
        in->extend_step_s = cases[i].step;
        in->extended_s = cases[i].extended;
        view = instance_refresh_locked(w->m, in);
        CHECK_INT(view->extend_remaining_s, cases[i].remaining);
    }
    instance_free(in);
}

/* ---- the row ---- */

static void add_containers(Instance *in)
{
    in->containers = xcalloc(2, sizeof *in->containers);
    in->n_containers = 2;
    in->containers[0] =
        (InstanceContainer){ xstrdup("web"), xstrdup("x-web-1"), xstrdup("c0"), true, false };
    in->containers[1] =
        (InstanceContainer){ xstrdup("init"), xstrdup("x-init-1"), NULL, false, true };
}

static void test_an_instance_comes_back_from_its_row(void **state)
{
    AUTO_WORLD World *w = world_with("ready = \"started\"\n");
    AUTO_INSTANCE_ROWS InstanceRows rows = { 0 };
    Instance *in = make_instance(w), *back;
    Error err = { 0 };

    (void)state;
    add_containers(in);
    in->status = INSTANCE_RUNNING;
    in->phase = PHASE_RUNNING;
    in->created_at = 1700000000123456;
    in->expires_at = 1700000600123457;
    in->timeout_s = 600;
    in->extend_step_s = 60;
    in->extended_s = 120;
    in->team_name = xstrdup("Gr\xc3\xbc\xc3\x9f'; --");
    CHECK_INT(record_save(w->m, in, &err), 0);
    CHECK_INT(record_save(w->m, in, &err), 0); /* again: the same row */
    CHECK_INT(instances_all(w->db, &rows, &err), 0);
    CHECK_INT(rows.n, 1);
    back = record_restore(w->m, &rows.items[0]);
    CHECK_STR(back->id, in->id);
    CHECK_STR(back->challenge_name, in->challenge_name);
    CHECK_STR(back->revision, in->revision);
    CHECK_STR(back->team_name, in->team_name);
    CHECK(back->username == NULL && back->team_id == NULL);
    CHECK(owner_equal(&back->owner, &in->owner));
    CHECK_INT(back->status, INSTANCE_RUNNING);
    CHECK_INT(back->phase, PHASE_RUNNING);
    CHECK_INT(back->created_at, in->created_at);
    CHECK_INT(back->expires_at, in->expires_at);
    CHECK_INT(back->timeout_s, 600);
    CHECK_INT(back->extend_step_s, 60);
    CHECK_INT(back->extended_s, 120);
    CHECK_INT(back->n_ports, 1);
    CHECK_INT(back->ports[0].internal, 80);
    CHECK_INT(back->ports[0].external, 47001);
    CHECK_INT(back->ports[0].protocol, CHALLENGE_TLS);
    CHECK_STR(back->ports[0].label, "the <door>");
    CHECK_STR(back->ports[0].url, "ctf.test:47001");
    CHECK_INT(back->n_networks, 1);
    CHECK_STR(back->networks[0].subnet, "10.241.0.0/28");
    CHECK(back->networks[0].pooled);
    CHECK_INT(back->n_containers, 2);
    CHECK_STR(back->containers[0].id, "c0");
    CHECK(back->containers[0].vital && !back->containers[1].vital);
    CHECK(back->containers[1].id == NULL);
    instance_free(back);
    CHECK_INT(instances_delete(w->db, in->id, &err), 0);
    instance_free(in);
}

static void test_rows_of_every_kind_are_taken(void **state)
{
    static const char *const specs[] = {
        NULL,
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"ports\":7,\"containers\":{},\"networks\":\"x\"}",
        "{\"ports\":[1,null,{\"protocol\":99,\"external\":-1}],\"containers\":[[]],"
        "\"networks\":[{},{},{},{},{},{},{},{},{},{}]}",
    };
    AUTO_WORLD World *w = world_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        AUTO_FREE char *spec = xstrdup_or_null(specs[i]);
        char id[] = "old", unknown[] = "forgotten", number[] = "7";
        const InstanceRow row = { .instance_id = id,
                                  .challenge_id = unknown,
                                  .user_id = number,
                                  .team_id = number,
                                  .owner_id = number,
                                  .status = unknown,
                                  .spec_json = spec };
        Instance *in = record_restore(w->m, &row);
        CHECK_INT(in->status, INSTANCE_ERROR);
        CHECK_INT(in->owner.kind, OWNER_TEAM); /* a forerunner's row of a team */
        CHECK(in->challenge == NULL);
        CHECK(in->n_networks <= NETWORKS_MAX);
        (void)pthread_mutex_lock(&w->m->lock);
        instance_view_unref(instance_refresh_locked(w->m, in));
        (void)pthread_mutex_unlock(&w->m->lock);
        instance_free(in);
    }
}

/* ---- the network pool ---- */

static void test_a_network_that_cannot_be_made_leaves_no_lease_or_says_which(void **state)
{
    AUTO_WORLD World *w = world_new((const char *const[]){ "NETWORK_POOL_SIZE=0", NULL });
    const Instance in = { .id = "e-7-0123abcd" };
    const NetworkWish wish = { .instance = &in, .key = "default" };

    (void)state;
    log_set_level((LogLevel)-1);
    fake_engine_fail(w->fake, 500);
    for (int i = 0; i < 200; i++) {
        InstanceNetwork network = { 0 };
        Error err = { 0 };
        size_t leased;
        bool made = network_obtain(w->m, &wish, &network, &err) == 0;
        leased = subnet_pool_leased(w->m->subnets);
        CHECK_INT(leased, network.subnet[0] != '\0');
        CHECK(!made || leased == 1);
        fake_engine_fail(w->fake, 0);
        CHECK_INT(network_return(w->m, &network, &err), 0);
        fake_engine_fail(w->fake, 500);
        CHECK_INT(subnet_pool_leased(w->m->subnets), 0);
        CHECK_INT(fake_engine_networks(w->fake), 0);
        free(network.name);
        free(network.id);
    }
}

static void test_a_subnet_somebody_else_has_is_skipped(void **state)
{
    AUTO_WORLD World *w = world_new((const char *const[]){ "NETWORK_POOL_SIZE=0", NULL });
    const Instance in = { .id = "e-7-0123abcd" };
    const NetworkWish wish = { .instance = &in, .key = "default" };
    InstanceNetwork network = { 0 };
    Error err = { 0 };

    (void)state;
    fake_engine_add_network(w->fake, "theirs", "10.241.0.0/28");
    fake_engine_add_network(w->fake, "theirs-too", "10.241.0.16/28");
    CHECK_INT(network_obtain(w->m, &wish, &network, &err), 0);
    CHECK_STR(network.subnet, "10.241.0.32/28");
    CHECK_STR(network.name, "whaley-e-7-0123abcd");
    CHECK_INT(subnet_pool_leased(w->m->subnets), 1);
    CHECK_INT(network_return(w->m, &network, &err), 0);
    free(network.name);
    free(network.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_service_is_hardened),
        cmocka_unit_test(test_setuid_is_for_challenges_that_ask),
        cmocka_unit_test(test_capabilities_environment_and_ports),
        cmocka_unit_test(test_what_remains_to_extend_can_be_had),
        cmocka_unit_test(test_an_instance_comes_back_from_its_row),
        cmocka_unit_test(test_rows_of_every_kind_are_taken),
        cmocka_unit_test(test_a_network_that_cannot_be_made_leaves_no_lease_or_says_which),
        cmocka_unit_test(test_a_subnet_somebody_else_has_is_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
