#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

static const int64_t second = 1000000000;

static void load_test(Loader *l, const Field *f, PlanHealthcheck *h)
{
    static const char *const kinds[] = { "CMD", "CMD-SHELL", "NONE" };

    if (f->node->kind == YAML_SCALAR) {
        h->test.items = arena_alloc(l->arena, 2 * sizeof *h->test.items);
        h->test.items[h->test.n++] = "CMD-SHELL";
        h->test.items[h->test.n++] = arena_strdup(l->arena, f->node->text);
        return;
    }
    h->test = field_strings(l, f, false, true);
    if (h->test.n == 0)
        return;
    if (!str_in(h->test.items[0], kinds, ARRAY_LEN(kinds))) {
        field_error(l, f, "bad-healthcheck", "start the list with CMD or CMD-SHELL",
                    "the test starts with '%.100s'", h->test.items[0]);
        return;
    }
    if (strcmp(h->test.items[0], "NONE") == 0)
        h->disabled = true;
    else if (h->test.n < 2 || (strcmp(h->test.items[0], "CMD-SHELL") == 0 && h->test.n > 2))
        field_error(l, f, "bad-healthcheck", NULL, "%s needs %s", h->test.items[0],
                    h->test.n < 2 ? "a command" : "its command as one text");
}

/* A duration within [min, max]; outside it is moved there with a warning. */
static void load_time(Loader *l, const Field *health, const char *key, int64_t min, int64_t max,
                      int64_t *ret)
{
    Field f;
    int64_t value;

    if (!field_get(health, key, &f) || !field_duration(l, &f, &value) || value == 0)
        return;
    *ret = value < min ? min : value > max ? max : value;
    if (*ret != value)
        field_warn(l, &f, "capped", NULL, "'%.50s' becomes %llds", f.node->text,
                   (long long)(*ret / second));
}

void load_healthcheck(Loader *l, const Field *service, PlanService *s)
{
    PlanHealthcheck *h = &s->healthcheck;
    Field f, member;
    int64_t retries;

    if (!field_get(service, "healthcheck", &f) || !keys_check(l, &f, KEY_HEALTHCHECK))
        return;
    h->present = true;
    field_get_bool(l, &f, "disable", &h->disabled);
    if (field_get(&f, "test", &member))
        load_test(l, &member, h);
    load_time(l, &f, "interval", 5 * second, 3600 * second, &h->interval_ns);
    load_time(l, &f, "timeout", second, 10 * second, &h->timeout_ns);
    load_time(l, &f, "start_period", second, 600 * second, &h->start_period_ns);
    load_time(l, &f, "start_interval", second, 600 * second, &h->start_interval_ns);
    if (field_get(&f, "retries", &member) && field_int(l, &member, 0, 100, &retries))
        h->retries = retries;
    if (h->disabled)
        h->test = (PlanStrings){ 0 };
}
