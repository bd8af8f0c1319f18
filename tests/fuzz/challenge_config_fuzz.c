/* instance.toml and challenge.yaml may hold anything; the first byte picks the language. */
#include "base/check.h"
#include "challenge/build.h"
#include "challenge/config.h"

#include "base/alloc.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_CHALLENGE Challenge *challenge = challenge_new("/c/demo", "demo");
    AUTO_ARENA Arena *arena = arena_new();
    ConfigPorts ports = { 0 };

    if (size == 0)
        return 0;
    challenge->config_file = xstrdup(data[0] == '#' ? "instance.toml" : "challenge.yaml");
    config_load(challenge, arena, (const char *)data, size, &ports);
    check(ports.n <= CONFIG_PORTS_MAX);
    for (size_t i = 0; i < ports.n; i++)
        check(ports.items[i].port != 0 && ports.items[i].field);
    check(challenge->timeout_s == 0 || challenge->timeout_s >= CONFIG_TIMEOUT_MIN_S);
    check(challenge->id[0] && challenge->name[0]);
    return 0;
}
