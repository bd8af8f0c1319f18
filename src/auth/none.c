/*
 * none - AUTH_MODE=none: the client's address is the user (behaviour.md 7.3). The name is `user_`
 * and the address in hex, eight digits for IPv4: short, and no two addresses share it.
 */
#include "auth/client_ip.h"
#include "auth/identity.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char ANONYMOUS[] = "anonymous";

static void name_of(const char *ip, char *ret_name, size_t size)
{
    uint8_t bytes[16];
    bool v4 = inet_pton(AF_INET, ip, bytes) == 1;
    int n;

    if (!v4 && inet_pton(AF_INET6, ip, bytes) != 1) {
        (void)snprintf(ret_name, size, "user_%s", ip);
        return;
    }
    n = snprintf(ret_name, size, "user_");
    for (size_t i = 0; i < (v4 ? 4U : 16U); i++)
        n += snprintf(ret_name + n, size - (size_t)n, "%02x", bytes[i]);
}

static int identify(void *ctx, const IdentityQuestion *question, Identity *ret, Error *err)
{
    char ip[CLIENT_IP_SIZE];
    Identity who = { 0 };

    (void)ctx;
    (void)err;
    if (!client_ip_normalise(question->client_ip, ip))
        (void)snprintf(ip, sizeof ip, "%s", ANONYMOUS);
    (void)snprintf(who.user_id, sizeof who.user_id, "%s", ip);
    name_of(ip, who.username, sizeof who.username);
    who.owner = owner_make(OWNER_USER, who.user_id);
    *ret = who;
    return 0;
}

IdentityProvider identity_none(void)
{
    return (IdentityProvider){ .mode = "none", .identify = identify };
}
