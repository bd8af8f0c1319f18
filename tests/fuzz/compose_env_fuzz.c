/*
 * `.env`, NUL, an environment file, NUL, a compose file: whatever its variables do, a plan asks for
 * nothing beyond the instance.
 */
#include "base/alloc.h"
#include "base/check.h"
#include "base/str.h"
#include "compose/loader.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/whaley-fuzz-XXXXXX";
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, "Dockerfile", 0);
    (void)unlinkat(folder_fd, ".env", 0);
    (void)unlinkat(folder_fd, "a.env", 0);
    (void)rmdir(folder);
}

static void put(const char *name, const void *bytes, size_t n)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    check(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static void make_folder(void)
{
    check(mkdtemp(folder) != NULL);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(folder_fd >= 0);
    atexit(remove_folder);
    put("Dockerfile", "FROM scratch\n", 13);
}

static const char *lookup(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'F' ? "flag{x}" : NULL;
}

/* Fixed when the challenge is loaded, and free of what the engine would take for more. */
static void check_fixed(const char *text)
{
    check(!text || !strpbrk(text, "\x01\x02"));
}

static void check_path(const char *path)
{
    check_fixed(path);
    check(path[0] != '/' && !str_starts(path, "../") && !strstr(path, "/../") &&
          !str_eq(path, "..") && !str_ends(path, "/.."));
}

static void check_mounts(const PlanService *s)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        check_fixed(s->mounts[i].target);
        check(s->mounts[i].target[0] == '/' && !strstr(s->mounts[i].target, "/../"));
        if (s->mounts[i].kind == PLAN_MOUNT_COPY)
            check_path(s->mounts[i].source);
        else if (s->mounts[i].source)
            check(!strchr(s->mounts[i].source, '/'));
    }
}

static void check_labels(const PlanPair *labels, size_t n)
{
    static const char *const reserved[] = { "com.docker.", "whaley.", "traefik." };

    for (size_t i = 0; i < n; i++) {
        check_fixed(labels[i].key);
        for (size_t k = 0; k < ARRAY_LEN(reserved); k++)
            check(strncasecmp(labels[i].key, reserved[k], strlen(reserved[k])) != 0);
    }
}

static void check_service(const PlanService *s)
{
    AUTO_ARENA Arena *arena = arena_new();

    check_fixed(s->name);
    check_fixed(s->image);
    check_fixed(s->hostname);
    check_fixed(s->user);
    check_fixed(s->working_dir);
    check(!s->image || (!strstr(s->image, "/.") && !strchr(s->image, ' ')));
    if (s->build.present)
        check_path(s->build.context);
    check_mounts(s);
    check_labels(s->labels, s->n_labels);
    check_labels(s->build.labels, s->build.n_labels);
    for (size_t i = 0; i < s->cap_add.n; i++)
        check(!strstr(s->cap_add.items[i], "ADMIN") && !strstr(s->cap_add.items[i], "RAW") &&
              !str_eq(s->cap_add.items[i], "ALL"));
    for (size_t i = 0; i < s->n_sysctls; i++)
        check(str_starts(s->sysctls[i].key, "net."));
    for (size_t i = 0; i < s->n_environment; i++) {
        check_fixed(s->environment[i].key);
        check(!strchr(s->environment[i].key, '='));
        if (s->environment[i].value)
            check_fixed(plan_expand(arena, s->environment[i].value, lookup, NULL));
    }
    for (size_t i = 0; i < s->command.n; i++)
        check_fixed(plan_expand(arena, s->command.items[i], lookup, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *one = memchr(text, '\0', size), *two;
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    ComposeOptions options = { .file = "compose.yaml" };
    Error err = { 0 };

    if (!one || !(two = memchr(one + 1, '\0', size - (size_t)(one + 1 - text))))
        return 0;
    if (folder_fd < 0)
        make_folder();
    put(".env", text, (size_t)(one - text));
    put("a.env", one + 1, (size_t)(two - one - 1));
    options.dir_fd = folder_fd;
    if (compose_load_text(&options, two + 1, size - (size_t)(two + 1 - text), &plan, &diags,
                          &err) != 0)
        return 0;
    for (size_t i = 0; i < plan->n_services; i++)
        check_service(&plan->services[i]);
    return 0;
}
