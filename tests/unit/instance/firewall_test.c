#include "instance/firewall.h"
#include "base/crypto.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_keep_their_own_chains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
