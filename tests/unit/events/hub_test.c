#include "events/hub.h"
#include "base/alloc.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* A stream in memory in place of the server's: what the hub writes can be read back. */
struct HttpStream {
    int refs;
    bool open;
    size_t max;
    StrBuf got;
};

HttpStream *http_stream_new(void)
{
    HttpStream *s = xnew(HttpStream);

    s->refs = 1;
    s->open = true;
    s->max = HTTP_STREAM_BUFFER_MAX;
    return s;
}

HttpStream *http_stream_ref(HttpStream *stream)
{
    stream->refs++;
    return stream;
}

void http_stream_unref(HttpStream *stream)
{
    if (--stream->refs > 0)
        return;
    strbuf_fini(&stream->got);
    free(stream);
}

bool http_stream_write(HttpStream *stream, const char *bytes, size_t n)
{
    if (stream->open && stream->got.len + n > stream->max)
        stream->open = false;
    if (stream->open)
        strbuf_add(&stream->got, bytes, n);
    return stream->open;
}

void http_stream_close(HttpStream *stream)
{
    stream->open = false;
}

bool http_stream_is_open(HttpStream *stream)
{
    return stream->open;
}

static const HubSnapshot NO_NEWS = { 0, "{}" };

static bool saw(HttpStream *s, const char *text)
{
    return strstr(strbuf_str(&s->got), text) != NULL;
}

static void subscriber_sees_its_owner_and_everybody(void **state)
{
    Hub *hub = hub_new(3);
    Owner user = owner_make(OWNER_USER, "7"), team = owner_make(OWNER_TEAM, "7");
    HttpStream *s = http_stream_new();

    (void)state;
    CHECK_INT(hub_subscribe(hub, &user, s, 0, (HubSnapshot){ hub_last_id(hub), "{\"a\":1}" }), 0);
    CHECK(saw(s, "retry: 2000\n\n"));
    CHECK(saw(s, "event: snapshot\ndata: {\"a\":1}\n\n"));
    CHECK(!saw(s, "event: reset"));
    hub_publish(hub, &user, "instance", "\"mine\"");
    hub_publish(hub, &team, "instance", "\"theirs\"");
    hub_publish(hub, NULL, "notice", "\"all\"");
    CHECK(saw(s, "data: \"mine\"\n\n"));
    CHECK(!saw(s, "theirs"));
    CHECK(saw(s, "event: notice\ndata: \"all\"\n\n"));
    hub_ping(hub);
    CHECK(saw(s, ": ping\n\n"));
    http_stream_unref(s);
    hub_free(hub);
}

static void resumes_after_the_last_event_seen(void **state)
{
    Hub *hub = hub_new(3);
    Owner user = owner_make(OWNER_USER, "7");
    HttpStream *s = http_stream_new();
    uint64_t seen = hub_publish(hub, &user, "instance", "\"one\"");

    (void)state;
    hub_publish(hub, &user, "instance", "\"two\"");
    hub_publish(hub, NULL, "notice", "\"three\"");
    CHECK_INT(hub_subscribe(hub, &user, s, seen, NO_NEWS), 0);
    CHECK(!saw(s, "snapshot"));
    CHECK(!saw(s, "one"));
    CHECK(strstr(strbuf_str(&s->got), "two") < strstr(strbuf_str(&s->got), "three"));
    http_stream_unref(s);
    hub_free(hub);
}

static void what_happens_while_the_snapshot_is_made_is_not_lost(void **state)
{
    Hub *hub = hub_new(3);
    Owner user = owner_make(OWNER_USER, "7");
    HttpStream *s = http_stream_new();
    uint64_t before = hub_last_id(hub);

    (void)state;
    hub_publish(hub, &user, "instance", "\"meanwhile\"");
    CHECK_INT(hub_subscribe(hub, &user, s, 0, (HubSnapshot){ before, "{}" }), 0);
    CHECK(strstr(strbuf_str(&s->got), "snapshot") < strstr(strbuf_str(&s->got), "meanwhile"));
    http_stream_unref(s);
    hub_free(hub);
}

static void check_reset(Hub *hub, uint64_t last_event_id)
{
    Owner user = owner_make(OWNER_USER, "7");
    HttpStream *s = http_stream_new();

    CHECK_INT(hub_subscribe(hub, &user, s, last_event_id, (HubSnapshot){ hub_last_id(hub), "{}" }),
              0);
    CHECK(saw(s, "event: reset\ndata: {}\n\n"));
    CHECK(strstr(strbuf_str(&s->got), "reset") < strstr(strbuf_str(&s->got), "snapshot"));
    CHECK(s->open);
    http_stream_close(s);
    http_stream_unref(s);
}

static void an_id_the_ring_does_not_hold_resets(void **state)
{
    Hub *hub = hub_new(3);
    Owner user = owner_make(OWNER_USER, "7"), other = owner_make(OWNER_USER, "8");
    uint64_t first = hub_publish(hub, &user, "instance", "1");
    HttpStream *s = http_stream_new();

    (void)state;
    check_reset(hub, first - 10);           /* an earlier run of the program */
    check_reset(hub, hub_last_id(hub) + 5); /* never given out */
    for (int i = 0; i < HUB_RING - 1; i++)
        hub_publish(hub, &other, "instance", "2");
    /* first is the oldest of the ring now: what follows it is complete */
    CHECK_INT(hub_subscribe(hub, &user, s, first, NO_NEWS), 0);
    CHECK(!saw(s, "reset"));
    hub_publish(hub, &other, "instance", "2");
    hub_publish(hub, &other, "instance", "2");
    check_reset(hub, first);
    http_stream_unref(s);
    hub_free(hub);
}

static void a_replay_too_large_for_a_stream_resets(void **state)
{
    Hub *hub = hub_new(3);
    Owner user = owner_make(OWNER_USER, "7");
    char big[2000] = { 0 };
    uint64_t first = hub_publish(hub, &user, "instance", "1");

    (void)state;
    memset(big, 'x', sizeof big - 1);
    for (int i = 0; i < 100; i++)
        hub_publish(hub, &user, "instance", big);
    check_reset(hub, first);
    hub_free(hub);
}

static void limits_streams_per_owner(void **state)
{
    Hub *hub = hub_new(2);
    Owner user = owner_make(OWNER_USER, "7"), other = owner_make(OWNER_USER, "8");
    HttpStream *s[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        s[i] = http_stream_new();
    CHECK_INT(hub_subscribe(hub, &user, s[0], 0, NO_NEWS), 0);
    CHECK_INT(hub_subscribe(hub, &user, s[1], 0, NO_NEWS), 0);
    CHECK_INT(hub_subscribe(hub, &user, s[2], 0, NO_NEWS), HUB_FULL);
    CHECK_INT(hub_subscribe(hub, &other, s[3], 0, NO_NEWS), 0);
    CHECK_INT(hub_count(hub), 3);
    http_stream_close(s[0]); /* a tab was closed: its place is free at once */
    CHECK_INT(hub_subscribe(hub, &user, s[2], 0, NO_NEWS), 0);
    CHECK_INT(hub_count(hub), 3);
    hub_close_all(hub);
    CHECK_INT(hub_count(hub), 0);
    CHECK(!http_stream_is_open(s[2]));
    CHECK_INT(hub_subscribe(hub, &other, s[3], 0, NO_NEWS), HUB_FULL);
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(s[i]->refs, 1);
        http_stream_unref(s[i]);
    }
    hub_free(hub);
}

static void a_slow_reader_is_dropped(void **state)
{
    Hub *hub = hub_new(2);
    Owner user = owner_make(OWNER_USER, "7");
    HttpStream *slow = http_stream_new(), *gone = http_stream_new();

    (void)state;
    slow->max = 100;
    CHECK_INT(hub_subscribe(hub, &user, slow, 0, NO_NEWS), 0);
    CHECK_INT(hub_subscribe(hub, &user, gone, 0, NO_NEWS), 0);
    hub_publish(hub, &user, "instance", "\"something that is too long for a buffer of this size\"");
    CHECK_INT(hub_count(hub), 1);
    http_stream_close(gone);
    hub_ping(hub);
    CHECK_INT(hub_count(hub), 0);
    http_stream_unref(slow);
    http_stream_unref(gone);
    hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscriber_sees_its_owner_and_everybody),
        cmocka_unit_test(resumes_after_the_last_event_seen),
        cmocka_unit_test(what_happens_while_the_snapshot_is_made_is_not_lost),
        cmocka_unit_test(an_id_the_ring_does_not_hold_resets),
        cmocka_unit_test(a_replay_too_large_for_a_stream_resets),
        cmocka_unit_test(limits_streams_per_owner),
        cmocka_unit_test(a_slow_reader_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
