#include "challenge/review.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "challenge/copy_sources.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static DiagAt at_service(const Challenge *c, const PlanService *s, const char *field)
{
    return (DiagAt){ .file = c->compose_file, .line = s->line, .column = 1, .field = field };
}

/* --- Dockerfiles ---------------------------------------------------------------------------- */

/* Is it certain that the context holds nothing of this name? Links are not followed. */
static bool is_missing(int context_fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    AUTO_CLOSE int fd = -1;
    struct stat st;
    Error err = { 0 };

    fd = fs_open_dir_beneath(context_fd, parent, &err);
    if (fd < 0)
        return err.code == E_NOT_FOUND;
    return fstatat(fd, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

static void review_sources(Challenge *c, const PlanService *s, int context_fd, const char *text)
{
    AUTO_ARENA Arena *arena = arena_new();
    const PlanBuild *b = &s->build;
    bool in_root = str_eq(b->context, ".");
    const char *shown = b->dockerfile ? arena_printf(arena, "%s%s%s", in_root ? "" : b->context,
                                                     in_root ? "" : "/", b->dockerfile)
                                      : c->compose_file;
    CopySources sources = { 0 };

    copy_sources_read(arena, text, strlen(text), &sources);
    for (size_t i = 0; i < sources.n; i++) {
        const CopySource *source = &sources.items[i];
        DiagAt at = { .file = shown, .line = source->line, .column = 1 };
        if (!b->dockerfile)
            at.line = s->line;
        if (is_missing(context_fd, source->path))
            diag_add(&c->diags, DIAG_WARNING, at, "copy-source-missing",
                     "the build will fail unless the file is made before",
                     "%s: the build context "
                     "of '%s' (%s) holds no '%.200s'",
                     source->instruction, s->name, in_root ? "the challenge folder" : b->context,
                     source->path);
    }
}

static void review_build(Challenge *c, const PlanService *s, int dir_fd)
{
    AUTO_CLOSE int context = -1;
    AUTO_CLOSE int fd = -1;
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    Error err = { 0 };

    context = fs_open_dir_beneath(dir_fd, s->build.context, &err);
    if (context < 0)
        return;
    if (s->build.dockerfile_inline) {
        review_sources(c, s, context, s->build.dockerfile_inline);
        return;
    }
    fd = fs_open_beneath(context, s->build.dockerfile, &err);
    if (fd >= 0 && fs_read_all(fd, COPY_SOURCES_TEXT_MAX, &text, &len, &err) == 0)
        review_sources(c, s, context, text);
}

/* Two services of one Dockerfile: what is said of the first holds for the second. */
static bool is_repeated(const Plan *plan, size_t index)
{
    const PlanBuild *b = &plan->services[index].build;

    for (size_t i = 0; i < index; i++) {
        const PlanBuild *other = &plan->services[i].build;
        if (other->present && str_eq(b->context, other->context) &&
            str_eq(b->dockerfile, other->dockerfile) &&
            str_eq(b->dockerfile_inline, other->dockerfile_inline))
            return true;
    }
    return false;
}

/* --- images and limits ---------------------------------------------------------------------- */

static void review_image(Challenge *c, const PlanService *s)
{
    AUTO_FREE char *field = xasprintf("services.%s.image", s->name);

    diag_add(&c->diags, DIAG_NOTE, at_service(c, s, field), "image-needed", NULL,
             "'%.200s' must be on the engine before the challenge can start; Whaley does not pull "
             "it",
             s->image);
}

static void cap(Challenge *c, const PlanService *s, const char *what, const char *setting)
{
    AUTO_FREE char *field = xasprintf("services.%s.%s", s->name, what);

    diag_add(&c->diags, DIAG_WARNING, at_service(c, s, field), "capped", NULL,
             "is above %s, which counts instead", setting);
}

static void review_limits(Challenge *c, const PlanService *s, const ChallengeRules *o)
{
    if (o->max_memory > 0 && s->memory_bytes > o->max_memory)
        cap(c, s, "mem_limit", "CONTAINER_MAX_MEMORY");
    if (o->max_nano_cpus > 0 && s->nano_cpus > o->max_nano_cpus)
        cap(c, s, "cpus", "CONTAINER_MAX_CPU");
    if (o->max_pids > 0 && s->pids_limit > o->max_pids)
        cap(c, s, "pids_limit", "CONTAINER_PIDS_LIMIT");
}

void review_challenge(Challenge *c, int dir_fd, const ChallengeRules *rules)
{
    const Plan *plan = c->plan;

    for (size_t i = 0; i < plan->n_services; i++) {
        const PlanService *s = &plan->services[i];
        if (s->replica != 1)
            continue;
        if (s->build.present && !is_repeated(plan, i))
            review_build(c, s, dir_fd);
        if (!s->build.present && s->image)
            review_image(c, s);
        review_limits(c, s, rules);
    }
    review_flags(c, dir_fd, rules->flag_prefix ? rules->flag_prefix : "FLAG");
}
