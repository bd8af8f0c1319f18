/*
 * Bytes as a compose file in a folder with a Dockerfile and another file to extend and include: no
 * crash, no leak; what is accepted can be printed and expanded.
 */
#include "base/check.h"
#include "compose/loader.h"
#include "compose/plan_json.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/whaley-fuzz-XXXXXX";
static int folder_fd = -1;

static const char base[] = "services:\n  c: {image: x, environment: {A: 1}, ports: ['80']}\n"
                           "  d: {build: ., secrets: [s]}\nsecrets: {s: {content: $FLAG}}\n";

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, "Dockerfile", 0);
    (void)unlinkat(folder_fd, "b.yaml", 0);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    int fd;

    check(mkdtemp(folder) != NULL);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = openat(folder_fd, "Dockerfile", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check(folder_fd >= 0 && fd >= 0);
    close(fd);
    fd = openat(folder_fd, "b.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0 && write(fd, base, sizeof base - 1) == sizeof base - 1);
    close(fd);
    atexit(remove_folder);
}

static const char *lookup(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'F' ? "flag{x}" : NULL;
}

static void expand_all(const Plan *plan)
{
    AUTO_ARENA Arena *arena = arena_new();

    for (size_t i = 0; i < plan->n_services; i++) {
        const PlanService *s = &plan->services[i];
        for (size_t k = 0; k < s->n_environment; k++)
            if (s->environment[k].value)
                check(!plan_is_template(plan_expand(arena, s->environment[k].value, lookup, NULL)));
        for (size_t k = 0; k < s->n_depends_on; k++)
            check(s->depends_on[k].service < i);
        check(s->image || s->build.context);
        check(!s->image || !plan_is_template(s->image));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf json = { 0 };
    AUTO_STRBUF StrBuf canonical = { 0 };
    const ComposeModel model = { .fallback = "p",
                                 .format = size % 2 ? MODEL_JSON : MODEL_YAML,
                                 .out = &canonical };
    ComposeOptions options = { .file = "compose.yaml", .model = &model };
    Error err = { 0 };
    int status;

    if (folder_fd < 0)
        make_folder();
    options.dir_fd = folder_fd;
    status = compose_load_text(&options, (const char *)data, size, &plan, &diags, &err);
    check(status == 0 || status == COMPOSE_REFUSED);
    check((status == COMPOSE_REFUSED) == (diags.n_errors > 0));
    if (!plan)
        return 0;
    plan_write_json(plan, &json);
    expand_all(plan);
    return 0;
}
