/* Digests against published vectors, and randomness that is in range and differs. */
#include "test.h"

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* FIPS 180-2, appendix B */
static const struct {
    const char *text, *digest;
} sha256_vectors[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_sha256(void **state)
{
    char hex[SHA256_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sha256_vectors); i++) {
        const char *text = sha256_vectors[i].text;
        Sha256 *sha = sha256_new();
        crypto_sha256_hex(text, strlen(text), hex);
        CHECK_STR(hex, sha256_vectors[i].digest);
        for (const char *p = text; *p; p++)
            sha256_add(sha, p, 1);
        sha256_finish(sha, hex);
        CHECK_STR(hex, sha256_vectors[i].digest);
    }
}

static void test_blake2b_picks_the_same_number_for_ever(void **state)
{
    (void)state;
    /* `printf abc | b2sum -l 128`: the first eight bytes, little-endian */
    CHECK(crypto_blake2b_u64("", 0) == UINT64_C(0x40bdefd94169e6ca));
    CHECK(crypto_blake2b_u64("abc", 3) == UINT64_C(0x2b8d2bc691b74acf));
    CHECK(crypto_blake2b_u64("abcd", 3) == crypto_blake2b_u64("abc", 3));
}

static void test_randomness(void **state)
{
    char a[33], b[33];
    bool seen[10] = { false };

    (void)state;
    crypto_random_hex(a, 16);
    crypto_random_hex(b, 16);
    CHECK_INT(strlen(a), 32);
    CHECK_INT(strspn(a, "0123456789abcdef"), 32);
    CHECK(!str_eq(a, b));
    for (int i = 0; i < 1000; i++) {
        uint32_t n = crypto_random_below(10);
        CHECK(n < 10);
        seen[n] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        CHECK(seen[i]);
    CHECK_INT(crypto_random_below(1), 0);
}

static void test_equality(void **state)
{
    (void)state;
    CHECK(crypto_equal("", "") && crypto_equal("secret", "secret"));
    CHECK(!crypto_equal("secret", "secreT") && !crypto_equal("secret", "secrets"));
    CHECK(!crypto_equal("", "x"));
}

static int start_crypto(void **state)
{
    (void)state;
    return crypto_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_blake2b_picks_the_same_number_for_ever),
        cmocka_unit_test(test_randomness),
        cmocka_unit_test(test_equality),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
