/* What a build asks of the engine, and how it ends when it takes too long, too much or is stopped.
 */
#include "test.h"
#include "folder.h"

#include "docker/images.h"
#include "fake_engine.h"

#include <fcntl.h>

#define BUILT FAKE_JSON("200 OK", "20\r\n{\"aux\":{\"ID\":\"sha256:feed12\"}}\r\n\r\n0\r\n\r\n")
#define STEP  FAKE_JSON("200 OK", "10\r\n{\"stream\":\"a\"}\r\n\r\n")

typedef struct World {
    FakeEngine *fake;
    Engine *engine;
    char *dir;
    int context_fd;
} World;

static void world_close(World *w)
{
    (void)close(w->context_fd);
    engine_free(w->engine);
    fake_stop(w->fake);
    folder_free(w->dir);
}
#define AUTO_WORLD CLEANUP(world_close)

static World open_world(const FakeLine *script, const char *dockerfile)
{
    World w = { .fake = fake_start(script), .dir = folder_new() };
    EngineOptions options = { .host = w.fake->url };
    Error err = { 0 };

    folder_write(w.dir, "Dockerfile", dockerfile);
    w.context_fd = open(w.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(w.context_fd >= 0);
    if (engine_new(&w.engine, &options, &err) < 0)
        fail_msg("%s", err.detail);
    return w;
}

static BuildSpec spec_of(const World *w)
{
    return (BuildSpec){ .context_fd = w->context_fd,
                        .tag = "t",
                        .memory_bytes = 64 << 20,
                        .nano_cpus = 1500000000,
                        .timeout = 5000 };
}

static bool was_asked(World *w, const char *what)
{
    LOCK_SCOPE(&w->fake->lock);
    return strstr(strbuf_str(&w->fake->log), what) != NULL;
}

static void steps_of_the_classic_builder_are_limited(void **state)
{
    const FakeLine script[] = { { "/build?", BUILT, FAKE_WHOLE, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script, "FROM scratch\n");
    BuildSpec spec = spec_of(&w);
    char id[ENGINE_ID_SIZE];
    Error err = { 0 };

    (void)state;
    if (image_build(w.engine, &spec, id, &err) < 0)
        fail_msg("%s", err.detail);
    CHECK_STR(id, "sha256:feed12");
    CHECK(was_asked(&w, "version=1"));
    CHECK(was_asked(&w, "&memory=67108864&memswap=67108864&cpuperiod=100000&cpuquota=150000"));
}

static void no_limit_is_no_limit(void **state)
{
    const FakeLine script[] = { { "/build?", BUILT, FAKE_WHOLE, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script, "FROM scratch\n");
    BuildSpec spec = spec_of(&w);
    char id[ENGINE_ID_SIZE];
    Error err = { 0 };

    (void)state;
    spec.memory_bytes = spec.nano_cpus = 0;
    CHECK_INT(image_build(w.engine, &spec, id, &err), 0);
    CHECK(!was_asked(&w, "memory=") && !was_asked(&w, "cpuquota="));
}

/* Both builders: an answer that never ends. BuildKit, which goes on without us, is told. */
static void end_late(const char *dockerfile, bool buildkit)
{
    const FakeLine script[] = { { "/build?", STEP, FAKE_HOLD, 0 },
                                { "/build/cancel", FAKE_EMPTY("200 OK"), FAKE_WHOLE, 0 },
                                { 0 } };
    AUTO_WORLD World w = open_world(script, dockerfile);
    BuildSpec spec = spec_of(&w);
    char id[ENGINE_ID_SIZE];
    Error err = { 0 };
    Millis began = clock_mono_ms();

    spec.timeout = 200;
    CHECK(image_build(w.engine, &spec, id, &err) < 0);
    CHECK_INT(err.code, E_TIMEOUT);
    CHECK(clock_mono_ms() - began < 4000);
    CHECK_INT(was_asked(&w, "/build/cancel?id="), buildkit);
    CHECK_INT(was_asked(&w, "version=2"), buildkit);
    CHECK_INT(was_asked(&w, "memory="), !buildkit);
    CHECK(!was_asked(&w, "session="));
}

static void a_build_has_a_deadline(void **state)
{
    (void)state;
    end_late("FROM scratch\n", false);
    end_late("FROM scratch\nRUN --mount=type=cache,target=/c x\n", true);
}

static void *stop_soon(void *stop)
{
    clock_sleep_ms(100);
    atomic_store((_Atomic bool *)stop, true);
    return NULL;
}

static void a_build_can_be_cancelled(void **state)
{
    const FakeLine script[] = { { "/build?", STEP, FAKE_HOLD, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script, "FROM scratch\n");
    BuildSpec spec = spec_of(&w);
    _Atomic bool stop = false;
    char id[ENGINE_ID_SIZE];
    Error err = { 0 };
    Millis began = clock_mono_ms();
    pthread_t thread;

    (void)state;
    spec.stop = &stop;
    spec.timeout = 60000;
    CHECK_INT(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    CHECK(image_build(w.engine, &spec, id, &err) < 0);
    (void)pthread_join(thread, NULL);
    CHECK_INT(err.code, E_CANCELLED);
    CHECK(clock_mono_ms() - began < 4000);
}

static void a_large_context_is_not_sent(void **state)
{
    const FakeLine script[] = { { "/build?", BUILT, FAKE_WHOLE, 0 }, { 0 } };
    AUTO_WORLD World w = open_world(script, "FROM scratch\n");
    BuildSpec spec = spec_of(&w);
    char id[ENGINE_ID_SIZE];
    Error err = { 0 };

    (void)state;
    folder_write(w.dir, "large", "0123456789012345678901234567890123456789");
    spec.context_max = 32;
    CHECK(image_build(w.engine, &spec, id, &err) < 0);
    CHECK_INT(err.code, E_TOO_LARGE);
    CHECK(strstr(err.detail, ".dockerignore") != NULL);
    CHECK(!was_asked(&w, "/build?"));
    folder_write(w.dir, ".dockerignore", "large\n");
    spec.context_max = 32;
    if (image_build(w.engine, &spec, id, &err) < 0)
        fail_msg("%s", err.detail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_the_classic_builder_are_limited),
        cmocka_unit_test(no_limit_is_no_limit),
        cmocka_unit_test(a_build_has_a_deadline),
        cmocka_unit_test(a_build_can_be_cancelled),
        cmocka_unit_test(a_large_context_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
