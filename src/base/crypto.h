/*
 * crypto - the adapter around libsodium: randomness and digests. No other file includes sodium.h.
 *
 * Threads    any, after crypto_init().
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX_SIZE = 65 };

MUST_USE int crypto_init(Error *err);
void crypto_random(void *ret_bytes, size_t n);
/* Writes 2*n lower-case hex digits and a NUL. */
void crypto_random_hex(char *ret_hex, size_t n_bytes);
uint32_t crypto_random_below(uint32_t limit); /* uniform in [0, limit) */
/* First 8 bytes, little-endian, of a 16-byte blake2b digest. */
uint64_t crypto_blake2b_u64(const void *bytes, size_t n);
void crypto_sha256_hex(const void *bytes, size_t n, char ret_hex[SHA256_HEX_SIZE]);
bool crypto_equal(const char *a, const char *b); /* constant time in the contents */

/* Incremental SHA-256. */
typedef struct Sha256 Sha256;
Sha256 *sha256_new(void);
void sha256_add(Sha256 *s, const void *bytes, size_t n);
/* Writes the digest and frees `s`. */
void sha256_finish(Sha256 *s, char ret_hex[SHA256_HEX_SIZE]);
