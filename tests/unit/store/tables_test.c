#include "store/temp.h"

#include "base/clock.h"
#include "store/tables.h"

/* The rows of tests hold literals; copies spare us the casts. */
static char *s(const char *text)
{
    static char pool[64][64];
    static size_t next;
    char *slot = pool[next++ % ARRAY_LEN(pool)];

    (void)snprintf(slot, sizeof pool[0], "%s", text);
    return slot;
}

static InstanceRow sample(const char *id)
{
    return (InstanceRow){
        .instance_id = s(id),
        .challenge_id = s("web"),
        .revision = s("r1"),
        .folder = s("web"),
        .user_id = s("7"),
        .username = s("ann"),
        .team_id = s("5"),
        .team_name = s("five"),
        .owner_id = s("5"),
        .owner_kind = s("team"),
        .status = s("starting"),
        .phase = s("queued"),
        .ports_json = s("{}"),
        .public_urls_json = s("{}"),
        .container_ids_json = s("[]"),
        .spec_json = s("{\"v\":1}"),
        .created_at = 1000001,
        .expires_at = 2000002,
    };
}

static void test_saves_instances(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    AUTO_INSTANCE_ROWS InstanceRows rows = { 0 };
    InstanceRow row = sample("i-1"), bare = { 0 };
    (void)state;

    CHECK(instances_save(db, &row, NULL) == 0);
    row.status = s("running");
    row.phase = s("running");
    row.ports_json = s("{\"80\":30001}");
    row.network_name = s("whaley-n");
    row.created_at = 9;
    row.expires_at = 3000003;
    row.extended_s = 600;
    CHECK(instances_save(db, &row, NULL) == 0);
    bare.instance_id = s("i-2");
    bare.challenge_id = bare.user_id = bare.owner_id = s("x");
    bare.owner_kind = s("user");
    bare.status = s("starting");
    CHECK(instances_save(db, &bare, NULL) == 0);

    CHECK(instances_all(db, &rows, NULL) == 0);
    CHECK(rows.n == 2);
    CHECK_STR(rows.items[0].instance_id, "i-1");
    CHECK_STR(rows.items[0].status, "running");
    CHECK_STR(rows.items[0].ports_json, "{\"80\":30001}");
    CHECK_STR(rows.items[0].network_name, "whaley-n");
    CHECK_STR(rows.items[0].owner_kind, "team");
    CHECK_STR(rows.items[0].team_name, "five");
    CHECK_STR(rows.items[0].spec_json, "{\"v\":1}");
    CHECK(rows.items[0].created_at == 1000001); /* kept */
    CHECK(rows.items[0].expires_at == 3000003 && rows.items[0].extended_s == 600);
    CHECK(rows.items[0].error_message == NULL && rows.items[0].stop_reason == NULL);
    CHECK(rows.items[1].username == NULL && rows.items[1].team_id == NULL);
    CHECK_STR(rows.items[1].revision, "");
    CHECK_STR(rows.items[1].spec_json, "{}");
}

static void add_effects(Db *db, const char *id, int port, const char *subnet)
{
    CHECK(resources_intend(db, id, "container", "c", NULL) == 0);
    CHECK(port_leases_add(db, id, 80, port, NULL) == 0);
    CHECK(subnet_leases_add(db, subnet, id, "net", NULL) == 0);
}

static void test_deletes_with_effects(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    InstanceRow one = sample("i-1"), two = sample("i-2");
    (void)state;

    CHECK(instances_save(db, &one, NULL) == 0 && instances_save(db, &two, NULL) == 0);
    add_effects(db, "i-1", 30001, "10.240.0.0/28");
    add_effects(db, "i-2", 30002, "10.240.0.16/28");
    CHECK(instances_delete(db, "i-1", NULL) == 0);
    CHECK(instances_delete(db, "i-1", NULL) == 0); /* again is fine */
    CHECK(temp_int(db, "SELECT COUNT(*) FROM instance_states") == 1);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM instance_resources") == 1);
    CHECK(temp_int(db, "SELECT port FROM port_leases") == 30002);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM subnet_leases WHERE holder = 'i-2'") == 1);
}

static void test_resources(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    AUTO_RESOURCE_ROWS ResourceRows rows = { 0 };
    Error err = { 0 };
    (void)state;

    CHECK(resources_intend(db, "i", "container", "b", NULL) == 0);
    CHECK(resources_intend(db, "i", "container", "a", NULL) == 0);
    CHECK(resources_intend(db, "j", "container", "a", NULL) == 0);
    CHECK(resources_present(db, "i", "container", "a", "id1", NULL) == 0);
    CHECK(resources_present(db, "i", "network", "a", "id1", &err) < 0);
    CHECK_INT(err.code, E_NOT_FOUND);
    CHECK(resources_of(db, "i", &rows, NULL) == 0);
    CHECK(rows.n == 2);
    CHECK_STR(rows.items[0].name, "a");
    CHECK_STR(rows.items[0].ref, "id1");
    CHECK_STR(rows.items[0].state, "present");
    CHECK_STR(rows.items[1].state, "intended");
    CHECK(rows.items[1].ref == NULL);
    CHECK(resources_intend(db, "i", "container", "a", NULL) == 0); /* anew */
    CHECK(resources_gone(db, "i", "container", "b", NULL) == 0);
    CHECK(resources_gone(db, "i", "container", "b", NULL) == 0);
    resource_rows_fini(&rows);
    CHECK(resources_of(db, "i", &rows, NULL) == 0);
    CHECK(rows.n == 1 && rows.items[0].ref == NULL);
    CHECK_STR(rows.items[0].state, "intended");
}

static void test_port_leases(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    PortLeaseRows rows = { 0 };
    Error err = { 0 };
    (void)state;

    CHECK(port_leases_add(db, "i", 80, 30002, NULL) == 0);
    CHECK(port_leases_add(db, "i", 22, 30001, NULL) == 0);
    CHECK(port_leases_add(db, "j", 80, 30001, &err) < 0);
    CHECK_INT(err.code, E_CONFLICT);
    CHECK(strstr(err.detail, "30001") != NULL);
    CHECK(port_leases_all(db, &rows, NULL) == 0);
    CHECK(rows.n == 2 && rows.items[0].port == 30001 && rows.items[0].internal_port == 22);
    CHECK_STR(rows.items[1].instance_id, "i");
    port_lease_rows_fini(&rows);
    CHECK(port_leases_drop(db, "i", NULL) == 0);
    CHECK(port_leases_all(db, &rows, NULL) == 0);
    CHECK(rows.n == 0);
    port_lease_rows_fini(&rows);
}

static void test_subnet_leases(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    SubnetLeaseRows rows = { 0 };
    Error err = { 0 };
    int64_t before = clock_wall_us();
    (void)state;

    CHECK(subnet_leases_add(db, "10.240.0.0/28", "pool", "whaley-1", NULL) == 0);
    CHECK(subnet_leases_add(db, "10.240.0.0/28", "i", "whaley-2", &err) < 0);
    CHECK_INT(err.code, E_CONFLICT);
    CHECK(subnet_leases_set_network(db, "10.240.0.0/28", "abc", NULL) == 0);
    CHECK(subnet_leases_set_holder(db, "10.240.0.0/28", "i", NULL) == 0);
    CHECK(subnet_leases_set_holder(db, "10.240.0.16/28", "i", &err) < 0);
    CHECK_INT(err.code, E_NOT_FOUND);
    CHECK(subnet_leases_all(db, &rows, NULL) == 0);
    CHECK(rows.n == 1);
    CHECK_STR(rows.items[0].holder, "i");
    CHECK_STR(rows.items[0].network_id, "abc");
    CHECK_STR(rows.items[0].network_name, "whaley-1");
    CHECK(rows.items[0].created_at >= before && rows.items[0].created_at <= clock_wall_us());
    subnet_lease_rows_fini(&rows);
    CHECK(subnet_leases_drop(db, "10.240.0.0/28", NULL) == 0);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM subnet_leases") == 0);
}

static void test_port_mappings(void **state)
{
    static const PortMappingRow two[] = { { 80, 30001 }, { 22, 30002 } }, one[] = { { 80, 30009 } };
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    PortMappingRows rows = { 0 };
    (void)state;

    CHECK(port_mappings_put(db, "user:7", "ann", "web", two, 2, NULL) == 0);
    CHECK(port_mappings_put(db, "team:7", NULL, "web", one, 1, NULL) == 0);
    CHECK(port_mappings_get(db, "user:7", "web", &rows, NULL) == 0);
    CHECK(rows.n == 2 && rows.items[0].internal_port == 22 && rows.items[0].external_port == 30002);
    port_mapping_rows_fini(&rows);
    CHECK(port_mappings_put(db, "user:7", "ann", "web", one, 1, NULL) == 0);
    CHECK(port_mappings_get(db, "user:7", "web", &rows, NULL) == 0);
    CHECK(rows.n == 1 && rows.items[0].external_port == 30009);
    port_mapping_rows_fini(&rows);
    CHECK(port_mappings_get(db, "team:7", "web", &rows, NULL) == 0);
    CHECK(rows.n == 1);
    port_mapping_rows_fini(&rows);
    CHECK(port_mappings_get(db, "user:7", "pwn", &rows, NULL) == 0);
    CHECK(rows.n == 0);
    port_mapping_rows_fini(&rows);
    /* the bare id, as other programs know it */
    CHECK(temp_int(db, "SELECT COUNT(*) FROM user_port_mappings WHERE user_id = '7'"
                       " AND updated_at LIKE '____-__-__ __:__:__.______'") == 2);
}

static void test_events_and_settings(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    AUTO_FREE char *value = NULL;
    EventRow event = { .event_type = "instance_spawn", .user_id = "7" };
    (void)state;

    CHECK(event_logs_add(db, &event, NULL) == 0); /* a message is not needed */
    event.message = "again";
    CHECK(event_logs_add(db, &event, NULL) == 0);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM event_logs WHERE user_id = '7' AND timestamp LIKE"
                       " '____-__-__ __:__:__.______'") == 2);
    CHECK(whaley_settings_get(db, "k", &value, NULL) == 0 && value == NULL);
    CHECK(whaley_settings_put(db, "k", "1", NULL) == 0);
    CHECK(whaley_settings_put(db, "k", "2", NULL) == 0);
    CHECK(whaley_settings_get(db, "k", &value, NULL) == 0);
    CHECK_STR(value, "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saves_instances),
        cmocka_unit_test(test_deletes_with_effects),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_port_leases),
        cmocka_unit_test(test_subnet_leases),
        cmocka_unit_test(test_port_mappings),
        cmocka_unit_test(test_events_and_settings),
    };

    return cmocka_run_group_tests_name("store/tables", tests, NULL, NULL);
}
