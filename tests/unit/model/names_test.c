/* Owners and ids. */
#include "test.h"

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/str.h"
#include "model/ids.h"
#include "model/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static void test_a_user_and_a_team_of_one_number_are_two_owners(void **state)
{
    Owner user = owner_make(OWNER_USER, "7"), team = owner_make(OWNER_TEAM, "7");
    Owner same = owner_make(OWNER_USER, "7"), other = owner_make(OWNER_USER, "70");
    char key[OWNER_KEY_SIZE];

    (void)state;
    CHECK(owner_equal(&user, &same));
    CHECK(!owner_equal(&user, &team));
    CHECK(!owner_equal(&user, &other));
    CHECK_STR(owner_key(&user, key), "user:7");
    CHECK_STR(owner_key(&team, key), "team:7");
    CHECK_STR(owner_kind_name(OWNER_USER), "user");
    CHECK_STR(owner_kind_name(OWNER_TEAM), "team");
}

static void test_the_longest_owner_fits_and_a_longer_one_is_cut(void **state)
{
    Owner longest = owner_make(OWNER_TEAM, X64), longer = owner_make(OWNER_TEAM, X64 "y");
    char key[OWNER_KEY_SIZE];

    (void)state;
    CHECK_STR(longest.id, X64);
    CHECK(owner_equal(&longest, &longer));
    CHECK_STR(owner_key(&longest, key), "team:" X64);
}

static void test_slugs(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *slug;
    } cases[] = {
        { "web", 48, "web" },
        { "Web 101", 48, "web-101" },
        { "a/../b", 48, "a-b" },
        { "--x--", 48, "x" },
        { "__x__", 48, "x" },
        { "a_b-c", 48, "a_b-c" },
        { "gr\xc3\xbc\xc3\x9f", 48, "gr" },
        { "!!!", 48, "none" },
        { "", 48, "none" },
        { "abcdef", 3, "abc" },
        { "ab cd", 3, "ab" },
        { "a   b", 48, "a-b" },
        { "x", 0, "none" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *slug = ids_slug(cases[i].text, cases[i].max, "none");
        CHECK_STR(slug, cases[i].slug);
    }
}

static void test_made_ids_are_recognised_and_differ(void **state)
{
    static const char *const texts[] = { "web", "", "../../etc", X64 X64 X64, "A B", "-", "a--b" };
    char id[INSTANCE_ID_SIZE], again[INSTANCE_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            ids_make_instance(texts[i], texts[k], id);
            ids_make_instance(texts[i], texts[k], again);
            if (!ids_is_instance(id))
                fail_msg("%s of '%s' and '%s'", id, texts[i], texts[k]);
            CHECK(strlen(id) <= 63 + 16); /* also a host name's part, with a service behind it */
            CHECK(!str_eq(id, again));
        }
    }
}

static void test_what_looks_like_an_instance_id(void **state)
{
    static const struct {
        const char *name;
        bool is;
    } cases[] = {
        { "web-7-0123abcd", true },  { "a-b-c-7-0123abcd", true },     { "web-0123abcd", false },
        { "web-7-0123abc", false },  { "web-7-0123abcg", false },      { "web-7-0123ABCD", false },
        { "Web-7-0123abcd", false }, { "-7-0123abcd", false },         { "web-7-0123abcd ", false },
        { "web 7-0123abcd", false }, { "web--0123abcd", false },       { "", false },
        { "../7-0123abcd", false },  { X64 X64 "-7-0123abcd", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (ids_is_instance(cases[i].name) != cases[i].is)
            fail_msg("%s", cases[i].name);
}

static void test_challenge_ids(void **state)
{
    static const struct {
        const char *id;
        bool is;
    } cases[] = {
        { "web", true },   { "Web 1.0_b-c", true }, { "7", true },     { "", false },
        { ".web", false }, { "-web", false },       { " web", false }, { "a/b", false },
        { "a..b", false }, { "a\nb", false },       { "a\\b", false }, { "gr\xc3\xbc", false },
        { X64 X64, true }, { X64 X64 "x", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (ids_is_challenge(cases[i].id) != cases[i].is)
            fail_msg("%s", cases[i].id);
}

static int start_crypto(void **state)
{
    (void)state;
    return crypto_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_and_a_team_of_one_number_are_two_owners),
        cmocka_unit_test(test_the_longest_owner_fits_and_a_longer_one_is_cut),
        cmocka_unit_test(test_slugs),
        cmocka_unit_test(test_made_ids_are_recognised_and_differ),
        cmocka_unit_test(test_what_looks_like_an_instance_id),
        cmocka_unit_test(test_challenge_ids),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
