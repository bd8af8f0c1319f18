/*
 * trial - a challenge tried out as the server would run it: its images built, one instance started,
 * waited for, stopped. Everything happens beside whatever runs on the engine: with a data folder, a
 * network prefix and labels of its own, ports on 127.0.0.1, no firewall. trial_free() takes away
 * what is left: networks, containers, the images that were built, the folder.
 *
 * Threads    one at a time; `on_line` comes from another thread, one call at a time.
 * Failure    E_CANCELLED after *stop became true; E_BUILD_FAILED; whatever a spawn fails with.
 */
#pragma once

#include "base/clock.h"
#include "challenge/challenge.h"

#include <stdatomic.h>

typedef struct Trial Trial;

typedef struct TrialOptions {
    const char *const *environ_; /* "K=V", NULL-terminated: settings to start from */
    const char *dotenv_path;
    void (*on_line)(void *ctx, const char *challenge_id, const char *line); /* of a build */
    void *ctx;
    const _Atomic bool *stop; /* looked at ten times a second */
} TrialOptions;

/* < 0 when the settings are refused, the engine is not there or no folder can be made. */
MUST_USE int trial_new(Trial **ret, const TrialOptions *options, Error *err);
void trial_free(Trial *trial); /* NULL is fine */
DEFINE_CLEANUP(Trial, trial_free_p, trial_free)
#define AUTO_TRIAL CLEANUP(trial_free_p)

typedef struct TrialTimes {
    Millis build; /* next to nothing when the images were there */
    Millis ready; /* from the spawn until it is ready; 0 when it was not started */
} TrialTimes;

/* Builds the images of a sound challenge and, when `start`, runs it once. */
MUST_USE int trial_challenge(Trial *trial, Challenge *challenge, bool start, TrialTimes *ret,
                             Error *err);
