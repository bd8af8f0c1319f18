/*
 * Lines: TRUSTED_PROXIES, peer, X-Forwarded-For, X-Real-IP. What comes out is "" or an address that
 * means itself, and a peer that nobody trusts stays what it is.
 */
#include "auth/client_ip.h"
#include "base/alloc.h"
#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    char *rest = text, *lines[4];
    char found[CLIENT_IP_SIZE], again[CLIENT_IP_SIZE], plain[CLIENT_IP_SIZE], key[CLIENT_IP_SIZE];
    TrustedProxies *proxies = NULL, *none = NULL;
    Error err = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        lines[i] = strsep(&rest, "\n");
    if (!lines[1])
        return 0;
    check(trusted_proxies_new(&none, "", &err) == 0);
    client_ip_find(none, lines[1], lines[2], lines[3], plain);
    check(client_ip_normalise(lines[1], again) ? strcmp(plain, again) == 0 : !plain[0]);
    if (trusted_proxies_new(&proxies, lines[0], &err) == 0) {
        client_ip_find(proxies, lines[1], lines[2], lines[3], found);
        check(!found[0] || (client_ip_normalise(found, again) && strcmp(found, again) == 0));
        check(!found[0] == !plain[0]);
        client_ip_limit_key(found, key);
        check(!found[0] == !key[0]);
        trusted_proxies_free(proxies);
    }
    trusted_proxies_free(none);
    return 0;
}
