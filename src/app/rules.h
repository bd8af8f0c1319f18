/* rules - what the settings let every challenge do, for those who load challenges. */
#pragma once

#include "challenge/challenge.h"
#include "settings/settings.h"

/* Borrows the settings' text. */
ChallengeRules rules_of(const Settings *settings);
/*
 * By the environment and `.env`, as the server would have it; by the defaults when they are bad.
 * Without flag_prefix.
 */
ChallengeRules rules_of_environment(void);
