#include "app/rules.h"

#include <unistd.h>

ChallengeRules rules_of(const Settings *settings)
{
    return (ChallengeRules){
        .remote_add = settings->build_allow_remote_add,
        .containers_max = (size_t)settings->instance_max_containers,
    };
}

ChallengeRules rules_of_environment(void)
{
    static const char *const nothing[] = { NULL };
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_SETTINGS Settings *settings = NULL;
    Error err = { 0 };

    if (settings_load((const char *const *)environ, ".env", &settings, &diags, &err) != 0 &&
        settings_load(nothing, NULL, &settings, &diags, &err) != 0)
        return (ChallengeRules){ 0 };
    return rules_of(settings);
}
