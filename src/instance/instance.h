/*
 * instance - one owner's running copy of a challenge, as everybody sees it.
 *
 *   queued -> preparing -> building -> creating -> starting -> routing -> running
 *      \___________\___________\__________\____________\___________\        |
 *                                                                    stopping -> (gone)
 *
 * `status` is the drop-in vocabulary (starting running stopping stopped error), `phase` the finer
 * one that players watch. An instance whose spawn failed is cleaned up and leaves the registry
 * after FAILED_KEEP_MS, so that a watcher sees why.
 *
 * The registry hands out InstanceViews: immutable copies, reference counted.
 *
 * Units      times are microseconds since the epoch; spans seconds.
 * Threads    views are immutable: any.
 */
#pragma once

#include "base/error.h"
#include "challenge/challenge.h"
#include "model/ids.h"
#include "model/owner.h"

#include <stdatomic.h>
#include <stdint.h>

typedef enum InstanceStatus {
    INSTANCE_STARTING,
    INSTANCE_RUNNING,
    INSTANCE_STOPPING,
    INSTANCE_STOPPED,
    INSTANCE_ERROR,
} InstanceStatus;

typedef enum InstancePhase {
    PHASE_QUEUED,
    PHASE_PREPARING,
    PHASE_BUILDING,
    PHASE_CREATING,
    PHASE_STARTING,
    PHASE_ROUTING,
    PHASE_RUNNING,
    PHASE_STOPPING,
    PHASE_STOPPED,
    PHASE_ERROR,
} InstancePhase;

const char *instance_status_name(InstanceStatus status);
const char *instance_phase_name(InstancePhase phase);

typedef enum StopReason {
    STOP_USER,
    STOP_ADMIN,
    STOP_EXPIRED,
    STOP_ERROR,
    STOP_CANCELLED
} StopReason;
const char *stop_reason_name(StopReason reason); /* user_stop admin_stop expired error cancelled */

typedef struct InstancePort {
    uint16_t internal, external;
    ChallengeProtocol protocol;
    const char *label; /* NULL */
    const char *url;   /* "host:port" as the wire's public_urls */
} InstancePort;

typedef struct InstanceView {
    _Atomic unsigned refs;
    uint64_t version; /* grows with every change of this instance */
    const char *instance_id, *challenge_id, *challenge_name;
    const char *user_id, *username, *team_id, *team_name; /* team_* and username may be NULL */
    Owner owner;
    InstanceStatus status;
    InstancePhase phase;
    const char *phase_detail; /* <= 200 bytes, plain; "" */
    int64_t phase_started_at;
    int64_t queue_position; /* from 1; 0 when not queued */
    int64_t eta_s;          /* median of recent spawns of this challenge; 0 = unknown */
    int64_t created_at, expires_at;
    const char *host; /* of the endpoints */
    InstancePort *ports;
    size_t n_ports;
    const char *network_name; /* NULL */
    const char **container_ids;
    size_t n_containers;
    const char *error_message; /* NULL */
    ErrorCode error_code;
    int64_t error_at;
    int64_t extend_step_s;       /* 0 = not extendable */
    int64_t extend_available_at; /* us */
    int64_t extend_remaining_s;
} InstanceView;

InstanceView *instance_view_ref(InstanceView *view);
void instance_view_unref(InstanceView *view);
DEFINE_CLEANUP(InstanceView, instance_view_unref_p, instance_view_unref)
#define AUTO_VIEW CLEANUP(instance_view_unref_p)

typedef struct InstanceViews {
    InstanceView **items;
    size_t n;
} InstanceViews;
void instance_views_fini(InstanceViews *views);
#define AUTO_VIEWS CLEANUP(instance_views_fini)
