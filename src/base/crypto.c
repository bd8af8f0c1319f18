#include "base/crypto.h"
#include "base/alloc.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct Sha256 {
    crypto_hash_sha256_state state;
};

int crypto_init(Error *err)
{
    if (sodium_init() < 0)
        return error_set(err, E_INTERNAL, "libsodium could not be initialised");
    return 0;
}

void crypto_random(void *ret_bytes, size_t n)
{
    randombytes_buf(ret_bytes, n);
}

void crypto_random_hex(char *ret_hex, size_t n_bytes)
{
    unsigned char bytes[64];

    if (n_bytes > sizeof bytes)
        n_bytes = sizeof bytes;
    randombytes_buf(bytes, n_bytes);
    sodium_bin2hex(ret_hex, n_bytes * 2 + 1, bytes, n_bytes);
}

uint32_t crypto_random_below(uint32_t limit)
{
    return randombytes_uniform(limit);
}

uint64_t crypto_blake2b_u64(const void *bytes, size_t n)
{
    unsigned char digest[16];
    uint64_t value = 0;

    crypto_generichash(digest, sizeof digest, bytes, n, NULL, 0);
    for (size_t i = 8; i-- > 0;)
        value = value << 8 | digest[i];
    return value;
}

void crypto_sha256_hex(const void *bytes, size_t n, char ret_hex[SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, bytes, n);
    sodium_bin2hex(ret_hex, SHA256_HEX_SIZE, digest, sizeof digest);
}

bool crypto_equal(const char *a, const char *b)
{
    unsigned char da[32], db[32];

    crypto_generichash(da, sizeof da, (const unsigned char *)a, strlen(a), NULL, 0);
    crypto_generichash(db, sizeof db, (const unsigned char *)b, strlen(b), NULL, 0);
    return sodium_memcmp(da, db, sizeof da) == 0;
}

Sha256 *sha256_new(void)
{
    Sha256 *s = xnew(Sha256);

    crypto_hash_sha256_init(&s->state);
    return s;
}

void sha256_add(Sha256 *s, const void *bytes, size_t n)
{
    crypto_hash_sha256_update(&s->state, bytes, n);
}

void sha256_finish(Sha256 *s, char ret_hex[SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_final(&s->state, digest);
    sodium_bin2hex(ret_hex, SHA256_HEX_SIZE, digest, sizeof digest);
    free(s);
}
