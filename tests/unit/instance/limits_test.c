/* No spelling in a compose file gets a container, or all of an instance, past the operator's caps.
 */
#include "instance/fixture.h"

#include "docker/container_body.h"
#include "instance/container_spec.h"
#include "instance/images.h"
#include "instance/share.h"
#include "wire/json_read.h"

enum { MIB = 1 << 20, MILLI_CPU = 1000000 };

static const char *const caps[] = { "CONTAINER_MAX_MEMORY=100m",
                                    "CONTAINER_MAX_CPU=0.5",
                                    "CONTAINER_PIDS_LIMIT=50",
                                    "INSTANCE_MAX_MEMORY=300m",
                                    "INSTANCE_MAX_CPU=1.5",
                                    "INSTANCE_MAX_PIDS=150",
                                    NULL };

/* Loads the services as challenge "e"; NULL when they are refused. */
static Challenge *load(World *w, const char *services)
{
    Challenge *e;
    Error err = { 0 };

    folder_write(w->folder, "challenges/e/instance.toml", "ready = \"started\"\n");
    folder_write(w->folder, "challenges/e/compose.yaml", services);
    CHECK_INT(catalogue_reload(w->catalogue, &err), 0);
    e = catalogue_find(w->catalogue, "e");
    CHECK(e != NULL);
    if (e->broken) {
        challenge_unref(e);
        return NULL;
    }
    WAIT_FOR(image_builder_state(w->m->images, "e", e->revision, NULL, 0) == IMAGE_READY);
    return e;
}

typedef struct Sums {
    int64_t memory, nano_cpus, pids;
} Sums;

/* The create body of one service, held against the caps of a container. */
static void check_body(Project *p, size_t index, Sums *sums)
{
    AUTO_STRBUF StrBuf text = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *host;
    ContainerSpec spec;
    Error err = { 0 };
    int64_t memory, cpus, pids;

    if (container_spec_fill(&spec, p, index, &err) < 0)
        fail_msg("%s", err.detail);
    container_body(&text, &spec, 41);
    CHECK_INT(json_parse(&root, strbuf_str(&text), text.len, &err), 0);
    host = json_value_get(root, "HostConfig");
    memory = json_get_int(host, "Memory", 0);
    cpus = json_get_int(host, "NanoCpus", 0);
    pids = json_get_int(host, "PidsLimit", 0);
    CHECK(memory >= 6 * MIB && memory <= 100 * MIB);
    CHECK_INT(json_get_int(host, "MemorySwap", 0), memory);
    CHECK(json_get_int(host, "MemoryReservation", 0) <= memory);
    CHECK(json_get_int(host, "ShmSize", 0) <= memory);
    CHECK(cpus >= 10 * MILLI_CPU && cpus <= 500 * MILLI_CPU);
    CHECK(pids >= 1 && pids <= 50);
    CHECK(json_value_get(host, "CpuQuota") == NULL &&
          json_value_get(host, "OomKillDisable") == NULL);
    sums->memory += memory;
    sums->nano_cpus += cpus;
    sums->pids += pids;
}

static Sums check_all(World *w, Challenge *e)
{
    AUTO_ARENA Arena *arena = arena_new();
    Instance *in = xnew(Instance);
    Project p = { .m = w->m, .instance = in, .challenge = e, .arena = arena };
    Sums sums = { 0 };

    in->challenge = challenge_ref(e);
    (void)snprintf(in->id, sizeof in->id, "e-7-0123abcd");
    in->challenge_id = xstrdup("e");
    in->challenge_name = xstrdup("E");
    in->folder = xstrdup("e");
    in->revision = xstrdup(e->revision);
    in->user_id = xstrdup("7");
    in->owner = owner_of("7");
    (void)owner_key(&in->owner, in->owner_key);
    in->networks[0] = (InstanceNetwork){ .name = xstrdup("n"), .id = xstrdup("feed") };
    in->n_networks = 1;
    project_declare(&p);
    for (size_t i = 0; i < e->plan->n_services; i++)
        check_body(&p, i, &sums);
    instance_free(in);
    return sums;
}

/* Keys of one service; each is refused or becomes a container within the caps. */
static const char *const spellings[] = {
    "mem_limit: 0",
    "mem_limit: -1",
    "mem_limit: '-1'",
    "mem_limit: unlimited",
    "mem_limit: 9223372036854775807",
    "mem_limit: 9223372036854775808",
    "mem_limit: 99999999999999999999g",
    "mem_limit: 8388608t",
    "mem_limit: 1e30",
    "mem_limit: .inf",
    "mem_limit: 0x7fffffffffffffff",
    "mem_limit: 1000g",
    "mem_limit: -5g",
    "mem_limit: 6m",
    "mem_limit: 5m",
    "mem_limit: ''",
    "mem_limit: ~",
    "memswap_limit: -1",
    "mem_limit: 50m\nmemswap_limit: 100g",
    "memswap_limit: unlimited",
    "mem_swappiness: 100",
    "mem_reservation: 100g",
    "oom_kill_disable: true",
    "oom_score_adj: -1000",
    "shm_size: 100g",
    "shm_size: -1",
    "shm_size: 0",
    "cpus: 0",
    "cpus: -1",
    "cpus: '0.0'",
    "cpus: 1e9",
    "cpus: .inf",
    "cpus: nan",
    "cpus: 1024",
    "cpus: 99999999999999999999",
    "cpus: 0.000000001",
    "cpu_quota: -1",
    "cpu_quota: 0",
    "cpu_quota: 9223372036854775807",
    "cpu_quota: 4611686018427387903\ncpu_period: 1000",
    "cpu_period: 1000000",
    "cpu_rt_runtime: 950000",
    "cpu_shares: 262144",
    "cpuset: 0-63",
    "pids_limit: 0",
    "pids_limit: -1",
    "pids_limit: unlimited",
    "pids_limit: 4194304",
    "pids_limit: 99999999999",
    "cgroup_parent: /",
    "cgroup: host",
    "scale: 0",
    "scale: 1000",
    "scale: -1",
    "deploy: {replicas: 100}",
    "deploy: {resources: {limits: {memory: 0, cpus: 0, pids: 0}}}",
    "deploy: {resources: {limits: {memory: -1, cpus: '-1', pids: -1}}}",
    "deploy: {resources: {limits: {memory: 100g, cpus: '64', pids: 100000}}}",
    "deploy: {resources: {reservations: {memory: 100g, cpus: '64'}}}",
    "mem_limit: ${M:-0}\ncpus: ${C:-0}\npids_limit: ${P:--1}",
    "ulimits: {nproc: -1, nofile: 99999999, memlock: -1}",
};

static void no_spelling_escapes(void **state)
{
    AUTO_WORLD World *w = world_new(caps);
    size_t n_taken = 0;

    (void)state;
    world_start(w);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        AUTO_STRBUF StrBuf text = { 0 };
        AUTO_CHALLENGE Challenge *e = NULL;
        strbuf_adds(&text, "services:\n  web:\n    image: x\n    ");
        for (const char *s = spellings[i]; *s; s++)
            strbuf_adds(&text, *s == '\n' ? "\n    " : (char[]){ *s, '\0' });
        strbuf_adds(&text, "\n");
        e = load(w, strbuf_str(&text));
        if (e) {
            Sums sums = check_all(w, e);
            CHECK(sums.memory <= 300 * MIB && sums.nano_cpus <= 1500 * MILLI_CPU);
            CHECK(sums.pids <= 150);
            n_taken++;
        }
    }
    CHECK(n_taken > 10 && n_taken < ARRAY_LEN(spellings));
}

static void an_instance_shares_its_caps(void **state)
{
    static const char services[] = "services:\n"
                                   "  small: {image: x, mem_limit: 10m, cpus: 0.1, pids_limit: 5}\n"
                                   "  big: {image: x, scale: 5}\n";
    AUTO_WORLD World *w = world_new(caps);
    AUTO_CHALLENGE Challenge *e = NULL;
    Share small, big;
    Sums sums;

    (void)state;
    world_start(w);
    e = load(w, services);
    CHECK(e != NULL);
    CHECK_INT(e->plan->n_services, 6);
    sums = check_all(w, e);
    CHECK_INT(sums.memory, 300 * MIB); /* all of it is used */
    CHECK_INT(sums.nano_cpus, 1500 * MILLI_CPU);
    CHECK_INT(sums.pids, 150);
    small = share_of(w->settings, e->plan, 0);
    big = share_of(w->settings, e->plan, 1);
    CHECK_INT(small.memory_bytes, 10 * MIB); /* what asks for little keeps it */
    CHECK_INT(small.pids, 5);
    CHECK_INT(big.memory_bytes, 58 * MIB);
}

static void the_ceiling_is_the_highest(void **state)
{
    static const struct {
        int64_t amounts[4], cap, ceiling;
    } rows[] = {
        { { 10, 10, 10, 10 }, 40, INT64_MAX },
        { { 10, 10, 10, 10 }, 39, 9 },
        { { 1, 2, 3, 100 }, 50, 44 },
        { { 0, 0, 0, 100 }, 50, 50 },
        { { 1, 20, 20, 20 }, 31, 10 },
        { { INT64_C(1) << 40, INT64_C(1) << 40, 6, 6 }, 112, 50 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(share_ceiling(rows[i].amounts, 4, rows[i].cap), rows[i].ceiling);
}

/* How many containers get a size when the engine's storage says it `has` sizes and `takes` them. */
static size_t sized(bool has, bool takes)
{
    static const char *const disk[] = { "INSTANCE_MAX_DISK=1g", NULL };
    AUTO_WORLD World *w = world_new(disk);
    char id[INSTANCE_ID_SIZE];

    if (has)
        fake_engine_limit_disks(w->fake, takes);
    world_start(w);
    world_run(w, "a", "1", id);
    CHECK_INT(atomic_load(&w->m->disk_limits), has && takes);
    return fake_engine_disk_limits(w->fake);
}

static void disks_are_limited_where_the_engine_can(void **state)
{
    (void)state;
    CHECK(sized(true, true) > 0);
    CHECK_INT(sized(true, false), 0);
    CHECK_INT(sized(false, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_escapes),
        cmocka_unit_test(an_instance_shares_its_caps),
        cmocka_unit_test(disks_are_limited_where_the_engine_can),
        cmocka_unit_test(the_ceiling_is_the_highest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
