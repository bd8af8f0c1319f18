#include "auth/identity.h"
#include "test.h"

#include <string.h>

static const struct {
    const char *ip, *user_id, *username;
} cases[] = {
    { "192.168.1.7", "192.168.1.7", "user_c0a80107" },
    { "192.168.17.7", "192.168.17.7", "user_c0a81107" },
    { "::ffff:192.168.1.7", "192.168.1.7", "user_c0a80107" },
    { "2001:DB8::1", "2001:db8::1", "user_20010db8000000000000000000000001" },
    { "", "anonymous", "user_anonymous" },
    { NULL, "anonymous", "user_anonymous" },
};

static void the_address_is_the_user(void **state)
{
    IdentityProvider none = identity_none();

    (void)state;
    CHECK_STR(none.mode, "none");
    CHECK(!none.blocking);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Identity who;
        IdentityQuestion question = { .client_ip = cases[i].ip };
        CHECK_INT(none.identify(none.ctx, &question, &who, NULL), 0);
        CHECK_STR(who.user_id, cases[i].user_id);
        CHECK_STR(who.username, cases[i].username);
        CHECK_STR(who.team_id, "");
        CHECK_INT(who.owner.kind, OWNER_USER);
        CHECK_STR(who.owner.id, cases[i].user_id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_address_is_the_user) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
