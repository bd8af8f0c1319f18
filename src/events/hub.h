/*
 * hub - Server-Sent Events to many subscribers, resumable (HTML Living Standard, "Server-sent
 * events").
 *
 * Events get ascending ids and stay in a ring; a subscriber that comes back with Last-Event-ID gets
 * what it missed, or `reset` when the ring no longer holds it. A subscriber sees events for its
 * owner and events for everybody.
 *
 * Ids start at the wall clock in microseconds, so that ids of an earlier run are known to be old.
 *
 * Limits     HUB_RING events; max_per_owner streams per owner.
 * Threads    any. Publishing never blocks on a slow reader.
 */
#pragma once

#include "http/server.h"
#include "model/owner.h"

#include <stdint.h>

enum { HUB_RING = 4096, HUB_STREAMS_MAX = 2000, HUB_REPLAY_MAX = HTTP_STREAM_BUFFER_MAX / 2 };

typedef struct Hub Hub;

Hub *hub_new(size_t max_per_owner);
void hub_free(Hub *hub);
/* owner NULL: everybody. `json` is one line of JSON. Returns the event's id. */
uint64_t hub_publish(Hub *hub, const Owner *owner, const char *type, const char *json);
/*
 * Adds a stream for `owner` and takes a reference to it. With last_event_id 0, or one the ring no
 * longer holds (or never gave out), `snapshot_json` is sent first as event `snapshot` (preceded by
 * `reset` in the latter case), then everything published after snapshot_id, which is hub_last_id()
 * from before the snapshot was made: nothing is lost in between. Otherwise what was missed follows.
 * Outcomes: 0; HUB_FULL when the owner (or the hub) has as many streams as allowed.
 */
enum { HUB_FULL = 1 };
typedef struct HubSnapshot {
    uint64_t id;
    const char *json;
} HubSnapshot;
MUST_USE int hub_subscribe(Hub *hub, const Owner *owner, HttpStream *stream, uint64_t last_event_id,
                           HubSnapshot snapshot);
uint64_t hub_last_id(Hub *hub);
void hub_ping(Hub *hub);      /* a comment to everyone; drops the dead. Call every 15 s. */
void hub_close_all(Hub *hub); /* on shutdown, after the restart notice */
size_t hub_count(Hub *hub);
