/*
 * challenge - the definition on disk of something that can be started, at one revision.
 *
 * Immutable after loading and reference counted: an instance keeps the revision it was spawned
 * from alive, whatever the catalogue does meanwhile. A challenge that could not be loaded exists
 * too (`broken`), with its diagnostics, so that organisers see it.
 *
 * Units      seconds for timeouts.
 * Threads    any.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "challenge/flags.h"
#include "compose/plan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum ChallengeProtocol {
    CHALLENGE_HTTP,
    CHALLENGE_TCP,
    CHALLENGE_TLS,
    CHALLENGE_SSH,
    CHALLENGE_RAW,
} ChallengeProtocol;

typedef struct ChallengePort {
    uint16_t port; /* inside the container */
    ChallengeProtocol protocol;
    char *label;   /* what the player reads, or NULL */
    char *service; /* compose service that publishes it */
} ChallengePort;

typedef enum ChallengeReady {
    CHALLENGE_READY_LISTENING, /* default: its ports accept connections */
    CHALLENGE_READY_STARTED,   /* ready = "started": the containers run */
} ChallengeReady;

typedef struct Challenge {
    _Atomic unsigned refs;
    char *id, *name, *category, *description; /* description may be NULL */
    char *folder;                             /* name of its folder in CHALLENGES_DIR */
    char *path;                               /* absolute path of the folder */
    char *config_file;                        /* "instance.toml", "challenge.yaml" ... */
    char *compose_file;                       /* NULL when missing (then broken) */
    char *revision;                           /* 12 hex digits: hash of every file in the folder */
    ChallengePort *ports;
    size_t n_ports;
    int64_t timeout_s;     /* 0 = INSTANCE_TIMEOUT */
    int64_t extend_time_s; /* 0 = not extendable */
    bool disable_dynamic_flags;
    FlagDelivery flag_delivery; /* as asked for */
    FlagDelivery flag_used;     /* what that and the files come to; FLAG_NONE when broken */
    bool egress;                /* outbound internet allowed */
    bool allow_setuid;          /* no no-new-privileges */
    ChallengeReady ready;
    char **profiles; /* of the compose file, that run */
    size_t n_profiles;
    char **allow_capabilities; /* [allow]: what the organiser grants beyond the allow-list */
    size_t n_allow_capabilities;
    char **allow_devices;
    size_t n_allow_devices;
    Plan *plan; /* NULL when broken */
    bool broken;
    DiagList diags; /* errors when broken; warnings and notes otherwise */
} Challenge;

Challenge *challenge_ref(Challenge *challenge);
void challenge_unref(Challenge *challenge); /* NULL is fine */
DEFINE_CLEANUP(Challenge, challenge_unref_p, challenge_unref)
#define AUTO_CHALLENGE CLEANUP(challenge_unref_p)

/* What the operator lets every challenge do. */
typedef struct ChallengeRules {
    bool remote_add;         /* BUILD_ALLOW_REMOTE_ADD */
    size_t containers_max;   /* INSTANCE_MAX_CONTAINERS; 0 = as many as a compose file may have */
    size_t addresses_max;    /* containers that fit on one network; 0 = not known */
    const char *flag_prefix; /* FLAG_PREFIX; NULL = "FLAG"; outlives whoever is given the rules */
    int64_t max_memory, max_nano_cpus, max_pids; /* caps of a container; 0 = not known */
} ChallengeRules;

/* Does the folder hold a configuration or a compose file? */
bool challenge_is_folder(const char *path);
const char *challenge_protocol_name(ChallengeProtocol protocol);

/*
 * Loads one folder. Never fails on bad content (then `broken`); < 0 only when the folder itself
 * cannot be opened. `path` is absolute, `folder` its last component.
 */
MUST_USE int challenge_load(const char *path, const char *folder, const ChallengeRules *rules,
                            Challenge **ret, Error *err);
