/*
 * Bytes as one value, put where sizes, durations, numbers, ports, volumes, modes and hosts are
 * read: what is accepted is within the limits the plan promises.
 */
#include "base/check.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "compose/loader.h"
#include "wire/json_write.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const places[] = {
    "mem_limit: %s",
    "healthcheck: {test: x, interval: %s, timeout: %s, start_period: %s}",
    "cpus: %s",
    "ports: [%s]",
    "ports: [{target: %s, published: %s}]",
    "volumes: [%s]",
    "tmpfs: %s",
    "secrets: [{source: s, mode: %s, target: %s}]",
    "extra_hosts: [%s]",
    "scale: %s",
    "stop_grace_period: %s",
    "ulimits: {nofile: %s}",
    "shm_size: %s",
    "command: %s",
    "links: [%s]",
    "network_mode: %s",
};

static void check_service(const PlanService *s)
{
    check(s->memory_bytes == 0 || s->memory_bytes >= 6 << 20);
    check(s->nano_cpus >= 0 && s->nano_cpus <= 1024LL * 1000000000);
    check(s->shm_bytes >= 0 && s->shm_bytes <= 256 << 20);
    check(s->stop_grace_ns >= 0 && s->stop_grace_ns <= 5000000000LL);
    check(s->replicas >= 1 && s->replicas <= COMPOSE_REPLICAS_MAX);
    check(s->n_ports <= COMPOSE_PORTS_MAX);
    for (size_t i = 0; i < s->n_ports; i++)
        check(s->ports[i].target > 0);
    for (size_t i = 0; i < s->n_mounts; i++) {
        check(s->mounts[i].target[0] == '/' && !strstr(s->mounts[i].target, "/../"));
        check(s->mounts[i].kind != PLAN_MOUNT_TMPFS ||
              (s->mounts[i].tmpfs_bytes > 0 && s->mounts[i].tmpfs_bytes <= 256 << 20));
        check(s->mounts[i].kind != PLAN_MOUNT_COPY || s->mounts[i].source[0] != '/');
    }
    for (size_t i = 0; i < s->n_files; i++)
        check(s->files[i].mode <= 0777 && s->files[i].target[0] == '/');
    for (size_t i = 0; i < s->n_ulimits; i++)
        check(!str_eq(s->ulimits[i].name, "nofile") ||
              (s->ulimits[i].hard >= 0 && s->ulimits[i].hard <= 65536));
}

static void add_place(StrBuf *out, const char *place, const char *value)
{
    JsonWriter w = { .out = out };

    for (const char *p = place; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            w.need_comma = false;
            json_write_string(&w, value);
            p++;
        } else {
            strbuf_addc(out, *p);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    AUTO_STRBUF StrBuf text = { 0 };
    AUTO_STRBUF StrBuf model_text = { 0 };
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    const ComposeModel model = { .project = "p", .out = &model_text };
    ComposeOptions options = { .file = "compose.yaml", .model = &model };
    Error err = { 0 };
    int status;

    if (size < 1)
        return 0;
    if (fd < 0)
        fd = open("/var/empty", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.dir_fd = fd;
    strbuf_adds(&text, "services:\n  db: {image: y}\n  web: {image: x, ");
    add_place(&text, places[data[0] % ARRAY_LEN(places)],
              arena_strndup(arena, (const char *)data + 1, size - 1));
    strbuf_adds(&text, "}\nsecrets: {s: {content: x}}\nvolumes: {v: }\n");
    status = compose_load_text(&options, strbuf_str(&text), text.len, &plan, &diags, &err);
    check(status == 0 || status == COMPOSE_REFUSED);
    for (size_t i = 0; plan && i < plan->n_services; i++)
        check_service(&plan->services[i]);
    return 0;
}
