/* arena, strbuf, vec and map. */
#include "test.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <stdio.h>

/* ---- arena ---- */

static void test_arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    static const size_t sizes[] = { 1, 0, 15, 16, 17, 900, 1023, 1024, 1025, 70000, 1, 200000, 3 };
    AUTO_ARENA Arena *arena = arena_new();
    unsigned char *blocks[ARRAY_LEN(sizes)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        blocks[i] = arena_alloc(arena, sizes[i]);
        CHECK_INT((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            CHECK(blocks[i][k] == 0);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t k = 0; k < sizes[i]; k++)
            CHECK(blocks[i][k] == i + 1);
    CHECK(arena_used(arena) >= 70000 + 200000);
}

static void test_arena_text(void **state)
{
    AUTO_ARENA Arena *arena = arena_new();
    const char *grown;

    (void)state;
    CHECK_STR(arena_strdup(arena, ""), "");
    CHECK_STR(arena_strndup(arena, "abcdef", 3), "abc");
    CHECK_STR(arena_strndup(arena, "ab", 30), "ab");
    CHECK_STR(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    CHECK_INT(strlen(arena_printf(arena, "%5000d", 1)), 5000);
    grown = arena_grow(arena, "abc", 3, 100);
    CHECK_STR(grown, "abc");
    CHECK(arena_grow(arena, NULL, 0, 10) != NULL);
    arena_free(NULL);
}

/* ---- strbuf ---- */

static void test_strbuf_grows_and_stays_terminated(void **state)
{
    AUTO_STRBUF StrBuf b = { 0 };
    AUTO_FREE char *taken = NULL;

    (void)state;
    CHECK_STR(strbuf_str(&b), "");
    strbuf_adds(&b, "");
    strbuf_addc(&b, 'a');
    strbuf_add(&b, "b\0c", 3);
    strbuf_addf(&b, "%s", "d");
    CHECK_INT(b.len, 5);
    CHECK_INT(memcmp(strbuf_str(&b), "ab\0cd", 6), 0);
    strbuf_clear(&b);
    CHECK_STR(strbuf_str(&b), "");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, "%d,", i);
    CHECK(str_ends(strbuf_str(&b), "998,999,"));
    strbuf_addf(&b, "%300d", 7); /* longer than the small buffer inside */
    CHECK_INT(b.len, 3890 + 300);
    taken = strbuf_take(&b);
    CHECK_INT(strlen(taken), 4190);
    CHECK_STR(strbuf_str(&b), "");
}

static void test_strbuf_at_its_maximum(void **state)
{
    AUTO_STRBUF StrBuf b = { .max = 4 };

    (void)state;
    strbuf_adds(&b, "abcd");
    CHECK(!b.overflowed);
    strbuf_adds(&b, "");
    CHECK(!b.overflowed);
    strbuf_addc(&b, 'e');
    CHECK(b.overflowed);
    CHECK_STR(strbuf_str(&b), "abcd");
    strbuf_clear(&b);
    CHECK(!b.overflowed);
    strbuf_addf(&b, "%s", "123456");
    CHECK(b.overflowed);
    CHECK_STR(strbuf_str(&b), "1234");
}

/* ---- vec ---- */

static void test_vec(void **state)
{
    VEC(int) v = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        vec_push(&v, i);
    vec_remove(&v, 0);
    vec_remove(&v, v.n - 1);
    vec_remove(&v, 49); /* the number 50 */
    CHECK_INT(v.n, 97);
    CHECK_INT(v.items[0], 1);
    CHECK_INT(v.items[48], 49);
    CHECK_INT(v.items[49], 51);
    vec_to_front(&v, 96);
    CHECK_INT(v.items[0], 98);
    CHECK_INT(v.items[1], 1);
    vec_to_front(&v, 0);
    CHECK_INT(v.items[0], 98);
    vec_fini(&v);
    CHECK(v.n == 0 && v.items == NULL);
    vec_push(&v, 1); /* may be used again */
    vec_fini(&v);
}

/* ---- map ---- */

static void test_map_holds_what_an_array_would(void **state)
{
    enum { KEYS = 200 };
    AUTO_MAP Map *map = map_new();
    void *expected[KEYS] = { 0 };
    unsigned seed = 3;
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        unsigned k = (unsigned)rand_r(&seed) % KEYS;
        char key[16];
        (void)snprintf(key, sizeof key, "key-%u", k);
        if (rand_r(&seed) % 2) {
            void *value = &expected[rand_r(&seed) % KEYS];
            CHECK(map_put(map, key, value) == expected[k]);
            count += expected[k] == NULL;
            expected[k] = value;
        } else {
            CHECK(map_remove(map, key) == expected[k]);
            count -= expected[k] != NULL;
            expected[k] = NULL;
        }
        CHECK(map_get(map, key) == expected[k]);
        CHECK_INT(map_count(map), count);
    }
}

static void test_map_iterates_everything_once_and_may_lose_what_it_gave(void **state)
{
    AUTO_MAP Map *map = map_new();
    bool seen[100] = { false };
    size_t pos = 0, n = 0;
    const char *key;
    void *value;

    (void)state;
    CHECK(!map_next(map, &pos, &key, &value));
    CHECK(map_get(map, "x") == NULL && map_remove(map, "x") == NULL);
    for (int i = 0; i < 100; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        (void)map_put(map, text, &seen[i]);
    }
    pos = 0;
    while (map_next(map, &pos, &key, &value)) {
        bool *mark = value;
        int64_t number = -1;
        CHECK(!*mark && str_parse_i64(key, 0, 99, &number) && mark == &seen[number]);
        *mark = true;
        n++;
        if (number % 2)
            CHECK(map_remove(map, key) == mark);
    }
    CHECK_INT(n, 100);
    CHECK_INT(map_count(map), 50);
    pos = 0;
    n = 0;
    while (map_next(map, &pos, NULL, NULL)) /* both may be left out */
        n++;
    CHECK_INT(n, 50);
}

static int start_crypto(void **state)
{
    (void)state;
    return crypto_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena_text),
        cmocka_unit_test(test_strbuf_grows_and_stays_terminated),
        cmocka_unit_test(test_strbuf_at_its_maximum),
        cmocka_unit_test(test_vec),
        cmocka_unit_test(test_map_holds_what_an_array_would),
        cmocka_unit_test(test_map_iterates_everything_once_and_may_lose_what_it_gave),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
