#include "events/hub.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/strbuf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char RETRY[] = "retry: 2000\n\n";
static const char PING[] = ": ping\n\n";

typedef struct Event {
    uint64_t id; /* 0 = this slot was never used */
    bool for_all;
    Owner owner;
    char *frame; /* as it goes over the wire */
    size_t len;
} Event;

typedef struct Subscriber {
    Owner owner;
    HttpStream *stream;
} Subscriber;

struct Hub {
    Lock lock;
    size_t max_per_owner;
    uint64_t last_id;
    bool closed;
    Event ring[HUB_RING]; /* the event with id i lies at i % HUB_RING */
    Subscriber subscribers[HUB_STREAMS_MAX];
    size_t n_subscribers;
};

Hub *hub_new(size_t max_per_owner)
{
    Hub *hub = xnew(Hub);

    (void)pthread_mutex_init(&hub->lock, NULL);
    hub->max_per_owner = max_per_owner;
    hub->last_id = (uint64_t)clock_wall_us();
    return hub;
}

static void drop_locked(Hub *hub, size_t i)
{
    http_stream_close(hub->subscribers[i].stream);
    http_stream_unref(hub->subscribers[i].stream);
    hub->subscribers[i] = hub->subscribers[--hub->n_subscribers];
}

void hub_close_all(Hub *hub)
{
    LOCK_SCOPE(&hub->lock);

    hub->closed = true;
    while (hub->n_subscribers)
        drop_locked(hub, hub->n_subscribers - 1);
}

void hub_free(Hub *hub)
{
    if (!hub)
        return;
    hub_close_all(hub);
    for (size_t i = 0; i < HUB_RING; i++)
        free(hub->ring[i].frame);
    (void)pthread_mutex_destroy(&hub->lock);
    free(hub);
}

static bool concerns(const Event *event, const Owner *owner)
{
    return event->for_all || owner_equal(&event->owner, owner);
}

static Event *remember_locked(Hub *hub, const Owner *owner, const char *type, const char *json)
{
    uint64_t id = ++hub->last_id;
    Event *event = &hub->ring[id % HUB_RING];

    free(event->frame);
    event->id = id;
    event->for_all = !owner;
    event->owner = owner ? *owner : (Owner){ 0 };
    event->frame = xasprintf("id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", id, type, json);
    event->len = strlen(event->frame);
    return event;
}

uint64_t hub_publish(Hub *hub, const Owner *owner, const char *type, const char *json)
{
    LOCK_SCOPE(&hub->lock);
    const Event *event = remember_locked(hub, owner, type, json);

    for (size_t i = hub->n_subscribers; i-- > 0;) {
        const Subscriber *s = &hub->subscribers[i];
        if (concerns(event, &s->owner) && !http_stream_write(s->stream, event->frame, event->len))
            drop_locked(hub, i);
    }
    return event->id;
}

/* Does the ring still hold everything after `id`? */
static bool holds_after_locked(const Hub *hub, uint64_t id)
{
    if (id > hub->last_id)
        return false;
    return id == hub->last_id || hub->ring[(id + 1) % HUB_RING].id == id + 1;
}

/*
 * What `owner` gets of the events after `id`. False when it would not fit into a stream that
 * nobody has read from yet.
 */
static bool collect_locked(const Hub *hub, const Owner *owner, uint64_t id, StrBuf *out)
{
    if (hub->last_id - id > HUB_RING)
        id = hub->last_id - HUB_RING;
    while (++id <= hub->last_id) {
        const Event *event = &hub->ring[id % HUB_RING];
        if (event->id != id || !concerns(event, owner))
            continue;
        if (out->len + event->len > HUB_REPLAY_MAX)
            return false;
        strbuf_add(out, event->frame, event->len);
    }
    return true;
}

static void greet_locked(const Hub *hub, const Owner *owner, uint64_t last_event_id,
                         HubSnapshot snapshot, StrBuf *out)
{
    AUTO_STRBUF StrBuf missed = { 0 };

    strbuf_adds(out, RETRY);
    if (last_event_id && holds_after_locked(hub, last_event_id) &&
        collect_locked(hub, owner, last_event_id, &missed)) {
        strbuf_add(out, missed.data, missed.len);
        return;
    }
    if (last_event_id)
        strbuf_adds(out, "event: reset\ndata: {}\n\n");
    strbuf_addf(out, "id: %" PRIu64 "\nevent: snapshot\ndata: %s\n\n", snapshot.id, snapshot.json);
    strbuf_clear(&missed);
    (void)collect_locked(hub, owner, snapshot.id, &missed);
    strbuf_add(out, missed.data, missed.len);
}

/* Streams of the owner; the dead do not count and are dropped on the way. */
static size_t count_owner_locked(Hub *hub, const Owner *owner)
{
    size_t n = 0;

    for (size_t i = hub->n_subscribers; i-- > 0;) {
        if (!http_stream_is_open(hub->subscribers[i].stream))
            drop_locked(hub, i);
        else if (owner_equal(&hub->subscribers[i].owner, owner))
            n++;
    }
    return n;
}

int hub_subscribe(Hub *hub, const Owner *owner, HttpStream *stream, uint64_t last_event_id,
                  HubSnapshot snapshot)
{
    AUTO_STRBUF StrBuf greeting = { 0 };
    LOCK_SCOPE(&hub->lock);

    if (hub->closed || count_owner_locked(hub, owner) >= hub->max_per_owner ||
        hub->n_subscribers >= HUB_STREAMS_MAX)
        return HUB_FULL;
    greet_locked(hub, owner, last_event_id, snapshot, &greeting);
    if (!http_stream_write(stream, greeting.data, greeting.len))
        return 0; /* gone already; the server notices */
    hub->subscribers[hub->n_subscribers++] =
        (Subscriber){ .owner = *owner, .stream = http_stream_ref(stream) };
    return 0;
}

uint64_t hub_last_id(Hub *hub)
{
    LOCK_SCOPE(&hub->lock);

    return hub->last_id;
}

void hub_ping(Hub *hub)
{
    LOCK_SCOPE(&hub->lock);

    for (size_t i = hub->n_subscribers; i-- > 0;)
        if (!http_stream_write(hub->subscribers[i].stream, PING, sizeof PING - 1))
            drop_locked(hub, i);
}

size_t hub_count(Hub *hub)
{
    LOCK_SCOPE(&hub->lock);

    return hub->n_subscribers;
}
