#include "compose/plan.h"
#include "base/strbuf.h"

#include <string.h>

/* `\x01NAME\x02` or `\x01NAME<operator>word\x02`; words nest. */
enum { MARK_OPEN = '\x01', MARK_CLOSE = '\x02' };

typedef struct Marker {
    const char *name;
    size_t name_len;
    bool colon;    /* an empty value counts as unset */
    char operator; /* '-', '+', '?' or '\0' */
    const char *word, *word_end;
} Marker;

void plan_free(Plan *plan)
{
    if (plan)
        arena_free(plan->arena);
}

bool plan_is_template(const char *text)
{
    return strchr(text, MARK_OPEN) != NULL;
}

/* Reads the marker at s, up to end; returns what follows it. Truncated ones end at `end`. */
static const char *read_marker(const char *s, const char *end, Marker *ret)
{
    int depth = 1;
    const char *p = s + 1;

    *ret = (Marker){ .name = p };
    while (p < end && !strchr(":-+?\x01\x02", *p))
        p++;
    ret->name_len = (size_t)(p - ret->name);
    if (p < end && *p == ':') {
        ret->colon = true;
        p++;
    }
    if (p < end && (*p == '-' || *p == '+' || *p == '?'))
        ret->operator= * p++;
    ret->word = p;
    for (; p < end; p++) {
        depth += *p == MARK_OPEN;
        depth -= *p == MARK_CLOSE;
        if (depth == 0)
            break;
    }
    ret->word_end = p;
    return p < end ? p + 1 : end;
}

typedef struct Expansion {
    StrBuf *out;
    Arena *arena;
    PlanLookup lookup;
    void *ctx;
} Expansion;

static void expand(const Expansion *x, const char *s, const char *end)
{
    while (s < end) {
        Marker m;
        const char *value;
        bool set;

        if (*s != MARK_OPEN) {
            size_t n = strcspn(s, "\x01");
            n = n > (size_t)(end - s) ? (size_t)(end - s) : n;
            strbuf_add(x->out, s, n);
            s += n;
            continue;
        }
        s = read_marker(s, end, &m);
        value = x->lookup(x->ctx, arena_strndup(x->arena, m.name, m.name_len));
        set = value && (!m.colon || *value);
        if (m.operator== '+' ? set : m.operator== '-' && !set)
            expand(x, m.word, m.word_end);
        else if (set && m.operator!= '+')
            strbuf_adds(x->out, value);
    }
}

const char *plan_expand(Arena *arena, const char *text, PlanLookup lookup, void *ctx)
{
    AUTO_STRBUF StrBuf b = { 0 };
    Expansion x = { .out = &b, .arena = arena, .lookup = lookup, .ctx = ctx };

    if (!plan_is_template(text))
        return text;
    expand(&x, text, text + strlen(text));
    return arena_strndup(arena, strbuf_str(&b), b.len);
}

const char *plan_show(Arena *arena, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };

    for (const char *p = text; *p; p++) {
        if (*p == MARK_OPEN)
            strbuf_adds(&b, "${");
        else if (*p == MARK_CLOSE)
            strbuf_addc(&b, '}');
        else
            strbuf_addc(&b, (unsigned char)*p < ' ' || *p == 0x7F ? '?' : *p);
    }
    return arena_strdup(arena, strbuf_str(&b));
}
