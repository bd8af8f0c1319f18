#include "app/rules.h"

#include <unistd.h>

ChallengeRules rules_of(const Settings *settings)
{
    return (ChallengeRules){
        .remote_add = settings->build_allow_remote_add,
        .containers_max = (size_t)settings->instance_max_containers,
        /* without the network's own address, its gateway and the broadcast address */
        .addresses_max = ((size_t)1 << (32 - settings->network_subnet_prefix)) - 3,
        .flag_prefix = settings->flag_prefix,
        .max_memory = settings->container_max_memory,
        .max_nano_cpus = (int64_t)(settings->container_max_cpu * 1e9),
        .max_pids = settings->container_pids_limit,
    };
}

ChallengeRules rules_of_environment(void)
{
    static const char *const nothing[] = { NULL };
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_SETTINGS Settings *settings = NULL;
    ChallengeRules rules;
    Error err = { 0 };

    if (settings_load((const char *const *)environ, ".env", &settings, &diags, &err) != 0 &&
        settings_load(nothing, NULL, &settings, &diags, &err) != 0)
        return (ChallengeRules){ 0 };
    rules = rules_of(settings);
    rules.flag_prefix = NULL; /* its text ends here */
    return rules;
}
