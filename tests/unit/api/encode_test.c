#include "api/encode.h"
#include "base/macros.h"
#include "test.h"

#include <string.h>

enum { T0 = 1767319445 }; /* 2026-01-02T02:04:05Z */
#define T(s) (((int64_t)T0 + (s)) * 1000000)

static InstancePort ports[] = {
    { 80, 31234, CHALLENGE_HTTP, "Shop", "ctf.test:31234" },
    { 1337, 31235, CHALLENGE_TCP, NULL, "ctf.test:31235" },
};

static InstanceView running(void)
{
    static const char *containers[] = { "0123456789abcdef" };

    return (InstanceView){
        .version = 9,
        .instance_id = "web-7-0a1b2c3d",
        .challenge_id = "web",
        .challenge_name = "Web <Lab>",
        .user_id = "7",
        .username = "nisa",
        .owner = owner_make(OWNER_USER, "7"),
        .status = INSTANCE_RUNNING,
        .phase = PHASE_RUNNING,
        .phase_started_at = T(2),
        .created_at = T(0) + 678901,
        .expires_at = T(3600),
        .host = "ctf.test",
        .ports = ports,
        .n_ports = 2,
        .network_name = "whaley-secret",
        .container_ids = containers,
        .n_containers = 1,
        .extend_step_s = 1800,
        .extend_available_at = T(1800),
        .extend_remaining_s = 3600,
    };
}

static void check_json(const InstanceView *view, const char *host, const char *want)
{
    AUTO_STRBUF StrBuf out = { 0 };
    JsonWriter w = { .out = &out };

    encode_instance(&w, view, host);
    CHECK_STR(strbuf_str(&out), want);
}

static void a_running_instance(void **state)
{
    InstanceView view = running();

    (void)state;
    check_json(
        &view, NULL,
        "{\"instance_id\":\"web-7-0a1b2c3d\",\"challenge_id\":\"web\",\"user_id\":\"7\","
        "\"username\":\"nisa\",\"team_id\":null,\"team_name\":null,\"owner_id\":\"7\","
        "\"status\":\"running\",\"ports\":{\"80\":31234,\"1337\":31235},"
        "\"created_at\":\"2026-01-02T02:04:05.678901Z\",\"expires_at\":\"2026-01-02T03:04:05Z\","
        "\"container_ids\":[],\"public_url\":\"ctf.test:31234\","
        "\"public_urls\":{\"80\":\"ctf.test:31234\",\"1337\":\"ctf.test:31235\"},"
        "\"network_name\":null,\"error_message\":null,"
        "\"version\":9,\"challenge_name\":\"Web \\u003cLab>\",\"phase\":\"running\","
        "\"phase_detail\":\"\",\"queue_position\":null,"
        "\"phase_started_at\":\"2026-01-02T02:04:07Z\",\"eta_s\":null,"
        "\"endpoints\":[{\"label\":\"Shop\",\"scheme\":\"http\",\"host\":\"ctf.test\","
        "\"port\":31234,\"internal_port\":80},{\"label\":null,\"scheme\":\"tcp\","
        "\"host\":\"ctf.test\",\"port\":31235,\"internal_port\":1337}],"
        "\"extend\":{\"step_s\":1800,\"available_at\":\"2026-01-02T02:34:05Z\","
        "\"remaining_s\":3600},\"error\":null,"
        "\"connection_hints\":[{\"internal_port\":80,\"protocol\":\"http\","
        "\"url\":\"http://ctf.test:31234\",\"host\":\"ctf.test\",\"port\":31234,"
        "\"command\":\"curl -i http://ctf.test:31234/\"},{\"internal_port\":1337,"
        "\"protocol\":\"tcp\",\"url\":\"ctf.test:31235\",\"host\":\"ctf.test\",\"port\":31235,"
        "\"command\":\"nc ctf.test 31235\"}]}");
}

static void a_queued_and_a_failed_one(void **state)
{
    InstanceView view = {
        .version = 1,
        .instance_id = "web-t-0a1b2c3d",
        .challenge_id = "web",
        .challenge_name = "Web",
        .user_id = "7",
        .team_id = "3",
        .team_name = "Whales",
        .owner = owner_make(OWNER_TEAM, "3"),
        .phase_detail = "waiting",
        .phase_started_at = T(0),
        .queue_position = 3,
        .eta_s = 8,
        .created_at = T(0),
        .expires_at = T(3600),
        .error_message = "all 9 ports of the range are taken",
        .error_code = E_NO_PORTS,
        .error_at = T(1),
    };

    (void)state;
    check_json(
        &view, NULL,
        "{\"instance_id\":\"web-t-0a1b2c3d\",\"challenge_id\":\"web\",\"user_id\":\"7\","
        "\"username\":null,\"team_id\":\"3\",\"team_name\":\"Whales\",\"owner_id\":\"3\","
        "\"status\":\"starting\",\"ports\":{},\"created_at\":\"2026-01-02T02:04:05Z\","
        "\"expires_at\":\"2026-01-02T03:04:05Z\",\"container_ids\":[],\"public_url\":null,"
        "\"public_urls\":{},\"network_name\":null,"
        "\"error_message\":\"No port is free; try again in a minute.\","
        "\"version\":1,\"challenge_name\":\"Web\",\"phase\":\"queued\","
        "\"phase_detail\":\"waiting\",\"queue_position\":3,"
        "\"phase_started_at\":\"2026-01-02T02:04:05Z\",\"eta_s\":8,\"endpoints\":[],"
        "\"extend\":null,\"error\":{\"code\":\"no_ports\","
        "\"message\":\"No port is free; try again in a "
        "minute.\",\"at\":\"2026-01-02T02:04:06Z\",\"retryable\":true},\"connection_hints\":[]}");
}

static void reasons_stay_with_the_organisers(void **state)
{
    static const struct {
        ErrorCode code;
        const char *text, *shown;
    } cases[] = {
        { E_CONTAINER_DIED, "web ended", "web ended" },
        { E_NOT_READY, "nothing listens on port 80 of web after 60 s",
          "nothing listens on port 80 of web after 60 s" },
        { E_BUILD_FAILED, "The command 'echo FLAG{x}' returned 1",
          "The challenge's image could not be built." },
        { E_ENGINE_REFUSED, "mkdir /var/lib/docker/x: no space left",
          "The container engine refused." },
        { E_ENGINE_DOWN, "GET /x at /run/docker.sock: refused",
          "The container engine does not answer." },
        { E_TIMEOUT, "POST /containers/x: the engine at /run/docker.sock did not answer",
          "It took too long." },
        { E_INTERNAL, "opening /srv/challenges/web", "Something went wrong on our side." },
        { E_NONE, "from a journal of /srv", "Something went wrong on our side." },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        InstanceView view = { .error_message = cases[i].text, .error_code = cases[i].code };
        CHECK_STR(encode_error_message(&view), cases[i].shown);
    }
    CHECK(encode_error_message(&(InstanceView){ 0 }) == NULL);
}

static void the_players_host_stands_in(void **state)
{
    InstanceView view = running();
    AUTO_STRBUF StrBuf out = { 0 };
    JsonWriter w = { .out = &out };

    (void)state;
    encode_instance(&w, &view, "::1");
    CHECK(strstr(out.data, "\"public_url\":\"[::1]:31234\"") != NULL);
    CHECK(strstr(out.data, "\"command\":\"nc ::1 31235\"") != NULL);
    CHECK(!strstr(out.data, "ctf.test"));
}

static void no_command_carries_a_payload(void **state)
{
    static const char *const hosts[] = { "a;reboot", "$(id)", "-x", "", "a b", "a\nb", "`id`" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        InstanceView view = running();
        AUTO_STRBUF StrBuf out = { 0 };
        JsonWriter w = { .out = &out };
        view.host = hosts[i];
        encode_instance(&w, &view, NULL);
        CHECK(!strstr(out.data, "\"command\":\""));
    }
}

static void a_challenge(void **state)
{
    static char id[] = "pwn", name[] = "Heap", category[] = "pwn";
    ChallengePort port = { .port = 1337, .protocol = CHALLENGE_TCP };
    Challenge challenge = { .id = id,
                            .name = name,
                            .category = category,
                            .ports = &port,
                            .n_ports = 1,
                            .extend_time_s = 600 };
    ChallengeReadiness readiness = { .active = true,
                                     .image = IMAGE_FAILED,
                                     .detail = "secret build log" };
    AUTO_STRBUF StrBuf out = { 0 };
    JsonWriter w = { .out = &out };

    (void)state;
    encode_challenge(&w, &challenge, &readiness, 3600);
    readiness.image = IMAGE_READY;
    readiness.eta_s = 4;
    challenge.timeout_s = 60;
    encode_challenge(&w, &challenge, &readiness, 3600);
    CHECK_STR(strbuf_str(&out),
              "{\"id\":\"pwn\",\"name\":\"Heap\",\"category\":\"pwn\",\"description\":null,"
              "\"ports\":[1337],\"timeout\":3600,\"extend_time\":600,\"state\":\"unavailable\","
              "\"eta_s\":null},"
              "{\"id\":\"pwn\",\"name\":\"Heap\",\"category\":\"pwn\",\"description\":null,"
              "\"ports\":[1337],\"timeout\":60,\"extend_time\":600,\"state\":\"ready\","
              "\"eta_s\":4}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_instance),
        cmocka_unit_test(a_queued_and_a_failed_one),
        cmocka_unit_test(reasons_stay_with_the_organisers),
        cmocka_unit_test(the_players_host_stands_in),
        cmocka_unit_test(no_command_carries_a_payload),
        cmocka_unit_test(a_challenge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
