#include "test.h"

#include "base/str.h"
#include "settings/names.h"

#include <string.h>

static void test_meant(void **state)
{
    static const struct {
        const char *name, *value, *meant; /* meant NULL: none of our business */
    } rows[] = {
        { "INSTANCE_TIMOUT", "", "INSTANCE_TIMEOUT" },
        { "instance_timout", "", "INSTANCE_TIMEOUT" },
        { "MAX_INSTANCE_PER_USER", "", "MAX_INSTANCES_PER_USER" },
        { "PORTRANGE_START", "", "PORT_RANGE_START" },
        { "DATADIR", "", "DATA_DIR" },
        { "ADMIN_KEYS", "", "ADMIN_KEY" },
        { "WHALEY_PORT", "9000", "PORT" },
        { "whaley_admin_key", "", "ADMIN_KEY" },
        { "WHALEY_ADMIN_KEYS", "", "ADMIN_KEY" },
        { "WHALEY_NONSENSE", "", "" },
        { "WHALEY_PORT", "tcp://10.0.0.1:8000", NULL },
        { "WHALEY_PORT_8000_TCP", "x", NULL },
        { "WHALEY_SERVICE_HOST", "10.0.0.1", NULL },
        { "PATH", "", NULL },
        { "HOME", "", NULL },
        { "POST", "", NULL },
        { "HOSTNAME", "", NULL },
        { "PWD", "", NULL },
        { "TRAEFIK_REDIS_URL", "", NULL },
        { "DOCKER_TLS_VERIFY", "", NULL },
        { "POSTGRES_PASSWORD", "", NULL },
        { "PS1", "", NULL },
        { "_", "", NULL },
        { "", "", NULL },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *meant = names_meant(rows[i].name, rows[i].value);

        if (!str_eq(meant, rows[i].meant))
            fail_msg("%s: %s", rows[i].name, meant ? meant : "NULL");
    }
}

static void test_length(void **state)
{
    char name[70];
    (void)state;

    memset(name, 'A', sizeof name);
    memcpy(name, "WHALEY_", 7);
    name[63] = '\0';
    CHECK_STR(names_meant(name, ""), "");
    name[63] = 'A';
    name[64] = '\0';
    CHECK(names_meant(name, "") == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meant),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests_name("settings/names", tests, NULL, NULL);
}
