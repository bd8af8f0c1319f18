/*
 * The client against a real engine. Skipped unless WHALEY_TEST_DOCKER_HOST names its unix socket,
 * e.g. WHALEY_TEST_DOCKER_HOST=unix:///run/docker.sock. Needs /bin/busybox, statically linked.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/str.h"
#include "docker/engine.h"
#include "docker/events.h"
#include "docker/images.h"
#include "docker/networks.h"
#include "docker/tar.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ODD_NAME    "gr\xc3\xbc\xc3\x9f \xff.txt"
#define TAG         "whaley-live/box:1"
#define SUBNET      "10.238.77.16/28"
#define LABEL_VALUE "live-test"

enum { PORT = 47311 };

static Engine *engine;
static char image[ENGINE_ID_SIZE];
static const EnginePair labels[] = { { "whaley.managed", "true" },
                                     { "whaley.instance_id", LABEL_VALUE },
                                     { "com.docker.compose.project", "liveproject" },
                                     { "com.docker.compose.service", "box" } };

static Error failure, *const err = &failure;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s (%s)", #call, failure.detail, error_slug(failure.code));              \
    } while (0)

#define REFUSED(expected, call)                                                                    \
    do {                                                                                           \
        CHECK((call) < 0);                                                                         \
        if (failure.code != (expected))                                                            \
            fail_msg("%s: %s (%s)", #call, failure.detail, error_slug(failure.code));              \
    } while (0)

/* ---- images ---- */

static int make_context(const char *dockerfile)
{
    char dir[] = "/tmp/whaley-live-XXXXXX", *bytes = NULL;
    AUTO_FREE char *file = NULL, *box = NULL, *odd = NULL;
    size_t n = 0;
    int fd;

    CHECK(mkdtemp(dir) != NULL);
    file = xasprintf("%s/Dockerfile", dir);
    box = xasprintf("%s/busybox", dir);
    odd = xasprintf("%s/%s", dir, ODD_NAME);
    OK(fs_read_file("/bin/busybox", 16 << 20, &bytes, &n, err));
    OK(fs_write_atomic(file, dockerfile, strlen(dockerfile), 0644, err));
    OK(fs_write_atomic(box, bytes, n, 0755, err));
    OK(fs_write_atomic(odd, "odd", 3, 0644, err));
    free(bytes);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void close_context(int *fd)
{
    AUTO_FREE char *link = xasprintf("/proc/self/fd/%d", *fd);
    char dir[256];
    ssize_t n = readlink(link, dir, sizeof dir - 1);

    CHECK(n > 0);
    dir[n] = '\0';
    (void)unlinkat(*fd, "Dockerfile", 0);
    (void)unlinkat(*fd, "busybox", 0);
    (void)unlinkat(*fd, ODD_NAME, 0);
    (void)close(*fd);
    (void)rmdir(dir);
}
#define AUTO_CONTEXT_DIR CLEANUP(close_context)

static void collect_line(void *ctx, const char *line)
{
    strbuf_adds(ctx, line);
    strbuf_addc(ctx, '\n');
}

static void test_build(void **state)
{
    AUTO_STRBUF StrBuf log = { 0 };
    AUTO_CONTEXT_DIR int fd =
        make_context("FROM scratch\nCOPY busybox /bin/busybox\nCOPY gr* /odd/\n"
                     "EXPOSE 80\nHEALTHCHECK --interval=7s CMD [\"/bin/busybox\",\"true\"]\n"
                     "RUN [\"/bin/busybox\",\"echo\",\"hello from the build\"]\n"
                     "CMD [\"/bin/busybox\",\"httpd\",\"-f\",\"-p\",\"80\"]\n");
    BuildSpec spec = { .context_fd = fd,
                       .tag = TAG,
                       .labels = labels,
                       .n_labels = 1,
                       .network_none = true,
                       .on_line = collect_line,
                       .ctx = &log };
    ImageInfo info;

    (void)state;
    OK(image_build(engine, &spec, image, err));
    CHECK(strstr(strbuf_str(&log), "hello from the build") != NULL);
    OK(image_inspect(engine, TAG, &info, err));
    CHECK_STR(info.id, image);
    CHECK_INT(info.health.interval_ns, 7000000000);
    CHECK_INT(info.n_exposed, 1);
    CHECK_INT(info.exposed[0], 80);
    REFUSED(E_NOT_FOUND, image_inspect(engine, "whaley-live/none:1", &info, err));
}

static void test_buildkit(void **state)
{
    AUTO_STRBUF StrBuf log = { 0 };
    AUTO_FREE char *dockerfile = /* says something new, or it comes from the cache */
        xasprintf("FROM scratch\nCOPY busybox /bin/busybox\n"
                  "RUN --mount=type=tmpfs,target=/t "
                  "[\"/bin/busybox\",\"printf\",\"%%b\",\"buildkit\\\\0 %lld\\\\n\"]\n",
                  (long long)clock_wall_ms());
    AUTO_CONTEXT_DIR int fd = make_context(dockerfile);
    BuildSpec spec = { .context_fd = fd,
                       .tag = TAG "-kit",
                       .network_none = true,
                       .on_line = collect_line,
                       .ctx = &log };
    char id[ENGINE_ID_SIZE];

    (void)state;
    OK(image_build(engine, &spec, id, err));
    CHECK(str_starts(id, "sha256:"));
    CHECK(strstr(strbuf_str(&log), "buildkit") != NULL);
    OK(image_remove(engine, TAG "-kit", err));
    OK(image_remove(engine, TAG "-kit", err));
}

static void test_build_fails(void **state)
{
    AUTO_CONTEXT_DIR int fd =
        make_context("FROM scratch\nCOPY busybox /busybox\nRUN [\"/busybox\",\"false\"]\n");
    BuildSpec inlined = { .context_fd = fd,
                          .tag = TAG "-bad",
                          .network_none = true,
                          .dockerfile_inline = "FROM scratch\nCOPY . /all/\n"
                                               "RUN [\"/all/busybox\",\"ls\",\"-a\",\"/all\"]\n" };
    BuildSpec spec = { .context_fd = fd, .tag = TAG "-bad", .network_none = true };
    AUTO_STRBUF StrBuf log = { 0 };
    char id[ENGINE_ID_SIZE];
    _Atomic bool stop = true;

    (void)state;
    REFUSED(E_BUILD_FAILED, image_build(engine, &spec, id, err));
    spec.dockerfile = "none/Dockerfile";
    REFUSED(E_BUILD_FAILED, image_build(engine, &spec, id, err));
    spec.dockerfile = NULL;
    spec.stop = &stop;
    REFUSED(E_CANCELLED, image_build(engine, &spec, id, err));
    inlined.on_line = collect_line;
    inlined.ctx = &log;
    OK(image_build(engine, &inlined, id, err));
    CHECK(strstr(strbuf_str(&log), "\nbusybox\n") != NULL);
    CHECK(strstr(strbuf_str(&log), "\n.whaley.Dockerfile\n") == NULL);
    CHECK(strstr(strbuf_str(&log), "\n.dockerignore\n") == NULL);
    OK(image_remove(engine, TAG "-bad", err));
}

static void *set_soon(void *stop)
{
    clock_sleep_ms(1500);
    atomic_store((_Atomic bool *)stop, true);
    return NULL;
}

static void cancelled_build(const char *run)
{
    AUTO_FREE char *dockerfile = xasprintf("FROM scratch\nCOPY busybox /busybox\n%s\n", run);
    AUTO_CONTEXT_DIR int fd = make_context(dockerfile);
    _Atomic bool stop = false;
    BuildSpec spec = { .context_fd = fd, .tag = TAG "-slow", .network_none = true, .stop = &stop };
    char id[ENGINE_ID_SIZE];
    Millis start = clock_mono_ms();
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, set_soon, &stop), 0);
    REFUSED(E_CANCELLED, image_build(engine, &spec, id, err));
    (void)pthread_join(thread, NULL);
    CHECK(clock_mono_ms() - start < 8000);
}

static void test_build_cancelled(void **state)
{
    (void)state;
    cancelled_build("RUN [\"/busybox\",\"sleep\",\"60\"]");
    cancelled_build("RUN --mount=type=tmpfs,target=/t [\"/busybox\",\"sleep\",\"61\"]");
}

/* ---- networks, containers ---- */

static void make_network(const char *name, const char *subnet, char id[ENGINE_ID_SIZE])
{
    NetworkSpec spec = { .name = name,
                         .subnet = subnet,
                         .masquerade = false,
                         .icc = true,
                         .labels = labels,
                         .n_labels = ARRAY_LEN(labels) };
    OK(network_create(engine, &spec, id, err));
}

static bool fetch(const char *path, char *ret, size_t size)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    AUTO_FREE char *ask = xasprintf("GET %s HTTP/1.0\r\n\r\n", path);
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = 0;
    ssize_t got;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || write(fd, ask, strlen(ask)) < 0)
        return false;
    while (n + 1 < size && (got = read(fd, ret + n, size - 1 - n)) > 0)
        n += (size_t)got;
    ret[n] = '\0';
    return n > 0;
}

static Tar *files_for_container(void)
{
    const TarMeta meta = { .mode = 0640, .uid = 1000, .gid = 1001, .mtime_s = 86400 };
    Tar *tar = NULL;

    OK(tar_begin(&tar, -1, 1 << 20, err));
    OK(tar_add_file(tar, "/www/flag.txt", &meta, "flag{live}", 10, err));
    OK(tar_finish(tar, err));
    return tar;
}

static int cpu_us(void)
{
    struct rusage use;

    (void)getrusage(RUSAGE_SELF, &use);
    return (int)((use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
                 use.ru_stime.tv_usec);
}

static void check_listed(const char *id, const char *network)
{
    CLEANUP(container_rows_fini) ContainerRows rows = { 0 };
    CLEANUP(network_rows_fini) NetworkRows networks = { 0 };
    AUTO_FREE uint16_t *ports = NULL;
    size_t n = 0, found = 0, attached = 0;

    OK(container_list(engine, "whaley.instance_id=" LABEL_VALUE, &rows, err));
    CHECK_INT(rows.n, 1);
    CHECK_STR(rows.items[0].id, id);
    CHECK_STR(rows.items[0].name, "whaley-live-box");
    CHECK_STR(rows.items[0].service, "box");
    CHECK_STR(rows.items[0].project, "liveproject");
    CHECK_STR(rows.items[0].status, "running");
    CHECK(rows.items[0].managed && rows.items[0].created_s > 0);
    OK(container_published_ports(engine, &ports, &n, err));
    for (size_t i = 0; i < n; i++)
        found += ports[i] == PORT;
    CHECK_INT(found, 1);
    OK(network_list(engine, "whaley.managed=true", &networks, err));
    CHECK_INT(networks.n, 2);
    CHECK(networks.items[0].created_s > 1600000000 && networks.items[0].managed);
    CHECK_STR(networks.items[0].instance_id, LABEL_VALUE);
    OK(network_attached(engine, network, &attached, err));
    CHECK_INT(attached, 1);
}

/* Two networks, a published port, files and volumes. */
static ContainerSpec box_spec(const EngineEndpoint endpoints[2])
{
    static const EnginePortBinding port = { 80, PORT, false, "127.0.0.1" };
    static const char *const command[] = {
        "/bin/busybox", "sh", "-c",
        "echo out; echo err >&2; exec /bin/busybox httpd -f -p 80 -h /www"
    };
    static const EngineVolumeMount volumes[] = { { "whaley-live-data", "/data", false, false },
                                                 { NULL, "/anonymous", false, false } };
    static const EngineTmpfs tmpfs = { "/scratch", 1 << 20, NULL };
    static const EngineUlimit ulimit = { "nofile", 512, 1024 };
    static const char *const drop[] = { "NET_RAW" };

    return (ContainerSpec){ .name = "whaley-live-box",
                            .image = image,
                            .command = command,
                            .n_command = 4,
                            .has_command = true,
                            .labels = labels,
                            .n_labels = ARRAY_LEN(labels),
                            .ports = &port,
                            .n_ports = 1,
                            .endpoints = endpoints,
                            .n_endpoints = 2,
                            .volumes = volumes,
                            .n_volumes = 2,
                            .tmpfs = &tmpfs,
                            .n_tmpfs = 1,
                            .ulimits = &ulimit,
                            .n_ulimits = 1,
                            .cap_drop = drop,
                            .n_cap_drop = 1,
                            .memory_bytes = 64 << 20,
                            .nano_cpus = 500000000,
                            .pids_limit = 32,
                            .stop_timeout_s = 1,
                            .restart_retries = 2 };
}

/* What a spawn does; prints what it costs us. */
static void spawn_box(const ContainerSpec *spec, char net[ENGINE_ID_SIZE], char id[ENGINE_ID_SIZE])
{
    AUTO_TAR Tar *tar = files_for_container();
    size_t len = 0;
    AUTO_FREE char *bytes = tar_take(tar, &len);
    ContainerState container;
    int before = cpu_us();

    make_network("whaley-live-1", SUBNET, net);
    OK(container_create(engine, spec, id, err));
    OK(container_put_archive(engine, id, bytes, len, err));
    OK(container_start(engine, id, err));
    OK(container_inspect(engine, id, &container, err));
    print_message("# client CPU of a spawn: %d us\n", cpu_us() - before);
    CHECK_STR(container.status, "running");
    CHECK(container.running && container.pid > 0 && container.has_healthcheck);
    CHECK_STR(container.health, "starting");
    OK(container_start(engine, id, err)); /* runs already */
}

static void check_serves(const char *id)
{
    AUTO_FREE char *logs = NULL;
    char answer[2048] = "";

    for (int i = 0; i < 100 && !fetch("/flag.txt", answer, sizeof answer); i++)
        clock_sleep_ms(50);
    CHECK(strstr(answer, "flag{live}") != NULL);
    OK(container_logs_tail(engine, id, 10, 4096, &logs, err));
    CHECK(strstr(logs, "out\n") != NULL && strstr(logs, "err\n") != NULL);
    CHECK(logs[0] == 'o' || logs[0] == 'e');
}

static void check_refusals(ContainerSpec spec, const char *net)
{
    NetworkSpec overlap = { .name = "whaley-live-over", .subnet = SUBNET, .icc = true };
    char id[ENGINE_ID_SIZE];

    REFUSED(E_CONFLICT, container_create(engine, &spec, id, err));
    REFUSED(E_SUBNET_TAKEN, network_create(engine, &overlap, id, err));
    overlap.name = "whaley-live-1";
    overlap.subnet = "10.238.77.48/28";
    REFUSED(E_CONFLICT, network_create(engine, &overlap, id, err));
    REFUSED(E_CONFLICT, network_remove(engine, net, err));
    REFUSED(E_CONFLICT, volume_remove(engine, "whaley-live-data", err));
    spec.name = "whaley-live-second";
    spec.n_volumes = 0;
    OK(container_create(engine, &spec, id, err));
    REFUSED(E_PORT_TAKEN, container_start(engine, id, err));
    OK(container_remove(engine, id, err));
    spec.image = "whaley-live/none:1";
    REFUSED(E_NOT_FOUND, container_create(engine, &spec, id, err));
}

static void remove_box(const char *id, const char *net)
{
    ContainerState container;
    int before = cpu_us();

    OK(container_remove(engine, id, err));
    OK(network_remove(engine, net, err));
    print_message("# client CPU of a removal: %d us\n", cpu_us() - before);
    OK(container_remove(engine, id, err)); /* gone already */
    OK(network_remove(engine, net, err));
    REFUSED(E_NOT_FOUND, container_inspect(engine, id, &container, err));
}

static void test_container(void **state)
{
    static const char *const aliases[] = { "box", "web" };
    char net1[ENGINE_ID_SIZE], net2[ENGINE_ID_SIZE], id[ENGINE_ID_SIZE];
    EngineEndpoint endpoints[2] = { { net1, aliases, 2 }, { net2, aliases, 1 } };
    CLEANUP(volume_rows_fini) VolumeRows rows = { 0 };
    ContainerSpec spec = box_spec(endpoints);

    (void)state;
    make_network("whaley-live-2", "10.238.77.32/28", net2);
    OK(volume_create(engine, "whaley-live-data", labels, ARRAY_LEN(labels), err));
    spawn_box(&spec, net1, id);
    check_serves(id);
    check_listed(id, net1);
    check_refusals(spec, net1);
    remove_box(id, net1);
    OK(network_remove(engine, net2, err));
    OK(volume_list(engine, "whaley.managed=true", &rows, err));
    CHECK_INT(rows.n, 1);
    CHECK_STR(rows.items[0].name, "whaley-live-data");
    OK(volume_remove(engine, "whaley-live-data", err));
    OK(volume_remove(engine, "whaley-live-data", err));
}

/* A port that a process holds, not a container. */
static void test_port_held_by_process(void **state)
{
    const EnginePortBinding port = { 80, PORT + 1, false, "127.0.0.1" };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT + 1) };
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char net[ENGINE_ID_SIZE], id[ENGINE_ID_SIZE];
    EngineEndpoint endpoint = { .network = net };
    ContainerSpec spec = { .name = "whaley-live-port",
                           .image = image,
                           .ports = &port,
                           .n_ports = 1,
                           .endpoints = &endpoint,
                           .n_endpoints = 1 };
    int one = 1;

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    make_network("whaley-live-3", SUBNET, net);
    OK(container_create(engine, &spec, id, err));
    REFUSED(E_PORT_TAKEN, container_start(engine, id, err));
    OK(container_remove(engine, id, err));
    OK(network_remove(engine, net, err));
}

static void test_images_listed(void **state)
{
    CLEANUP(image_rows_fini) ImageRows rows = { 0 };

    (void)state;
    OK(image_list(engine, "whaley.managed=true", &rows, err));
    CHECK_INT(rows.n, 1);
    CHECK_STR(rows.items[0].tag, TAG);
    CHECK(rows.items[0].managed);
    CHECK_STR(rows.items[0].id, image);
}

/* ---- events ---- */

typedef struct Watch {
    _Atomic bool open, stop;
    _Atomic int started, died, destroyed, exit_code;
    int result;
} Watch;

static void on_event(void *ctx, const EngineEvent *event)
{
    Watch *w = ctx;

    if (!str_eq(event->instance_id, LABEL_VALUE) || event->time_ns == 0)
        return;
    w->started += str_eq(event->action, "start");
    w->destroyed += str_eq(event->action, "destroy");
    if (str_eq(event->action, "die")) {
        w->died++;
        w->exit_code = event->exit_code;
    }
}

static void on_open(void *ctx)
{
    ((Watch *)ctx)->open = true;
}

static void *watch(void *ctx)
{
    Watch *w = ctx;
    Error why;

    w->result = engine_events(engine, 0, on_event, on_open, w, &w->stop, &why);
    return NULL;
}

static void test_events(void **state)
{
    const char *const command[] = { "/bin/busybox", "sh", "-c", "exit 7" };
    ContainerSpec spec = { .name = "whaley-live-dies",
                           .image = image,
                           .command = command,
                           .n_command = 4,
                           .has_command = true,
                           .labels = labels,
                           .n_labels = ARRAY_LEN(labels) };
    Watch w = { 0 };
    char id[ENGINE_ID_SIZE];
    pthread_t thread;

    (void)state;
    CHECK_INT(pthread_create(&thread, NULL, watch, &w), 0);
    for (int i = 0; i < 200 && !w.open; i++)
        clock_sleep_ms(20);
    CHECK(w.open);
    OK(container_create(engine, &spec, id, err));
    OK(container_start(engine, id, err));
    for (int i = 0; i < 200 && !w.died; i++)
        clock_sleep_ms(20);
    OK(container_remove(engine, id, err));
    for (int i = 0; i < 200 && !w.destroyed; i++)
        clock_sleep_ms(20);
    w.stop = true;
    (void)pthread_join(thread, NULL);
    CHECK_INT(w.result, 0);
    CHECK_INT(w.started, 1);
    CHECK_INT(w.died, 1);
    CHECK_INT(w.exit_code, 7);
    CHECK_INT(w.destroyed, 1);
}

/* ---- frame ---- */

static void sweep(void)
{
    static const char *const boxes[] = { "whaley-live-box", "whaley-live-second",
                                         "whaley-live-port", "whaley-live-dies" };
    static const char *const nets[] = { "whaley-live-1", "whaley-live-2", "whaley-live-3" };
    Error ignored;

    for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
        (void)!container_remove(engine, boxes[i], &ignored);
    for (size_t i = 0; i < ARRAY_LEN(nets); i++)
        (void)!network_remove(engine, nets[i], &ignored);
    (void)!volume_remove(engine, "whaley-live-data", &ignored);
}

static int connect_engine(void **state)
{
    EngineOptions options = { .host = getenv("WHALEY_TEST_DOCKER_HOST") };
    EngineInfo info;

    (void)state;
    OK(crypto_init(err));
    OK(engine_new(&engine, &options, err));
    OK(engine_connect(engine, &info, err));
    OK(engine_ping(engine, err));
    print_message("# engine %s, API %s of %s, %s%s\n", info.version, info.api_version,
                  info.max_api_version, info.os_arch, info.podman ? ", podman" : "");
    sweep();
    return 0;
}

static int leave(void **state)
{
    Error ignored;

    (void)state;
    sweep();
    (void)!image_remove(engine, TAG, &ignored);
    engine_free(engine);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_buildkit),
        cmocka_unit_test(test_build_fails),
        cmocka_unit_test(test_build_cancelled),
        cmocka_unit_test(test_images_listed),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_port_held_by_process),
        cmocka_unit_test(test_events),
    };

    if (!getenv("WHALEY_TEST_DOCKER_HOST")) {
        puts("1..0 # SKIP WHALEY_TEST_DOCKER_HOST is not set");
        return 0;
    }
    return cmocka_run_group_tests(tests, connect_engine, leave);
}
