#include "instance/firewall.h"
#include "base/crypto.h"
#include "base/alloc.h"
#include "base/macros.h"
#include "test.h"

#include <ctype.h>
#include <string.h>

/* Whaleys side by side: their chains must differ whenever their prefixes do. */
static void prefixes_keep_their_own_chains(void **state)
{
    static const char *const prefixes[] = {
        "whaley",     "Whaley",      "whaley_a",          "whaleya",           "whaley.a",
        "whaley-ctf", "whaley-ctf1", "whaley-ctf-2026-a", "whaley-ctf-2026-b",
    };
    char words[ARRAY_LEN(prefixes)][FIREWALL_WORD_SIZE];

    (void)state;
    CHECK_INT(crypto_init(NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        firewall_word(prefixes[i], words[i]);
        for (const char *p = words[i]; *p; p++)
            CHECK(isalnum((unsigned char)*p) || *p == '-');
        CHECK(strlen(words[i]) + strlen("-FORWARD") <= 28);
        for (size_t k = 0; k < i; k++)
            if (strcmp(words[k], words[i]) == 0)
                fail_msg("%s and %s share %s", prefixes[k], prefixes[i], words[i]);
    }
    CHECK_STR(words[0], "WHALEY");
    CHECK_STR(words[6], "WHALEY-CTF1");
}

static size_t line_of(const char *text, const char *part)
{
    const char *found = strstr(text, part);
    size_t n = 0;

    if (!found)
        fail_msg("no %s in\n%s", part, text);
    for (; found && found > text; found--)
        n += found[-1] == '\n';
    return n;
}

static void egress_stops_at_closed_ranges(void **state)
{
    static const char *const closed[] = { "10.0.0.0/8",
                                          "169.254.0.0/16",
                                          "192.0.0.0/24",
                                          "198.18.0.0/15",
                                          "240.0.0.0/4",
                                          "0.0.0.0/8",
                                          "168.63.129.16/32 -p tcp --dport 80 " };
    char subnet[] = "10.240.0.16/28";
    char *egress[] = { subnet };
    AUTO_STRBUF StrBuf out = { 0 };

    (void)state;
    firewall_rules(&(FirewallPlan){ "W", "10.240.0.0/16", egress, 1, true }, &out);
    size_t table = line_of(out.data, "*mangle");
    size_t inside = line_of(out.data, "-A W-FORWARD -m physdev --physdev-is-bridged -j RETURN");
    size_t neighbours =
        line_of(out.data, "-A W-FORWARD -s 10.240.0.16/28 -d 10.240.0.0/16 -m conn");
    size_t open = line_of(out.data, "-A W-FORWARD -s 10.240.0.16/28 -j RETURN");
    size_t rest =
        line_of(out.data, "-A W-FORWARD -s 10.240.0.0/16 -m conntrack --ctstate NEW -j DROP");
    CHECK(table < inside && inside < neighbours && neighbours < open && open < rest);
    for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
        AUTO_FREE char *rule = xasprintf("-A W-FORWARD -s 10.240.0.16/28 -d %s", closed[i]);
        size_t at = line_of(out.data, rule);
        CHECK(inside < at && at < open);
    }
    (void)line_of(out.data, "-A W-INPUT -s 10.240.0.0/16 -m conntrack --ctstate NEW -j DROP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_keep_their_own_chains),
        cmocka_unit_test(egress_stops_at_closed_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
