#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

/* What one container may have at most; -1 = as much as it likes. */
static const struct {
    const char *name;
    int64_t max;
} known[] = {
    { "as", -1 },    { "core", 0 },       { "cpu", -1 },           { "data", -1 },
    { "fsize", -1 }, { "locks", -1 },     { "memlock", 64 << 20 }, { "msgqueue", 819200 },
    { "nice", 0 },   { "nofile", 65536 }, { "nproc", 4096 },       { "rss", -1 },
    { "rtprio", 0 }, { "rttime", -1 },    { "sigpending", 4096 },  { "stack", -1 },
};

static int64_t cap(Loader *l, const Field *f, int64_t value, int64_t max)
{
    if (max < 0 || (value >= 0 && value <= max))
        return value;
    field_warn(l, f, "capped", NULL, "%lld becomes %lld", (long long)value, (long long)max);
    return max;
}

static bool read_value(Loader *l, const Field *f, int64_t max, int64_t *ret)
{
    if (!field_int(l, f, -1, INT64_MAX, ret))
        return false;
    *ret = cap(l, f, *ret, max);
    return true;
}

static bool read_pair(Loader *l, const Field *f, int64_t max, PlanUlimit *u)
{
    Field soft, hard;

    if (f->node->kind == YAML_SCALAR) {
        if (!read_value(l, f, max, &u->soft))
            return false;
        u->hard = u->soft;
        return true;
    }
    if (!keys_check(l, f, KEY_ULIMIT))
        return false;
    if (!field_get(f, "soft", &soft) || !field_get(f, "hard", &hard)) {
        field_error(l, f, "missing-key", NULL, "needs 'soft' and 'hard'");
        return false;
    }
    if (!read_value(l, &soft, max, &u->soft) || !read_value(l, &hard, max, &u->hard))
        return false;
    if (u->hard >= 0 && (u->soft < 0 || u->soft > u->hard)) {
        field_error(l, f, "out-of-range", NULL, "the soft limit is above the hard one");
        return false;
    }
    return true;
}

static void load_ulimit(Loader *l, const Field *f, PlanService *s)
{
    const char *names[ARRAY_LEN(known)], *nearest;
    PlanUlimit u = { .name = NULL };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        names[i] = known[i].name;
        if (strcmp(known[i].name, f->key) != 0)
            continue;
        u.name = known[i].name;
        if (read_pair(l, f, known[i].max, &u))
            s->ulimits[s->n_ulimits++] = u;
        return;
    }
    nearest = str_nearest(f->key, names, ARRAY_LEN(names));
    field_key_diag(l, DIAG_ERROR, f, "bad-name",
                   nearest ? arena_printf(l->scratch, "did you mean '%s'?", nearest) : NULL,
                   "'%.100s' is not a ulimit", f->key);
}

void load_ulimits(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "ulimits", &f) || !field_want(l, &f, YAML_MAP))
        return;
    s->ulimits = arena_alloc(l->arena, (f.node->n + 1) * sizeof *s->ulimits);
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_pair(&f, i);
        load_ulimit(l, &item, s);
    }
}
