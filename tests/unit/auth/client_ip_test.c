#include "auth/client_ip.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *trusted, *peer, *forwarded, *real_ip, *want;
} cases[] = {
    /* nobody is believed who is not listed */
    { "", "203.0.113.7", "1.2.3.4", "5.6.7.8", "203.0.113.7" },
    { "127.0.0.1,::1", "203.0.113.7", "1.2.3.4", NULL, "203.0.113.7" },
    { "127.0.0.1,::1", "127.0.0.1", NULL, NULL, "127.0.0.1" },
    { "127.0.0.1,::1", "127.0.0.1", "203.0.113.7", NULL, "203.0.113.7" },
    { "127.0.0.1,::1", "::1", "203.0.113.7", NULL, "203.0.113.7" },
    /* what the client wrote itself stands left */
    { "127.0.0.1", "127.0.0.1", "6.6.6.6, 203.0.113.7", NULL, "203.0.113.7" },
    { "10.0.0.0/8", "10.1.1.1", "6.6.6.6, 203.0.113.7, 10.2.2.2", NULL, "203.0.113.7" },
    { "10.0.0.0/8", "10.1.1.1", "6.6.6.6,203.0.113.7,11.2.2.2", NULL, "11.2.2.2" },
    { "10.0.0.0/8", "10.1.1.1", "10.3.3.3, 10.2.2.2", NULL, "10.3.3.3" },
    /* every peer is believed, but only what it appended itself */
    { "*", "198.51.100.1", "6.6.6.6, 203.0.113.7", NULL, "203.0.113.7" },
    { "*, 203.0.113.7", "198.51.100.1", "6.6.6.6, 203.0.113.7", NULL, "6.6.6.6" },
    /* IPv6, CIDRs of it, mapped addresses, ports, zones */
    { "fd00::/8", "fd12::1", "2001:DB8:0::0:1", NULL, "2001:db8::1" },
    { "fd00::/8", "fe80::1", "2001:db8::1", NULL, "fe80::1" },
    { "fe80::/10", "fe80::1%eth0", "2001:db8::1", NULL, "2001:db8::1" },
    { "127.0.0.1", "::ffff:127.0.0.1", "::ffff:203.0.113.7", NULL, "203.0.113.7" },
    { "127.0.0.1", "127.0.0.1", "203.0.113.7:5544", NULL, "203.0.113.7" },
    { "127.0.0.1", "127.0.0.1", "[2001:db8::1]:5544", NULL, "2001:db8::1" },
    { "10.1.2.3/8", "10.9.9.9", "203.0.113.7", NULL, "203.0.113.7" },
    { "0.0.0.0/0", "10.9.9.9", "1.1.1.1, 203.0.113.7", NULL, "1.1.1.1" },
    { "0.0.0.0/0", "2001:db8::5", "1.1.1.1", NULL, "2001:db8::5" },
    /* X-Real-IP only when there is no X-Forwarded-For */
    { "127.0.0.1", "127.0.0.1", NULL, "203.0.113.7", "203.0.113.7" },
    { "127.0.0.1", "127.0.0.1", "198.51.100.1", "203.0.113.7", "198.51.100.1" },
    /* garbage: the peer */
    { "127.0.0.1", "127.0.0.1", "unknown", NULL, "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", "203.0.113.7, ", NULL, "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", "", NULL, "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", ",,,", NULL, "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", "[::1", NULL, "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", NULL, "nonsense", "127.0.0.1" },
    { "127.0.0.1", "127.0.0.1", "1.2.3.4.5", NULL, "127.0.0.1" },
    { "127.0.0.1", NULL, "203.0.113.7", NULL, "" },
    { "*", "somewhere", "203.0.113.7", NULL, "" },
};

static void finds_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        TrustedProxies *proxies;
        char ip[CLIENT_IP_SIZE];
        CHECK_INT(trusted_proxies_new(&proxies, cases[i].trusted, NULL), 0);
        client_ip_find(proxies, cases[i].peer, cases[i].forwarded, cases[i].real_ip, ip);
        if (strcmp(ip, cases[i].want) != 0)
            fail_msg("case %zu: got \"%s\", want \"%s\"", i, ip, cases[i].want);
        trusted_proxies_free(proxies);
    }
}

static void an_endless_list_is_not_walked(void **state)
{
    TrustedProxies *proxies;
    char ip[CLIENT_IP_SIZE], list[1000] = "9.9.9.9";

    (void)state;
    for (int i = 0; i < CLIENT_IP_HOPS_MAX + 1; i++)
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), ", 10.0.0.1");
    CHECK_INT(trusted_proxies_new(&proxies, "10.0.0.1", NULL), 0);
    client_ip_find(proxies, "10.0.0.1", list, NULL, ip);
    CHECK_STR(ip, "10.0.0.1");
    trusted_proxies_free(proxies);
}

static void refuses_a_bad_list(void **state)
{
    static const char *const bad[] = { "example.com", "10.0.0.0/33", "::/129", "10.0.0.0/",
                                       "10.0.0.0/8x", "1.2.3",       "/8",     "127.0.0.1;::1" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        TrustedProxies *proxies = NULL;
        Error err = { 0 };
        CHECK(trusted_proxies_new(&proxies, bad[i], &err) < 0);
        CHECK_INT(err.code, E_INVALID);
        CHECK(strstr(err.detail, bad[i]) != NULL);
        CHECK(proxies == NULL);
    }
}

static void groups_for_limits(void **state)
{
    char key[CLIENT_IP_SIZE];

    (void)state;
    client_ip_limit_key("203.0.113.7", key);
    CHECK_STR(key, "203.0.113.7");
    client_ip_limit_key("2001:db8:1:2:3:4:5:6", key);
    CHECK_STR(key, "2001:db8:1:2::");
    client_ip_limit_key("anonymous", key);
    CHECK_STR(key, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_client),
        cmocka_unit_test(an_endless_list_is_not_walked),
        cmocka_unit_test(refuses_a_bad_list),
        cmocka_unit_test(groups_for_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
